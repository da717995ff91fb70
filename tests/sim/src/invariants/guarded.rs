use call_core::{Call, Fact, Input, Phase, Proposer, Script, Speaker, Stage, StreamFact, Timer};

use super::{Invariant, Seen, Truth};
use crate::trace::short;

/// An open call always has a deadline, the one that its phase needs; an ended one has none. No deadline acts before its
/// time, and a sign of life is weighed.
#[derive(Default)]
pub(super) struct Guarded;

impl Invariant for Guarded {
    fn name(&self) -> &'static str {
        "guarded"
    }

    fn see(&mut self, seen: &Seen<'_>, _: &Truth<'_>) -> Result<(), String> {
        let Seen::Committed { before, commit } = seen else { return Ok(()) };
        if !commit.moves() {
            return Ok(());
        }
        let call = &commit.call;
        let id = short(call.id());
        if call.next_deadline().is_none() != call.has_ended() {
            return Err(format!("{id} is {:?} and its deadline {:?}", call.phase_name(), call.next_deadline()));
        }
        if let Some(missing) = missing(call) {
            return Err(format!("{id} is {:?} without the deadline {missing:?}", call.phase_name()));
        }
        let Some(before) = *before else { return Ok(()) };
        early(before, call).map_err(|timer| format!("{id}: {timer:?} acted before its time"))?;
        let [entry] = commit.entries.as_slice() else { return Ok(()) };
        let Input::Signal(signal) = &entry.input else { return Ok(()) };
        let answered = matches!(call.phase(), Phase::Live) && before.phase_name() < call.phase_name();
        let streams = matches!(call.plan().script, Script::Stream) && call.state().operations.is_empty();
        if answered && streams && call.state().timers.get(Timer::StreamLimit).is_none() {
            return Err(format!("{id} waits for its stream without a deadline"));
        }
        if entry.ignored.is_some() || !matches!(before.phase(), Phase::Live) || !matches!(call.phase(), Phase::Live) {
            return Ok(());
        }
        let timers = &call.state().timers;
        let now = call.state().now;
        let speaks = match &signal.fact {
            Fact::Turn(turn) => turn.speaker == Speaker::Caller,
            Fact::Digits(_) | Fact::Gathered(_) => true,
            _ => false,
        };
        if speaks && (timers.get(Timer::Response).is_some() || timers.get(Timer::Prompt).is_some()) {
            return Err(format!("{id}: the caller spoke, and silence is still counted"));
        }
        let media = matches!(&signal.fact, Fact::Turn(_) | Fact::Speech(_))
            || matches!(&signal.fact, Fact::Stream(StreamFact::Flowing | StreamFact::Opened));
        if media && call.state().evidence.last_media != Some(now) {
            return Err(format!("{id}: audio flows, and is no sign of life"));
        }
        if media && timers.get(Timer::Quiet) != Some(now + call.policy().quiet_limit) {
            return Err(format!("{id}: audio flows, and it counts as quiet"));
        }
        let closed = matches!(&signal.fact, Fact::Stream(StreamFact::Closed));
        if closed && !commit.effects.iter().any(|(_, effect)| matches!(effect, call_core::Effect::Reconcile)) {
            return Err(format!("{id}: its stream closed, and nobody is asked"));
        }
        Ok(())
    }
}

/// The deadline that its phase needs and that is not set.
fn missing(call: &Call) -> Option<Timer> {
    let timers = &call.state().timers;
    let needed: &[Timer] = match call.phase() {
        Phase::Dialing => &[Timer::DialLimit, Timer::DialAnswer],
        Phase::Ringing { .. } => &[Timer::RingLimit],
        Phase::Live => &[Timer::LiveLimit, Timer::Quiet],
        Phase::Ending { stage, .. } => match stage {
            Stage::Farewell => &[Timer::Farewell],
            Stage::AwaitingDial => &[Timer::DialLimit],
            Stage::HangingUp { .. } | Stage::Asking { .. } => &[Timer::Confirm],
            Stage::Draining { .. } => &[Timer::Drain],
        },
        Phase::Ended(_) => &[],
    };
    needed.iter().copied().find(|timer| timers.get(*timer).is_none())
}

/// The deadline that ended the call although it had not come due.
fn early(before: &Call, after: &Call) -> Result<(), Timer> {
    let (Phase::Dialing | Phase::Ringing { .. } | Phase::Live, Some(proposal)) = (before.phase(), proposal(after)) else {
        return Ok(());
    };
    let Proposer::Deadline { timer } = proposal.proposer else { return Ok(()) };
    let overdue = timer == Timer::RingLimit && matches!(before.phase(), Phase::Ringing { overdue: true, .. });
    let due = before.state().timers.get(timer).is_some_and(|at| at <= after.state().now);
    if due || overdue { Ok(()) } else { Err(timer) }
}

fn proposal(call: &Call) -> Option<&call_core::Proposal> {
    match call.phase() {
        Phase::Ending { proposal, .. } => Some(proposal),
        Phase::Ended(outcome) => Some(&outcome.proposal),
        Phase::Dialing | Phase::Ringing { .. } | Phase::Live => None,
    }
}
