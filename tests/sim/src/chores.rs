//! What operators do beside the engine's own work: they look what a sweep would do, and they let old calls go.

use std::sync::Arc;
use std::time::Duration;

use call_core::port::{Clock as _, Store as _, Sweep};

use crate::clock::{ServerClock, sleep};
use crate::shaky::Shaky;
use crate::time::SEC;
use crate::world::Sim;

/// How many calls a dry run looks at, and retention takes, at once.
const LIMIT: usize = 200;

/// The operators of one server.
pub(crate) struct Chores {
    pub(crate) sim: Sim,
    pub(crate) server: usize,
    pub(crate) store: Arc<Shaky>,
    /// Sweeps through a store that tells when anything is written.
    pub(crate) dry: Sweep,
}

impl Chores {
    /// Some dry runs in the first minutes.
    pub(crate) async fn look(self: Arc<Self>) {
        for _ in 0..3 {
            let wait = self.sim.world().dice.within(SEC, 120 * SEC);
            sleep(&self.sim, wait).await;
            // If the store fails, the operator sees an error and looks another time.
            let _ = self.dry.sweep(LIMIT, true).await;
        }
    }

    /// Retention: what was born before a while goes.
    pub(crate) async fn tidy(self: Arc<Self>) {
        let clock = ServerClock { sim: Arc::clone(&self.sim), server: self.server };
        for _ in 0..8 {
            let (wait, age) = {
                let mut world = self.sim.world();
                (world.dice.within(60 * SEC, 600 * SEC), world.dice.pick(&[900, 1800]))
            };
            sleep(&self.sim, wait).await;
            let _ = self.store.prune(clock.now() - Duration::from_secs(age), LIMIT).await;
        }
    }
}
