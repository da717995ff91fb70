//! What a request may say, by Telnyx's own OpenAPI document: which fields must be there, of which type each is, and
//! which values and lengths it may have. Fields that the document does not know are ignored, as it allows.

use std::sync::LazyLock;

use base64::{Engine, engine::general_purpose::STANDARD};
use serde_json::Value;

use super::error::Refusal;

/// The requests of the document, reduced to what is checked here. A test compares it with the document itself.
static REQUESTS: LazyLock<Value> = LazyLock::new(|| {
    serde_json::from_str(include_str!("../requests.json")).expect("the file is JSON; a test reads it")
});

/// Fields that must be base64.
const STATES: [&str; 2] = ["client_state", "target_leg_client_state"];

/// Whether the document knows this action.
pub(super) fn is_known(request: &str) -> bool {
    REQUESTS[request].is_object()
}

/// Checks the body of a request by name: `dial`, `speak` and so on.
pub(super) fn check(request: &str, body: &Value) -> Result<(), Refusal> {
    let rules = &REQUESTS[request];
    let fields = body.as_object().ok_or_else(|| Refusal::malformed("The body must be a JSON object."))?;
    for required in rules["required"].as_array().into_iter().flatten().filter_map(Value::as_str) {
        if fields.get(required).is_none_or(Value::is_null) {
            return Err(Refusal::missing(required));
        }
    }
    for (name, value) in fields {
        let rule = &rules["properties"][name];
        if rule.is_object() {
            field(name, value, rule)?;
        }
    }
    Ok(())
}

fn field(name: &str, value: &Value, rule: &Value) -> Result<(), Refusal> {
    let (one, several) = (rule["type"].as_str(), rule["type"].as_array());
    let kinds: Vec<&str> = one.into_iter().chain(several.into_iter().flatten().filter_map(Value::as_str)).collect();
    if !kinds.is_empty() && !kinds.iter().any(|kind| is_of(value, kind)) {
        return Err(Refusal::invalid(name, format!("The '{name}' parameter must be of type {}.", kinds.join(" or "))));
    }
    if let Some(values) = rule["enum"].as_array()
        && !values.contains(value)
    {
        let words: Vec<String> =
            values.iter().map(|value| value.as_str().map_or(value.to_string(), str::to_owned)).collect();
        return Err(Refusal::not_listed(name, &words.join(", ")));
    }
    let length =
        value.as_str().map(|text| text.chars().count() as f64).or(value.as_array().map(|all| all.len() as f64));
    let bound = |rule: &Value, default: f64| rule.as_f64().unwrap_or(default);
    let size_fits = length.is_none_or(|length| {
        length >= bound(&rule["minLength"], 0.0)
            && length <= bound(&rule["maxLength"], f64::MAX)
            && length <= bound(&rule["maxItems"], f64::MAX)
    });
    let value_fits = value.as_f64().is_none_or(|number| {
        number >= bound(&rule["minimum"], f64::MIN) && number <= bound(&rule["maximum"], f64::MAX)
    });
    if !size_fits || !value_fits {
        return Err(Refusal::invalid(name, format!("The '{name}' parameter is out of range.")));
    }
    if STATES.contains(&name) && value.as_str().is_none_or(|text| STANDARD.decode(text).is_err()) {
        return Err(Refusal::client_state());
    }
    Ok(())
}

fn is_of(value: &Value, kind: &str) -> bool {
    match kind {
        "string" => value.is_string(),
        "integer" => value.is_i64() || value.is_u64(),
        "number" => value.is_number(),
        "boolean" => value.is_boolean(),
        "array" => value.is_array(),
        "object" => value.is_object(),
        "null" => value.is_null(),
        _ => true,
    }
}
