//! The REST API: one table of resources, in front of it authentication, outages and faults.

use std::sync::Arc;

use super::Face;
use crate::{gate::Answer, line::Line, provider::Provider, truth::RestRequest};
use axum::{
    Router,
    body::{Body, to_bytes},
    extract::{ConnectInfo, State},
    http::{HeaderValue, StatusCode, header},
    response::Response,
    routing::any,
};

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

impl From<Refusal> for Answer {
    fn from(refusal: Refusal) -> Self {
        Self::new(refusal.status, refusal.body())
    }
}

async fn serve(
    State(face): State<Arc<Face>>,
    ConnectInfo(line): ConnectInfo<Line>,
    request: axum::extract::Request,
) -> Response {
    let (head, body) = request.into_parts();
    if let Some(file) = media::file(&face, &head.method, &head.uri) {
        return file;
    }
    let Ok(body) = to_bytes(body, MOST_BYTES).await else {
        return respond(Refusal::new(413, 20001, "request body too large").into());
    };
    let request = Request::read(&head, &body);
    let arrived = RestRequest::arrived(Provider::Twilio, request.method.as_str(), &request.path);
    let seen = gate::pass(&face, &request).await;
    let answer = face.world.conclude(RestRequest { form: request.form, ..arrived }, seen, &line).await;
    respond(answer.unwrap_or_else(|| Refusal::unavailable().into()))
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
        Resource::Account(path) if get || post => {
            face.account(path, &request.form).map(Answer::ok).ok_or_else(|| Refusal::not_found(&request.path))
        }
        Resource::Calls
        | Resource::Call(_)
        | Resource::Events(_)
        | Resource::Notifications(_)
        | Resource::CallRecordings(_)
        | Resource::CallRecording(..)
        | Resource::Recordings
        | Resource::Recording(_)
        | Resource::Streams(_)
        | Resource::Stream(..)
        | Resource::Account(_) => Err(Refusal::new(405, 20004, "Method not allowed")),
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
