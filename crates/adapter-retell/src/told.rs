//! What a call object tells, as signals. Each comes under its own name, so that the same news from two webhooks, or
//! from a webhook and from a question of ours, is one.

use call_core::{AnsweredBy, Fact, Report, Signal};

use crate::resource::CallObject;

/// Somebody has answered. `call_started`, the first function call and an end that only connected calls have are the
/// same news: whichever comes first (post-mortem 4.1).
pub(crate) fn started(call: &CallObject<'_>) -> Signal {
    Signal { at: call.started(), ..signal(call, Fact::Answered, "started") }
}

/// All that is known of the call by its end, then the end: what waits for it (an analysis of the transcript, say) finds
/// everything in place. Messages get lost, so each of them tells everything.
pub(crate) fn ended(call: &CallObject<'_>) -> Vec<Signal> {
    all(call, signal(call, Fact::Ended(call.words().hungup()), "ended"))
}

/// The same, as the answer to a question of ours.
pub(crate) fn reported(call: &CallObject<'_>) -> Vec<Signal> {
    all(call, Signal::new(Fact::Report(Report::Ended(call.words().hungup()))).on(call.leg()))
}

fn all(call: &CallObject<'_>, end: Signal) -> Vec<Signal> {
    let words = call.words();
    let mut signals = Vec::new();
    if words.connected() {
        signals.push(started(call));
    }
    if words.is_machine() {
        signals.push(signal(call, Fact::Detected(AnsweredBy::Machine), "machine"));
    }
    signals.extend(findings(call));
    signals.push(Signal { at: call.ended(), ..end });
    signals
}

/// What became known beside the call's movement.
pub(crate) fn findings(call: &CallObject<'_>) -> Vec<Signal> {
    let mut signals = Vec::new();
    let turns = call.turns();
    if !turns.is_empty() {
        // Not under one name: it may have grown since.
        signals.push(Signal::new(Fact::Transcript(turns)).on(call.leg()));
    }
    for recording in call.recordings() {
        let name = recording.id.clone();
        signals.push(Signal::new(Fact::Recording(recording)).on(call.leg()).keyed(name));
    }
    signals.extend(call.cost().map(|cost| {
        // The cost of a transfer leg is added when that leg is over.
        let name = format!("cost {}", cost.amount);
        signal(call, Fact::Billed(cost), &name)
    }));
    signals.extend(call.latency().map(|latency| signal(call, Fact::Measured(latency), "latency")));
    signals.extend(call.analysis().map(|analysis| Signal::new(Fact::Analyzed(analysis)).on(call.leg())));
    signals
}

/// The last words so far.
pub(crate) fn spoken(call: &CallObject<'_>) -> Option<Signal> {
    let turns = call.turns();
    let place = turns.len();
    let turn = turns.into_iter().next_back()?;
    Some(signal(call, Fact::Turn(turn), &format!("turn {place}")))
}

pub(crate) fn signal(call: &CallObject<'_>, fact: Fact, name: &str) -> Signal {
    Signal::new(fact).on(call.leg()).keyed(format!("{}:{name}", call.id()))
}
