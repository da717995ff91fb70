//! `POST /v2/calls`, and what it has in common with a transfer.

use std::sync::Arc;

use serde_json::{Value, json};

use super::{error::Refusal, valid};
use crate::{
    gate::Answer,
    telnyx::{
        Face, MOST_LENGTH,
        call::{Call, Plan, RecordPlan, Ring},
        webhook::Webhook,
        window,
    },
    truth::Direction,
};

/// How many routes are tried, each for the whole time-out, unless told otherwise.
const ROUTES: f64 = 2.0;
/// Telnyx's limits for ringing, in seconds.
const RING_SECONDS: (f64, f64) = (5.0, 600.0);

pub(super) async fn dial(face: &Arc<Face>, body: &Value) -> Result<Answer, Refusal> {
    valid::check("dial", body)?;
    let application = face.application(text(body, "connection_id")).filter(|application| application.is_active());
    if application.is_none_or(|application| application.urls().0.is_none()) {
        return Err(Refusal::connection());
    }
    let to = body["to"].as_str().or_else(|| body["to"][0].as_str()).ok_or_else(|| Refusal::missing("to"))?;
    check(to, text(body, "from"))?;
    let lasts = face.world.scale.real(window::SECONDS);
    let placing = async { Ok(place(face, body, address(to))) };
    face.dials.once(body["command_id"].as_str(), lasts, placing).await
}

fn place(face: &Arc<Face>, body: &Value, to: &str) -> Answer {
    let linked = body["link_to"].as_str().and_then(|other| face.find(other));
    let mut ring = ring(body);
    if body["retry_on_timeout"] == json!(false) {
        ring.cause = "no_answer";
    } else {
        ring.seconds *= ROUTES;
    }
    let call = face.place(Plan {
        to: to.to_owned(),
        from: text(body, "from").to_owned(),
        direction: Direction::OutboundApi,
        parent: None,
        session: linked.map(|other| other.session_id.clone()),
        connection: text(body, "connection_id").to_owned(),
        client_state: body["client_state"].as_str().map(str::to_owned),
        webhook: Webhook::said(body, Webhook::default()),
        json: Some(body.clone()),
        person: None,
        ring,
        time_limit: time_limit(body),
        record: record(face, body),
        detection: body["answering_machine_detection"].as_str().map(str::to_owned),
        stream: body["stream_url"].is_string().then(|| body.clone()),
        transcription: body["transcription"] == json!(true),
    });
    Answer::ok(json!({ "data": shown(&call) })).about(&call.sid)
}

fn text<'a>(body: &'a Value, field: &str) -> &'a str {
    body[field].as_str().unwrap_or_default()
}

/// The answer to a dial never says that the call is alive.
fn shown(call: &Call) -> Value {
    let mut data = json!({
        "record_type": "call",
        "call_control_id": call.sid,
        "call_leg_id": call.leg_id,
        "call_session_id": call.session_id,
        "is_alive": false,
    });
    if let Some(state) = &call.plan.client_state {
        data["client_state"] = json!(state);
    }
    if let Some(record) = &call.plan.record {
        data["recording_id"] = json!(record.id);
    }
    data
}

/// Whether a leg can be placed between these two.
pub(super) fn check(to: &str, from: &str) -> Result<(), Refusal> {
    if !is_address(address(to)) {
        return Err(Refusal::number("to"));
    }
    if is_address(from) && address(to) != from { Ok(()) } else { Err(Refusal::number("from")) }
}

/// Without the keys to press after the answer, and the options of a SIP address.
pub(super) fn address(to: &str) -> &str {
    to.split([',', ';']).next().unwrap_or_default()
}

/// E.164 or `sip:…`.
fn is_address(address: &str) -> bool {
    match address.strip_prefix('+') {
        Some(digits) => {
            (7..=15).contains(&digits.len())
                && !digits.starts_with('0')
                && digits.bytes().all(|byte| byte.is_ascii_digit())
        }
        None => address.strip_prefix("sip:").is_some_and(|rest| !rest.is_empty()),
    }
}

pub(super) fn ring(body: &Value) -> Ring {
    let (least, most) = RING_SECONDS;
    Ring { seconds: body["timeout_secs"].as_f64().unwrap_or(30.0).clamp(least, most), cause: "timeout" }
}

pub(super) fn time_limit(body: &Value) -> f64 {
    body["time_limit_secs"].as_f64().unwrap_or(MOST_LENGTH)
}

/// `record-from-answer`, on a dial, an answer or a transfer.
pub(super) fn record(face: &Face, body: &Value) -> Option<RecordPlan> {
    body["record"].as_str()?;
    let text = |name: &str, default: &str| body[name].as_str().unwrap_or(default).to_owned();
    Some(RecordPlan {
        id: face.sids.uuid(),
        channels: text("record_channels", "dual"),
        format: text("record_format", "mp3"),
    })
}
