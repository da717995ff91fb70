//! Rows of somebody else's table, judged by the stale policy as an embedder's clean-up job does it (post-mortem 3.3).

use std::time::Duration;

use call_core::{Facts, StalePolicy, judge};

use crate::invariants::Seen;
use crate::time::shown;
use crate::world::Sim;

/// Judges one row, whose call nobody has heard of since.
pub(crate) fn judge_one(sim: &Sim) {
    let mut guard = sim.world();
    let world = &mut *guard;
    let now = shown(world.now, 0);
    let facts = Facts {
        started: now - Duration::from_secs(world.dice.below(2 * 3600)),
        duration: world.dice.percent(50).then(|| Duration::from_secs(world.dice.below(1800))),
        last_signal: None,
        last_media: None,
        asked: None,
        askable: false,
    };
    let verdict = judge(&facts, now, &StalePolicy::complete_by_duration());
    world.show(&sim.store, &Seen::Judged { facts: &facts, at: now, verdict });
}
