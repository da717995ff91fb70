//! Wakes the outbox workers the moment this process commits something to do.

use std::sync::Arc;

use call_core::port::{Lane, Observation, Observer};
use tokio::sync::Notify;

/// Rung by commits, waited for by the worker of each lane. A ring that nobody waits for is kept for the next wait.
#[derive(Debug, Clone, Default)]
pub(crate) struct Bell {
    news: Arc<Notify>,
    acts: Arc<Notify>,
}

impl Bell {
    pub(crate) async fn rung(&self, lane: Lane) {
        self.of(lane).notified().await;
    }

    const fn of(&self, lane: Lane) -> &Arc<Notify> {
        match lane {
            Lane::News => &self.news,
            Lane::Acts => &self.acts,
        }
    }
}

impl Observer for Bell {
    fn observe(&self, observation: Observation<'_>) {
        if let Observation::Created { .. } = observation {
            // A birth is news, and asks for a dial.
            self.news.notify_one();
            self.acts.notify_one();
        }
        if let Observation::Committed { effects, .. } = observation {
            for lane in effects.iter().map(Lane::of) {
                self.of(lane).notify_one();
            }
        }
    }
}
