use std::collections::BTreeMap;

use call_core::CallId;

use super::{Invariant, Seen, Truth};
use crate::trace::short;

/// One idempotency key makes one call, and whoever asks again is told the same one.
#[derive(Default)]
pub(super) struct Keys {
    told: BTreeMap<String, CallId>,
    made: BTreeMap<String, CallId>,
}

impl Invariant for Keys {
    fn name(&self) -> &'static str {
        "keys"
    }

    fn see(&mut self, seen: &Seen<'_>, truth: &Truth<'_>) -> Result<(), String> {
        let (known, key, call) = match seen {
            Seen::Placed { call, key } => {
                if truth.look(*call, |stored| stored.is_none()) && !truth.pruned.contains(call) {
                    return Err(format!("{} was acknowledged, and is not there", short(*call)));
                }
                match key {
                    Some(key) => (&mut self.told, *key, *call),
                    None => return Ok(()),
                }
            }
            Seen::Committed { commit, .. } => match &commit.key {
                Some(key) => (&mut self.made, key.key.as_str(), commit.call.id()),
                None => return Ok(()),
            },
            _ => return Ok(()),
        };
        match known.insert(key.to_owned(), call) {
            Some(other) if other != call => Err(format!("{key} made {} and {}", short(other), short(call))),
            Some(_) | None => Ok(()),
        }
    }
}
