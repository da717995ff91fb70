//! Wakes the outbox worker the moment this process commits something to do.

use std::sync::Arc;

use call_core::port::{Observation, Observer};
use tokio::sync::Notify;

/// Rung by commits, waited for by the worker. A ring that nobody waits for is kept for the next wait.
#[derive(Debug, Clone, Default)]
pub(crate) struct Bell(Arc<Notify>);

impl Bell {
    pub(crate) async fn rung(&self) {
        self.0.notified().await;
    }
}

impl Observer for Bell {
    fn observe(&self, observation: Observation<'_>) {
        let work = matches!(observation, Observation::Created { .. })
            || matches!(observation, Observation::Committed { effects, .. } if !effects.is_empty());
        if work {
            self.0.notify_one();
        }
    }
}
