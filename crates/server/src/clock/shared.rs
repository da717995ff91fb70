//! The clock of the store, which all its servers share: they agree on leases and deadlines however their own clocks are
//! set.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use call_core::Timestamp;
use call_core::port::{Clock, Store, StoreError};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tracing::{debug, warn};

use crate::telemetry::Metrics;
use crate::workers::chain;

/// How long a server that starts waits for the store's time, and how often it asks.
const PATIENCE: Duration = Duration::from_secs(10);
const AGAIN: Duration = Duration::from_millis(500);
/// How often the store is asked for its time.
const EVERY: Duration = Duration::from_secs(30);
/// Of so many questions in a row, the one that was answered fastest counts.
const QUESTIONS: usize = 5;
/// An answer that took longer says too little to correct a clock that goes.
const TOO_SLOW: Duration = Duration::from_secs(1);
/// A difference up to this is made up for bit by bit; a larger one at once.
const SMALL: i64 = 500;
/// Bit by bit: 5 ms every 100 ms.
const BIT: i64 = 5;
const BIT_EVERY: Duration = Duration::from_millis(100);
/// How far a machine's clock may be off before somebody should know.
const TOLERATED: i64 = 1_000;

/// Tells the store's time between two questions to it by the machine's steady clock, which nobody sets.
pub(crate) struct SharedClock {
    store: Arc<dyn Store>,
    machine: Arc<dyn Clock>,
    began: Instant,
    /// Unix time at `began` in ms, as last corrected.
    at_start: AtomicI64,
}

/// What the store's clock said.
struct Measured {
    /// Its time when it was asked, in ms.
    time: i64,
    /// When that was, by the machine's clock.
    machine: i64,
    /// When that was, by the steady clock.
    when: Instant,
    /// How long question and answer took.
    took: Duration,
}

impl SharedClock {
    /// The clock of a store; `None` if it has none that its servers share. Asks again for a while if the store does not
    /// answer, which may just be restarting.
    pub(crate) async fn of(store: Arc<dyn Store>, machine: Arc<dyn Clock>) -> Result<Option<Self>, StoreError> {
        let until = Instant::now() + PATIENCE;
        let measured = loop {
            match measure(&*store, &*machine).await {
                Err(error) if error.is_transient() && Instant::now() < until => tokio::time::sleep(AGAIN).await,
                measured => break measured?,
            }
        };
        let Some(measured) = measured else { return Ok(None) };
        let clock = Self { store, machine, began: measured.when, at_start: AtomicI64::new(measured.time) };
        Ok(Some(clock))
    }

    /// Keeps in step with the store until `stop`, and tells how far off the machine's own clock is.
    pub(crate) async fn keep(self: Arc<Self>, metrics: Arc<Metrics>, stop: CancellationToken) {
        let kept = async {
            let mut tolerated = true;
            loop {
                match measure(&*self.store, &*self.machine).await {
                    Ok(Some(measured)) => {
                        tolerated = tell(&measured, &metrics, tolerated);
                        self.correct(&measured).await;
                    }
                    Ok(None) => {}
                    Err(error) => warn!(error = chain(&error), "the store does not tell its time; ours goes on"),
                }
                tokio::time::sleep(EVERY).await;
            }
        };
        let _stopped: Option<()> = stop.run_until_cancelled(kept).await;
    }

    async fn correct(&self, measured: &Measured) {
        let mut behind = measured.time - self.at(measured.when);
        if behind.abs() > SMALL {
            self.at_start.fetch_add(behind, Ordering::Relaxed);
            warn!(behind_ms = behind, "the clock was set by the store's");
        } else if measured.took > TOO_SLOW {
            debug!(took = ?measured.took, "the store's time came too late to be of use");
        } else {
            while behind != 0 {
                let bit = behind.clamp(-BIT, BIT);
                self.at_start.fetch_add(bit, Ordering::Relaxed);
                behind -= bit;
                tokio::time::sleep(BIT_EVERY).await;
            }
        }
    }

    /// Unix time in ms at a moment of the steady clock.
    fn at(&self, when: Instant) -> i64 {
        self.at_start.load(Ordering::Relaxed) + millis(when.saturating_duration_since(self.began))
    }
}

#[async_trait]
impl Clock for SharedClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_millis(self.at(Instant::now()))
    }

    fn random(&self) -> [u8; 10] {
        self.machine.random()
    }

    async fn sleep(&self, duration: Duration) {
        self.machine.sleep(duration).await;
    }
}

/// Asks the store for its time: it was taken about half-way between question and answer.
async fn measure(store: &dyn Store, machine: &dyn Clock) -> Result<Option<Measured>, StoreError> {
    let mut best: Option<Measured> = None;
    for _ in 0..QUESTIONS {
        let (asked, machine) = (Instant::now(), machine.now().as_millis());
        let Some(time) = store.time().await? else { return Ok(None) };
        let took = asked.elapsed();
        if best.as_ref().is_none_or(|best| took < best.took) {
            best = Some(Measured { time: time.as_millis() - millis(took / 2), machine, when: asked, took });
        }
    }
    Ok(best)
}

/// Tells how far off the machine's clock is: always by a metric, and by a line when that becomes too much.
fn tell(measured: &Measured, metrics: &Metrics, tolerated_before: bool) -> bool {
    let ahead = measured.machine - measured.time;
    metrics.clock(ahead);
    let tolerated = ahead.abs() <= TOLERATED;
    if tolerated_before && !tolerated {
        warn!(
            ahead_ms = ahead,
            "this machine's clock is off; the store's is used, but logs and certificates may suffer"
        );
    }
    tolerated
}

fn millis(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use call_core::testkit::MemoryStore;

    use crate::SystemClock;

    fn clock() -> SharedClock {
        let began = Instant::now();
        SharedClock {
            store: Arc::new(MemoryStore::new()),
            machine: Arc::new(SystemClock),
            began,
            at_start: AtomicI64::new(1_800_000_000_000),
        }
    }

    fn measured(clock: &SharedClock, behind: i64, took: Duration) -> Measured {
        let when = Instant::now();
        Measured { time: clock.at(when) + behind, machine: 0, when, took }
    }

    #[tokio::test]
    async fn a_store_without_a_clock_leaves_the_machine_its_own() {
        let store = Arc::new(MemoryStore::new());
        assert!(SharedClock::of(store, Arc::new(SystemClock)).await.unwrap().is_none());
    }

    #[tokio::test]
    async fn a_small_difference_is_made_up_for_bit_by_bit() {
        let clock = clock();
        let measured = measured(&clock, 12, Duration::ZERO);
        let (wished, when, began) = (measured.time, measured.when, Instant::now());
        clock.correct(&measured).await;
        assert_eq!(clock.at(when), wished);
        assert!(began.elapsed() >= 2 * BIT_EVERY, "5, 5 and 2 ms");
    }

    #[tokio::test]
    async fn a_large_difference_is_made_up_for_at_once() {
        let clock = clock();
        for behind in [-60_000, 60_000] {
            let measured = measured(&clock, behind, TOO_SLOW * 2);
            let (wished, when) = (measured.time, measured.when);
            clock.correct(&measured).await;
            assert_eq!(clock.at(when), wished);
        }
    }

    #[tokio::test]
    async fn a_slow_answer_corrects_nothing_small() {
        let clock = clock();
        let measured = measured(&clock, 12, TOO_SLOW * 2);
        let (before, when) = (clock.at(measured.when), measured.when);
        clock.correct(&measured).await;
        assert_eq!(clock.at(when), before);
    }
}
