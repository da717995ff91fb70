//! The outbox workers: one tells subscribers, in large batches; one claims the acts that may start at once and performs
//! them side by side. Both stop without dropping anything.

use std::sync::Arc;
use std::time::Duration;

use call_core::port::{Lane, Outbox};
use tokio::sync::Semaphore;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::warn;

use super::{Bell, Pulse};

/// How long to leave a failing store alone.
const BREATHER: Duration = Duration::from_millis(500);

/// How much news is told in one go. A round costs two commits, however much it tells.
const NEWS: usize = 500;

/// From one round of news to the next, while there is some: what comes meanwhile shares the next one's commits. News that
/// comes alone is told at once.
const PACE: Duration = Duration::from_millis(20);

/// Everything that the workers of the two lanes need.
#[derive(Clone)]
pub(crate) struct OutboxWorker {
    pub(crate) outbox: Outbox,
    pub(crate) bell: Bell,
    pub(crate) pulse: Pulse,
    /// How many acts are performed at once.
    pub(crate) workers: usize,
    /// How often to look when no bell rings.
    pub(crate) poll: Duration,
}

impl OutboxWorker {
    /// Works on both lanes until `stop`, then finishes what is in hand.
    pub(crate) async fn run(self, stop: CancellationToken) {
        tokio::join!(self.tell(&stop), self.act(&stop));
    }

    /// Tells subscribers.
    async fn tell(&self, stop: &CancellationToken) {
        while !stop.is_cancelled() {
            let next = Instant::now() + PACE;
            let idle = match self.outbox.claim(Lane::News, NEWS).await {
                Ok(news) if news.is_empty() => self.poll,
                Ok(news) => match self.outbox.publish(&news).await {
                    Ok(()) if news.len() == NEWS => continue,
                    Ok(()) => next.saturating_duration_since(Instant::now()),
                    Err(error) => {
                        warn!(error = chain(&error), "subscribers will be told again");
                        BREATHER
                    }
                },
                Err(error) => {
                    warn!(error = chain(&error), "the outbox cannot be read");
                    BREATHER
                }
            };
            self.rest(Lane::News, idle, stop).await;
        }
    }

    /// Performs acts at providers.
    async fn act(&self, stop: &CancellationToken) {
        let slots = Arc::new(Semaphore::new(self.workers));
        let tasks = TaskTracker::new();
        while let Some(idle) = self.round(&slots, &tasks, stop).await {
            self.rest(Lane::Acts, idle, stop).await;
        }
        tasks.close();
        tasks.wait().await;
    }

    async fn rest(&self, lane: Lane, idle: Duration, stop: &CancellationToken) {
        tokio::select! {
            () = stop.cancelled() => {}
            () = tokio::time::sleep(idle) => {}
            () = self.bell.rung(lane), if idle == self.poll => {}
        }
    }

    /// One round; how long to rest after it, `None` when it is time to stop.
    async fn round(&self, slots: &Arc<Semaphore>, tasks: &TaskTracker, stop: &CancellationToken) -> Option<Duration> {
        // Only what can start at once is claimed: a lease that runs while its job waits is a lease wasted.
        let first = tokio::select! {
            biased;
            () = stop.cancelled() => return None,
            slot = Arc::clone(slots).acquire_owned() => slot.ok()?,
        };
        self.pulse.beat();
        let free = slots.available_permits() + 1;
        drop(first);
        let jobs = match self.outbox.claim(Lane::Acts, free).await {
            Ok(jobs) if jobs.is_empty() => return Some(self.poll),
            Ok(jobs) => jobs,
            Err(error) => {
                warn!(error = chain(&error), "the outbox cannot be read");
                return Some(BREATHER);
            }
        };
        for job in jobs {
            let slot = Arc::clone(slots).acquire_owned().await.ok()?;
            let outbox = self.outbox.clone();
            tasks.spawn(async move {
                if let Err(error) = outbox.perform(&job).await {
                    warn!(call_id = %job.id.call, error = chain(&error), "an effect will be claimed again");
                }
                drop(slot);
            });
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
