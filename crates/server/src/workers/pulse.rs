//! Whether a worker still goes round.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// Beaten by a worker on every round, felt by the readiness check.
#[derive(Debug, Clone)]
pub(crate) struct Pulse {
    name: &'static str,
    start: Instant,
    beat: Arc<AtomicU64>,
    slowest: Duration,
}

impl Pulse {
    /// A worker that goes round at least every `slowest`.
    pub(crate) fn new(name: &'static str, slowest: Duration) -> Self {
        Self { name, start: Instant::now(), beat: Arc::new(AtomicU64::new(0)), slowest }
    }

    pub(crate) fn beat(&self) {
        let millis = u64::try_from(self.start.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.beat.store(millis, Ordering::Relaxed);
    }

    /// What is wrong, if the worker has not been seen for too long.
    pub(crate) fn trouble(&self) -> Option<String> {
        let silent = self.start.elapsed().saturating_sub(Duration::from_millis(self.beat.load(Ordering::Relaxed)));
        (silent > self.slowest).then(|| format!("the {} has not gone round for {} s", self.name, silent.as_secs()))
    }
}
