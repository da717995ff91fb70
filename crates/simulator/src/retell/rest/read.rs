//! Looking at calls.

use std::sync::Arc;

use jiff::Timestamp;
use serde_json::{Value, json};

use super::{create::open_calls, error::Refusal, filter::Filter, request::Request};
use crate::{
    gate::Answer,
    retell::{
        Face,
        call::Call,
        object::{Detail, object},
    },
};

/// Page size unless asked otherwise, and its limit.
const PAGE_SIZE: u64 = 50;
const MOST_PER_PAGE: u64 = 1000;

pub(super) fn find(face: &Face, id: &str) -> Result<Arc<Call>, Refusal> {
    face.visible(id).ok_or_else(Refusal::unknown_asset)
}

pub(super) fn call(face: &Face, id: &str) -> Result<Answer, Refusal> {
    let call = find(face, id)?;
    let moment = face.world.seen_at(&call.record, "fetch").max(call.look(|record| record.created_at));
    Ok(Answer::ok(object(&call, Detail::Whole, moment)).about(id))
}

/// `POST /v3/list-calls`: filtered, the latest first unless asked otherwise, in pages.
pub(super) fn list(face: &Face, request: &Request) -> Result<Answer, Refusal> {
    if request.field("skip").is_some() && request.field("pagination_key").is_some() {
        return Err(Refusal::bad("skip and pagination_key exclude each other."));
    }
    let filter = Filter::read(request.field("filter_criteria"))?;
    let mut items: Vec<(Timestamp, Value)> = face
        .all()
        .iter()
        .filter_map(|call| {
            let created = call.look(|record| record.created_at);
            let moment = face.world.seen_at(&call.record, "list");
            (created <= moment).then(|| (created, object(call, Detail::Listed, moment)))
        })
        .filter(|(_, item)| filter.passes(item))
        .collect();
    // By start, and calls that never started by when they were asked for.
    items.sort_by_key(|(created, item)| {
        (item["start_timestamp"].as_i64().unwrap_or(created.as_millisecond()), *created)
    });
    match request.text("sort_order") {
        Some("ascending") => {}
        Some("descending") | None => items.reverse(),
        Some(other) => return Err(Refusal::bad(format!("sort_order {other} is unknown."))),
    }
    Ok(Answer::ok(page(request, items)?))
}

fn page(request: &Request, items: Vec<(Timestamp, Value)>) -> Result<Value, Refusal> {
    let count = |name: &str, standard: u64| match request.field(name) {
        Some(value) => value.as_u64().ok_or_else(|| Refusal::bad(format!("{name} must be a whole number."))),
        None => Ok(standard),
    };
    let limit = count("limit", PAGE_SIZE)?;
    if limit > MOST_PER_PAGE {
        return Err(Refusal::bad(format!("limit must not exceed {MOST_PER_PAGE}.")));
    }
    let total = items.len();
    // The key names the last item of the page before, so items that arrive between two requests shift nothing.
    let start = match request.text("pagination_key") {
        Some(last) => items.iter().position(|(_, item)| item["call_id"] == last).map_or(total, |index| index + 1),
        None => count("skip", 0)? as usize,
    };
    let items: Vec<Value> = items.into_iter().skip(start).take(limit as usize).map(|(_, item)| item).collect();
    let has_more = start + items.len() < total;
    let mut page = json!({ "has_more": has_more });
    if let Some(last) = items.last().filter(|_| has_more) {
        page["pagination_key"] = last["call_id"].clone();
    }
    if request.field("include_total") == Some(&Value::Bool(true)) {
        page["total"] = total.into();
    }
    page["items"] = items.into();
    Ok(page)
}

pub(super) fn concurrency(face: &Face) -> Answer {
    let limit = face.world.config.retell.concurrency.min(MOST_CONCURRENT);
    Answer::ok(json!({
        "current_concurrency": open_calls(face),
        "concurrency_limit": limit,
        "base_concurrency": limit,
        "purchased_concurrency": 0,
        "concurrency_purchase_limit": 0,
        "remaining_purchase_limit": 0,
        "reserved_inbound_concurrency": 0,
        "concurrency_burst_enabled": false,
        "concurrency_burst_limit": 0,
    }))
}

/// What an account without a limit is told.
const MOST_CONCURRENT: usize = 1_000_000;
