//! JSON as Twilio's OpenAPI document has it.

use jiff::Timestamp;
use serde_json::{Value, json};

use crate::{
    truth::{CallRecord, Direction, Notice, Sent, Status},
    twilio::{Face, callback::rfc2822, recording::Recording, stream::Stream},
};

/// What a read shows of a call.
pub(super) struct View {
    sid: String,
    parent: Option<String>,
    to: String,
    from: String,
    direction: Direction,
    answered_by: Option<String>,
    created: Timestamp,
    updated: Timestamp,
    pub(super) status: Status,
    pub(super) dialed: Option<Timestamp>,
    pub(super) ended: Option<Timestamp>,
    duration: Option<u64>,
}

impl View {
    /// The call as it was at `moment`: a read that is not up to date shows the past.
    pub(super) fn at(record: &CallRecord, moment: Timestamp) -> Self {
        let known = |at: Option<Timestamp>| at.filter(|at| *at <= moment);
        let last = record.history.iter().rev().find(|change| change.at <= moment);
        let ended = known(record.ended_at);
        Self {
            sid: record.sid.clone(),
            parent: record.parent.clone(),
            to: record.to.clone(),
            from: record.from.clone(),
            direction: record.direction,
            answered_by: record.answered_by.clone().filter(|_| known(record.answered_at).is_some()),
            created: record.created_at,
            updated: last.map_or(record.created_at, |change| change.at),
            status: last.map_or(Status::Queued, |change| change.status),
            dialed: known(record.dialed_at),
            ended,
            duration: record.duration.filter(|_| ended.is_some()),
        }
    }
}

/// `initiated` is a word of callbacks only.
pub(super) fn rest_status(status: Status) -> &'static str {
    if status == Status::Initiated { Status::Queued.name() } else { status.name() }
}

pub(super) fn call(face: &Face, view: &View) -> Value {
    let account = &face.world.config.account_sid;
    let base = format!("/2010-04-01/Accounts/{account}/Calls/{}", view.sid);
    let completed = view.status == Status::Completed;
    let below = |name: &str| format!("{base}/{name}.json");
    json!({
        "sid": view.sid,
        "date_created": rfc2822(view.created),
        "date_updated": rfc2822(view.updated),
        "parent_call_sid": view.parent,
        "account_sid": account,
        "to": view.to,
        "to_formatted": formatted(&view.to),
        "from": view.from,
        "from_formatted": formatted(&view.from),
        "phone_number_sid": null,
        "status": rest_status(view.status),
        "start_time": view.dialed.map(rfc2822),
        "end_time": view.ended.filter(|_| completed).map(rfc2822),
        "duration": view.duration.filter(|_| completed).map(|seconds| seconds.to_string()),
        "price": view.duration.filter(|_| completed).map(price),
        "price_unit": "USD",
        "direction": view.direction.name(),
        "answered_by": view.answered_by,
        "api_version": "2010-04-01",
        "forwarded_from": null,
        "group_sid": null,
        "caller_name": null,
        "queue_time": "0",
        "trunk_sid": null,
        "uri": format!("{base}.json"),
        "subresource_uris": {
            "events": below("Events"),
            "notifications": below("Notifications"),
            "recordings": below("Recordings"),
            "streams": below("Streams"),
        },
    })
}

/// Per minute begun, as a negative amount in dollars.
fn price(seconds: u64) -> String {
    format!("-{:.5}", 0.014 * seconds.div_ceil(60) as f64)
}

/// `(202) 555-0100` for North America, the number itself elsewhere.
fn formatted(address: &str) -> String {
    let national = address.strip_prefix("+1").filter(|digits| digits.len() == 10);
    match national.map(|digits| (digits.get(..3), digits.get(3..6), digits.get(6..))) {
        Some((Some(area), Some(exchange), Some(line))) => format!("({area}) {exchange}-{line}"),
        _ => address.to_owned(),
    }
}

pub(super) fn event(sent: &Sent) -> Value {
    let last = sent.attempts.last();
    let parameters: serde_json::Map<String, Value> =
        sent.params.iter().map(|(name, value)| (name.clone(), value.clone().into())).collect();
    json!({
        "request": { "url": sent.url, "method": sent.method, "parameters": parameters },
        "response": {
            "response_code": last.and_then(|attempt| attempt.answer),
            "request_duration": last.map(|attempt| attempt.took_ms),
            "response_body": sent.body,
            "date_created": last.map(|attempt| rfc2822(attempt.at)),
        },
    })
}

pub(super) fn notification(face: &Face, record: &CallRecord, notice: &Notice, sid: &str) -> Value {
    let account = &face.world.config.account_sid;
    json!({
        "account_sid": account,
        "api_version": "2010-04-01",
        "call_sid": record.sid,
        "date_created": rfc2822(notice.at),
        "date_updated": rfc2822(notice.at),
        "error_code": notice.code.to_string(),
        "log": "0",
        "message_date": rfc2822(notice.at),
        "message_text": notice.text,
        "more_info": format!("https://www.twilio.com/docs/errors/{}", notice.code),
        "request_method": "POST",
        "request_url": notice.url,
        "sid": sid,
        "uri": format!("/2010-04-01/Accounts/{account}/Calls/{}/Notifications/{sid}.json", record.sid),
    })
}

/// As `/Calls/{sid}/Recordings` shows it: the price is a number there.
pub(super) fn call_recording(face: &Face, recording: &Recording) -> Value {
    let account = &face.world.config.account_sid;
    let mut shape = common(face, recording);
    let uri = format!("/2010-04-01/Accounts/{account}/Calls/{}/Recordings/{}.json", recording.call_sid, recording.sid);
    if let Some(fields) = shape.as_object_mut() {
        fields.insert("uri".into(), uri.into());
        fields.insert("track".into(), recording.track.clone().into());
        fields.insert("price".into(), recording.duration.map(|_| -0.0025).into());
    }
    shape
}

/// As `/Recordings` shows it: the price is a string there.
pub(super) fn recording(face: &Face, recording: &Recording) -> Value {
    let account = &face.world.config.account_sid;
    let base = format!("/2010-04-01/Accounts/{account}/Recordings/{}", recording.sid);
    let mut shape = common(face, recording);
    if let Some(fields) = shape.as_object_mut() {
        fields.insert("uri".into(), format!("{base}.json").into());
        fields.insert("price".into(), recording.duration.map(|_| "-0.00250").into());
        fields.insert("media_url".into(), face.recording_url(&recording.sid).into());
        fields.insert(
            "subresource_uris".into(),
            json!({
                "add_on_results": format!("{base}/AddOnResults.json"),
                "transcriptions": format!("{base}/Transcriptions.json"),
            }),
        );
    }
    shape
}

fn common(face: &Face, recording: &Recording) -> Value {
    json!({
        "account_sid": face.world.config.account_sid,
        "api_version": "2010-04-01",
        "call_sid": recording.call_sid,
        "conference_sid": null,
        "date_created": rfc2822(recording.started),
        "date_updated": rfc2822(recording.started),
        "start_time": rfc2822(recording.started),
        "duration": recording.duration.map(|seconds| seconds.to_string()),
        "sid": recording.sid,
        "price_unit": "USD",
        "status": recording.status,
        "channels": recording.channels,
        "source": recording.source,
        "error_code": null,
        "encryption_details": null,
    })
}

pub(super) fn stream(face: &Face, stream: &Stream) -> Value {
    let account = &face.world.config.account_sid;
    json!({
        "sid": stream.sid,
        "account_sid": account,
        "call_sid": stream.call_sid,
        "name": stream.name,
        "status": if stream.running { "in-progress" } else { "stopped" },
        "date_updated": rfc2822(stream.updated),
        "uri": format!("/2010-04-01/Accounts/{account}/Calls/{}/Streams/{}.json", stream.call_sid, stream.sid),
    })
}
