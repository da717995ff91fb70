use call_core::{Call, Direction, Disposition, Fact, Hungup, Input, Proposer, Script, Signal, Source, Timer, Timestamp};

use super::{Invariant, Seen, Truth};
use crate::trace::short;

/// What is stored in the end is what was told: truth outranks inference, each station has the earliest time that was
/// told of it, and the provider's evidence is kept.
#[derive(Default)]
pub(super) struct Truthful;

impl Invariant for Truthful {
    fn name(&self) -> &'static str {
        "truthful"
    }

    fn see(&mut self, seen: &Seen<'_>, _: &Truth<'_>) -> Result<(), String> {
        let Seen::Finished { calls, .. } = seen else { return Ok(()) };
        for (call, journal) in *calls {
            let signals: Vec<&Signal> = journal
                .iter()
                .filter_map(|entry| match &entry.input {
                    Input::Signal(signal) => Some(signal),
                    Input::Command(_) | Input::Tick => None,
                })
                .filter(|signal| is_first(call, signal))
                .collect();
            if let Some(hungup) = signals.iter().find_map(|signal| signal.fact.ending()) {
                ending(call, hungup)?;
            }
            for signal in signals {
                station(call, signal)?;
            }
        }
        Ok(())
    }
}

fn is_first(call: &Call, signal: &Signal) -> bool {
    let first = call.legs().first().map(|first| &first.leg);
    signal.parent.is_none() && signal.leg.as_ref().is_none_or(|leg| Some(leg) == first)
}

fn ending(call: &Call, hungup: &Hungup) -> Result<(), String> {
    let Some(outcome) = call.outcome() else { return Ok(()) };
    let id = short(call.id());
    if outcome.source == Source::Inference {
        return Err(format!("{id}: the provider said how it ended, and it is still inferred: {outcome:?}"));
    }
    let target = call.legs().target().filter(|_| matches!(call.plan().script, Script::Connect { .. }));
    let target = target.and_then(|target| target.ended.as_ref());
    let by_ring_limit = outcome.proposal.proposer == Proposer::Deadline { timer: Timer::RingLimit };
    let expected = match (hungup.disposition, target) {
        (Disposition::Canceled, _) if by_ring_limit => Disposition::NoAnswer,
        (Disposition::Completed, Some(target)) => target.disposition,
        (said, _) => said,
    };
    // The target's word may have come after the one correction.
    let settled_before = outcome.corrected && outcome.disposition == hungup.disposition;
    if outcome.disposition != expected && !settled_before {
        return Err(format!("{id}: it ended {expected:?}, and is stored as {outcome:?}"));
    }
    if hungup.duration.is_some() && outcome.duration.is_none() {
        return Err(format!("{id}: its duration was told, and is not stored"));
    }
    if hungup.cause.is_some() && call.state().evidence.cause.is_none() {
        return Err(format!("{id}: the cause of its end was told, and is not stored"));
    }
    Ok(())
}

fn station(call: &Call, signal: &Signal) -> Result<(), String> {
    let Some(at) = signal.at else { return Ok(()) };
    let timeline = &call.state().timeline;
    let known = match &signal.fact {
        Fact::Progress(call_core::Progress::Queued) => timeline.queued,
        Fact::Progress(call_core::Progress::Initiated) => timeline.initiated,
        Fact::Progress(call_core::Progress::Ringing) => timeline.ringing,
        Fact::Answered => timeline.answered,
        _ => return Ok(()),
    };
    let at: Timestamp = match call.birth().direction {
        Direction::Outbound => at.max(call.birth().at),
        Direction::Inbound => at,
    };
    if known.is_none_or(|known| known > at) {
        return Err(format!("{}: {:?} happened at {at}, and is stored at {known:?}", short(call.id()), signal.fact));
    }
    Ok(())
}
