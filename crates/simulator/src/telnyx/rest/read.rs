//! Looking at calls.

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::{error::Refusal, request::Request};
use crate::{
    fault::Fault,
    gate::Answer,
    telnyx::{Face, call::Call, event::millis},
};

/// Telnyx's page sizes.
const PAGE: usize = 20;
const MOST_PAGE: usize = 250;

pub(super) fn call(face: &Face, id: &str) -> Result<Answer, Refusal> {
    let call = face.find(id).ok_or_else(|| match face.world.ledger.find(id) {
        Some(_) => Refusal::not_found(),
        None => Refusal::unknown_call(),
    })?;
    let moment = moment(face, &call, "fetch");
    let (started, ended) = call.look(|record| (record.created_at, record.ended_at));
    let ended = ended.filter(|at| *at <= moment);
    let mut data = json!({
        "record_type": "call",
        "call_control_id": call.sid,
        "call_leg_id": call.leg_id,
        "call_session_id": call.session_id,
        "is_alive": ended.is_none(),
        "start_time": millis(started),
        "call_duration": duration(face, &call),
    });
    if let Some(at) = ended {
        data["end_time"] = json!(millis(at));
    }
    if let Some(state) = call.client_state() {
        data["client_state"] = json!(state);
    }
    Ok(Answer::ok(json!({ "data": data })).about(id))
}

/// The point in time whose truth a read shows: behind by the configured lag, or by one step if a fault strikes.
fn moment(face: &Face, call: &Call, operation: &str) -> Timestamp {
    let now = Timestamp::now();
    let behind = SignedDuration::try_from(face.world.scale.real(face.world.config.read_lag)).unwrap_or_default();
    let moment = now.saturating_sub(behind).unwrap_or(now);
    let change = call.look(|record| record.history.last().filter(|_| record.history.len() > 1).map(|change| change.at));
    match change {
        Some(at) if face.world.faults.strikes(Fault::StaleRead, call.occasion(operation)) => {
            moment.min(at.saturating_sub(SignedDuration::from_nanos(1)).unwrap_or(at))
        }
        _ => moment,
    }
}

/// Seconds on the phone so far, or until the end.
fn duration(face: &Face, call: &Call) -> u64 {
    call.look(|record| match (record.answered_at, record.duration) {
        (_, Some(seconds)) => seconds,
        (Some(at), None) => face.world.scale.phone(at.duration_until(Timestamp::now()).unsigned_abs()) as u64,
        (None, None) => 0,
    })
}

/// The calls of an application that are alive, oldest first. The cursor is a place in the list of all.
pub(super) fn active(face: &Face, connection: &str, request: &Request) -> Result<Answer, Refusal> {
    if face.application(connection).is_none() {
        return Err(Refusal::connection());
    }
    let limit = request.query("page[limit]").and_then(|limit| limit.parse().ok()).unwrap_or(PAGE).clamp(1, MOST_PAGE);
    let after: Option<usize> = request.query("page[after]").and_then(|cursor| cursor.parse().ok());
    let before: Option<usize> = request.query("page[before]").and_then(|cursor| cursor.parse().ok());
    let all = face.all();
    let alive = all.iter().enumerate().filter(|(_, call)| {
        let moment = moment(face, call, "list");
        let (created, ended) = call.look(|record| (record.created_at, record.ended_at));
        call.plan.connection == connection && created <= moment && ended.is_none_or(|at| at > moment)
    });
    let alive: Vec<_> = alive.collect();
    let total = alive.len();
    let wanted = alive.into_iter().filter(|(place, _)| after.is_none_or(|after| *place > after));
    let mut page: Vec<_> = wanted.filter(|(place, _)| before.is_none_or(|before| *place < before)).collect();
    let more = page.len() > limit;
    page.truncate(limit);
    let cursor = |place: Option<&(usize, _)>| place.map_or(String::new(), |(place, _)| place.to_string());
    let last = if more { cursor(page.last()) } else { String::new() };
    let cursors = json!({ "after": last, "before": cursor(page.first()) });
    let data: Vec<Value> = page.iter().map(|(_, call)| active_call(face, call)).collect();
    Ok(Answer::ok(json!({ "data": data, "meta": { "total_items": total, "cursors": cursors } })))
}

fn active_call(face: &Face, call: &Call) -> Value {
    json!({
        "record_type": "call",
        "call_control_id": call.sid,
        "call_leg_id": call.leg_id,
        "call_session_id": call.session_id,
        "client_state": call.client_state().unwrap_or_default(),
        "call_duration": duration(face, call),
    })
}

/// Commands and webhooks of the calls, in their order.
pub(super) fn events(face: &Face, request: &Request) -> Answer {
    let leg = request.query("filter[leg_id]");
    let session = request.query("filter[application_session_id]");
    let number = |name: &str, default: usize| request.query(name).and_then(|text| text.parse().ok()).unwrap_or(default);
    let (size, page) = (number("page[size]", PAGE).clamp(1, MOST_PAGE), number("page[number]", 1).max(1));
    let calls = face.all().into_iter().filter(|call| {
        leg.is_none_or(|leg| call.leg_id == leg) && session.is_none_or(|session| call.session_id == session)
    });
    let mut all: Vec<Value> = calls.flat_map(|call| call.events()).collect();
    let at = |event: &Value| event["event_timestamp"].as_str().unwrap_or_default().to_owned();
    all.sort_by_key(at);
    let total = all.len();
    let data: Vec<Value> = all.into_iter().skip((page - 1) * size).take(size).collect();
    let meta = json!({
        "page_number": page,
        "page_size": size,
        "total_pages": total.div_ceil(size),
        "total_results": total,
    });
    Answer::ok(json!({ "data": data, "meta": meta }))
}
