use call_core::{Call, Input};

use super::{Invariant, Seen, Truth};
use crate::time::{SEC, when};
use crate::trace::short;

/// How long after the faults stopped the engine may still be catching up.
const RECOVERY: u64 = 60 * SEC;

/// How late a deadline may be acted on: a poll of the sweeper, and the store's answers.
const LATE: u64 = 10 * SEC;

/// The index of deadlines tells the truth: what it gives is due, and what is due is acted on in time.
#[derive(Default)]
pub(super) struct Punctual;

impl Invariant for Punctual {
    fn name(&self) -> &'static str {
        "punctual"
    }

    fn see(&mut self, seen: &Seen<'_>, truth: &Truth<'_>) -> Result<(), String> {
        match seen {
            Seen::Due { calls, at } => {
                let is_due = |id| truth.look(id, |call| call.and_then(Call::next_deadline).is_some_and(|due| due <= *at));
                match calls.iter().find(|id| !is_due(**id)) {
                    Some(id) => Err(format!("{} is given to the sweep, and is not due", short(*id))),
                    None => Ok(()),
                }
            }
            Seen::Committed { before: Some(before), commit } => {
                let ticks = commit.entries.iter().any(|entry| entry.input == Input::Tick && entry.ignored.is_none());
                let (Some(healed), Some(deadline)) = (truth.healed, before.next_deadline()) else { return Ok(()) };
                let due = when(deadline, 0);
                if ticks && due > healed + RECOVERY && truth.now > due + LATE + 2 * truth.skew {
                    let late = (truth.now - due) / SEC;
                    return Err(format!("{}: its deadline is acted on {late} s late", short(before.id())));
                }
                Ok(())
            }
            _ => Ok(()),
        }
    }
}
