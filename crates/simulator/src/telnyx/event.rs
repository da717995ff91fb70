//! What happened to a leg, in Telnyx's words (version 2; a version 1 application gets the same in another shape).

use std::sync::Arc;

use jiff::Timestamp;
use serde_json::{Map, Value, json};

use super::{Face, call::Call};
use crate::{
    fault::Fault,
    post::Mailing,
    truth::{Purpose, Sent},
};

/// One event about a leg.
#[derive(Debug)]
pub(super) struct Event {
    kind: &'static str,
    names: Names,
    facts: Map<String, Value>,
}

/// Which of the common fields it has: they differ from event to event.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Names {
    /// All.
    Full,
    /// Neither `from` nor `to`.
    NoParties,
    /// Nor `call_control_id`.
    NoControl,
}

impl Event {
    /// An event of the leg itself.
    pub(super) fn new(kind: &'static str) -> Self {
        Self { kind, names: Names::Full, facts: Map::new() }
    }

    /// An event of something on the leg, which does not repeat who talks to whom.
    pub(super) fn on_leg(kind: &'static str) -> Self {
        Self { names: Names::NoParties, ..Self::new(kind) }
    }

    /// An event of something that outlives the leg: it cannot be commanded any more.
    pub(super) fn after(kind: &'static str) -> Self {
        Self { names: Names::NoControl, ..Self::new(kind) }
    }

    pub(super) fn with(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.facts.insert(name.to_owned(), value.into());
        self
    }

    fn purpose(&self) -> Purpose {
        match self.kind {
            kind if kind.starts_with("streaming.") => Purpose::Stream,
            kind if kind.starts_with("call.recording.") => Purpose::Recording,
            kind if kind.starts_with("call.machine.") => Purpose::Amd,
            _ => Purpose::Status,
        }
    }

    fn payload(self, call: &Call, client_state: Option<String>) -> Value {
        let mut payload = self.facts;
        let mut add = |name: &str, value: Value| payload.insert(name.to_owned(), value);
        add("call_leg_id", json!(call.leg_id));
        add("call_session_id", json!(call.session_id));
        add("connection_id", json!(call.plan.connection));
        add("client_state", json!(client_state));
        if self.names != Names::NoControl {
            add("call_control_id", json!(call.sid));
        }
        if self.names == Names::Full {
            add("from", json!(call.plan.from));
            add("to", json!(call.plan.to));
        }
        payload.into()
    }
}

impl Face {
    /// Tells an event to whoever is configured to hear it, and keeps it for `call_events`.
    pub(super) fn tell(self: &Arc<Self>, call: &Arc<Call>, event: Event) {
        if self.world.is_stopping() {
            return;
        }
        let (kind, purpose) = (event.kind, event.purpose());
        let mut faults = Vec::new();
        let mut client_state = call.client_state();
        if let Some(before) = call.state_before() {
            if self.world.faults.strikes(Fault::ClientStateLate, call.occasion(kind)) {
                faults.push(Fault::ClientStateLate);
                client_state = before;
            }
            call.state_told();
        }
        let now = Timestamp::now();
        let data = json!({
            "record_type": "event",
            "event_type": kind,
            "id": self.sids.uuid(),
            "occurred_at": micros(now),
            "payload": event.payload(call, client_state),
        });
        call.log(record(call, kind, "webhook", now, &data));
        let Some(postman) = self.postman(call, kind, &data) else { return };
        let sent = Sent { json: Some(postman.body()), faults, ..Sent::new(purpose, "POST", postman.url()) };
        self.world.post(&call.record, Mailing { sent, on: kind, is_end: kind == "call.hangup" }, postman);
    }
}

/// An entry of `call_events`.
pub(super) fn record(call: &Call, name: &str, kind: &str, at: Timestamp, metadata: &Value) -> Value {
    json!({
        "record_type": "call_event",
        "call_leg_id": call.leg_id,
        "call_session_id": call.session_id,
        "event_timestamp": micros(at),
        "name": name,
        "type": kind,
        "metadata": metadata,
    })
}

/// Time as webhooks tell it.
pub(super) fn micros(at: Timestamp) -> String {
    at.strftime("%Y-%m-%dT%H:%M:%S.%6fZ").to_string()
}

/// Time as the REST API tells it.
pub(super) fn millis(at: Timestamp) -> String {
    at.strftime("%Y-%m-%dT%H:%M:%S.%3fZ").to_string()
}
