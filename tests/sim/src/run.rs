//! One run: build a world, let faults strike, heal it, see that everything converged.

use std::fmt;
use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use call_core::journal::Entry;
use call_core::port::{Filter, Page, Store as _};
use call_core::{Call, CallId};

use crate::executor::Executor;
use crate::invariants::Seen;
use crate::rare::{Rare, Tally};
use crate::time::{MS, SEC, micros, shown};
use crate::world::{Event, Shared, Sim};
use crate::{client, network, rows, server};

/// More steps than any world needs.
pub(crate) const STEPS: u64 = 1_000_000;

/// What kind of run.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// How many calls are to be placed; drawn from the seed if absent.
    pub lives: Option<usize>,
    /// Whether nothing goes wrong.
    pub calm: bool,
    /// Whether to keep a trace for people.
    pub trace: bool,
}

/// A run that broke nothing.
#[derive(Debug, Clone)]
pub struct Report {
    /// What decided everything.
    pub seed: u64,
    /// How many calls were born, and ended.
    pub lives: u64,
    /// How often a task was polled.
    pub steps: u64,
    /// How long it took in the world, in seconds.
    pub seconds: u64,
    /// Of every step: equal runs have equal hashes.
    pub hash: u64,
    /// Which seldom paths were taken.
    pub tally: Tally,
    /// Line by line what happened, if [`Options::trace`].
    pub trace: Vec<String>,
}

/// A run that broke an invariant.
#[derive(Debug, Clone)]
pub struct Failure {
    /// What decided everything.
    pub seed: u64,
    /// The invariant, as its file in `invariants` is named.
    pub invariant: &'static str,
    /// What was seen.
    pub what: String,
    /// When, in seconds of the world.
    pub at: f64,
    /// How many calls had been born.
    pub lives: u64,
    /// Line by line what happened, if [`Options::trace`].
    pub trace: Vec<String>,
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { seed, invariant, what, at, .. } = self;
        write!(f, "seed {seed} breaks \"{invariant}\" after {at:.3} s: {what}")
    }
}

impl std::error::Error for Failure {}

/// Runs the world of a seed.
///
/// # Errors
/// The first invariant that did not hold.
pub fn run(seed: u64, options: &Options) -> Result<Report, Failure> {
    let sim = Shared::new(seed, options);
    build(&sim);
    let mut executor = Executor::new(Arc::clone(&sim));
    let bound = sim.world().bound();
    sim.world().end = bound;
    executor.run();
    if sim.world().steps >= STEPS {
        sim.world().breaks("steps", "it never comes to rest".to_owned());
    }
    let calls = finish(&sim);
    executor.clear();
    let mut world = sim.world();
    let leftover = world.clear();
    let lives = (calls.len() + world.pruned.len()) as u64;
    let trace = world.trace.take();
    let result = match world.broken.take() {
        None => Ok(Report {
            seed,
            lives,
            steps: world.steps,
            seconds: world.now / SEC,
            hash: world.trace.hash(),
            tally: world.tally.clone(),
            trace,
        }),
        Some(broken) => Err(Failure {
            seed,
            invariant: broken.invariant,
            what: broken.what,
            at: (broken.at / MS) as f64 / 1e3,
            lives,
            trace,
        }),
    };
    drop(world);
    drop(leftover);
    result
}

fn build(sim: &Sim) {
    server::build(sim);
    let inbound = {
        let mut guard = sim.world();
        let world = &mut *guard;
        let heal = world.dice.pick(&[60, 240, 900]) * SEC;
        world.after(heal, Event::Heal);
        for _ in 0..world.weather.store_outages {
            let (wait, lasts) = (world.dice.below(heal), world.dice.pick(&[2, 20, 90]) * SEC);
            world.after(wait, Event::StoreDown { until: wait + lasts });
        }
        for _ in 0..world.weather.provider_outages {
            let (wait, lasts) = (world.dice.below(heal), world.dice.pick(&[5, 60, 600]) * SEC);
            let refuses = world.dice.percent(50);
            world.after(wait, Event::ProviderDown { until: wait + lasts, refuses });
        }
        if world.dice.percent(20) {
            for _ in 0..4 {
                let wait = world.dice.within(600 * SEC, 1800 * SEC);
                world.after(wait, Event::Prune);
            }
        }
        usize::try_from(world.dice.below(7)).unwrap_or(0)
    };
    client::build(sim, inbound);
    rows::judge_one(sim);
}

/// Retention: calls of ten minutes ago are removed, if they are over.
pub(crate) fn prune(sim: &Sim) {
    let old = shown(sim.world().now.saturating_sub(600 * SEC), 0);
    let before = older(sim, CallId::new(old, [0; 10]));
    let mut world = sim.world();
    let _ = at_once(sim.store.prune(old, 1000));
    let gone = |call: &Call| sim.store.stored(call.id()).is_none();
    let removed: Vec<_> = before.into_iter().filter(|(call, _)| gone(call)).collect();
    if !removed.is_empty() {
        world.rarely(Rare::Pruned);
        world.pruned.extend(removed.iter().map(|(call, _)| call.id()));
        world.show(&sim.store, &Seen::Pruned { calls: &removed });
    }
}

/// The faults stop.
pub(crate) fn heal(sim: &Sim) {
    let servers = {
        let mut world = sim.world();
        world.healed = Some(world.now);
        world.weather.heal();
        (world.store_down_until, world.provider_down_until) = (0, 0);
        let now = world.now;
        world.trace.line(now, "", || "the faults stop".to_owned());
        world.servers.all.len()
    };
    for server in 0..servers {
        server::boot(sim, server);
    }
}

impl crate::world::World {
    /// Within this time everything has converged, or never will.
    fn bound(&self) -> u64 {
        let policy = &self.clients.policy;
        let longest = [policy.queue_limit, policy.ring_limit, policy.live_limit, policy.stale.outer];
        900 * SEC
            + network::carrier_limit(policy)
            + 2 * longest.into_iter().map(micros).sum::<u64>()
            + server::patience(self)
    }
}

/// The calls that are older, with their journals.
fn older(sim: &Sim, than: CallId) -> Vec<(Call, Vec<Entry>)> {
    let page = Page { before: Some(than), limit: usize::MAX };
    let calls = at_once(sim.store.list(&Filter::default(), &page)).unwrap_or_default();
    calls
        .into_iter()
        .map(|call| {
            let journal = at_once(sim.store.journal(call.id())).unwrap_or_default();
            (call, journal)
        })
        .collect()
}

/// Nothing happens any more: shows all that was lived.
fn finish(sim: &Sim) -> Vec<(Call, Vec<Entry>)> {
    let mut world = sim.world();
    let counts = at_once(sim.store.counts(shown(world.now, 0))).unwrap_or_default();
    let mailbox = at_once(sim.store.mailbox(usize::MAX)).unwrap_or_default();
    let calls = sim.store.unload();
    world.show(&sim.store, &Seen::Finished { calls: &calls, outbox: counts.outbox, mailbox: &mailbox });
    calls
}

/// The answer of a future that waits for nothing, as all of the memory store's do.
pub(crate) fn at_once<T>(future: impl Future<Output = T>) -> T {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(answer) => answer,
        Poll::Pending => unreachable!("the memory store waits for nothing"),
    }
}
