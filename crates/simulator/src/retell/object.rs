//! The call object, as Retell's OpenAPI document has it.

use jiff::Timestamp;
use serde_json::{Map, Value, json};

use super::{
    call::{Call, Story},
    ending::call_status,
    transcript::{everything, text, utterances},
};
use crate::truth::{CallRecord, Direction, Status};

/// How much of a call is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Detail {
    /// `call_started`: who and when.
    Basic,
    /// In the middle of it: the same, with the transcript so far.
    Running,
    /// `call_ended`: all but the analysis.
    Ended,
    /// Everything that there is by now.
    Whole,
    /// The same without transcripts, as the third version of the list shows it.
    Listed,
}

/// What a minute of the agent's voice, and of the line, costs in cents.
const COSTS: [(&str, f64); 2] = [("simulated_voice_engine", 7.0), ("simulated_telephony", 1.5)];

/// The call as it was at `moment`: a read that is not up to date shows the past.
pub(crate) fn object(call: &Call, detail: Detail, moment: Timestamp) -> Value {
    let mut fields = Map::new();
    call.look(|record| {
        call.story(|story| {
            let ended = record.ended_at.filter(|at| *at <= moment);
            basic(&mut fields, record, story, moment);
            if let Some(ended) = ended.filter(|_| matches!(detail, Detail::Ended | Detail::Whole | Detail::Listed)) {
                ending(&mut fields, record, story, ended);
            }
            let told =
                detail == Detail::Running || (ended.is_some() && matches!(detail, Detail::Ended | Detail::Whole));
            if told && record.answered_at.is_some() {
                fields.insert("transcript".into(), text(&story.transcript).into());
                fields.insert("transcript_object".into(), utterances(&story.transcript).into());
                fields.insert("transcript_with_tool_calls".into(), everything(&story.transcript).into());
            }
            if story.analyzed && ended.is_some() && matches!(detail, Detail::Whole | Detail::Listed) {
                fields.insert("call_analysis".into(), analysis(record, story));
            }
        });
    });
    Value::Object(fields)
}

fn basic(fields: &mut Map<String, Value>, record: &CallRecord, story: &Story, moment: Timestamp) {
    let status = record.history.iter().rev().find(|change| change.at <= moment).map_or(Status::Queued, |it| it.status);
    let known = [
        ("call_id", record.sid.as_str().into()),
        ("call_type", "phone_call".into()),
        ("agent_id", story.agent.agent_id.as_str().into()),
        ("agent_name", story.agent.agent_name.as_str().into()),
        ("agent_version", story.agent.version.into()),
        ("call_status", call_status(status).into()),
        ("direction", if record.direction == Direction::Inbound { "inbound" } else { "outbound" }.into()),
        ("from_number", record.from.as_str().into()),
        ("to_number", record.to.as_str().into()),
        ("data_storage_setting", story.storage.as_str().into()),
        ("opt_in_signed_url", false.into()),
    ];
    // What was not given is left out, not null.
    let given = [
        ("metadata", story.metadata.clone()),
        ("retell_llm_dynamic_variables", story.variables.clone().map(Value::Object)),
        ("custom_sip_headers", story.sip_headers.clone()),
        ("start_timestamp", record.answered_at.filter(|at| *at <= moment).map(|at| at.as_millisecond().into())),
    ];
    fields.extend(known.into_iter().map(|(name, value)| (name.to_owned(), value)));
    fields.extend(given.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?))));
}

fn ending(fields: &mut Map<String, Value>, record: &CallRecord, story: &Story, ended: Timestamp) {
    let mut add = |name: &str, value: Value| fields.insert(name.to_owned(), value);
    add("end_timestamp", ended.as_millisecond().into());
    if let Some(cause) = &record.cause {
        add("disconnection_reason", cause.as_str().into());
    }
    if record.answered_at.is_none() {
        return;
    }
    let seconds = record.duration.unwrap_or(0);
    let minutes = seconds as f64 / 60.0;
    let products = COSTS.map(|(product, cents)| {
        json!({ "product": product, "unit_price": rounded(cents / 60.0), "cost": rounded(cents * minutes) })
    });
    let unit_price: f64 = COSTS.iter().map(|(_, cents)| cents).sum();
    add("duration_ms", (seconds * 1000).into());
    if let Some(url) = &story.recording_url {
        add("recording_url", url.as_str().into());
    }
    add("collected_dynamic_variables", json!({}));
    add("latency", json!({ "e2e": latency(&story.latencies) }));
    add("llm_token_usage", json!({ "values": [210], "average": 210, "num_requests": 1 }));
    add(
        "call_cost",
        json!({
            "product_costs": products,
            "total_duration_seconds": seconds,
            "total_duration_unit_price": rounded(unit_price / 60.0),
            "combined_cost": rounded(unit_price * minutes),
        }),
    );
}

fn analysis(record: &CallRecord, story: &Story) -> Value {
    let voicemail = record.answered_by.is_some();
    let summary = if voicemail { "The call reached a voicemail." } else { "The caller asked and was answered." };
    json!({
        "call_summary": if record.answered_at.is_some() { summary } else { "The call was not connected." },
        "in_voicemail": voicemail,
        "user_sentiment": if story.successful { "Positive" } else { "Unknown" },
        "call_successful": story.successful,
        "custom_analysis_data": {},
    })
}

/// Percentiles by the nearest rank. A call without a reply has none.
fn latency(values: &[f64]) -> Value {
    if values.is_empty() {
        return json!({ "num": 0, "values": [] });
    }
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let rank = |share: f64| sorted[((share * sorted.len() as f64).ceil() as usize).clamp(1, sorted.len()) - 1];
    json!({
        "p50": rank(0.5), "p90": rank(0.9), "p95": rank(0.95), "p99": rank(0.99),
        "max": rank(1.0), "min": rank(0.0), "num": values.len(), "values": values,
    })
}

fn rounded(cents: f64) -> f64 {
    (cents * 1e4).round() / 1e4
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_values_that_occurred() {
        let latency = latency(&[900.0, 700.0, 800.0, 1500.0]);
        assert_eq!((latency["p50"].as_f64(), latency["p99"].as_f64()), (Some(800.0), Some(1500.0)));
        assert_eq!((latency["min"].as_f64(), latency["num"].as_u64()), (Some(700.0), Some(4)));
    }
}
