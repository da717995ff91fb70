//! The prune worker: removes calls that have been over for longer than anybody wants to know (`retention.keep`).

use std::sync::Arc;
use std::time::Duration;

use call_core::port::{Clock, Store};
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use super::outbox::chain;
use crate::telemetry::Metrics;

/// How often to look.
const EVERY: Duration = Duration::from_secs(3600);
/// How many calls go at once: few, so that nobody waits behind it.
const BATCH: usize = 500;
/// How long others have the store to themselves after each batch.
const BREATHER: Duration = Duration::from_millis(200);

/// Everything that the worker needs. Several servers may prune one store; each call goes once.
pub(crate) struct PruneWorker {
    pub(crate) store: Arc<dyn Store>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) metrics: Arc<Metrics>,
    /// How long calls are kept.
    pub(crate) keep: Duration,
}

impl PruneWorker {
    /// Prunes until `stop`. A batch that has begun is finished.
    pub(crate) async fn run(self, stop: CancellationToken) {
        while !stop.is_cancelled() {
            self.round(&stop).await;
            let _stopped: Option<()> = stop.run_until_cancelled(tokio::time::sleep(EVERY)).await;
        }
    }

    async fn round(&self, stop: &CancellationToken) {
        let born_before = self.clock.now() - self.keep;
        let mut gone = 0;
        while !stop.is_cancelled() {
            match self.store.prune(born_before, BATCH).await {
                Ok(calls) => {
                    gone += calls;
                    self.metrics.pruned(calls);
                    if calls < BATCH as u64 {
                        break;
                    }
                }
                Err(error) => {
                    warn!(error = chain(&error), "old calls cannot be removed now");
                    break;
                }
            }
            tokio::time::sleep(BREATHER).await;
        }
        if gone > 0 {
            info!(step = "prune", calls = gone, %born_before, "old calls were removed");
        }
    }
}
