//! The REST API: one table of resources, in front of it the key, outages and faults.

use std::sync::Arc;

use axum::{
    Router,
    body::{Body, to_bytes},
    extract::{ConnectInfo, Path, State},
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
    routing::{any, get},
};

use super::Face;
use crate::{
    fault::Occasion,
    gate::{Answer, Seen, Trouble, Visit},
    line::Line,
    provider::Provider,
    silence::silence,
    truth::RestRequest,
};

mod change;
mod create;
mod error;
mod filter;
mod read;
mod request;

use error::Refusal;
use request::{Request, Resource};

/// The largest request body read.
const MOST_BYTES: usize = 1 << 20;

/// Below `/retell`: what `https://api.retellai.com` serves.
pub(crate) fn router(face: Arc<Face>) -> Router {
    Router::new()
        .route("/recordings/{call_id}/recording.wav", get(sound))
        .route("/{*path}", any(serve))
        .with_state(face)
}

async fn serve(
    State(face): State<Arc<Face>>,
    ConnectInfo(line): ConnectInfo<Line>,
    request: axum::extract::Request,
) -> Response {
    let (head, body) = request.into_parts();
    let Ok(body) = to_bytes(body, MOST_BYTES).await else {
        return respond(Refusal::bad("Request body too large").into());
    };
    let request = Request::read(&head, &body);
    let arrived = RestRequest::arrived(Provider::Retell, request.method.as_str(), &request.path);
    let seen = pass(&face, &request).await;
    let answer = face.world.conclude(RestRequest { json: request.json, ..arrived }, seen, &line).await;
    respond(answer.unwrap_or_else(|| excuse(Trouble::Unavailable)))
}

/// The sound of an ended call, for everybody who knows the address, as at Retell.
async fn sound(State(face): State<Arc<Face>>, Path(id): Path<String>) -> Response {
    let call = face.visible(&id).filter(|call| call.story(|story| story.recording_url.is_some()));
    match call {
        Some(call) => {
            let seconds = call.look(|record| record.duration.unwrap_or(0));
            ([(header::CONTENT_TYPE, "audio/wav")], silence(seconds)).into_response()
        }
        None => StatusCode::NOT_FOUND.into_response(),
    }
}

/// Carries a request out, unless something is in its way.
async fn pass(face: &Arc<Face>, request: &Request) -> Seen {
    if !request.bears(face.world.config.retell.api_key.reveal()) {
        return Seen::answer(Refusal::unauthorized().into(), None);
    }
    let named = request.resource.as_ref().and_then(Resource::call);
    let number = match named {
        Some(id) => face.visible(id).map(|call| call.person_at.clone()),
        None => request.text("to_number").map(str::to_owned),
    };
    let occasion = Occasion { number: number.as_deref().unwrap_or_default(), call: named, on: request.operation() };
    let visit = Visit { occasion, changes: request.changes(), excuse };
    face.world.pass(visit, async { perform(face, request).await.unwrap_or_else(Answer::from) }).await
}

async fn perform(face: &Arc<Face>, request: &Request) -> Result<Answer, Refusal> {
    match request.resource.as_ref().ok_or_else(|| Refusal::no_route(request))? {
        Resource::Create => create::create(face, request),
        Resource::Get(id) => read::call(face, id),
        Resource::List => read::list(face, request),
        Resource::Concurrency => Ok(read::concurrency(face)),
        Resource::Stop(id) => change::stop(face, id).await,
        Resource::Update(id) => change::update(face, id, request),
        Resource::UpdateLive(id) => change::update_live(face, id, request),
        Resource::ReadAccount(kind, id) => {
            face.account(kind, id, None).map(Answer::ok).ok_or_else(Refusal::unknown_asset)
        }
        Resource::ChangeAccount(kind, id) => {
            face.account(kind, id, request.json.as_ref()).map(Answer::ok).ok_or_else(Refusal::unknown_asset)
        }
        Resource::Delete(id) => change::delete(face, id),
    }
}

fn excuse(trouble: Trouble) -> Answer {
    match trouble {
        Trouble::TooManyRequests => Refusal::new(429, "Account rate limited, please throttle your requests."),
        // Retell documents no 503; what stands in front of it may still send one.
        Trouble::Unavailable => Refusal::new(503, "Service unavailable."),
        Trouble::Internal => Refusal::new(500, "An unexpected server error occurred."),
    }
    .into()
}

fn respond(answer: Answer) -> Response {
    let body = answer.body.map_or_else(Body::empty, |body| Body::from(body.to_string()));
    let mut response = Response::new(body);
    *response.status_mut() = StatusCode::from_u16(answer.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json; charset=utf-8"));
    response
}
