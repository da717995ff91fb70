//! `/v2/call_control_applications`

use serde_json::{Value, json};
use url::Url;

use super::{error::Refusal, valid};
use crate::{
    gate::Answer,
    lock::locked,
    telnyx::{Face, application::Application},
};

pub(super) fn all(face: &Face) -> Answer {
    let data: Vec<Value> = locked(&face.applications).iter().map(Application::shown).collect();
    let meta = json!({ "page_number": 1, "page_size": data.len(), "total_pages": 1, "total_results": data.len() });
    Answer::ok(json!({ "data": data, "meta": meta }))
}

pub(super) fn fetch(face: &Face, id: &str) -> Result<Answer, Refusal> {
    let application = face.application(id).ok_or_else(Refusal::not_found)?;
    Ok(Answer::ok(json!({ "data": application.shown() })))
}

pub(super) fn create(face: &Face, body: &Value) -> Result<Answer, Refusal> {
    valid::check("create_application", body)?;
    check_urls(body)?;
    let mut applications = locked(&face.applications);
    let id = format!("2481632640128{:06}", applications.len());
    let application = Application::new(id, body);
    let shown = application.shown();
    applications.push(application);
    Ok(Answer::created(json!({ "data": shown })))
}

pub(super) fn update(face: &Face, id: &str, body: &Value) -> Result<Answer, Refusal> {
    valid::check("update_application", body)?;
    check_urls(body)?;
    let mut applications = locked(&face.applications);
    let application =
        applications.iter_mut().find(|application| application.id == id).ok_or_else(Refusal::not_found)?;
    application.change(body);
    Ok(Answer::ok(json!({ "data": application.shown() })))
}

fn check_urls(body: &Value) -> Result<(), Refusal> {
    for name in ["webhook_event_url", "webhook_event_failover_url"] {
        let url = body[name].as_str().filter(|url| !url.is_empty());
        if url.is_some_and(|url| !Url::parse(url).is_ok_and(|url| matches!(url.scheme(), "http" | "https"))) {
            return Err(Refusal::invalid(name, "The URL must have a scheme, http or https."));
        }
    }
    Ok(())
}
