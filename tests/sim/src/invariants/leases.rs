use call_core::port::{Lane, Settle, Settlement};
use call_core::{EffectId, Timestamp};

use super::{Invariant, Seen, Truth};
use crate::names::Map;
use crate::time::micros;
use crate::trace::short;

/// A claim hides an effect until its lease ends, is settled once, and only by the one who holds it. Nobody acts after
/// their lease, and a lease is held while an act takes long. Beside the store runs a model of its outbox.
#[derive(Default)]
pub(super) struct Leases {
    outbox: Map<EffectId, Row>,
    acts: Map<(EffectId, u32), Act>,
    /// The attempt that a server is at.
    at: Map<(usize, EffectId), u32>,
}

#[derive(Debug, Clone, Copy)]
struct Row {
    visible: Timestamp,
    attempt: u32,
    deferrals: u32,
    claimed: bool,
}

struct Act {
    lease: Timestamp,
    began: u64,
    held: bool,
}

impl Invariant for Leases {
    fn name(&self) -> &'static str {
        "leases"
    }

    fn see(&mut self, seen: &Seen<'_>, truth: &Truth<'_>) -> Result<(), String> {
        match seen {
            Seen::Committed { commit, .. } => {
                if let Some(settle) = &commit.settles {
                    self.settle(settle);
                }
                if commit.moves() {
                    let visible = commit.at();
                    let row = Row { visible, attempt: 0, deferrals: 0, claimed: false };
                    self.outbox.extend(commit.effects.iter().map(|(id, _)| (*id, row)));
                }
            }
            Seen::Settled { settlements } => settlements.iter().for_each(|settle| self.settle(settle)),
            Seen::Claimed { jobs, at } => {
                for job in *jobs {
                    let Some(row) = self.outbox.get_mut(&job.id) else {
                        return Err(format!("{} was claimed, and is not in the outbox", name(&job.id)));
                    };
                    if row.visible > *at {
                        return Err(format!("{} was claimed while another claim hides it", name(&job.id)));
                    }
                    *row = Row { visible: job.lease, attempt: row.attempt + 1, claimed: true, ..*row };
                    if (row.attempt, row.deferrals) != (job.attempt, job.deferrals) {
                        return Err(format!("{} is counted wrongly: {row:?}, and claimed as {job:?}", name(&job.id)));
                    }
                    if Lane::of(&job.effect) == Lane::Acts {
                        let act = Act { lease: job.lease, began: truth.now, held: false };
                        self.acts.insert((job.id, job.attempt), act);
                    }
                }
            }
            Seen::Deciding { server, id, attempt, at } => {
                // One server may be at it twice, after a lease that lapsed: then nobody can tell whose answer it is.
                let doing = self.at.entry((*server, **id)).or_insert(*attempt);
                if *doing != *attempt {
                    *doing = 0;
                }
                if let Some(act) = self.acts.get_mut(&(**id, *attempt)) {
                    act.began = truth.now;
                    if *at >= act.lease {
                        return Err(format!("{} is performed after its lease", name(id)));
                    }
                }
            }
            Seen::Holding { id, attempt } => {
                if let Some(act) = self.acts.get_mut(&(**id, *attempt)) {
                    act.held = true;
                }
            }
            Seen::Performed { server, id, .. } => {
                let attempt = self.at.get(&(*server, **id)).copied().unwrap_or_default();
                if let Some(act) = self.acts.get(&(**id, attempt))
                    && !act.held
                    && truth.now - act.began > micros(truth.lease)
                {
                    return Err(format!("{} took long, and its lease was not held", name(id)));
                }
            }
            Seen::Pruned { calls } => {
                let gone = |id: &EffectId| calls.iter().any(|(call, _)| call.id() == id.call);
                if let Some(id) = self.outbox.keys().find(|id| gone(id)) {
                    return Err(format!("{} waits in the outbox, and its call was removed", name(id)));
                }
            }
            Seen::Finished { outbox, .. } if *outbox != self.outbox.len() as u64 => {
                return Err(format!("the outbox holds {outbox} effects, and should hold {}", self.outbox.len()));
            }
            _ => {}
        }
        Ok(())
    }
}

impl Leases {
    fn settle(&mut self, settle: &Settle) {
        let Some(row) = self.outbox.get_mut(&settle.id) else { return };
        if !row.claimed || row.attempt != settle.attempt {
            return;
        }
        match settle.how {
            Settlement::Done => {
                self.outbox.remove(&settle.id);
            }
            Settlement::Later(at) => {
                *row = Row { visible: at, deferrals: row.deferrals + 1, claimed: false, ..*row };
            }
            Settlement::Held(until) => row.visible = until,
        }
    }
}

fn name(id: &EffectId) -> String {
    format!("effect {}.{} of {}", id.version, id.index, short(id.call))
}
