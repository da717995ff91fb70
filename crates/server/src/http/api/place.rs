//! Placing calls.

use std::collections::BTreeMap;
use std::time::Duration;

use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use call_core::port::{IdempotencyKey, Inadmissible};
use call_core::{Plan, ProviderName, Script};
use jiff::fmt::serde::unsigned_duration::friendly::compact::optional as friendly;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use utoipa::ToSchema;

use super::schema::ScriptSchema;
use super::view::CallView;
use crate::config::is_dialable;
use crate::http::Shared;
use crate::http::body::Json;
use crate::http::problem::{Document, Kind, Problem};

/// A wish to ring somebody.
#[derive(Debug, Clone, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewCall {
    /// Whom to ring: a number (E.164), `client:name` or `sip:user@host`.
    #[schema(example = "+15550100123")]
    to: String,
    /// Who rings; the provider's configured `from` if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    from: Option<String>,
    /// Which provider carries it; `server.provider`, or the only one that is configured, if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    provider: Option<String>,
    /// Whom the call concerns, in your own naming. At most one open call for each.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    subject: Option<String>,
    /// What happens on answer; a conversation that begins by listening if absent.
    #[serde(default)]
    #[schema(value_type = Option<ScriptSchema>)]
    script: Script,
    /// How long the phone rings before the provider gives up, such as `30s`.
    #[serde(default, with = "friendly", skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, example = "30s")]
    ring_for: Option<Duration>,
    /// Whether the provider records the call.
    #[serde(default)]
    record: bool,
    /// Whether the provider tells people from answering machines.
    #[serde(default)]
    detect_machine: bool,
    /// Prompts, context and references; kept with the call and never interpreted.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    context: BTreeMap<String, String>,
}

/// Place a call
///
/// The call's record is stored before anything is dialled. With an `Idempotency-Key`, repeating the request gives the
/// same call instead of a second one.
#[utoipa::path(
    post, path = "/v1/calls", operation_id = "place_call", tag = "calls",
    params(("Idempotency-Key" = Option<String>, Header,
        description = "Your name for this request, up to 255 visible characters; the same key with the same request is the same call")),
    request_body = NewCall,
    responses(
        (status = 201, description = "The call, stored; its dial is on its way", body = CallView,
            headers(("Location" = String, description = "The call"))),
        (status = 200, description = "The call that an earlier request with this key made", body = CallView,
            headers(("Location" = String, description = "The call"),
                ("Idempotency-Replayed" = bool, description = "`true`"))),
        (status = 400, description = "The body is not JSON", body = Document, content_type = "application/problem+json"),
        (status = 401, description = "No valid token", body = Document, content_type = "application/problem+json"),
        (status = 409, description = "The subject has an open call, named in `open_call`", body = Document,
            content_type = "application/problem+json"),
        (status = 413, description = "The body is too large", body = Document, content_type = "application/problem+json"),
        (status = 415, description = "The body is not declared as JSON", body = Document,
            content_type = "application/problem+json"),
        (status = 422, description = "A field is invalid, the provider cannot do that, or the key was used for another request", body = Document,
            content_type = "application/problem+json"),
        (status = 503, description = "Busy, too slow, or the store does not answer", body = Document,
            content_type = "application/problem+json"),
    ),
)]
pub(crate) async fn place(
    State(shared): State<Shared>,
    headers: HeaderMap,
    Json(wish): Json<NewCall>,
) -> Result<Response, Problem> {
    let key = key(&headers, &wish)?;
    let plan = plan(&shared, wish)?;
    let placed = shared.switchboard.place(plan, shared.config.policy.clone(), key).await?;
    let status = if placed.repeated { StatusCode::OK } else { StatusCode::CREATED };
    let mut response = (status, axum::Json(CallView::from(&placed.call))).into_response();
    let place = HeaderValue::try_from(format!("/v1/calls/{}", placed.call.id())).expect("a UUID is visible ASCII");
    response.headers_mut().insert(header::LOCATION, place);
    if placed.repeated {
        response.headers_mut().insert("idempotency-replayed", HeaderValue::from_static("true"));
    }
    Ok(response)
}

/// The key, with a digest of what was asked: of the wish as it was understood, so that white space does not matter.
fn key(headers: &HeaderMap, wish: &NewCall) -> Result<Option<IdempotencyKey>, Problem> {
    let Some(value) = headers.get("idempotency-key") else { return Ok(None) };
    let key = value.to_str().ok().filter(|key| (1..=255).contains(&key.len()));
    let key = key.ok_or_else(|| invalid("Idempotency-Key", "must be 1 to 255 visible ASCII characters"))?;
    let wish = serde_json::to_vec(wish).map_err(|error| Problem::new(Kind::Internal, error.to_string()))?;
    let digest: String = Sha256::digest(&wish).iter().map(|byte| format!("{byte:02x}")).collect();
    Ok(Some(IdempotencyKey { key: key.to_owned(), digest }))
}

fn plan(shared: &Shared, wish: NewCall) -> Result<Plan, Problem> {
    let provider = provider(shared, wish.provider.as_deref())?;
    let default = shared.config.default_from(provider.as_str());
    let from = wish.from.or_else(|| Some(default?.0.to_owned())).unwrap_or_default();
    if from.is_empty() {
        let key = default.map_or_else(String::new, |(_, key)| format!(" ({key})"));
        return Err(invalid("from", &format!("is absent, and no default is configured{key}")));
    }
    let mut addresses = vec![("to", wish.to.as_str()), ("from", from.as_str())];
    if let Script::Connect { to, caller_id } = &wish.script {
        addresses.push(("script.to", to));
        addresses.extend(caller_id.as_deref().map(|id| ("script.caller_id", id)));
    }
    if let Some((field, _)) = addresses.into_iter().find(|(_, address)| !is_dialable(address)) {
        return Err(invalid(field, "must be a number such as +15550100123, or a client: or sip: address"));
    }
    if wish.subject.as_ref().is_some_and(|s| s.trim().is_empty() || s.len() > 200) {
        return Err(invalid("subject", "must be 1 to 200 characters"));
    }
    if wish.ring_for.is_some_and(|d| !(5..=600).contains(&d.as_secs())) {
        return Err(invalid("ring_for", "must be between 5s and 10m"));
    }
    let mut plan = Plan::new(provider.clone(), from, wish.to).with_script(wish.script);
    if let Some(subject) = wish.subject {
        plan = plan.about(subject);
    }
    plan.ring_for = wish.ring_for;
    plan.record = wish.record;
    plan.detect_machine = wish.detect_machine;
    plan.context = wish.context;
    if let Some(provider) = shared.providers.get(&provider) {
        let refused = |Inadmissible(why)| Problem::new(Kind::Inadmissible, why);
        plan.conduct = provider.admit(&plan).map_err(refused)?;
    }
    Ok(plan)
}

/// The one that is named, else the default, else the only one.
fn provider(shared: &Shared, named: Option<&str>) -> Result<ProviderName, Problem> {
    let default = Some(shared.config.server.provider.as_str()).filter(|name| !name.is_empty());
    let known: Vec<&ProviderName> = shared.providers.keys().collect();
    match (named.or(default), &known[..]) {
        (Some(name), known) if known.iter().any(|known| known.as_str() == name) => {
            Ok(ProviderName::from(name.to_owned()))
        }
        (None, [only]) => Ok((*only).clone()),
        (_, known) => {
            let names: Vec<&str> = known.iter().map(|name| name.as_str()).collect();
            Err(invalid("provider", &format!("must be one of: {}", names.join(", "))))
        }
    }
}

fn invalid(field: &str, problem: &str) -> Problem {
    Problem::new(Kind::Invalid, format!("{field}: {problem}"))
}
