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
use crate::{line::Line, lock::locked, truth::RestRequest};

mod create;
mod error;
mod gate;
mod list;
mod media;
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
    let at = Timestamp::now();
    let (head, body) = request.into_parts();
    if let Some(file) = media::file(&face, &head.method, &head.uri) {
        return file;
    }
    let Ok(body) = to_bytes(body, MOST_BYTES).await else {
        return respond(Refusal::new(413, 20001, "request body too large").into());
    };
    let request = Request::read(&head, &body);
    let seen = gate::pass(&face, &request).await;
    // Filed before the client sees anything: one that gives up waiting takes this very task with it.
    locked(&face.requests).push(RestRequest {
        at,
        method: request.method.to_string(),
        path: request.path,
        form: request.form,
        answer: seen.answer.as_ref().map(|answer| answer.status),
        call: seen.call,
        fault: seen.fault,
    });
    if seen.held {
        tokio::time::sleep(face.world.config.hold).await;
    }
    respond(seen.answer.unwrap_or_else(|| {
        line.cut();
        Refusal::unavailable().into()
    }))
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
