//! Looking at calls.

use std::sync::Arc;

use jiff::{Timestamp, civil::Date, tz::TimeZone};

use super::{
    Answer,
    error::Refusal,
    list::page,
    request::Request,
    shape::{self, View},
};
use crate::{
    truth::{CallRecord, Notice},
    twilio::{Face, call::Call},
};

pub(super) fn call(face: &Face, sid: &str) -> Result<Answer, Refusal> {
    let call = find(face, sid)?;
    let seen = view(face, &call, "fetch");
    // A fetch by SID finds even what is not visible in lists yet.
    let seen = seen.unwrap_or_else(|| call.look(|record| View::at(record, record.created_at)));
    Ok(Answer::ok(shape::call(face, &seen)).about(sid))
}

pub(super) fn find(face: &Face, sid: &str) -> Result<Arc<Call>, Refusal> {
    face.visible(sid).ok_or_else(|| Refusal::not_found(&format!("/Calls/{sid}.json")))
}

/// The call as a read shows it now: behind the truth by the configured lag, or by one step if a fault strikes. `None`: not
/// visible yet.
fn view(face: &Face, call: &Call, operation: &str) -> Option<View> {
    let moment = face.world.seen_at(call, operation);
    call.look(|record| (record.created_at <= moment).then(|| View::at(record, moment)))
}

pub(super) fn calls(face: &Face, request: &Request) -> Result<Answer, Refusal> {
    let start = Span::read(request, "StartTime")?;
    let end = Span::read(request, "EndTime")?;
    let is = |name: &str, value: Option<&str>| request.query(name).is_none_or(|wanted| Some(wanted) == value);
    let mut items = Vec::new();
    for call in face.all().iter().rev() {
        if call.look(|record| record.deleted)
            || !is("To", Some(&call.plan.to))
            || !is("From", Some(&call.plan.from))
            || !is("ParentCallSid", call.plan.parent.as_deref())
        {
            continue;
        }
        let Some(seen) = view(face, call, "list") else { continue };
        if is("Status", Some(shape::rest_status(seen.status)))
            && start.contains(seen.dialed)
            && end.contains(seen.ended)
        {
            items.push((call.sid.clone(), seen));
        }
    }
    Ok(Answer::ok(page(request, "calls", items, |seen| shape::call(face, seen))))
}

/// The HTTP exchanges made for a call, oldest first.
pub(super) fn events(face: &Face, sid: &str, request: &Request) -> Result<Answer, Refusal> {
    let record = find(face, sid)?.look(CallRecord::clone);
    let made = record.sent.iter().filter(|sent| !sent.attempts.is_empty());
    let items = made.enumerate().map(|(index, sent)| (index.to_string(), sent)).collect();
    Ok(Answer::ok(page(request, "events", items, |sent| shape::event(sent))).about(sid))
}

pub(super) fn notifications(face: &Face, sid: &str, request: &Request) -> Result<Answer, Refusal> {
    let record = find(face, sid)?.look(CallRecord::clone);
    // Derived, so that every look shows the same SID.
    let named = |index: usize| format!("NO{}{index:04x}", record.sid.get(6..).unwrap_or_default());
    let items = record.notices.iter().enumerate().map(|(index, notice)| (named(index), (index, notice))).collect();
    let shape = |(index, notice): &(usize, &Notice)| shape::notification(face, &record, notice, &named(*index));
    Ok(Answer::ok(page(request, "notifications", items, shape)).about(sid))
}

/// The `X`, `X<` and `X>` filters of one time. Both ends are included, as Twilio words it ("on or before").
struct Span {
    from: Option<Timestamp>,
    until: Option<Timestamp>,
}

impl Span {
    fn read(request: &Request, name: &str) -> Result<Self, Refusal> {
        let bounds = |key: String| request.query(&key).map(|value| moments(&key, value)).transpose();
        let on = bounds(name.to_owned())?;
        Ok(Self {
            from: bounds(format!("{name}>"))?.or(on).map(|(first, _)| first),
            until: bounds(format!("{name}<"))?.or(on).map(|(_, last)| last),
        })
    }

    /// A call without that time is hidden by any filter on it.
    fn contains(&self, at: Option<Timestamp>) -> bool {
        match at {
            Some(at) => self.from.is_none_or(|from| at >= from) && self.until.is_none_or(|until| at <= until),
            None => self.from.is_none() && self.until.is_none(),
        }
    }
}

/// The first and the last instant that a date, or a second of it, covers.
fn moments(key: &str, value: &str) -> Result<(Timestamp, Timestamp), Refusal> {
    let bad = || Refusal::bad(20001, format!("{key} is not a date: {value}"));
    if let Ok(at) = value.parse::<Timestamp>() {
        let last = at.saturating_add(jiff::SignedDuration::from_nanos(999_999_999)).map_err(|_| bad())?;
        return Ok((at, last));
    }
    let day: Date = value.parse().map_err(|_| bad())?;
    let midnight = |day: Date| day.to_zoned(TimeZone::UTC).map(|zoned| zoned.timestamp()).map_err(|_| bad());
    let next = midnight(day.tomorrow().map_err(|_| bad())?)?;
    let last = next.saturating_sub(jiff::SignedDuration::from_nanos(1)).map_err(|_| bad())?;
    Ok((midnight(day)?, last))
}
