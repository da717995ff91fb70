use std::collections::BTreeMap;

use call_core::CallId;

use super::{Invariant, Seen, Truth};
use crate::time::{SEC, micros, when};
use crate::trace::short;

/// Nobody is dialled twice, no phone rings without a stored record, and nobody is rung long after the wish.
#[derive(Default)]
pub(super) struct Dialled(BTreeMap<CallId, usize>);

impl Invariant for Dialled {
    fn name(&self) -> &'static str {
        "dialled"
    }

    fn see(&mut self, seen: &Seen<'_>, truth: &Truth<'_>) -> Result<(), String> {
        let Seen::Dialled { call, phone, .. } = seen else { return Ok(()) };
        let id = call.id();
        if let Some(before) = self.0.insert(id, *phone) {
            return Err(format!("{} was dialled twice: P{before} and P{phone}", short(id)));
        }
        if truth.look(id, |stored| stored.is_none()) && !truth.pruned.contains(&id) {
            return Err(format!("P{phone} rings for {}, of which there is no record", short(id)));
        }
        // What a request may take, from the decision to the provider; and clocks differ.
        let late = when(call.birth().at, 0) + micros(call.policy().dial_limit) + 45 * SEC + 2 * truth.skew;
        if truth.now > late && !truth.network.phones[*phone].ghost {
            return Err(format!("P{phone} rings for {} long after the wish", short(id)));
        }
        Ok(())
    }
}
