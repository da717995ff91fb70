use std::collections::{BTreeMap, BTreeSet};

use call_core::{Command, Effect, Fact, HangupAnswer, Input, Leg, Phase, Stage, Timer};

use super::{Invariant, Seen, Truth};
use crate::trace::short;

/// One hang-up of a leg is in flight: a second goes out only when the first was not confirmed in time, no more often
/// than the policy says, and never for a leg that is known to be over. A farewell is not cut.
#[derive(Default)]
pub(super) struct Hangups {
    sent: BTreeMap<Leg, u32>,
    over: BTreeSet<Leg>,
}

impl Invariant for Hangups {
    fn name(&self) -> &'static str {
        "hangups"
    }

    fn see(&mut self, seen: &Seen<'_>, _: &Truth<'_>) -> Result<(), String> {
        let Seen::Committed { before: Some(before), commit } = seen else { return Ok(()) };
        // Whatever the call makes of it: the provider has said that the leg is over.
        for entry in commit.entries.iter() {
            match &entry.input {
                Input::Signal(signal) if signal.fact == Fact::HangupAnswer(HangupAnswer::AlreadyEnded) => {
                    self.over.extend(signal.leg.clone());
                }
                Input::Signal(_) | Input::Command(_) | Input::Tick => {}
            }
        }
        if !commit.moves() {
            return Ok(());
        }
        let (call, id) = (&commit.call, short(before.id()));
        let legs = commit.effects.iter().filter_map(|(_, effect)| match effect {
            Effect::Hangup { leg } => Some(leg),
            _ => None,
        });
        for leg in legs {
            if before.legs().get(leg).is_some_and(|leg| leg.ended.is_some()) || self.over.contains(leg) {
                return Err(format!("{id}: {leg} is over, and is hung up again"));
            }
            if let Phase::Ending { stage: Stage::HangingUp { .. }, .. } = before.phase() {
                let confirm = before.state().timers.get(Timer::Confirm);
                if confirm.is_none_or(|at| at > call.state().now) {
                    return Err(format!("{id}: a second hang-up of {leg} while the first is in flight"));
                }
            }
            let sent = self.sent.entry(leg.clone()).or_default();
            *sent += 1;
            // One more if it rings after it was given up.
            if *sent > u32::from(call.policy().hangup_tries) + 1 {
                return Err(format!("{id}: {leg} was hung up {sent} times"));
            }
        }
        for entry in commit.entries.iter().filter(|entry| entry.ignored.is_none()) {
            match &entry.input {
                Input::Signal(signal) if signal.fact == Fact::HangupAnswer(HangupAnswer::AlreadyEnded) => {
                    self.over.extend(signal.leg.clone());
                }
                Input::Command(Command::Hangup { after_speech: true, .. }) if commit.entries.len() == 1 => {
                    let speaks = before.state().operations.iter().any(|running| running.speech.is_some());
                    let waits = matches!(call.phase(), Phase::Ending { stage: Stage::Farewell, .. });
                    if matches!(before.phase(), Phase::Live) && speaks && !waits {
                        return Err(format!("{id}: the farewell was cut"));
                    }
                }
                _ => {}
            }
        }
        Ok(())
    }
}
