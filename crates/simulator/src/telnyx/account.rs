//! How the account is set up beside its applications: the outbound profile and the numbers, as the API reads and changes
//! them.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
};

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::Face;
use crate::{config::Number, lock::locked, provider::Provider};

/// One thing that somebody set up wrong in a Telnyx account.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum TelnyxMistake {
    /// The application was deleted.
    Deleted,
    /// The application is switched off.
    Inactive,
    /// The application's events go to the old backend.
    UrlElsewhere,
    /// The application's events go nowhere.
    UrlUnset,
    /// Events come in the first shape, as they do by default.
    VersionOne,
    /// Events that fail go to the old backend.
    FailoverElsewhere,
    /// Telnyx waits one second for an answer.
    Impatient,
    /// Calls without a command are hung up after three seconds.
    FirstCommand,
    /// Nobody is told what a call has cost.
    NoCost,
    /// The application has no outbound voice profile.
    NoProfile,
    /// The outbound voice profile is switched off.
    ProfileDisabled,
    /// The numbers were given back.
    Released,
    /// The numbers were ported to another carrier.
    PortedOut,
    /// The numbers belong to no application.
    Unassigned,
    /// The numbers belong to another application.
    Reassigned,
    /// Every call to the numbers is forwarded.
    Forwarded,
}

impl TelnyxMistake {
    /// Every one, in the order of the declaration.
    pub const ALL: [Self; 16] = [
        Self::Deleted,
        Self::Inactive,
        Self::UrlElsewhere,
        Self::UrlUnset,
        Self::VersionOne,
        Self::FailoverElsewhere,
        Self::Impatient,
        Self::FirstCommand,
        Self::NoCost,
        Self::NoProfile,
        Self::ProfileDisabled,
        Self::Released,
        Self::PortedOut,
        Self::Unassigned,
        Self::Reassigned,
        Self::Forwarded,
    ];
}

/// The outbound voice profile of the account's application.
pub(super) const PROFILE: &str = "1293384261075731499";
/// A backend that is no longer there.
const ELSEWHERE: &str = "https://old-backend.example.net/telnyx";
const OTHER_APPLICATION: &str = "1111111111111111111";

/// The resources that have no effect on the network's calls.
#[derive(Debug)]
pub(super) struct Account(Mutex<State>);

#[derive(Debug)]
struct State {
    profile: Map<String, Value>,
    /// What is otherwise with a number, by the number.
    more: BTreeMap<String, Map<String, Value>>,
    forwarding: BTreeMap<String, Map<String, Value>>,
    released: bool,
}

impl Account {
    pub(super) fn new() -> Self {
        let profile =
            json!({ "id": PROFILE, "record_type": "outbound_voice_profile", "name": "simulated", "enabled": true });
        Self(Mutex::new(State {
            profile: fields(profile),
            more: BTreeMap::new(),
            forwarding: BTreeMap::new(),
            released: false,
        }))
    }
}

/// Whether a path below `/v2` is served here.
pub(super) fn serves(path: &[&str]) -> bool {
    matches!(
        path,
        ["outbound_voice_profiles", _] | ["phone_numbers"] | ["phone_numbers", _] | ["phone_numbers", _, "voice"]
    )
}

impl Face {
    /// Reads a resource of the account; with a change, changes it first. `None`: there is no such thing.
    pub(super) fn account(&self, path: &str, change: &Value) -> Option<Value> {
        let segments: Vec<&str> = path.split('/').collect();
        let mut state = locked(&self.account.0);
        let data = match segments.as_slice() {
            ["outbound_voice_profiles", PROFILE] => {
                state.profile.extend(fields(change.clone()));
                Value::Object(state.profile.clone())
            }
            ["phone_numbers"] => {
                let numbers: Vec<Value> = self.own(&state).iter().map(|number| self.shape(&state, number)).collect();
                let meta =
                    json!({ "page_number": 1, "page_size": 250, "total_pages": 1, "total_results": numbers.len() });
                return Some(json!({ "data": numbers, "meta": meta }));
            }
            ["phone_numbers", id] => {
                let mut number = self.named(&state, id)?;
                if let Some(connection) = change["connection_id"].as_str() {
                    number.connection = Some(connection.to_owned());
                    state.more.entry(number.number.clone()).or_default().remove("connection_id");
                    self.world.ledger.set_number(number.clone());
                }
                self.shape(&state, &number)
            }
            ["phone_numbers", id, "voice"] => {
                let number = self.named(&state, id)?;
                let forwarding = state.forwarding.entry(number.number.clone()).or_insert_with(nowhere);
                forwarding.extend(fields(change["call_forwarding"].clone()));
                json!({ "id": id, "phone_number": number.number, "call_forwarding": forwarding })
            }
            _ => return None,
        };
        Some(json!({ "data": data }))
    }

    fn own(&self, state: &State) -> Vec<Number> {
        let mut numbers = self.world.ledger.numbers();
        numbers.retain(|number| number.provider == Provider::Telnyx && !state.released);
        numbers
    }

    fn named(&self, state: &State, id: &str) -> Option<Number> {
        self.own(state).into_iter().find(|number| number_id(number) == id)
    }

    fn shape(&self, state: &State, number: &Number) -> Value {
        // A number that names no application belongs to the account's own.
        let mut shape = fields(json!({
            "id": number_id(number),
            "record_type": "phone_number",
            "phone_number": number.number,
            "status": "active",
            "connection_id": number.connection.as_ref().unwrap_or(&self.world.config.telnyx.connection_id),
        }));
        shape.extend(state.more.get(&number.number).cloned().unwrap_or_default());
        shape.into()
    }

    /// Sets the account up wrong, in one way.
    pub(crate) fn misconfigure(self: &Arc<Self>, mistake: TelnyxMistake) {
        let application = |said: Value| {
            locked(&self.applications).iter_mut().for_each(|application| application.change(&said));
        };
        let mut state = locked(&self.account.0);
        let numbers = self.own(&state);
        let mut each = |name: &str, value: Value| {
            for number in &numbers {
                state.more.entry(number.number.clone()).or_default().insert(name.to_owned(), value.clone());
            }
        };
        match mistake {
            TelnyxMistake::Deleted => locked(&self.applications).clear(),
            TelnyxMistake::Inactive => application(json!({ "active": false })),
            TelnyxMistake::UrlElsewhere => application(json!({ "webhook_event_url": ELSEWHERE })),
            TelnyxMistake::UrlUnset => application(json!({ "webhook_event_url": "" })),
            TelnyxMistake::VersionOne => application(json!({ "webhook_api_version": "1" })),
            TelnyxMistake::FailoverElsewhere => application(json!({ "webhook_event_failover_url": ELSEWHERE })),
            TelnyxMistake::Impatient => application(json!({ "webhook_timeout_secs": 1 })),
            TelnyxMistake::FirstCommand => {
                application(json!({ "first_command_timeout": true, "first_command_timeout_secs": 3 }));
            }
            TelnyxMistake::NoCost => application(json!({ "call_cost_in_webhooks": false })),
            TelnyxMistake::NoProfile => application(json!({ "outbound": {} })),
            TelnyxMistake::ProfileDisabled => state.profile.extend(fields(json!({ "enabled": false }))),
            TelnyxMistake::Released => state.released = true,
            TelnyxMistake::PortedOut => each("status", "ported-out".into()),
            TelnyxMistake::Unassigned => each("connection_id", Value::Null),
            TelnyxMistake::Reassigned => each("connection_id", OTHER_APPLICATION.into()),
            TelnyxMistake::Forwarded => {
                let away = json!({
                    "call_forwarding_enabled": true, "forwards_to": "+12025550000", "forwarding_type": "always",
                });
                state.forwarding.extend(numbers.iter().map(|number| (number.number.clone(), fields(away.clone()))));
            }
        }
    }
}

/// A decimal number, as Telnyx has it: the number's own digits.
fn number_id(number: &Number) -> &str {
    number.number.trim_start_matches('+')
}

fn nowhere() -> Map<String, Value> {
    fields(json!({ "call_forwarding_enabled": true, "forwards_to": "", "forwarding_type": null }))
}

fn fields(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(fields) => fields,
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) => Map::new(),
    }
}
