use std::collections::{BTreeMap, BTreeSet};

use call_core::port::{Settle, Settlement};
use call_core::{CallId, EffectId};

use super::{Invariant, Seen, Truth};
use crate::trace::short;

/// Retention takes only what is finished: calls that have ended and have nothing in the outbox.
#[derive(Default)]
pub(super) struct Retention {
    outbox: BTreeMap<CallId, BTreeSet<EffectId>>,
    claims: BTreeMap<EffectId, u32>,
}

impl Invariant for Retention {
    fn name(&self) -> &'static str {
        "retention"
    }

    fn see(&mut self, seen: &Seen<'_>, _: &Truth<'_>) -> Result<(), String> {
        match seen {
            Seen::Committed { commit, .. } => {
                commit.settles.iter().for_each(|settle| self.settle(settle));
                if commit.moves() && !commit.effects.is_empty() {
                    let waiting = self.outbox.entry(commit.call.id()).or_default();
                    waiting.extend(commit.effects.iter().map(|(id, _)| *id));
                }
            }
            Seen::Settled { settlements } => settlements.iter().for_each(|settle| self.settle(settle)),
            Seen::Claimed { jobs, .. } => self.claims.extend(jobs.iter().map(|job| (job.id, job.attempt))),
            Seen::Pruned { calls } => {
                for (call, _) in *calls {
                    let id = short(call.id());
                    if !call.has_ended() {
                        return Err(format!("{id} is {:?}, and retention took it", call.phase_name()));
                    }
                    if let Some(effect) = self.outbox.get(&call.id()).and_then(BTreeSet::first) {
                        let EffectId { version, index, .. } = effect;
                        return Err(format!("{id} has effect {version}.{index} to do, and retention took it"));
                    }
                }
            }
            _ => {}
        }
        Ok(())
    }
}

impl Retention {
    fn settle(&mut self, settle: &Settle) {
        let held = self.claims.get(&settle.id) == Some(&settle.attempt);
        if settle.how == Settlement::Done
            && held
            && let Some(waiting) = self.outbox.get_mut(&settle.id.call)
        {
            waiting.remove(&settle.id);
        }
    }
}
