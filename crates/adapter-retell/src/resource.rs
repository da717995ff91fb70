//! Retell's call object, as webhooks, functions and the API bring it (retell.md §3).
//!
//! Every field but the id may be missing, late or of a new shape, and none of that may lose the rest: so each is read
//! by itself.

use std::collections::BTreeMap;
use std::time::Duration;

use call_core::{Analysis, CallId, Cost, Latency, Leg, Recording, Speaker, Timestamp, Turn};
use serde_json::{Map, Value};

use crate::status::Words;
use crate::{NAME, act};

/// One call.
#[derive(Clone, Copy)]
pub(crate) struct CallObject<'a> {
    pub(crate) fields: &'a Map<String, Value>,
    id: &'a str,
}

impl<'a> CallObject<'a> {
    /// `None` without an id that can be asked for.
    pub(crate) fn read(value: &'a Value) -> Option<Self> {
        let fields = value.as_object()?;
        let id = text(fields, "call_id").filter(|id| act::is_call_id(id))?;
        Some(Self { fields, id })
    }

    pub(crate) const fn id(&self) -> &'a str {
        self.id
    }

    pub(crate) fn leg(&self) -> Leg {
        Leg::new(NAME, self.id)
    }

    /// Our name for the call, as we wrote it. An operator's own `call_id` of another form is none.
    pub(crate) fn ours(&self) -> Option<CallId> {
        let name = text(self.fields.get("metadata")?.as_object()?, "call_id")?;
        name.parse::<CallId>().ok().filter(|id| id.to_string() == name)
    }

    pub(crate) fn get(&self, name: &str) -> Option<&'a str> {
        text(self.fields, name)
    }

    pub(crate) fn started(&self) -> Option<Timestamp> {
        moment(self.fields, "start_timestamp")
    }

    pub(crate) fn ended(&self) -> Option<Timestamp> {
        moment(self.fields, "end_timestamp")
    }

    pub(crate) fn duration(&self) -> Option<Duration> {
        let told = || Some(Duration::from_millis(self.fields.get("duration_ms")?.as_u64()?));
        told().or_else(|| Some(self.ended()?.since(self.started()?)))
    }

    pub(crate) fn words(&self) -> Words<'a> {
        Words { reason: self.get("disconnection_reason"), status: self.get("call_status"), duration: self.duration() }
    }

    /// Whether Retell does not say that it is over. In answers to questions only: webhooks may bring an old status.
    pub(crate) fn is_open(&self) -> bool {
        let is_over = matches!(self.get("call_status"), Some("ended" | "error" | "not_connected"));
        !is_over && self.get("disconnection_reason").is_none()
    }

    /// What was said, without what was done.
    pub(crate) fn turns(&self) -> Vec<Turn> {
        let lists = ["transcript_object", "transcript_with_tool_calls"];
        let list = lists.iter().find_map(|name| self.fields.get(*name)?.as_array().filter(|all| !all.is_empty()));
        list.into_iter().flatten().filter_map(turn).collect()
    }

    /// The invocation that is running: Retell tells of it last, and without a result yet.
    pub(crate) fn invocation(&self, name: &str) -> Option<&'a str> {
        let is_done = |id: &str| self.tools("tool_call_result").any(|result| text(result, "tool_call_id") == Some(id));
        let invoked = self.tools("tool_call_invocation").filter(|tool| text(tool, "name") == Some(name));
        invoked.filter_map(|tool| text(tool, "tool_call_id")).filter(|id| !is_done(id)).last()
    }

    /// How many functions have returned.
    pub(crate) fn results(&self) -> usize {
        self.tools("tool_call_result").count()
    }

    fn tools(&self, role: &'static str) -> impl Iterator<Item = &'a Map<String, Value>> {
        let all = self.fields.get("transcript_with_tool_calls").and_then(Value::as_array);
        let entries = all.into_iter().flatten().filter_map(Value::as_object);
        entries.filter(move |entry| text(entry, "role") == Some(role))
    }

    pub(crate) fn analysis(&self) -> Option<Analysis> {
        let fields = self.fields.get("call_analysis")?.as_object().filter(|fields| !fields.is_empty())?;
        let flag = |name: &str| fields.get(name).and_then(Value::as_bool);
        let words = |name| text(fields, name).map(str::to_owned);
        let custom = fields.get("custom_analysis_data").and_then(Value::as_object);
        Some(Analysis {
            successful: flag("call_successful"),
            summary: words("call_summary"),
            sentiment: words("user_sentiment"),
            voicemail: flag("in_voicemail"),
            custom: custom.map(json_texts).unwrap_or_default(),
        })
    }

    pub(crate) fn cost(&self) -> Option<Cost> {
        let cents = self.fields.get("call_cost")?.get("combined_cost")?.as_f64()?;
        Some(Cost { amount: dollars(cents)?, currency: "USD".to_owned() })
    }

    /// From the caller's last word to the agent's first.
    pub(crate) fn latency(&self) -> Option<Latency> {
        let spread = self.fields.get("latency")?.get("e2e")?;
        let millis = |name: &str| {
            let millis = spread.get(name)?.as_f64()?;
            // Below a day, so that no number can overflow.
            (0.0..86_400_000.0).contains(&millis).then(|| Duration::from_millis(millis.round() as u64))
        };
        let latency = Latency { p50: millis("p50"), p90: millis("p90"), p99: millis("p99") };
        (latency != Latency::default()).then_some(latency)
    }

    pub(crate) fn recordings(&self) -> Vec<Recording> {
        let kinds = [
            ("recording", ["recording_url", "scrubbed_recording_url"]),
            ("channels", ["recording_multi_channel_url", "scrubbed_recording_multi_channel_url"]),
        ];
        let recording = |(kind, fields): (&str, [&str; 2])| {
            let url = fields.iter().find_map(|name| self.get(name))?;
            Some(Recording {
                id: format!("{}/{kind}", self.id),
                url: Some(url.to_owned()),
                status: "completed".to_owned(),
                duration: self.duration(),
            })
        };
        kinds.into_iter().filter_map(recording).collect()
    }
}

fn turn(entry: &Value) -> Option<Turn> {
    let entry = entry.as_object()?;
    let speaker = match text(entry, "role")? {
        "agent" => Speaker::Agent,
        "user" => Speaker::Caller,
        // What is done is no word; and whom the caller was handed to is neither of the two.
        _ => return None,
    };
    Some(Turn { speaker, text: text(entry, "content")?.trim().to_owned() })
}

/// Each value as JSON text.
fn json_texts(fields: &Map<String, Value>) -> BTreeMap<String, String> {
    fields.iter().map(|(name, value)| (name.clone(), value.to_string())).collect()
}

/// Cents as dollars, by moving the point in the decimal text: no digit is lost and none is made up.
fn dollars(cents: f64) -> Option<String> {
    if !(0.0..1e15).contains(&cents) {
        return None;
    }
    let text = cents.to_string();
    let (whole, part) = text.split_once('.').unwrap_or((&text, ""));
    let whole = format!("{whole:0>3}");
    let (units, hundredths) = whole.split_at(whole.len() - 2);
    Some(format!("{units}.{hundredths}{part}"))
}

pub(crate) fn text<'a>(fields: &'a Map<String, Value>, name: &str) -> Option<&'a str> {
    fields.get(name)?.as_str().filter(|text| !text.is_empty())
}

/// Milliseconds since the epoch. Zero is how an unset number looks.
pub(crate) fn moment(fields: &Map<String, Value>, name: &str) -> Option<Timestamp> {
    fields.get(name)?.as_i64().filter(|millis| *millis > 0).map(Timestamp::from_millis)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cents_become_dollars_without_rounding() {
        let table =
            [(70.0, "0.70"), (0.0, "0.00"), (7.0, "0.07"), (13.825, "0.13825"), (123456.5, "1234.565"), (0.1, "0.001")];
        for (cents, expected) in table {
            assert_eq!(dollars(cents).as_deref(), Some(expected), "{cents}");
        }
        for odd in [-1.0, f64::NAN, f64::INFINITY, 1e300] {
            assert_eq!(dollars(odd), None);
        }
    }
}
