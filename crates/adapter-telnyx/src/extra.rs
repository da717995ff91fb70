//! What a message brings that we do not interpret: kept for the journal, within bounds, and never a secret.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

/// Fields that we interpret, or that say nothing new about a call.
#[rustfmt::skip]
const KNOWN: [&str; 21] = [
    "call_control_id", "call_leg_id", "call_session_id", "client_state", "connection_id", "digit", "direction", "from",
    "hangup_cause", "is_final", "occurred_at", "public_recording_urls", "recording_ended_at", "recording_id",
    "recording_started_at", "recording_urls", "sip_hangup_cause", "state", "to", "total_cost", "transcription_data",
];

/// A message may bring this many fields that we do not know; the rest is dropped.
const MOST_EXTRAS: usize = 32;
/// Of a field that we do not know, this much is kept.
const MOST_CHARS: usize = 500;

/// The unknown fields of an event's payload.
pub(crate) fn extra(kind: &str, payload: &Map<String, Value>) -> BTreeMap<String, String> {
    // Card and bank data: nothing of it is kept.
    if kind.starts_with("call.payment") {
        return BTreeMap::new();
    }
    // For Telnyx's support, once a call.
    let ids = |name: &str| kind == "call.initiated" && matches!(name, "call_leg_id" | "call_session_id");
    let new = payload.iter().filter(|(name, _)| !is_secret(name) && (ids(name) || !KNOWN.contains(&name.as_str())));
    let texts = new.filter_map(|(name, value)| Some((short(name), short(&text(value)?))));
    texts.take(MOST_EXTRAS).collect()
}

fn text(value: &Value) -> Option<String> {
    match value {
        Value::Null => None,
        Value::String(text) if text.is_empty() => None,
        Value::String(text) => Some(text.clone()),
        Value::Array(all) if all.is_empty() => None,
        Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_) => Some(value.to_string()),
    }
}

fn is_secret(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    ["token", "secret", "password", "auth", "card", "bank"].iter().any(|word| name.contains(word))
}

pub(crate) fn short(text: &str) -> String {
    text.chars().take(MOST_CHARS).collect()
}
