//! The REST API: one table of resources, in front of it authentication, outages and faults.

use std::sync::Arc;

use axum::{
    Router,
    body::{Body, to_bytes},
    extract::{ConnectInfo, State},
    http::{HeaderValue, StatusCode, header},
    response::Response,
    routing::any,
};
use jiff::Timestamp;
use serde_json::Value;

use super::Face;
use crate::{
    fault::{Fault, Occasion},
    line::Line,
    lock::locked,
    outage::Mode,
    truth::RestRequest,
};

mod create;
mod error;
mod list;
mod read;
mod recordings;
mod request;
mod shape;
mod streams;
mod update;

use error::Refusal;
use request::{Request, Resource};

/// The largest request body read.
const MOST_BYTES: usize = 1 << 20;

/// How long the answer to a creation waits for the call's first callback, on the wall clock.
const FIRST_CALLBACK: std::time::Duration = std::time::Duration::from_secs(2);

pub(crate) fn router(face: Arc<Face>) -> Router {
    Router::new().route("/2010-04-01/{*path}", any(serve)).with_state(face)
}

/// What a resource answers, and the call it is about.
pub(crate) struct Answer {
    status: u16,
    body: Option<Value>,
    call: Option<String>,
}

impl Answer {
    fn ok(body: Value) -> Self {
        Self { status: 200, body: Some(body), call: None }
    }

    fn created(body: Value) -> Self {
        Self { status: 201, ..Self::ok(body) }
    }

    fn no_content() -> Self {
        Self { status: 204, body: None, call: None }
    }

    fn about(mut self, call: &str) -> Self {
        self.call = Some(call.to_owned());
        self
    }
}

impl From<Refusal> for Answer {
    fn from(refusal: Refusal) -> Self {
        Self { status: refusal.status, body: Some(refusal.body()), call: None }
    }
}

async fn serve(
    State(face): State<Arc<Face>>,
    ConnectInfo(line): ConnectInfo<Line>,
    request: axum::extract::Request,
) -> Response {
    let (head, body) = request.into_parts();
    let Ok(body) = to_bytes(body, MOST_BYTES).await else {
        return respond(Refusal::new(413, 20001, "request body too large").into());
    };
    let request = Request::read(&head, &body);
    let at = Timestamp::now();
    let file = |answer: Option<u16>, call: Option<String>, fault: Option<Fault>| {
        locked(&face.requests).push(RestRequest {
            at,
            method: request.method.to_string(),
            path: request.path.clone(),
            form: request.form.clone(),
            answer,
            call,
            fault,
        });
    };
    if let Err(refusal) = request.authorize(&face.world.config) {
        file(Some(refusal.status), None, None);
        return respond(refusal.into());
    }

    let named = request.resource.as_ref().and_then(Resource::call);
    let number = match named {
        Some(sid) => face.visible(sid).map(|call| call.plan.to.clone()),
        None => request.field("To").map(str::to_owned),
    };
    let operation = request.operation();
    let occasion = Occasion { number: number.as_deref().unwrap_or_default(), call: named, on: operation };
    if operation == "create" {
        face.world.perhaps_fail(occasion);
    }
    if let Some(outage) = face.world.outage.now() {
        let unavailable = outage.mode == Mode::Unavailable;
        file(unavailable.then_some(503), named.map(str::to_owned), Some(Fault::Outage));
        if !unavailable {
            line.cut();
        }
        return respond(Refusal::unavailable().into());
    }
    let strikes = |fault: &Fault| face.world.faults.strikes(*fault, occasion);

    if let Some(fault) = BEFORE.into_iter().find(strikes) {
        let refusal = if fault == Fault::RateLimited { Refusal::too_many_requests() } else { broken(&face, occasion) };
        let answered = matches!(fault, Fault::RateLimited | Fault::ErrorBefore);
        file(answered.then_some(refusal.status), named.map(str::to_owned), Some(fault));
        silence(&face, &line, fault).await;
        return respond(refusal.into());
    }

    let answer = perform(&face, &request).await.unwrap_or_else(Answer::from);
    let call = answer.call.clone().or_else(|| named.map(str::to_owned));
    let changed = answer.status < 300 && request.changes();
    let occasion = Occasion { call: call.as_deref(), ..occasion };
    let strikes = |fault: &Fault| face.world.faults.strikes(*fault, occasion);
    if changed && let Some(fault) = AFTER.into_iter().find(strikes) {
        let answered = fault == Fault::ErrorAfter;
        let refusal = broken(&face, occasion);
        file(answered.then_some(refusal.status), call, Some(fault));
        silence(&face, &line, fault).await;
        return respond(refusal.into());
    }
    let first = changed && operation == "create" && strikes(&Fault::CallbackFirst);
    if first && let Some(call) = call.as_deref().and_then(|sid| face.visible(sid)) {
        let mut delivered = call.mail.delivered.subscribe();
        let _ = tokio::time::timeout(FIRST_CALLBACK, delivered.wait_for(|upto| *upto > 0)).await;
    }
    file(Some(answer.status), call, first.then_some(Fault::CallbackFirst));
    respond(answer)
}

/// Faults that keep a request from being carried out.
const BEFORE: [Fault; 4] = [Fault::RateLimited, Fault::ErrorBefore, Fault::DroppedBefore, Fault::TimeoutBefore];

/// Faults that hide that it was carried out.
const AFTER: [Fault; 3] = [Fault::ErrorAfter, Fault::DroppedAfter, Fault::TimeoutAfter];

/// A 500 or a 503: neither tells whether the request was carried out.
fn broken(face: &Face, Occasion { number, on, .. }: Occasion<'_>) -> Refusal {
    if face.world.dice.happens(0.5, &["5xx", number, on]) { Refusal::internal() } else { Refusal::unavailable() }
}

/// Holds or cuts the line where the fault says so.
async fn silence(face: &Face, line: &Line, fault: Fault) {
    if matches!(fault, Fault::TimeoutBefore | Fault::TimeoutAfter) {
        tokio::time::sleep(face.world.config.hold).await;
        line.cut();
    } else if matches!(fault, Fault::DroppedBefore | Fault::DroppedAfter) {
        line.cut();
    }
}

async fn perform(face: &Arc<Face>, request: &Request) -> Result<Answer, Refusal> {
    use axum::http::Method;

    let resource = request.resource.as_ref().ok_or_else(|| Refusal::not_found(&request.path))?;
    let (get, post, delete) =
        (request.method == Method::GET, request.method == Method::POST, request.method == Method::DELETE);
    match resource {
        Resource::Calls if post => create::create(face, request),
        Resource::Calls if get => read::calls(face, request),
        Resource::Call(sid) if get => read::call(face, sid),
        Resource::Call(sid) if post => update::update(face, sid, request).await,
        Resource::Call(sid) if delete => update::delete(face, sid),
        Resource::Events(sid) if get => read::events(face, sid, request),
        Resource::Notifications(sid) if get => read::notifications(face, sid, request),
        Resource::CallRecordings(sid) if get => recordings::of_call(face, sid, request),
        Resource::CallRecordings(sid) if post => recordings::start(face, sid, request),
        Resource::CallRecording(call, sid) if get => recordings::fetch_of_call(face, call, sid),
        Resource::CallRecording(call, sid) if post => recordings::update(face, call, sid, request),
        Resource::CallRecording(_, sid) | Resource::Recording(sid) if delete => recordings::delete(face, sid),
        Resource::Recordings if get => recordings::all(face, request),
        Resource::Recording(sid) if get => recordings::fetch(face, sid),
        Resource::Streams(sid) if post => streams::start(face, sid, request),
        Resource::Stream(call, sid) if post => streams::stop(face, call, sid, request),
        Resource::Calls
        | Resource::Call(_)
        | Resource::Events(_)
        | Resource::Notifications(_)
        | Resource::CallRecordings(_)
        | Resource::CallRecording(..)
        | Resource::Recordings
        | Resource::Recording(_)
        | Resource::Streams(_)
        | Resource::Stream(..) => Err(Refusal::new(405, 20004, "Method not allowed")),
    }
}

fn respond(answer: Answer) -> Response {
    let body = answer.body.map_or_else(Body::empty, |body| Body::from(body.to_string()));
    let mut response = Response::new(body);
    *response.status_mut() = StatusCode::from_u16(answer.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json;charset=utf-8"));
    if answer.status == 401 {
        headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Basic realm=\"Twilio API\""));
    }
    if answer.status == 429 {
        headers.insert("Twilio-Concurrent-Requests", HeaderValue::from_static("101"));
    }
    response
}
