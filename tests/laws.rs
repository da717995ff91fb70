//! The laws that hold after every test, whatever went wrong in between: what the server believes against what really
//! happened on the network.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use call_core::{CallId, Disposition, Proposer, Script, Source, Timer, Timestamp};
use simulator::{CallRecord, Direction, HangupRequest, Purpose, Sent, Status};

use crate::{Ledger, Life};

/// Both sides of a town, when everything is over.
#[derive(Debug)]
pub struct Evidence<'a> {
    /// What the server stored.
    pub ledger: &'a Ledger,
    /// What really happened.
    pub truth: &'a [CallRecord],
    /// The calls whose creation was acknowledged with 201.
    pub acknowledged: &'a [String],
}

/// Two clocks' worth of rounding between "it happened" and "it was written down", and the moment between reading the
/// clock and committing.
const SLACK: Duration = Duration::from_millis(250);

/// Checks every law, and gives all that are broken, one line each.
#[must_use]
pub fn check(evidence: &Evidence<'_>) -> Vec<String> {
    let mut broken = Vec::new();
    folds(evidence, &mut broken);
    acknowledged_is_present(evidence, &mut broken);
    nobody_is_dialled_twice(evidence, &mut broken);
    everything_is_over(evidence, &mut broken);
    one_open_call_per_subject(evidence, &mut broken);
    one_hangup_does_something(evidence, &mut broken);
    nobody_alive_is_reaped(evidence, &mut broken);
    endings_agree(evidence, &mut broken);
    broken
}

/// The call that a create request was made for, read from our id: on its callback URLs, at Retell in its metadata.
#[must_use]
pub fn our_call(record: &CallRecord) -> Option<CallId> {
    let json = |pointer: &str| record.json.as_ref()?.pointer(pointer)?.as_str();
    if let Some(id) = json("/metadata/call_id") {
        return id.parse().ok();
    }
    let form = record.form.iter().find(|(name, _)| name == "Url" || name == "StatusCallback");
    let url = form.map(|(_, url)| url.as_str()).or_else(|| json("/webhook_url"))?;
    let (_, path) = url.split_once("/hooks/")?;
    path.split('/').nth(1)?.parse().ok()
}

/// The journal of every call folds to its stored state (design law 5).
fn folds(evidence: &Evidence<'_>, broken: &mut Vec<String>) {
    for life in &evidence.ledger.lives {
        if let Err(why) = life.refold() {
            broken.push(format!("the journal of {} does not fold to its state: {why}", life.call.id()));
        }
    }
}

/// A 201 and a 2xx mean *stored*: every call that was acknowledged is there, and so is every callback.
fn acknowledged_is_present(evidence: &Evidence<'_>, broken: &mut Vec<String>) {
    let stored: BTreeSet<String> = evidence.ledger.lives.iter().map(|life| life.call.id().to_string()).collect();
    for id in evidence.acknowledged.iter().filter(|id| !stored.contains(*id)) {
        broken.push(format!("call {id} was acknowledged and is not stored"));
    }
    let by_leg: BTreeMap<&str, &Life> = evidence
        .ledger
        .lives
        .iter()
        .flat_map(|life| life.call.legs().iter().map(move |leg| (leg.leg.id.as_str(), life)))
        .collect();
    for record in evidence.truth {
        for sent in record.sent_for(Purpose::Status).filter(|sent| sent.delivered()) {
            let present = by_leg.get(record.sid.as_str()).is_some_and(|life| is_kept(life, record, sent));
            if !present {
                let what = event(sent).unwrap_or_default();
                broken.push(format!("{what} of {} was acknowledged and is lost", record.sid));
            }
        }
    }
}

/// Whether the journal has a message, by the identity that its provider gives to it: the number within the leg, the
/// event's id, or (Retell, which has none) something of the call at all.
fn is_kept(life: &Life, record: &CallRecord, sent: &Sent) -> bool {
    let order = sent.param("SequenceNumber").and_then(|number| number.parse().ok());
    let id = sent.json.as_ref().and_then(|json| json.pointer("/data/id")?.as_str());
    match (order, id) {
        (Some(order), _) => life.has_event(&record.sid, order),
        (None, Some(id)) => life.has_key(id),
        (None, None) => !life.journal.is_empty(),
    }
}

/// What a message tells of, in its provider's word.
#[must_use]
pub fn event(sent: &Sent) -> Option<&str> {
    let json = |pointer: &str| sent.json.as_ref()?.pointer(pointer)?.as_str();
    sent.param("CallStatus").or_else(|| json("/data/event_type")).or_else(|| json("/event"))
}

/// A wish to dial makes at most one phone ring (design law 3), and no phone rings for a call that is not stored.
fn nobody_is_dialled_twice(evidence: &Evidence<'_>, broken: &mut Vec<String>) {
    let mut placed: BTreeMap<CallId, Vec<&str>> = BTreeMap::new();
    for record in evidence.truth.iter().filter(|record| record.direction == Direction::OutboundApi) {
        match our_call(record) {
            Some(id) => placed.entry(id).or_default().push(&record.sid),
            None => broken.push(format!("{} was placed without our name on it", record.sid)),
        }
    }
    for (id, sids) in &placed {
        if sids.len() > 1 {
            broken.push(format!("call {id} was dialled {} times: {}", sids.len(), sids.join(", ")));
        }
        if !evidence.ledger.lives.iter().any(|life| life.call.id() == *id) {
            broken.push(format!("{} rings for call {id}, which is not stored", sids.join(", ")));
        }
    }
    let mut children: BTreeMap<(&str, &str), usize> = BTreeMap::new();
    for record in evidence.truth {
        if let Some(parent) = &record.parent {
            *children.entry((parent, &record.to)).or_default() += 1;
        }
    }
    for ((parent, to), times) in children.into_iter().filter(|(_, times)| *times > 1) {
        broken.push(format!("{parent} rang {to} {times} times"));
    }
}

/// Every call has ended, on both sides; nothing waits in the outbox or the mailbox.
fn everything_is_over(evidence: &Evidence<'_>, broken: &mut Vec<String>) {
    for life in evidence.ledger.lives.iter().filter(|life| !life.call.has_ended()) {
        broken.push(format!("call {} is still {:?}", life.call.id(), life.call.phase()));
    }
    for record in evidence.truth.iter().filter(|record| !record.status.is_terminal()) {
        broken.push(format!("{} is still {} on the network", record.sid, record.status.name()));
    }
    if evidence.ledger.counts.outbox > 0 {
        broken.push(format!("{} effects wait in the outbox", evidence.ledger.counts.outbox));
    }
    for parked in &evidence.ledger.mailbox {
        broken.push(format!("a signal of {} waits in the mailbox: {:?}", parked.leg, parked.signal.fact));
    }
}

/// At most one open call per subject at any time. A call was wished for before it was stored, however long that took; but
/// whatever reached it found it stored.
fn one_open_call_per_subject(evidence: &Evidence<'_>, broken: &mut Vec<String>) {
    let mut spans: BTreeMap<&str, Vec<(Timestamp, Timestamp, CallId)>> = BTreeMap::new();
    for life in &evidence.ledger.lives {
        if let (Some(subject), Some(first), Some(closed)) =
            (life.call.subject(), life.journal.first(), life.closed_at())
        {
            spans.entry(&subject.0).or_default().push((first.at, closed, life.call.id()));
        }
    }
    for (subject, mut spans) in spans {
        spans.sort_unstable();
        for pair in spans.windows(2) {
            let ((_, closed, first), (stored, _, second)) = (pair[0], pair[1]);
            if stored + SLACK < closed {
                broken.push(format!("{subject} had two open calls at once: {first} and {second}"));
            }
        }
    }
}

/// Hanging up is single-flight: of all requests to end a leg, one at most ended it.
fn one_hangup_does_something(evidence: &Evidence<'_>, broken: &mut Vec<String>) {
    let acts = |request: &&HangupRequest| {
        // A cancellation has no effect on a call that was answered.
        let moot = request.wish == "canceled" && request.found == Status::InProgress;
        !(moot || request.found.is_terminal())
    };
    for record in evidence.truth {
        let times = record.hangups.iter().filter(acts).count();
        if times > 1 {
            broken.push(format!("{} was hung up {times} times while it was open", record.sid));
        }
    }
}

/// No call is closed while its caller is on the line, unless nobody could be asked for the whole outer bound.
fn nobody_alive_is_reaped(evidence: &Evidence<'_>, broken: &mut Vec<String>) {
    for (life, record) in pairs(evidence) {
        let (Some(closed), Some(ended)) = (life.closed_at(), record.ended_at) else { continue };
        let ended = Timestamp::from_millis(ended.as_millisecond());
        if closed + SLACK < ended {
            let outcome = life.outcome();
            let early = ended - closed;
            broken.push(format!("{} was closed {early:?} before it ended: {outcome:?}", life.call.id()));
        }
    }
}

/// The provider's own word and our disposition agree, where it was to be had.
fn endings_agree(evidence: &Evidence<'_>, broken: &mut Vec<String>) {
    for (life, record) in pairs(evidence).filter(|(life, _)| life.call.has_ended()) {
        let outcome = life.outcome();
        let told = record.sent_for(Purpose::Status).any(|sent| sent.delivered() && is_ending(event(sent)));
        if outcome.source == Source::Inference && told {
            broken.push(format!("{} is closed by inference although the end was told", life.call.id()));
        }
        let expected = expected(life, record, evidence.truth);
        if outcome.source != Source::Inference && !expected.contains(&outcome.disposition) {
            broken.push(format!(
                "{} ended {} says the network, {} says the store: {outcome:?}",
                life.call.id(),
                record.status.name(),
                outcome.disposition.as_str()
            ));
        }
    }
}

/// What a call's true end may be called by us.
fn expected(life: &Life, record: &CallRecord, truth: &[CallRecord]) -> Vec<Disposition> {
    let deadline = Proposer::Deadline { timer: Timer::RingLimit };
    let mut words = vec![disposition(record.status)];
    if record.status == Status::Canceled && life.outcome().proposal.proposer == deadline {
        words = vec![Disposition::NoAnswer];
    }
    // A machine took it: to Retell's customers nobody answered.
    if record.cause.as_deref() == Some("voicemail_reached") {
        words.push(Disposition::NoAnswer);
    }
    // How the leg ends that a caller was connected to is how the call ends.
    if matches!(life.call.plan().script, Script::Connect { .. })
        && let Some(child) = truth.iter().find(|child| child.parent.as_ref() == Some(&record.sid))
    {
        words.push(disposition(child.status));
    }
    words
}

fn disposition(status: Status) -> Disposition {
    match status.name() {
        "completed" => Disposition::Completed,
        "busy" => Disposition::Busy,
        "no-answer" => Disposition::NoAnswer,
        "canceled" => Disposition::Canceled,
        _ => Disposition::Failed,
    }
}

fn is_ending(event: Option<&str>) -> bool {
    let status = ["completed", "busy", "no-answer", "failed", "canceled"];
    event
        .is_some_and(|event| status.contains(&event) || ["call.hangup", "call_ended", "call_analyzed"].contains(&event))
}

/// Each call beside the truth about its first leg.
fn pairs<'a>(evidence: &'a Evidence<'_>) -> impl Iterator<Item = (&'a Life, &'a CallRecord)> {
    evidence.ledger.lives.iter().filter_map(|life| {
        let record = evidence.truth.iter().find(|record| {
            Some(record.sid.as_str()) == life.sid()
                || (record.direction == Direction::OutboundApi && our_call(record) == Some(life.call.id()))
        })?;
        Some((life, record))
    })
}
