//! `POST /v2/create-phone-call`

use std::sync::Arc;

use jiff::Timestamp;
use serde_json::{Map, Value};
use tokio::time::Instant;

use super::{error::Refusal, request::Request};
use crate::{
    gate::Answer,
    lock::locked,
    provider::Provider,
    retell::{
        Face,
        call::Story,
        object::{Detail, object},
        setup::Agent,
    },
    truth::Direction,
};

/// How long an `idempotency_key` is remembered, in phone seconds.
const KEY_SECONDS: f64 = 3600.0;
/// The largest `metadata`.
const MOST_METADATA: usize = 50_000;

pub(super) fn create(face: &Arc<Face>, request: &Request) -> Result<Answer, Refusal> {
    if !request.json.as_ref().is_some_and(Value::is_object) {
        return Err(Refusal::bad("Request body is not a JSON object."));
    }
    let from = number(request, "from_number")?;
    let to = number(request, "to_number")?;
    let story = story(face, request, from)?;
    // Held over the creation: of two requests with one key, the second must find what the first made.
    let mut keys = locked(&face.keys);
    let now = Instant::now();
    keys.retain(|_, (made, _)| face.world.scale.phone(now - *made) < KEY_SECONDS);
    let key = request.text("idempotency_key");
    if let Some((_, first)) = key.and_then(|key| keys.get(key)) {
        return Ok(Answer::created(object(first, Detail::Whole, Timestamp::now())).about(&first.sid));
    }
    let limit = face.world.config.retell.concurrency;
    // Without a limit nobody needs to count.
    if limit < usize::MAX && open_calls(face) >= limit {
        return Err(Refusal::new(429, "Concurrency limit reached."));
    }
    let (from, to) = (from.to_owned(), to.to_owned());
    let (call, stops) = face.admit(Direction::OutboundApi, from, to, request.json.clone(), None, story);
    if let Some(key) = key {
        keys.insert(key.to_owned(), (now, Arc::clone(&call)));
    }
    // As it was accepted: a fast network may have moved on already.
    let accepted = object(&call, Detail::Basic, call.look(|record| record.created_at));
    let answer = Answer::created(accepted).about(&call.sid);
    face.dial(call, stops);
    Ok(answer)
}

pub(super) fn open_calls(face: &Face) -> usize {
    face.all().iter().filter(|call| !call.status().is_terminal()).count()
}

fn number<'a>(request: &'a Request, name: &str) -> Result<&'a str, Refusal> {
    let number = request.text(name).ok_or_else(|| Refusal::bad(format!("{name} is required.")))?;
    let digits = number.strip_prefix('+').unwrap_or_default();
    let is_e164 = (7..=15).contains(&digits.len())
        && !digits.starts_with('0')
        && digits.bytes().all(|byte| byte.is_ascii_digit());
    if is_e164 { Ok(number) } else { Err(Refusal::bad(format!("{name} is not a valid E.164 number."))) }
}

fn story(face: &Face, request: &Request, from: &str) -> Result<Story, Refusal> {
    let object = |name: &str| match request.field(name) {
        Some(Value::Object(fields)) => Ok(Some(fields.clone())),
        Some(_) => Err(Refusal::bad(format!("{name} must be an object."))),
        None => Ok(None),
    };
    let variables = object("retell_llm_dynamic_variables")?;
    if variables.as_ref().is_some_and(|variables: &Map<String, Value>| !variables.values().all(Value::is_string)) {
        return Err(Refusal::bad("Values of retell_llm_dynamic_variables must be strings."));
    }
    let metadata = object("metadata")?.map(Value::Object);
    if metadata.as_ref().is_some_and(|metadata| metadata.to_string().len() > MOST_METADATA) {
        return Err(Refusal::bad("metadata is larger than 50 kB."));
    }
    Ok(Story {
        metadata,
        variables,
        sip_headers: object("custom_sip_headers")?.map(Value::Object),
        ..Story::new(caller(face, request, from)?)
    })
}

/// The agent that talks: the one asked for, or the number's own. The number must be the account's, if it has any.
fn caller(face: &Face, request: &Request, from: &str) -> Result<Agent, Refusal> {
    let ledger = &face.world.ledger;
    let number = ledger.number(from).filter(|number| number.provider == Provider::Retell);
    if number.is_none() && ledger.serves(Provider::Retell) {
        return Err(Refusal::unknown_asset());
    }
    let own = number.and_then(|number| number.connection);
    let id = request.text("override_agent_id").map(str::to_owned).or(own);
    let agent = face.agent(id.as_deref()).ok_or_else(Refusal::unknown_asset)?;
    match request.field("agent_override").and_then(|wishes| wishes.get("agent")) {
        Some(settings) => agent.overridden(settings).ok_or_else(|| Refusal::bad("agent_override is out of range.")),
        None => Ok(agent),
    }
}
