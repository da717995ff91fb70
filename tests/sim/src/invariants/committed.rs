use call_core::EffectId;

use super::{Invariant, Seen, Truth};
use crate::names::Set;

/// Nothing leaves but through the outbox: effects are performed, and events told, only after their commit.
#[derive(Default)]
pub(super) struct Committed(Set<EffectId>);

impl Invariant for Committed {
    fn name(&self) -> &'static str {
        "committed"
    }

    fn see(&mut self, seen: &Seen<'_>, _: &Truth<'_>) -> Result<(), String> {
        let (id, what) = match seen {
            Seen::Committed { commit, .. } if commit.moves() => {
                self.0.extend(commit.effects.iter().map(|(id, _)| *id));
                return Ok(());
            }
            Seen::Performing { id, effect, .. } => (*id, effect.as_str()),
            Seen::Told { id, event } => (*id, event.name()),
            _ => return Ok(()),
        };
        if self.0.contains(id) {
            return Ok(());
        }
        Err(format!("{what} {id} was performed, and never committed"))
    }
}
