use std::collections::BTreeMap;

use call_core::journal::transcript;
use call_core::{CallId, Fact, Input, Phase, Stage, Timer};

use super::{Invariant, Seen, Truth};
use crate::trace::short;

/// No turn is lost: what was acknowledged is in the transcript once, and the call is not final while words are spoken.
#[derive(Default)]
pub(super) struct Turns(BTreeMap<CallId, Vec<String>>);

impl Invariant for Turns {
    fn name(&self) -> &'static str {
        "turns"
    }

    fn see(&mut self, seen: &Seen<'_>, _: &Truth<'_>) -> Result<(), String> {
        match seen {
            Seen::Reported { call, signal, .. } => {
                if let Fact::Turn(turn) = &signal.fact {
                    self.0.entry(*call).or_default().push(turn.text.clone());
                }
            }
            Seen::Finished { calls, .. } => {
                for (call, journal) in *calls {
                    let Some(turns) = self.0.get(&call.id()) else { continue };
                    let transcript = transcript(journal);
                    for turn in turns {
                        let times = transcript.iter().filter(|(_, _, text)| text == turn).count();
                        if times != 1 {
                            return Err(format!("{}: {turn} is in the transcript {times} times", short(call.id())));
                        }
                    }
                }
            }
            Seen::Committed { before: Some(before), commit } if commit.moves() => {
                let ([entry], Phase::Ended(_)) = (commit.entries.as_slice(), commit.call.phase()) else { return Ok(()) };
                if before.has_ended() || before.state().operations.is_empty() {
                    return Ok(());
                }
                let finished = match &entry.input {
                    Input::Signal(signal) => matches!(signal.fact, Fact::Speech(_) | Fact::Stream(_)),
                    Input::Command(_) | Input::Tick => false,
                };
                let draining = matches!(before.phase(), Phase::Ending { stage: Stage::Draining { .. }, .. });
                let waited = before.state().timers.get(Timer::Drain).is_some_and(|at| at <= commit.call.state().now);
                if !(draining && (finished || waited)) {
                    return Err(format!("{} is final while words are spoken", short(before.id())));
                }
            }
            _ => {}
        }
        Ok(())
    }
}
