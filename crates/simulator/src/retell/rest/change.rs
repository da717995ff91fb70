//! Stopping, changing and deleting calls.

use std::sync::Arc;

use jiff::Timestamp;
use serde_json::{Map, Value, json};

use super::{error::Refusal, read::find, request::Request};
use crate::{
    gate::Answer,
    retell::{
        Face,
        call::{Call, Story},
        object::{Detail, object},
    },
    truth::Status,
};

/// `data_storage_setting`, from the freest to the strictest.
const STORAGE: [&str; 3] = ["everything", "everything_except_pii", "basic_attributes_only"];

pub(super) async fn stop(face: &Face, id: &str) -> Result<Answer, Refusal> {
    let call = find(face, id)?;
    Face::note_stop(&call);
    let ongoing = call.status() == Status::InProgress;
    if ongoing && call.stop().await {
        return Ok(Answer::no_content().about(id));
    }
    Err(Refusal::new(422, "Call is not ongoing."))
}

/// After the fact: `metadata` is replaced, storage can only become stricter.
pub(super) fn update(face: &Face, id: &str, request: &Request) -> Result<Answer, Refusal> {
    let call = find(face, id)?;
    let Some(Value::Object(wishes)) = &request.json else {
        return Err(Refusal::bad("Request body is not a JSON object."));
    };
    let known = ["metadata", "data_storage_setting", "override_dynamic_variables", "custom_attributes"];
    if let Some(unknown) = wishes.keys().find(|name| !known.contains(&name.as_str())) {
        return Err(Refusal::bad(format!("{unknown} is not allowed.")));
    }
    // Their keys must be predefined, and this account defines none.
    if wishes.get("custom_attributes").and_then(Value::as_object).is_some_and(|attributes| !attributes.is_empty()) {
        return Err(Refusal::bad("custom_attributes names an unknown key."));
    }
    apply(&call, wishes)?;
    Ok(Answer::ok(object(&call, Detail::Whole, Timestamp::now())).about(id))
}

/// In the middle of the call. `call_control` is accepted: this agent's lines are fixed, so it changes nothing.
pub(super) fn update_live(face: &Arc<Face>, id: &str, request: &Request) -> Result<Answer, Refusal> {
    let call = face.visible(id).ok_or_else(|| Refusal::new(404, "Cannot find requested call."))?;
    if call.status() != Status::InProgress {
        return Err(Refusal::new(422, "Call is not ongoing."));
    }
    match request.field("fields_to_override") {
        Some(Value::Object(wishes)) => apply(&call, wishes)?,
        Some(_) => return Err(Refusal::bad("fields_to_override must be an object.")),
        None => {}
    }
    Ok(Answer::ok(json!({ "success": true })).about(id))
}

/// Deletes the record of a call: no hang-up.
pub(super) fn delete(face: &Face, id: &str) -> Result<Answer, Refusal> {
    let call = find(face, id)?;
    call.note(|record| record.deleted = true);
    Ok(Answer::no_content().about(id))
}

fn apply(call: &Call, wishes: &Map<String, Value>) -> Result<(), Refusal> {
    let storage = match wishes.get("data_storage_setting") {
        None => None,
        Some(wish) => {
            let strictness = |name: &str| STORAGE.iter().position(|setting| *setting == name);
            let wish = wish.as_str().and_then(strictness);
            let now = call.story(|story| strictness(&story.storage));
            if wish.is_none() || wish < now {
                return Err(Refusal::bad("data_storage_setting can only become stricter."));
            }
            wish.map(|index| STORAGE[index].to_owned())
        }
    };
    let metadata = wishes.get("metadata");
    if metadata.is_some_and(|metadata| !metadata.is_object()) {
        return Err(Refusal::bad("metadata must be an object."));
    }
    call.tell(|story: &mut Story| {
        story.metadata = metadata.cloned().or(story.metadata.take());
        story.storage = storage.unwrap_or_else(|| std::mem::take(&mut story.storage));
        match wishes.get("override_dynamic_variables") {
            Some(Value::Object(variables)) => story.variables = Some(variables.clone()),
            Some(Value::Null) => story.variables = None,
            _ => {}
        }
    });
    Ok(())
}
