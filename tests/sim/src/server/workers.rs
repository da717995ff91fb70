//! The loops of a server, as the real server's workers drive them: tell, act, sweep; and rest while there is nothing to do.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use call_core::Timestamp;
use call_core::port::{Job, Lane};
use call_core::testkit::MemoryStore;

use super::App;
use crate::clock::pause;
use crate::time::{MS, SEC, when};
use crate::world::{Event, Sim, World};

/// How long to leave a failing store alone.
const BREATHER: u64 = 500 * MS;

/// How long until a worker looks again that was not alone with its work.
const AGAIN: u64 = POLL / 4;

/// Not all servers act on a deadline, or on a lease that lapsed, at the same instant.
const JITTER: u64 = POLL / 2;

/// How long work that another server made may go unnoticed.
const POLL: u64 = SEC;

/// The loops of a process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Worker {
    Teller,
    Actor,
    Sweeper,
}

impl Worker {
    pub(crate) const fn of(lane: Lane) -> Self {
        match lane {
            Lane::News => Self::Teller,
            Lane::Acts => Self::Actor,
        }
    }
}

/// A worker that waits for something to do.
#[derive(Default)]
pub(super) struct Rest {
    /// When it looks next.
    at: u64,
    waker: Option<Waker>,
}

/// A resting worker looks whether there is something to do, if it still rests until then. A poll of the real server that
/// would find nothing is left out: it rests on.
pub(crate) fn look(sim: &Sim, server: u8, worker: Worker, at: u64) {
    let (server, mut world) = (usize::from(server), sim.world());
    let rest = &mut world.servers.all[server].rests[worker as usize];
    let Some(waker) = rest.waker.take_if(|_| rest.at == at) else { return };
    match world.work(&sim.store, server, worker) {
        Some(next) if next <= world.now => waker.wake(),
        next => world.rest(server, worker, next, waker),
    }
}

impl World {
    /// Server `by` made work for a kind of worker, to be done from `due` on: its own looks then, the others at their next
    /// poll. Deadlines all servers wait for alike.
    pub(crate) fn ring(&mut self, by: usize, worker: Worker, due: Timestamp) {
        for server in 0..self.servers.all.len() {
            let due = when(due, self.servers.all[server].skew).max(self.now);
            let (low, high) = match worker {
                Worker::Sweeper if due > self.now => (0, JITTER),
                _ if server == by => (0, 0),
                _ => (MS, POLL),
            };
            if self.servers.all[server].rests[worker as usize].sleeps_beyond(due + high) {
                let at = due + self.dice.within(low, high);
                self.look_at(server, worker, at);
            }
        }
    }

    /// All workers of a server that rest look at once.
    pub(crate) fn stir(&mut self, server: usize) {
        for worker in [Worker::Teller, Worker::Actor, Worker::Sweeper] {
            if self.servers.all[server].rests[worker as usize].sleeps_beyond(self.now) {
                self.look_at(server, worker, self.now);
            }
        }
    }

    /// When a worker will find something to do, as things are.
    fn work(&self, store: &MemoryStore, server: usize, worker: Worker) -> Option<u64> {
        let state = &self.servers.all[server];
        let at = match worker {
            Worker::Teller => store.next_visible(Lane::News),
            Worker::Actor if state.free == 0 => None,
            Worker::Actor => store.next_visible(Lane::Acts),
            Worker::Sweeper => store.next_sweep(),
        };
        at.map(|at| when(at, state.skew))
    }

    /// Lets a worker rest until there is work, or until somebody rings.
    fn rest(&mut self, server: usize, worker: Worker, next: Option<u64>, waker: Waker) {
        let jitter = self.dice.within(0, JITTER);
        let at = next.map_or(u64::MAX, |next| next.max(self.now) + jitter);
        self.servers.all[server].rests[worker as usize].waker = Some(waker);
        self.look_at(server, worker, at);
    }

    fn look_at(&mut self, server: usize, worker: Worker, at: u64) {
        self.servers.all[server].rests[worker as usize].at = at;
        if at != u64::MAX {
            let server = u8::try_from(server).unwrap_or_default();
            self.after(at - self.now, Event::Look { server, worker, at });
        }
    }
}

impl Rest {
    const fn sleeps_beyond(&self, at: u64) -> bool {
        self.waker.is_some() && self.at > at
    }
}

/// Tells subscribers.
pub(super) async fn tell(sim: Sim, server: usize, app: Arc<App>) {
    loop {
        something(&sim, server, Worker::Teller).await;
        match app.outbox.claim(Lane::News, 500).await {
            Ok(news) if news.is_empty() => pause(&sim, AGAIN).await,
            Ok(news) => {
                if app.outbox.publish(&news).await.is_err() {
                    breathe(&sim).await;
                }
            }
            Err(_) => breathe(&sim).await,
        }
    }
}

/// Claims the acts that may start at once, and performs them side by side.
pub(super) async fn act(sim: Sim, server: usize, app: Arc<App>) {
    loop {
        something(&sim, server, Worker::Actor).await;
        let free = sim.world().servers.all[server].free;
        match app.outbox.claim(Lane::Acts, free).await {
            Ok(jobs) if jobs.is_empty() => pause(&sim, AGAIN).await,
            Ok(jobs) => {
                for job in jobs {
                    let slot = Slot::take(&sim, server);
                    sim.spawn(server, Box::pin(perform(slot, Arc::clone(&app), job)));
                }
            }
            Err(_) => breathe(&sim).await,
        }
    }
}

async fn perform(slot: Slot, app: Arc<App>, job: Job) {
    // If the store fails, the job is claimed again when its lease ends.
    let _ = app.outbox.perform(&job).await;
    drop(slot);
}

/// One of the acts that a server may perform at once.
struct Slot {
    sim: Sim,
    server: usize,
}

impl Slot {
    fn take(sim: &Sim, server: usize) -> Self {
        let mut world = sim.world();
        world.servers.all[server].free = world.servers.all[server].free.saturating_sub(1);
        Self { sim: Arc::clone(sim), server }
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        let mut world = self.sim.world();
        if let Some(server) = world.servers.all.get_mut(self.server) {
            server.free += 1;
            if server.free == 1 {
                world.stir(self.server);
            }
        }
    }
}

/// Acts on deadlines.
pub(super) async fn sweeps(sim: Sim, server: usize, app: Arc<App>) {
    loop {
        something(&sim, server, Worker::Sweeper).await;
        let dry = sim.world().dice.one_in(40);
        if dry {
            let _ = app.dry.sweep(200, true).await;
        }
        match app.sweep.sweep(200, false).await {
            Ok(report) if report.calls.len() >= 200 => {}
            Ok(_) => pause(&sim, AGAIN).await,
            Err(_) => breathe(&sim).await,
        }
    }
}

/// Leaves a failing store alone. While it is down the real server tries twice a second; most of that is left out.
async fn breathe(sim: &Sim) {
    let wait = {
        let mut world = sim.world();
        let down = world.store_down_until.saturating_sub(world.now).min(5 * SEC);
        if down > BREATHER { world.dice.within(down - BREATHER, down) } else { BREATHER }
    };
    pause(sim, wait).await;
}

/// Returns when there is something to do.
const fn something(sim: &Sim, server: usize, worker: Worker) -> Something<'_> {
    Something { sim, server, worker, rested: false }
}

/// See [`something`].
struct Something<'a> {
    sim: &'a Sim,
    server: usize,
    worker: Worker,
    rested: bool,
}

impl Future for Something<'_> {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let (mut world, server, worker) = (self.sim.world(), self.server, self.worker);
        let next = world.work(&self.sim.store, server, worker);
        if self.rested || next.is_some_and(|next| next <= world.now) {
            return Poll::Ready(());
        }
        world.rest(server, worker, next, context.waker().clone());
        drop(world);
        self.rested = true;
        Poll::Pending
    }
}
