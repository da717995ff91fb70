//! What every provider's face shares: time, chance, people, faults, and the work under way.

use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use rand::Rng;
use tokio::{runtime::Handle, sync::watch};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::{
    book::Book,
    config::Config,
    dice::Dice,
    fault::{Fault, Occasion},
    ledger::Ledger,
    outage::{Backlog, Mode, Outage},
    person::{People, Person},
    record::Record,
    scale::Scale,
};

#[derive(Debug)]
pub(crate) struct World {
    pub(crate) config: Config,
    pub(crate) scale: Scale,
    pub(crate) dice: Dice,
    pub(crate) people: People,
    pub(crate) ledger: Ledger,
    pub(crate) faults: Book,
    pub(crate) outage: Arc<Outage>,
    pub(crate) http: reqwest::Client,
    /// Rises with every healing: whoever waits because of a fault stops waiting.
    healed: watch::Sender<u64>,
    /// Calls open plus messages not yet delivered.
    busy: watch::Sender<usize>,
    stop: CancellationToken,
    tasks: TaskTracker,
    runtime: Handle,
}

impl World {
    /// Must be called inside a tokio runtime.
    pub(crate) fn new(config: Config, http: reqwest::Client) -> Arc<Self> {
        let dice = Dice::new(config.seed);
        Arc::new(Self {
            scale: Scale::new(config.speed),
            dice,
            people: People::default(),
            ledger: Ledger::new(&config.numbers),
            faults: Book::new(dice, config.faults.clone()),
            outage: Arc::new(Outage::new()),
            http,
            healed: watch::Sender::new(0),
            busy: watch::Sender::new(0),
            stop: CancellationToken::new(),
            tasks: TaskTracker::new(),
            runtime: Handle::current(),
            config,
        })
    }

    /// Runs `work` until it is done or the network stops. Until then the network is not quiet.
    pub(crate) fn run(self: &Arc<Self>, work: impl Future<Output = ()> + Send + 'static) {
        let busy = Busy::new(Arc::clone(self));
        let stop = self.stop.clone();
        self.tasks.spawn_on(
            async move {
                let _busy = busy;
                tokio::select! {
                    () = stop.cancelled() => {}
                    () = work => {}
                }
            },
            &self.runtime,
        );
    }

    pub(crate) fn is_stopping(&self) -> bool {
        self.stop.is_cancelled()
    }

    pub(crate) fn stopping(&self) -> CancellationToken {
        self.stop.clone()
    }

    pub(crate) async fn stop(&self) {
        self.stop.cancel();
        self.tasks.close();
        self.tasks.wait().await;
    }

    pub(crate) fn is_quiet(&self) -> bool {
        *self.busy.borrow() == 0
    }

    pub(crate) async fn until_quiet(&self) {
        // The sender lives as long as `self`, so waiting cannot fail.
        let _ = self.busy.subscribe().wait_for(|busy| *busy == 0).await;
    }

    pub(crate) fn heal(&self) {
        self.faults.clear();
        self.outage.end();
        self.healed.send_modify(|times| *times += 1);
    }

    /// Sleeps phone seconds because of a fault: healing ends it early.
    pub(crate) async fn suffer(&self, seconds: f64) {
        let mut healed = self.healed.subscribe();
        tokio::select! {
            () = self.scale.sleep(seconds) => {}
            _ = healed.changed() => {}
        }
    }

    /// Who is at a number this time.
    pub(crate) fn meet(&self, number: &str) -> Person {
        self.people.at(self.dice, number, self.ledger.meet(number))
    }

    /// How long the person who has just answered stays on the line, in phone seconds.
    pub(crate) fn stays(&self, record: &Record) -> f64 {
        let stays = record.person().stays();
        if !self.faults.strikes(Fault::QuickHangup, record.occasion("answered")) {
            return stays;
        }
        record.suffered(Fault::QuickHangup);
        self.dice.about(&["quick", &record.person_at]).random_range(0.5..2.0)
    }

    /// The moment that a read of a call shows: behind the truth by the configured lag, or before the call's last change if a
    /// fault strikes.
    pub(crate) fn seen_at(&self, record: &Record, operation: &str) -> Timestamp {
        let lag = self.config.read_lag;
        let mut moment = Timestamp::now();
        if lag > 0.0 {
            let behind = SignedDuration::try_from(self.scale.real(lag)).unwrap_or_default();
            moment = moment.saturating_sub(behind).unwrap_or(moment);
        }
        let change = record.look(|truth| truth.history.last().filter(|_| truth.history.len() > 1).map(|last| last.at));
        if let Some(change) = change
            && self.faults.strikes(Fault::StaleRead, record.occasion(operation))
        {
            let before = change.saturating_sub(SignedDuration::from_nanos(1)).unwrap_or(change);
            moment = moment.min(before);
        }
        moment
    }

    /// Asks for an outage by chance or rule, and begins it.
    pub(crate) fn perhaps_fail(&self, occasion: Occasion<'_>) {
        if self.outage.now().is_none() && self.faults.strikes(Fault::Outage, occasion) {
            self.outage.begin(Mode::Unavailable, Backlog::Late, self.scale.real(OUTAGE_SECONDS));
        }
    }
}

/// How long an outage drawn by chance lasts, in phone seconds.
const OUTAGE_SECONDS: f64 = 5.0;

/// Keeps the network from being quiet while it lives.
struct Busy(Arc<World>);

impl Busy {
    fn new(world: Arc<World>) -> Self {
        world.busy.send_modify(|busy| *busy += 1);
        Self(world)
    }
}

impl Drop for Busy {
    fn drop(&mut self) {
        self.0.busy.send_modify(|busy| *busy -= 1);
    }
}
