//! Webhooks: verified, stored, then answered. A 2xx means that the message is on disk.

use std::sync::Arc;
use std::time::Instant;

use axum::body::Body;
use axum::extract::Request;
use axum::http::{Method, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use call_core::port::{
    Delivered, Found, Hook, HookError, HookRequest, Question, Received, Reply, SwitchboardError, ToolOutcome,
    ToolRequest,
};
use call_core::{Call, CallId, Reason};
use tracing::{info, warn};
use url::Url;

use super::problem::{Document, Kind, Problem};
use super::{Shared, body};
use crate::telemetry::{Webhook, fact_word};

/// A message that is not taken: what is counted, and what the provider is told.
struct NotTaken(Webhook, Problem);

/// Take a provider's message
///
/// For providers only: the URLs are made by the server and given to the provider. A 2xx means that the message is
/// stored; a question (such as a TwiML fetch, or a function that an agent invokes) is answered in the provider's own
/// language. Also by GET, where the provider uses it.
#[utoipa::path(
    post, path = "/hooks/{provider}/{path}", operation_id = "receive", tag = "webhooks", security(()),
    params(
        ("provider" = String, Path, description = "A configured provider, such as `twilio`; others have no route"),
        ("path" = String, Path, description = "Which message, with the call's id in front if we placed it"),
    ),
    request_body(content = String, content_type = "application/x-www-form-urlencoded"),
    responses(
        (status = 200, description = "Stored; the answer to the question, if it asks one", body = String, content_type = "text/xml"),
        (status = 204, description = "Stored"),
        (status = 400, description = "Signed, but not readable", body = Document, content_type = "application/problem+json"),
        (status = 403, description = "The signature is missing or wrong", body = Document, content_type = "application/problem+json"),
        (status = 404, description = "No such path", body = Document, content_type = "application/problem+json"),
        (status = 500, description = "The function that the agent invoked failed", body = String, content_type = "application/json"),
        (status = 405, description = "Neither GET nor POST", body = Document, content_type = "application/problem+json"),
        (status = 413, description = "The body is too large", body = Document, content_type = "application/problem+json"),
        (status = 503, description = "Not stored: send it again", body = Document, content_type = "application/problem+json"),
    ),
)]
pub(super) async fn receive(shared: &Shared, path: HookPath, request: Request) -> Response {
    let began = Instant::now();
    let taken = take(shared, &path, request).await;
    let (answer, response) = match taken {
        Ok((answer, reply)) => (answer, respond(reply)),
        Err(NotTaken(answer, problem)) => {
            let (provider, path) = (path.provider(), path.below());
            warn!(step = "webhook", provider, path, answer = answer.as_str(), "webhook not taken");
            (answer, problem.into_response())
        }
    };
    shared.metrics.webhook(path.provider(), answer, began.elapsed(), shared.clock.now());
    response
}

/// A path of a configured provider's webhooks.
pub(super) struct HookPath {
    hook: Arc<dyn Hook>,
    uri: Uri,
    /// Where the provider's name ends in the path.
    end: usize,
}

impl HookPath {
    const ROOT: &str = "/hooks/";

    /// `None` for all other paths, and for a provider that is not configured.
    pub(super) fn of(shared: &Shared, uri: &Uri) -> Option<Self> {
        let named = uri.path().strip_prefix(Self::ROOT)?;
        let (name, below) = named.split_at(named.find('/').unwrap_or(named.len()));
        let hook = shared.hooks.get(name).filter(|_| below != "/")?;
        Some(Self { hook: hook.clone(), uri: uri.clone(), end: Self::ROOT.len() + name.len() })
    }

    fn provider(&self) -> &str {
        &self.uri.path()[Self::ROOT.len()..self.end]
    }

    /// What follows the provider's name: empty, or beginning with `/`.
    fn below(&self) -> &str {
        &self.uri.path()[self.end..]
    }
}

async fn take(shared: &Shared, path: &HookPath, request: Request) -> Result<(Webhook, Reply), NotTaken> {
    let hook = path.hook.as_ref();
    let (parts, body) = request.into_parts();
    let body = read(body, shared.config.max_body_of(path.provider())).await?;
    let received = parse(shared, path, &parts, &body)?;
    // The call of its first message is known only once the record is made.
    let carried = received.address.call;
    if let Some(call_id) = carried {
        trace(&received, call_id);
    }
    let (answer, call) = deliver(shared, &received).await?;
    if let (None, Some(call)) = (carried, &call) {
        trace(&received, call.id());
    }
    let Some(question) = &received.question else { return Ok((answer, hook.acknowledge())) };
    let found = match call {
        Some(call) => Some(Found { call, look: 1 }),
        // Stored already, so whatever becomes of the wait, the provider gets an answer.
        None => shared.switchboard.find_for_question(&received.address).await.unwrap_or_default(),
    };
    let reply = match (question, found) {
        (Question::Tool(request), Some(found)) => hook.returned(request, &invoked(shared, found, request).await?),
        (question, found) => hook.reply(question, found.map(|found| found.call).as_ref()),
    };
    Ok((answer, reply))
}

/// What a function returned, once its trace is stored.
async fn invoked(shared: &Shared, found: Found, request: &ToolRequest) -> Result<ToolOutcome, NotTaken> {
    let (tools, request) = (shared.tools.clone(), request.clone());
    // By itself, so that a function that has run is traced even if nobody waits for it any more.
    let run = tokio::spawn(async move { tools.run(&found.call, &request, found.look).await });
    let unavailable = |problem| NotTaken(Webhook::Unavailable, problem);
    match run.await {
        Ok(Ok(outcome)) => Ok(outcome),
        Ok(Err(error)) => Err(unavailable(error.into())),
        Err(error) => Err(unavailable(Problem::new(Kind::Internal, format!("the function's task failed: {error}")))),
    }
}

async fn read(body: Body, limit: usize) -> Result<bytes::Bytes, NotTaken> {
    body::read(body, limit).await.map_err(|problem| NotTaken(Webhook::Malformed, problem))
}

fn parse(
    shared: &Shared,
    path: &HookPath,
    parts: &axum::http::request::Parts,
    body: &[u8],
) -> Result<Received, NotTaken> {
    let url = public(&shared.public_url, &parts.uri);
    let header = |name: &str| parts.headers.get(name).and_then(|value| value.to_str().ok());
    let method = &parts.method;
    if !matches!(*method, Method::GET | Method::POST) {
        let problem = Problem::new(Kind::MethodNotAllowed, "webhooks come by GET or POST");
        return Err(NotTaken(Webhook::Malformed, problem));
    }
    let now = shared.clock.now();
    let request = HookRequest { method: method.as_str(), url: &url, path: path.below(), header: &header, body, now };
    path.hook.receive(&request).map_err(|error| {
        let detail = error.to_string();
        match error {
            HookError::Unsigned => NotTaken(Webhook::Refused, Problem::new(Kind::Unsigned, detail)),
            HookError::UnknownPath => NotTaken(Webhook::Malformed, Problem::new(Kind::NoSuchRoute, detail)),
            HookError::Malformed(_) | _ => NotTaken(Webhook::Malformed, Problem::new(Kind::BadRequest, detail)),
        }
    })
}

/// The URL that the provider was given: what it signed, whatever proxies have made of it since.
fn public(root: &Url, uri: &Uri) -> String {
    let root = root.as_str().trim_end_matches('/');
    format!("{root}{}", uri.path_and_query().map_or("/", |raw| raw.as_str()))
}

async fn deliver(shared: &Shared, received: &Received) -> Result<(Webhook, Option<Call>), NotTaken> {
    match shared.switchboard.deliver(received).await {
        Ok(Delivered::Parked) => Ok((Webhook::Parked, None)),
        Ok(Delivered::To(handled)) => {
            let again = handled.ignored == Some(Reason::Duplicate);
            let answer = if again { Webhook::Duplicate } else { Webhook::Accepted };
            Ok((answer, Some(handled.call)))
        }
        Err(SwitchboardError::NoSuchCall(id)) => {
            // Found a moment ago and gone now: somebody restores a backup. It will find its place when sent again.
            Err(NotTaken(Webhook::Unavailable, Problem::new(Kind::Unavailable, format!("call {id} has vanished"))))
        }
        Err(error) => Err(NotTaken(Webhook::Unavailable, error.into())),
    }
}

fn trace(received: &Received, call_id: CallId) {
    for signal in &received.signals {
        let leg = &received.address.leg;
        info!(step = "webhook", %call_id, %leg, fact = fact_word(&signal.fact), order = signal.order, "webhook received");
    }
    if received.signals.is_empty() {
        info!(step = "webhook", %call_id, leg = %received.address.leg, "webhook received");
    }
}

fn respond(reply: Reply) -> Response {
    let status = StatusCode::from_u16(reply.status).unwrap_or(StatusCode::OK);
    (status, [(header::CONTENT_TYPE, reply.content_type)], reply.body).into_response()
}
