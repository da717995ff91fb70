//! `filter_criteria`: typed conditions on the fields of a listed call.

use serde_json::{Map, Value};

use super::error::Refusal;

/// Every condition, each with the field that it is about.
pub(super) struct Filter(Vec<(Vec<String>, Condition)>);

enum Condition {
    Text(String, String),
    Number(String, f64),
    Between(f64, f64),
    OneOf(Vec<Value>),
    Truth(bool),
    Present(bool),
}

/// Filters with the name of a field of the call.
const PLAIN: [&str; 11] = [
    "batch_call_id",
    "call_id",
    "call_status",
    "call_type",
    "direction",
    "disconnection_reason",
    "from_number",
    "to_number",
    "start_timestamp",
    "end_timestamp",
    "duration_ms",
];

/// Filters on something deeper.
const DEEP: [(&str, &[&str]); 6] = [
    ("in_voicemail", &["call_analysis", "in_voicemail"]),
    ("call_successful", &["call_analysis", "call_successful"]),
    ("user_sentiment", &["call_analysis", "user_sentiment"]),
    ("combined_cost", &["call_cost", "combined_cost"]),
    ("e2e_latency_p50", &["latency", "e2e", "p50"]),
    ("data_storage_setting", &["data_storage_setting"]),
];

/// Lists of filters that name a key of an object.
const KEYED: [(&str, &[&str]); 3] = [
    ("metadata", &["metadata"]),
    ("dynamic_variables", &["retell_llm_dynamic_variables"]),
    ("custom_analysis_data", &["call_analysis", "custom_analysis_data"]),
];

impl Filter {
    pub(super) fn read(criteria: Option<&Value>) -> Result<Self, Refusal> {
        let empty = Map::new();
        let criteria = match criteria {
            Some(Value::Object(criteria)) => criteria,
            Some(_) => return Err(Refusal::bad("filter_criteria must be an object.")),
            None => &empty,
        };
        let mut conditions = Vec::new();
        for (name, value) in criteria {
            let path = |path: &[&str]| path.iter().map(|step| (*step).to_owned()).collect::<Vec<_>>();
            if PLAIN.contains(&name.as_str()) {
                conditions.push((path(&[name]), Condition::read(name, value)?));
            } else if let Some((_, deep)) = DEEP.iter().find(|(known, _)| known == name) {
                conditions.push((path(deep), Condition::read(name, value)?));
            } else if let Some((_, deep)) = KEYED.iter().find(|(known, _)| known == name) {
                for value in value.as_array().ok_or_else(|| bad(name))? {
                    let key = value["key"].as_str().ok_or_else(|| bad(name))?;
                    let path = path(deep).into_iter().chain([key.to_owned()]).collect();
                    conditions.push((path, Condition::read(name, value)?));
                }
            } else if name == "agent" {
                let agents = value.as_array().ok_or_else(|| bad(name))?;
                let ids = agents.iter().map(|agent| agent["agent_id"].clone()).collect();
                conditions.push((path(&["agent_id"]), Condition::OneOf(ids)));
            } else {
                return Err(Refusal::bad(format!("filter_criteria.{name} is unknown to this network.")));
            }
        }
        Ok(Self(conditions))
    }

    pub(super) fn passes(&self, item: &Value) -> bool {
        self.0.iter().all(|(path, condition)| {
            let value = path.iter().try_fold(item, |value, step| value.get(step));
            condition.holds(value)
        })
    }
}

impl Condition {
    fn read(name: &str, filter: &Value) -> Result<Self, Refusal> {
        let (kind, op) = (filter["type"].as_str(), filter["op"].as_str());
        let (kind, op) = kind.zip(op).ok_or_else(|| bad(name))?;
        let value = &filter["value"];
        let read = || {
            Some(match (kind, op) {
                ("string", "eq" | "ne" | "sw" | "ew" | "co") => Self::Text(op.into(), value.as_str()?.into()),
                ("number", "eq" | "ne" | "gt" | "ge" | "lt" | "le") => Self::Number(op.into(), value.as_f64()?),
                ("range", "bt") => Self::Between(value.get(0)?.as_f64()?, value.get(1)?.as_f64()?),
                ("enum", "in") => Self::OneOf(value.as_array()?.clone()),
                ("boolean", "eq") => Self::Truth(value.as_bool()?),
                ("present", "pr" | "np") => Self::Present(op == "pr"),
                _ => return None,
            })
        };
        let condition = read().ok_or_else(|| bad(name))?;
        // A call that is only registered has no status to ask for.
        let registered = matches!(&condition, Self::OneOf(values) if values.contains(&"registered".into()));
        if name == "call_status" && registered { Err(bad(name)) } else { Ok(condition) }
    }

    fn holds(&self, value: Option<&Value>) -> bool {
        let text = value.and_then(Value::as_str);
        let number = value.and_then(Value::as_f64);
        match self {
            Self::Present(wanted) => value.is_some() == *wanted,
            Self::Truth(wanted) => value.and_then(Value::as_bool) == Some(*wanted),
            Self::OneOf(values) => value.is_some_and(|value| values.contains(value)),
            Self::Between(low, high) => number.is_some_and(|number| (*low..=*high).contains(&number)),
            Self::Text(op, wanted) => match op.as_str() {
                "ne" => text != Some(wanted),
                "sw" => text.is_some_and(|text| text.starts_with(wanted)),
                "ew" => text.is_some_and(|text| text.ends_with(wanted)),
                "co" => text.is_some_and(|text| text.contains(wanted)),
                _ => text == Some(wanted),
            },
            Self::Number(op, wanted) => number.is_some_and(|number| match op.as_str() {
                "ne" => number != *wanted,
                "gt" => number > *wanted,
                "ge" => number >= *wanted,
                "lt" => number < *wanted,
                "le" => number <= *wanted,
                _ => number == *wanted,
            }),
        }
    }
}

fn bad(name: &str) -> Refusal {
    Refusal::bad(format!("filter_criteria.{name} is not a valid filter."))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn passes(criteria: Value) -> Option<bool> {
        let item = json!({
            "call_id": "call_1", "call_status": "ended", "duration_ms": 5000, "agent_id": "agent_1",
            "metadata": { "call_id": "ours" }, "call_analysis": { "in_voicemail": false },
        });
        Filter::read(Some(&criteria)).ok().map(|filter| filter.passes(&item))
    }

    #[test]
    fn every_type_of_filter_is_understood() {
        for (criteria, wanted) in [
            (json!({}), true),
            (json!({ "metadata": [{ "key": "call_id", "type": "string", "op": "eq", "value": "ours" }] }), true),
            (json!({ "metadata": [{ "key": "call_id", "type": "string", "op": "eq", "value": "theirs" }] }), false),
            (json!({ "metadata": [{ "key": "other", "type": "present", "op": "np" }] }), true),
            (json!({ "call_id": { "type": "enum", "op": "in", "value": ["call_0", "call_1"] } }), true),
            (json!({ "call_status": { "type": "enum", "op": "in", "value": ["ongoing"] } }), false),
            (json!({ "duration_ms": { "type": "number", "op": "gt", "value": 4999 } }), true),
            (json!({ "duration_ms": { "type": "range", "op": "bt", "value": [1, 2] } }), false),
            (json!({ "in_voicemail": { "type": "boolean", "op": "eq", "value": false } }), true),
            (json!({ "agent": [{ "agent_id": "agent_2" }] }), false),
            (json!({ "disconnection_reason": { "type": "enum", "op": "in", "value": ["user_hangup"] } }), false),
        ] {
            assert_eq!(passes(criteria.clone()), Some(wanted), "{criteria}");
        }
    }

    #[test]
    fn what_is_no_filter_is_refused() {
        for criteria in [
            json!([]),
            json!({ "unheard_of": { "type": "string", "op": "eq", "value": "x" } }),
            json!({ "call_id": "call_1" }),
            json!({ "call_id": { "type": "string", "op": "like", "value": "x" } }),
            json!({ "metadata": { "type": "string", "op": "eq", "value": "x" } }),
            json!({ "call_status": { "type": "enum", "op": "in", "value": ["registered"] } }),
        ] {
            assert_eq!(passes(criteria.clone()), None, "{criteria}");
        }
    }
}
