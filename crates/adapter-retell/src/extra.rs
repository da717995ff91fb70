//! What a message brings that we do not interpret: kept for the journal, within bounds, and never a secret.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

/// Fields that we interpret, that repeat themselves with every message, or that hold whole conversations.
#[rustfmt::skip]
const KNOWN: [&str; 33] = [
    "call", "call_analysis", "call_cost", "call_id", "call_inbound", "call_status", "call_type",
    "disconnection_reason", "duration_ms", "end_timestamp", "event", "event_timestamp", "from_number",
    "knowledge_base_retrieved_contents_url", "latency", "llm_token_usage", "metadata",
    "opt_in_signed_url", "post_session_transcript_with_tool_calls", "pre_session_transcript_with_tool_calls",
    "public_log_url", "recording_multi_channel_url", "recording_url", "retell_llm_dynamic_variables",
    "scrubbed_recording_multi_channel_url", "scrubbed_recording_url", "scrubbed_transcript_with_tool_calls",
    "start_timestamp", "to_number", "transcript", "transcript_object", "transcript_with_tool_calls",
    "data_storage_setting",
];

/// A message may bring this many fields that we do not know; the rest is dropped.
const MOST_EXTRAS: usize = 32;
/// Of a field that we do not know, this much is kept.
const MOST_CHARS: usize = 500;

/// The unknown fields of a message and of the call in it.
pub(crate) fn extra<'a>(parts: impl IntoIterator<Item = &'a Map<String, Value>>) -> BTreeMap<String, String> {
    let fields = parts.into_iter().flatten();
    let new = fields.filter(|(name, _)| !is_secret(name) && !KNOWN.contains(&name.as_str()));
    new.filter_map(|(name, value)| Some((short(name), short(&text(value)?)))).take(MOST_EXTRAS).collect()
}

fn text(value: &Value) -> Option<String> {
    match value {
        Value::Null => None,
        Value::String(text) if text.is_empty() => None,
        Value::String(text) => Some(text.clone()),
        Value::Array(all) if all.is_empty() => None,
        Value::Object(all) if all.is_empty() => None,
        Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_) => Some(value.to_string()),
    }
}

/// `access_token` joins a web call; SIP headers carry whatever the carrier likes.
fn is_secret(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    ["token", "secret", "password", "auth", "sip_headers"].iter().any(|word| name.contains(word))
}

pub(crate) fn short(text: &str) -> String {
    text.chars().take(MOST_CHARS).collect()
}
