//! An effect, as a request to Retell. Pure: the client sends what is made here.

use std::time::Duration;

use call_core::port::Inadmissible;
use call_core::{Call, CallId, Conduct, Effect, EffectId, Leg, Plan, Script};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Value, json};

use crate::{NAME, RetellConfig};

/// Retell's limits for ringing, in milliseconds.
const RING_MILLIS: (u64, u64) = (5_000, 300_000);

/// A request to Retell's API.
#[derive(Debug, Clone, PartialEq)]
pub struct Request {
    /// How.
    pub method: Method,
    /// Below the base URL, beginning with `/`.
    pub path: String,
    /// The JSON of a command.
    pub body: Option<Value>,
}

/// How a [`Request`] is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Method {
    /// Reads.
    Get,
    /// Commands, and lists.
    Post,
    /// Changes a number or an agent.
    Patch,
}

/// What to do at Retell.
#[derive(Debug, Clone, PartialEq)]
pub enum Act {
    /// Make the call.
    Dial(Request),
    /// End a leg.
    Hangup {
        /// Which.
        leg: Leg,
        /// How.
        request: Request,
    },
    /// Read what became of a leg, by its name.
    Fetch(Leg),
    /// Search for the call by ours.
    Find,
    /// It cannot be done.
    Refuse {
        /// Why, for people.
        why: String,
    },
}

/// Makes requests for one workspace.
#[derive(Debug, Clone)]
pub struct Workspace {
    agent_id: Option<String>,
}

impl Workspace {
    /// The workspace of a configuration.
    #[must_use]
    pub fn new(config: &RetellConfig) -> Self {
        Self { agent_id: config.agent_id.clone() }
    }

    /// What an effect means at Retell: its agent carries the call, so that little can be commanded.
    #[must_use]
    pub fn act(&self, call: &Call, id: &EffectId, effect: &Effect) -> Act {
        let refuse = |why: &str| Act::Refuse { why: why.to_owned() };
        match effect {
            Effect::Dial => Act::Dial(self.dial(call, id)),
            Effect::Hangup { leg } => match stop(leg) {
                Some(request) => Act::Hangup { leg: leg.clone(), request },
                None => Act::Refuse { why: format!("not a Retell call: {leg}") },
            },
            Effect::Reconcile => match call.legs().first() {
                Some(first) => Act::Fetch(first.leg.clone()),
                None => Act::Find,
            },
            Effect::Hush => refuse("Retell's agent speaks for itself: nothing of ours is being said"),
            Effect::CloseStream => refuse("Retell hands out no audio: no stream of ours is open"),
            Effect::Answer => refuse("Retell answers by itself: its agent is told what to say by its inbound webhook"),
            Effect::Speak { .. } => {
                refuse("Retell's agent speaks for itself: put the words into its prompt or a dynamic variable")
            }
            Effect::Play { .. } => refuse("Retell's agent speaks for itself: sounds of ours cannot be played"),
            Effect::Gather(_) => refuse("Retell's agent asks for keys by itself: give it a digit input in its flow"),
            Effect::Bridge { .. } => refuse("Retell cannot bridge calls: give its agent a transfer function"),
            Effect::StartRecording | Effect::StopRecording => {
                refuse("Retell records as its agent is set: change the agent's data storage setting")
            }
            Effect::OpenStream => {
                refuse("Retell hands out no audio: serve its agent's custom LLM, or dial by another provider")
            }
            Effect::Transfer { .. } => {
                refuse("Retell cannot be told to transfer a call: give its agent a transfer function")
            }
            Effect::Publish(_) | _ => Act::Refuse { why: format!("Retell cannot {} anything", effect.as_str()) },
        }
    }

    /// Places the call. Our name rides in its `metadata`. The key would make a repetition harmless for an hour, but what
    /// a repetition is answered is not documented (retell.md §9): it is sent once.
    fn dial(&self, call: &Call, id: &EffectId) -> Request {
        let plan = call.plan();
        let mut body = json!({
            "from_number": plan.from,
            "to_number": plan.to,
            "metadata": {"call_id": call.id().to_string()},
            "retell_llm_dynamic_variables": variables(call),
            "idempotency_key": id.to_string(),
        });
        if let Some(agent) = agent(plan, self.agent_id.as_ref()) {
            body["override_agent_id"] = json!(agent);
        }
        if let Some(ring_for) = plan.ring_for {
            body["agent_override"] = json!({"agent": {"ring_duration_ms": millis(ring_for, RING_MILLIS)}});
        }
        post("/v2/create-phone-call", Some(body))
    }
}

/// Whether Retell can carry a plan out.
pub(crate) fn admit(plan: &Plan) -> Result<Conduct, Inadmissible> {
    let refuse = |why: &str| Err(Inadmissible(why.to_owned()));
    match &plan.script {
        Script::Agent { .. } => {}
        Script::Converse { greeting } if greeting.is_empty() => {}
        Script::Converse { .. } => {
            return refuse(
                "Retell's agent has its own first words: leave the greeting empty, and set the agent's begin message",
            );
        }
        Script::Say { .. } => {
            return refuse(
                "Retell says nothing but what its agent says: use the script agent, and put the words into its context",
            );
        }
        Script::Connect { .. } => {
            return refuse("Retell connects nobody by itself: use the script agent, with a transfer function");
        }
        Script::Stream => return refuse("Retell hands out no audio stream: use the script agent"),
        _ => return refuse("this script is not known to the Retell adapter: use the script agent"),
    }
    let is_address = |text: &str| text.starts_with("client:") || text.starts_with("sip:");
    if is_address(&plan.to) || is_address(&plan.from) {
        return refuse("Retell dials numbers only: give both as E.164, such as +12025550100");
    }
    Ok(Conduct::Agent)
}

/// Reads one call. `None` if it is not Retell's.
#[must_use]
pub fn fetch(leg: &Leg) -> Option<Request> {
    Some(Request { method: Method::Get, path: format!("/v2/get-call/{}", encoded(leg)?), body: None })
}

/// Ends one call. `None` if it is not Retell's.
#[must_use]
pub fn stop(leg: &Leg) -> Option<Request> {
    Some(post(&format!("/v2/stop-call/{}", encoded(leg)?), None))
}

/// Lists the calls that carry our name: one, if any.
#[must_use]
pub fn named(call: CallId) -> Request {
    let ours = json!({"type": "string", "op": "eq", "key": "call_id", "value": call.to_string()});
    post(
        "/v3/list-calls",
        Some(json!({"filter_criteria": {"metadata": [ours]}, "sort_order": "ascending", "limit": 10})),
    )
}

/// Who talks: the plan's agent, or the configured one, or (`None`) the one that Retell has bound to the number.
pub(crate) fn agent<'a>(plan: &'a Plan, configured: Option<&'a String>) -> Option<&'a String> {
    if let Script::Agent { id: Some(id) } = &plan.script { Some(id) } else { configured }
}

/// The plan's context, for the agent's prompt. Retell takes texts only, which these are.
pub(crate) fn variables(call: &Call) -> Value {
    json!(call.plan().context)
}

fn post(path: &str, body: Option<Value>) -> Request {
    Request { method: Method::Post, path: path.to_owned(), body }
}

fn encoded(leg: &Leg) -> Option<String> {
    let is_ours = leg.provider == NAME && is_call_id(&leg.id);
    is_ours.then(|| utf8_percent_encode(&leg.id, NON_ALPHANUMERIC).to_string())
}

/// Opaque, but never a path of its own, nor a variable that nobody has filled in.
pub(crate) fn is_call_id(id: &str) -> bool {
    id.len() <= 128
        && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.' | b':'))
        && id.bytes().any(|byte| byte.is_ascii_alphanumeric())
}

/// Whole milliseconds within limits.
fn millis(duration: Duration, (least, most): (u64, u64)) -> u64 {
    duration.as_millis().try_into().unwrap_or(most).clamp(least, most)
}
