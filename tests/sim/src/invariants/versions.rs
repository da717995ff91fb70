use super::{Invariant, Seen, Truth};
use crate::trace::short;

/// Every applied input raises the version by exactly one, every ignored one leaves the call as it was, a commit goes on
/// from what was stored, and a call's own time never runs back.
#[derive(Default)]
pub(super) struct Versions;

impl Invariant for Versions {
    fn name(&self) -> &'static str {
        "versions"
    }

    fn see(&mut self, seen: &Seen<'_>, _: &Truth<'_>) -> Result<(), String> {
        let Seen::Committed { before, commit } = seen else { return Ok(()) };
        let call = &commit.call;
        let id = short(call.id());
        let applied = commit.entries.iter().filter(|entry| entry.ignored.is_none()).count() as u64;
        let start = if commit.base == 0 { 1 } else { commit.base };
        if call.version() != start + applied {
            return Err(format!("{id}: {applied} inputs took it from version {start} to {}", call.version()));
        }
        if commit.moves() && before.map_or(0, |before| before.version()) != commit.base {
            return Err(format!("{id}: a commit on version {} of a call that has another", commit.base));
        }
        if let Some(before) = before.filter(|_| commit.moves())
            && call.state().now < before.state().now
        {
            return Err(format!("{id}: its time ran back"));
        }
        if applied == 0 && before.is_some_and(|before| before.version() == call.version() && before != call) {
            return Err(format!("{id}: an ignored input changed it"));
        }
        Ok(())
    }
}
