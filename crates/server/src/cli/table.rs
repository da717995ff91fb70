//! Calls as people read them.

use serde_json::Value;

/// Prints calls as a table, one line each.
pub(super) fn calls(calls: &[Value]) {
    say!("{:36}  {:8}  {:10}  {:24}  {:16}  SUBJECT", "CALL", "PHASE", "ENDED", "PLACED", "TO");
    for call in calls {
        say!(
            "{:36}  {:8}  {:10}  {:24}  {:16}  {}",
            text(call, "id"),
            text(call, "phase"),
            text(call, "disposition"),
            text(call, "placed"),
            text(call, "to"),
            text(call, "subject"),
        );
    }
}

/// Prints one call, one fact a line.
pub(super) fn call(call: &Value) {
    for key in ["id", "phase", "disposition", "direction", "provider", "subject", "from", "to", "placed"] {
        if !text(call, key).is_empty() {
            say!("{key:12} {}", text(call, key));
        }
    }
    for station in ["queued", "initiated", "ringing", "answered"] {
        if let Some(at) = call["timeline"][station].as_str() {
            say!("{station:12} {at}");
        }
    }
    for leg in call["legs"].as_array().into_iter().flatten() {
        say!("{:12} {}:{} ({})", "leg", text(leg, "provider"), text(leg, "id"), text(leg, "role"));
    }
    let outcome = &call["outcome"];
    if outcome.is_object() {
        say!("{:12} {} by {}", "ended", text(outcome, "at"), text(&outcome["proposer"], "by"));
        if let Some(seconds) = outcome["seconds"].as_f64() {
            say!("{:12} {seconds} s", "talked");
        }
        if !text(outcome, "reason").is_empty() {
            say!("{:12} {}", "reason", text(outcome, "reason"));
        }
    }
    if call["deadline"].is_object() {
        say!("{:12} {} ({})", "deadline", text(&call["deadline"], "at"), text(&call["deadline"], "timer"));
    }
}

fn text<'a>(value: &'a Value, key: &str) -> &'a str {
    value.get(key).and_then(Value::as_str).unwrap_or_default()
}
