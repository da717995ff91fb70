//! What the REST API answers (telnyx.md §2). All fields may be missing or null.

use call_core::{Hungup, Leg, Timestamp};
use serde::Deserialize;
use serde_json::Value;

use crate::state::ClientState;
use crate::status::hungup;
use crate::{NAME, act};

/// The wrapper of every success.
#[derive(Debug, Deserialize)]
pub(crate) struct Data<T> {
    pub(crate) data: T,
}

/// A call, as Telnyx keeps it until ten minutes after its end. Neither its state nor how it ended is in it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct CallResource {
    /// The token for commands on the leg.
    pub call_control_id: Option<String>,
    /// The leg's stable name.
    pub call_leg_id: Option<String>,
    /// The name that all legs of one conversation share.
    pub call_session_id: Option<String>,
    /// Whether it is alive. The answer to a dial always says `false`.
    pub is_alive: Option<bool>,
    /// When it ended; only if it is not alive.
    pub end_time: Option<String>,
    /// What was written on it last.
    pub client_state: Option<String>,
}

/// One page of the calls that are alive.
#[derive(Debug, Deserialize)]
pub(crate) struct ActivePage {
    #[serde(default)]
    pub(crate) data: Vec<CallResource>,
    #[serde(default)]
    pub(crate) meta: Option<Meta>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Meta {
    cursors: Option<Cursors>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Cursors {
    after: Option<String>,
}

/// A leg's commands and webhooks.
#[derive(Debug, Deserialize)]
pub(crate) struct EventPage {
    #[serde(default)]
    data: Vec<EventRecord>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct EventRecord {
    name: Option<String>,
    /// The raw event, in no specified shape.
    metadata: Value,
}

/// A Call Control application: where its webhooks go, and in which shape.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct Application {
    /// Its name.
    pub application_name: Option<String>,
    /// Whether it takes calls.
    pub active: Option<bool>,
    /// Where events go that no call sends elsewhere.
    pub webhook_event_url: Option<String>,
    /// `1` by default, which this adapter refuses; `2` is needed.
    pub webhook_api_version: Option<String>,
    /// Whether calls without a command are hung up.
    pub first_command_timeout: Option<bool>,
    /// Whether `call.cost` is sent.
    pub call_cost_in_webhooks: Option<bool>,
}

impl CallResource {
    pub(crate) fn leg(&self) -> Option<Leg> {
        self.call_control_id.as_deref().filter(|id| act::is_control_id(id)).map(|id| Leg::new(NAME, id))
    }

    pub(crate) fn state(&self) -> Option<ClientState> {
        self.client_state.as_deref().and_then(ClientState::decode)
    }

    pub(crate) fn ended(&self) -> Option<Timestamp> {
        self.end_time.as_deref().and_then(|text| text.parse().ok())
    }
}

impl ActivePage {
    /// The cursor of the next page. None after an empty page, whatever it says.
    pub(crate) fn next(self) -> Option<String> {
        let after = self.meta?.cursors?.after?;
        (!after.is_empty() && !self.data.is_empty()).then_some(after)
    }
}

impl EventPage {
    pub(crate) fn answered(&self) -> bool {
        self.named("call.answered").or_else(|| self.named("call.bridged")).is_some()
    }

    /// How the leg ended, in the words of its own event.
    pub(crate) fn hungup(&self) -> Option<Hungup> {
        let metadata = &self.named("call.hangup")?.metadata;
        Some(hungup(found(metadata, "hangup_cause"), found(metadata, "sip_hangup_cause")))
    }

    fn named(&self, name: &str) -> Option<&EventRecord> {
        self.data.iter().find(|event| event.name.as_deref() == Some(name))
    }
}

/// A text field, wherever in the value it is.
fn found<'a>(value: &'a Value, name: &str) -> Option<&'a str> {
    match value {
        Value::Object(fields) => {
            let here = fields.get(name).and_then(Value::as_str);
            here.or_else(|| fields.values().find_map(|value| found(value, name)))
        }
        Value::Array(all) => all.iter().find_map(|value| found(value, name)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => None,
    }
}
