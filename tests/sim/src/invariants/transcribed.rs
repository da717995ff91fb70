use call_core::journal::transcript;
use call_core::{Fact, Input, Turn};

use super::{Invariant, Seen, Truth};
use crate::trace::short;

/// The transcript of a call whose provider keeps one is the longest that it has told, whichever came last.
#[derive(Default)]
pub(super) struct Transcribed;

impl Invariant for Transcribed {
    fn name(&self) -> &'static str {
        "transcribed"
    }

    fn see(&mut self, seen: &Seen<'_>, _: &Truth<'_>) -> Result<(), String> {
        let Seen::Finished { calls, .. } = seen else { return Ok(()) };
        for (call, journal) in *calls {
            let told = journal.iter().filter_map(|entry| match &entry.input {
                Input::Signal(signal) => match &signal.fact {
                    Fact::Transcript(turns) => Some(turns.as_slice()),
                    _ => None,
                },
                Input::Command(_) | Input::Tick => None,
            });
            let Some(longest) = told.max_by_key(|turns| turns.len()) else { continue };
            let kept = transcript(journal);
            let same = |(turn, (_, speaker, text)): (&Turn, &(_, _, &str))| turn.speaker == *speaker && turn.text == *text;
            if kept.len() != longest.len() || !longest.iter().zip(&kept).all(same) {
                let (id, had) = (short(call.id()), longest.len());
                return Err(format!("{id} was told to have {had} turns, and its transcript has {}", kept.len()));
            }
            if call.state().findings.turns as usize != kept.len() {
                return Err(format!("{} counts its turns wrongly", short(call.id())));
            }
        }
        Ok(())
    }
}
