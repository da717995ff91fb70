//! The sweep worker: acts on deadlines that have come due, for ever and often (post-mortem 2.3).

use std::sync::Arc;
use std::time::Duration;

use call_core::port::Sweep;
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use super::Pulse;
use super::outbox::chain;
use crate::telemetry::Metrics;

/// Everything that the worker needs.
pub(crate) struct SweepWorker {
    pub(crate) sweep: Sweep,
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) pulse: Pulse,
    /// How often to look.
    pub(crate) every: Duration,
    /// How many calls to act on before looking again.
    pub(crate) batch: usize,
}

impl SweepWorker {
    /// Sweeps until `stop`. A sweep that has begun is finished.
    pub(crate) async fn run(self, stop: CancellationToken) {
        while !stop.is_cancelled() {
            self.pulse.beat();
            self.metrics.upkeep();
            let full = match self.sweep.sweep(self.batch, false).await {
                Ok(report) => {
                    let closed = report.calls.iter().filter(|c| c.closed.is_some()).count();
                    let asked = report.calls.iter().filter(|c| c.asked).count();
                    if !report.calls.is_empty() || report.adopted > 0 || report.expired > 0 {
                        let (due, adopted, expired) = (report.calls.len(), report.adopted, report.expired);
                        info!(step = "sweep", due, asked, closed, adopted, expired, "swept");
                    }
                    report.calls.len() >= self.batch
                }
                Err(error) => {
                    warn!(error = chain(&error), "the sweep failed and will be tried again");
                    false
                }
            };
            if !full {
                tokio::select! {
                    () = stop.cancelled() => {}
                    () = tokio::time::sleep(self.every) => {}
                }
            }
        }
    }
}
