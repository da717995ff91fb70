//! The REST API: one table of resources, in front of it authentication, outages and faults.

use std::sync::Arc;

use axum::{
    Router,
    body::{Body, to_bytes},
    extract::{ConnectInfo, Path, State},
    http::{HeaderValue, Method, StatusCode, header},
    response::{IntoResponse, Response},
    routing::{any, get},
};

use super::Face;
use crate::{
    fault::Occasion,
    gate::{Answer, Seen, Visit},
    line::Line,
    provider::Provider,
    truth::RestRequest,
};

mod action;
mod applications;
mod dial;
mod error;
mod read;
mod request;
mod valid;

use error::{Refusal, excuse};
use request::{Request, Resource};

/// The largest request body read.
const MOST_BYTES: usize = 1 << 20;

/// Below `/telnyx`: what `https://api.telnyx.com` serves.
pub(crate) fn router(face: Arc<Face>) -> Router {
    Router::new().route("/recordings/{file}", get(sound)).fallback(any(serve)).with_state(face)
}

async fn sound(State(face): State<Arc<Face>>, Path(file): Path<String>) -> Response {
    match face.sound(&file) {
        Some((kind, bytes)) => ([(header::CONTENT_TYPE, kind)], bytes).into_response(),
        None => StatusCode::NOT_FOUND.into_response(),
    }
}

async fn serve(
    State(face): State<Arc<Face>>,
    ConnectInfo(line): ConnectInfo<Line>,
    request: axum::extract::Request,
) -> Response {
    let (head, body) = request.into_parts();
    let Ok(body) = to_bytes(body, MOST_BYTES).await else {
        return respond(Refusal::malformed("The body is too large.").into());
    };
    let request = Request::read(&head, &body);
    let arrived = RestRequest::arrived(Provider::Telnyx, request.method.as_str(), &request.path);
    let seen = pass(&face, &request).await;
    let json = (!request.body.is_null()).then_some(request.body);
    let answer = face.world.conclude(RestRequest { json, ..arrived }, seen, &line).await;
    respond(answer.unwrap_or_else(|| Refusal::not_found().into()))
}

/// Carries a request out, unless something is in its way.
async fn pass(face: &Arc<Face>, request: &Request) -> Seen {
    if let Err(refusal) = request.authorize(&face.world.config) {
        return Seen::answer(refusal.into(), None);
    }
    let named = request.resource.as_ref().and_then(Resource::call);
    let number = match named {
        Some(call) => face.find(call).map(|call| call.person_at.clone()),
        None => request.callee().map(str::to_owned),
    };
    let occasion = Occasion { number: number.as_deref().unwrap_or_default(), call: named, on: request.operation() };
    let visit = Visit { occasion, changes: request.changes(), excuse };
    face.world.pass(visit, async { perform(face, request).await.unwrap_or_else(Answer::from) }).await
}

async fn perform(face: &Arc<Face>, request: &Request) -> Result<Answer, Refusal> {
    let is = |method: Method| request.method == method;
    let resource = request.resource.as_ref().ok_or_else(Refusal::not_found)?;
    match resource {
        Resource::Calls if is(Method::POST) => dial::dial(face, &request.body).await,
        Resource::Call(id) if is(Method::GET) => read::call(face, id),
        Resource::Action(id, name) if is(action::method(name)) => action::act(face, id, name, &request.body).await,
        Resource::ActiveCalls(id) if is(Method::GET) => read::active(face, id, request),
        Resource::CallEvents if is(Method::GET) => Ok(read::events(face, request)),
        Resource::Applications if is(Method::GET) => Ok(applications::all(face)),
        Resource::Applications if is(Method::POST) => applications::create(face, &request.body),
        Resource::Application(id) if is(Method::GET) => applications::fetch(face, id),
        Resource::Application(id) if is(Method::PATCH) => applications::update(face, id, &request.body),
        Resource::Account(path) if is(Method::GET) || is(Method::PATCH) => {
            face.account(path, &request.body).map(Answer::ok).ok_or_else(Refusal::not_found)
        }
        Resource::Calls
        | Resource::Call(_)
        | Resource::Action(..)
        | Resource::ActiveCalls(_)
        | Resource::CallEvents
        | Resource::Applications
        | Resource::Application(_)
        | Resource::Account(_) => Err(Refusal::not_found()),
    }
}

fn respond(answer: Answer) -> Response {
    let body = answer.body.map_or_else(Body::empty, |body| Body::from(body.to_string()));
    let mut response = Response::new(body);
    *response.status_mut() = StatusCode::from_u16(answer.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json; charset=utf-8"));
    if answer.status == 429 {
        for (name, value) in [("x-ratelimit-limit", "100"), ("x-ratelimit-remaining", "0"), ("x-ratelimit-reset", "1")]
        {
            headers.insert(name, HeaderValue::from_static(value));
        }
    }
    response
}
