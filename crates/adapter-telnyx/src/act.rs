//! An effect, as a request to Telnyx. Pure: the client sends what is made here.

mod talk;

use std::time::Duration;

use call_core::port::Inadmissible;
use call_core::{Call, Conduct, Direction, Effect, EffectId, Fact, Leg, Phase, Plan, Refused, Script, Signal, Stage};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use self::talk::MOST_WORDS;
use crate::callback::{Callback, media_url};
use crate::state::ClientState;
use crate::{MachineDetection, NAME, TelnyxConfig};

const NO_CLIENTS: &str = "Telnyx has no clients by name: give a number or a SIP address";
/// Telnyx's limits for ringing.
const RING_SECONDS: (u64, u64) = (5, 600);
/// Telnyx's limits for a call.
const LIVE_SECONDS: (u64, u64) = (30, 14_400);
/// The largest page of a list.
const PAGE: &str = "250";

/// A request to Telnyx's API.
#[derive(Debug, Clone, PartialEq)]
pub struct Request {
    /// How.
    pub method: Method,
    /// Below the base URL, beginning with `/`.
    pub path: String,
    /// The query.
    pub query: Vec<(&'static str, String)>,
    /// The JSON of a change.
    pub body: Option<Value>,
}

/// How a [`Request`] is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Method {
    /// Reads.
    Get,
    /// Commands.
    Post,
    /// Changes an application.
    Patch,
}

/// What to do at Telnyx.
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
    /// Command the call.
    Command {
        /// How.
        request: Request,
        /// What is true once Telnyx has taken it.
        done: Vec<Signal>,
        /// What is true if the call has ended, or is already as wished.
        moot: Vec<Signal>,
    },
    /// Read what became of a leg, by its name.
    Fetch(Leg),
    /// Search for the call by ours.
    Find,
    /// There is nothing to do; this is already true.
    Nothing(Vec<Signal>),
    /// It cannot be done.
    Refuse {
        /// Why, for people.
        why: String,
    },
}

/// Makes requests for one Call Control application.
#[derive(Debug, Clone)]
pub struct Connection {
    id: String,
    public_url: String,
    voice: String,
    machine_detection: MachineDetection,
}

impl Connection {
    /// The application of a configuration.
    #[must_use]
    pub fn new(config: &TelnyxConfig) -> Self {
        Self {
            id: config.connection_id.clone(),
            public_url: config.public_url.clone(),
            voice: config.voice.clone(),
            machine_detection: config.machine_detection,
        }
    }

    /// What an effect means at Telnyx.
    #[must_use]
    pub fn act(&self, call: &Call, id: &EffectId, effect: &Effect) -> Act {
        let first = call.legs().first().map(|first| &first.leg);
        let name = command_id(&id.to_string());
        match (effect, first) {
            (Effect::Dial, _) => Act::Dial(self.dial(call, &name)),
            (Effect::Answer, Some(leg)) => self.answer(call, leg, &name),
            (Effect::Hangup { leg }, _) => match command(leg, "hangup", json!({"command_id": name})) {
                Some(request) => Act::Hangup { leg: leg.clone(), request },
                None => Act::Refuse { why: format!("not a Telnyx call: {leg}") },
            },
            (Effect::Reconcile, Some(leg)) => Act::Fetch(leg.clone()),
            (Effect::Reconcile, None) => Act::Find,
            // The media session of an ending call closes with the call.
            (Effect::CloseStream, _) if is_over(call) => Act::Nothing(Vec::new()),
            // The hang-up silences the call; nothing is being said any more.
            (Effect::Hush, _) if is_over(call) => Act::Nothing(talk::cut(call, None)),
            (Effect::Speak { operation, text }, Some(leg)) => {
                talk::speak(call, leg, &name, &self.voice, operation, text)
            }
            (Effect::Play { operation, url }, Some(leg)) => talk::play(call, leg, &name, operation, url),
            (Effect::Gather(wish), Some(leg)) => talk::gather(call, leg, &name, &self.voice, wish),
            (Effect::Hush, Some(leg)) => talk::hush(call, leg, &name),
            (Effect::OpenStream, Some(leg)) => {
                let mut body = json!({"command_id": name});
                self.stream(&mut body);
                body["custom_parameters"] = json!([{"name": "call", "value": call.id().to_string()}]);
                ready(leg, "streaming_start", body, Vec::new(), Vec::new())
            }
            (Effect::CloseStream, Some(leg)) => {
                ready(leg, "streaming_stop", json!({"command_id": name}), Vec::new(), Vec::new())
            }
            (Effect::Transfer { to }, Some(leg)) => self.transfer(call, leg, &name, to),
            (Effect::Bridge { leg: other }, Some(leg)) => bridge(leg, other, &name),
            (Effect::StartRecording, Some(leg)) => {
                let state = ClientState::now(call).encode();
                let body = json!({"command_id": name, "client_state": state, "channels": "dual", "format": "mp3"});
                ready(leg, "record_start", body, Vec::new(), Vec::new())
            }
            (Effect::StopRecording, Some(leg)) => {
                ready(leg, "record_stop", json!({"command_id": name}), Vec::new(), Vec::new())
            }
            (Effect::Publish(_), _) => Act::Nothing(Vec::new()),
            (_, None) => Act::Refuse { why: "the call has no Telnyx leg yet".to_owned() },
            (_, Some(_)) => Act::Refuse { why: format!("Telnyx cannot {}", effect.as_str()) },
        }
    }

    /// Places the call. `command_id` makes a repetition harmless for a minute only (telnyx.md §4), so it is sent once.
    fn dial(&self, call: &Call, name: &str) -> Request {
        let plan = call.plan();
        let mut body = json!({
            "connection_id": self.id,
            "to": plan.to,
            "from": plan.from,
            "command_id": name,
            "client_state": ClientState::of(call.id()).encode(),
            "webhook_url": Callback::Call(call.id()).url(&self.public_url),
            "webhook_url_method": "POST",
            "time_limit_secs": time_limit(call),
        });
        if let Some(ring_for) = plan.ring_for {
            body["timeout_secs"] = json!(seconds(ring_for, RING_SECONDS));
            // Else it is the limit of each route that is tried, one after the other.
            body["retry_on_timeout"] = json!(false);
        }
        from_the_answer_on(plan, &mut body);
        if plan.detect_machine {
            body["answering_machine_detection"] = json!(self.machine_detection.as_str());
        }
        Request { method: Method::Post, path: "/calls".to_owned(), query: Vec::new(), body: Some(body) }
    }

    /// Writes our name on the call: from here on its messages carry it.
    fn answer(&self, call: &Call, leg: &Leg, name: &str) -> Act {
        let mut body = json!({
            "command_id": name,
            "client_state": ClientState::of(call.id()).encode(),
            "webhook_url": Callback::Call(call.id()).url(&self.public_url),
            "webhook_url_method": "POST",
        });
        from_the_answer_on(call.plan(), &mut body);
        ready(leg, "answer", body, Vec::new(), Vec::new())
    }

    fn transfer(&self, call: &Call, leg: &Leg, name: &str, to: &str) -> Act {
        if to.starts_with("client:") {
            return Act::Refuse { why: NO_CLIENTS.to_owned() };
        }
        let plan = call.plan();
        let ours = match (&plan.script, call.birth().direction) {
            (Script::Connect { to: target, caller_id: Some(shown) }, _) if target == to => shown,
            (_, Direction::Outbound) => &plan.from,
            (_, Direction::Inbound) => &plan.to,
        };
        let state = ClientState { parent: Some(leg.id.clone()), ..ClientState::of(call.id()) };
        let mut body = json!({
            "command_id": name,
            "to": to,
            "from": ours,
            "target_leg_client_state": state.encode(),
            "webhook_url": Callback::Call(call.id()).url(&self.public_url),
            "webhook_url_method": "POST",
            "time_limit_secs": time_limit(call),
        });
        if let Some(ring_for) = plan.ring_for {
            body["timeout_secs"] = json!(seconds(ring_for, RING_SECONDS));
        }
        ready(leg, "transfer", body, Vec::new(), Vec::new())
    }

    /// Raw two-way audio: Telnyx's own default would be whole MP3 files.
    fn stream(&self, body: &mut Value) {
        body["stream_url"] = json!(media_url(&self.public_url));
        body["stream_track"] = json!("inbound_track");
        body["stream_codec"] = json!("PCMU");
        body["stream_bidirectional_mode"] = json!("rtp");
        body["stream_bidirectional_codec"] = json!("PCMU");
    }

    /// Reads one leg. `None` if it is not Telnyx's. Kept for ten minutes after its end.
    #[must_use]
    pub fn fetch(&self, leg: &Leg) -> Option<Request> {
        Some(get(format!("/calls/{}", encoded(leg)?), Vec::new()))
    }

    /// Lists the application's calls that are alive, from a cursor on.
    #[must_use]
    pub fn active_calls(&self, after: Option<String>) -> Request {
        let mut query = vec![("page[limit]", PAGE.to_owned())];
        query.extend(after.map(|cursor| ("page[after]", cursor)));
        get(format!("/connections/{}/active_calls", self.id), query)
    }

    /// Lists the commands and webhooks of one leg, by its `call_leg_id`.
    #[must_use]
    pub fn events(&self, call_leg_id: &str) -> Request {
        get(
            "/call_events".to_owned(),
            vec![("filter[leg_id]", call_leg_id.to_owned()), ("page[size]", PAGE.to_owned())],
        )
    }

    /// Reads the application.
    #[must_use]
    pub fn application(&self) -> Request {
        get(format!("/call_control_applications/{}", self.id), Vec::new())
    }

    /// Sends the application's webhooks to us, in the shape that we read: version 2.
    #[must_use]
    pub fn set_webhooks(&self, application_name: &str) -> Request {
        let body = json!({
            "application_name": application_name,
            "webhook_event_url": Callback::Application.url(&self.public_url),
            "webhook_api_version": "2",
        });
        let path = format!("/call_control_applications/{}", self.id);
        Request { method: Method::Patch, path, query: Vec::new(), body: Some(body) }
    }
}

/// What cannot be carried out, so that nobody's phone rings for it.
pub(crate) fn admit(plan: &Plan) -> Result<Conduct, Inadmissible> {
    let words = match &plan.script {
        Script::Say { text } => text,
        Script::Converse { greeting } => greeting,
        Script::Connect { to, .. } if to.starts_with("client:") => return Err(Inadmissible(NO_CLIENTS.to_owned())),
        Script::Connect { .. } | Script::Stream => "",
        Script::Agent { .. } | _ => {
            return Err(Inadmissible(
                "Telnyx has no agent of its own here: say, converse, connect or stream".to_owned(),
            ));
        }
    };
    if words.chars().count() > MOST_WORDS {
        return Err(Inadmissible(talk::too_long()));
    }
    Ok(Conduct::Commanded)
}

/// What a dial and a pick-up ask for alike.
fn from_the_answer_on(plan: &Plan, body: &mut Value) {
    if plan.record {
        body["record"] = json!("record-from-answer");
    }
    // Whoever converses hears what the caller says by `call.transcription`.
    if matches!(plan.script, Script::Converse { .. }) {
        body["transcription"] = json!(true);
    }
}

/// When one of the two hangs up, Telnyx hangs up the other.
fn bridge(leg: &Leg, other: &Leg, name: &str) -> Act {
    if other.provider != NAME || !is_control_id(&other.id) || other == leg {
        return Act::Refuse { why: format!("not another Telnyx call: {other}") };
    }
    let ended = Refused::Bridge { why: "one of the two calls has ended".to_owned() };
    let body = json!({"command_id": name, "call_control_id": other.id});
    ready(leg, "bridge", body, Vec::new(), vec![Signal::new(Fact::Refused(ended))])
}

fn get(path: String, query: Vec<(&'static str, String)>) -> Request {
    Request { method: Method::Get, path, query, body: None }
}

fn command(leg: &Leg, action: &str, body: Value) -> Option<Request> {
    let path = format!("/calls/{}/actions/{action}", encoded(leg)?);
    Some(Request { method: Method::Post, path, query: Vec::new(), body: Some(body) })
}

fn ready(leg: &Leg, action: &str, body: Value, done: Vec<Signal>, moot: Vec<Signal>) -> Act {
    match command(leg, action, body) {
        Some(request) => Act::Command { request, done, moot },
        None => Act::Refuse { why: format!("not a Telnyx call: {leg}") },
    }
}

/// A name for the path: it contains a colon, and may contain a slash.
fn encoded(leg: &Leg) -> Option<String> {
    let is_ours = leg.provider == NAME && is_control_id(&leg.id);
    is_ours.then(|| utf8_percent_encode(&leg.id, NON_ALPHANUMERIC).to_string())
}

/// Opaque, but never a path of its own: `%2e%2e` is one to a URL.
pub(crate) fn is_control_id(id: &str) -> bool {
    id.len() <= 512
        && id.bytes().all(|byte| byte.is_ascii_graphic())
        && id.bytes().any(|byte| byte.is_ascii_alphanumeric())
}

/// The same name for the same command, whenever and by whomever it is sent. In the form that Telnyx advises.
fn command_id(command: &str) -> String {
    let hash = Sha256::digest(command);
    let mut bytes = [0; 16];
    bytes.copy_from_slice(&hash[..16]);
    uuid::Builder::from_custom_bytes(bytes).into_uuid().to_string()
}

/// The longest that Telnyx should let the call live, should nobody else end it.
fn time_limit(call: &Call) -> u64 {
    seconds(call.policy().live_limit, LIVE_SECONDS)
}

/// Whole seconds, rounded up, within limits.
fn seconds(duration: Duration, (least, most): (u64, u64)) -> u64 {
    duration.as_millis().div_ceil(1000).try_into().unwrap_or(most).clamp(least, most)
}

/// Whether there is nothing more to hear. During a farewell there is: its words may still be on their way.
fn is_over(call: &Call) -> bool {
    match call.phase() {
        Phase::Dialing | Phase::Ringing { .. } | Phase::Live | Phase::Ending { stage: Stage::Farewell, .. } => false,
        Phase::Ending { .. } | Phase::Ended(_) => true,
    }
}
