use std::collections::BTreeMap;

use call_core::{CallId, Leg};

use super::{Invariant, Seen, Truth};
use crate::trace::short;

/// A leg belongs to one call. A call's first leg is the phone that makes it, never one that was made from another.
#[derive(Default)]
pub(super) struct Legs(BTreeMap<Leg, CallId>);

impl Invariant for Legs {
    fn name(&self) -> &'static str {
        "legs"
    }

    fn see(&mut self, seen: &Seen<'_>, truth: &Truth<'_>) -> Result<(), String> {
        match seen {
            Seen::Committed { before, commit } if commit.moves() => {
                let (call, known) = (&commit.call, before.map_or(0, |before| before.legs().iter().count()));
                let id = call.id();
                for leg in call.legs().iter().skip(known).map(|leg| &leg.leg) {
                    match self.0.insert(leg.clone(), id) {
                        Some(other) if other != id => {
                            return Err(format!("{leg} belongs to {} and to {}", short(other), short(id)));
                        }
                        Some(_) | None => {}
                    }
                }
                let first = call.legs().first().and_then(|first| truth.network.find(&first.leg));
                if let Some(phone) = first.filter(|phone| truth.network.phones[*phone].parent.is_some()) {
                    return Err(format!("{} takes P{phone} for its first leg, which is another's child", short(id)));
                }
            }
            // A message that is later still may make a new record of it.
            Seen::Pruned { calls } => self.0.retain(|_, id| calls.iter().all(|(call, _)| call.id() != *id)),
            _ => {}
        }
        Ok(())
    }
}
