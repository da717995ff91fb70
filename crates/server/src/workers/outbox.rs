//! The outbox worker: claims what may start at once, performs it side by side, and stops without dropping anything.

use std::sync::Arc;
use std::time::Duration;

use call_core::port::Outbox;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::warn;

use super::{Bell, Pulse};

/// How long to leave a failing store alone.
const BREATHER: Duration = Duration::from_millis(500);

/// Everything that the worker needs.
pub(crate) struct OutboxWorker {
    pub(crate) outbox: Outbox,
    pub(crate) bell: Bell,
    pub(crate) pulse: Pulse,
    /// How many effects are performed at once.
    pub(crate) workers: usize,
    /// How often to look when no bell rings.
    pub(crate) poll: Duration,
}

impl OutboxWorker {
    /// Works until `stop`, then finishes what is in hand.
    pub(crate) async fn run(self, stop: CancellationToken) {
        let slots = Arc::new(Semaphore::new(self.workers));
        let tasks = TaskTracker::new();
        while let Some(idle) = self.round(&slots, &tasks, &stop).await {
            tokio::select! {
                () = stop.cancelled() => break,
                () = tokio::time::sleep(idle) => {}
                () = self.bell.rung(), if idle == self.poll => {}
            }
        }
        tasks.close();
        tasks.wait().await;
    }

    /// One round; how long to rest after it, `None` when it is time to stop.
    async fn round(&self, slots: &Arc<Semaphore>, tasks: &TaskTracker, stop: &CancellationToken) -> Option<Duration> {
        // Only what can start at once is claimed: a lease that runs while its job waits is a lease wasted.
        let first = tokio::select! {
            () = stop.cancelled() => return None,
            slot = Arc::clone(slots).acquire_owned() => slot.ok()?,
        };
        self.pulse.beat();
        let free = slots.available_permits() + 1;
        drop(first);
        let jobs = match self.outbox.claim(free).await {
            Ok(jobs) if jobs.is_empty() => return Some(self.poll),
            Ok(jobs) => jobs,
            Err(error) => {
                warn!(error = chain(&error), "the outbox cannot be read");
                return Some(BREATHER);
            }
        };
        let (news, acts) = Outbox::sort(jobs);
        for job in acts {
            let slot = Arc::clone(slots).acquire_owned().await.ok()?;
            let outbox = self.outbox.clone();
            tasks.spawn(async move {
                if let Err(error) = outbox.perform(&job).await {
                    warn!(call_id = %job.id.call, error = chain(&error), "an effect will be claimed again");
                }
                drop(slot);
            });
        }
        if let Err(error) = self.outbox.publish(&news).await {
            warn!(error = chain(&error), "subscribers will be told again");
        }
        Some(Duration::ZERO)
    }
}

/// An error with its sources, in one line.
pub(crate) fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(error) = source {
        text = format!("{text}: {error}");
        source = error.source();
    }
    text
}
