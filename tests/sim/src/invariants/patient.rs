use std::collections::BTreeMap;

use call_core::Leg;

use super::{Invariant, Seen, Truth};
use crate::time::MS;
use crate::trace::short;

/// How long the lookup schedule waits in all.
const SCHEDULE: u64 = 500 * MS;

/// A question that beats its call waits for it: none gets the fallback whose call becomes known within the schedule.
#[derive(Default)]
pub(super) struct Patient(BTreeMap<Leg, u64>);

impl Invariant for Patient {
    fn name(&self) -> &'static str {
        "patient"
    }

    fn see(&mut self, seen: &Seen<'_>, truth: &Truth<'_>) -> Result<(), String> {
        match seen {
            Seen::Fallback { leg, asked } => {
                self.0.insert((*leg).clone(), *asked);
            }
            Seen::Committed { commit, .. } if !self.0.is_empty() && commit.moves() => {
                for leg in commit.legs() {
                    if self.0.remove(leg).is_some_and(|asked| truth.now < asked + SCHEDULE) {
                        let id = short(commit.call.id());
                        return Err(format!("a question about {leg} got the fallback, and its call {id} was there in time"));
                    }
                }
            }
            _ => {}
        }
        Ok(())
    }
}
