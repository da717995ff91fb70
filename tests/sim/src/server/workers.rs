//! The loops of a server, as the real server's workers drive them: tell, act, sweep; and rest while there is nothing to do.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use call_core::port::{Job, Lane};

use super::{App, Servers};
use crate::clock::sleep;
use crate::time::{MS, SEC, when};
use crate::world::{Event, Sim, World};

/// How long to leave a failing store alone.
const BREATHER: u64 = 500 * MS;

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
    at: u64,
    waker: Option<Waker>,
}

impl Servers {
    /// Wakes a resting worker, if it still rests until then.
    pub(crate) fn look(&mut self, server: u8, worker: Worker, at: u64) -> Option<Waker> {
        let rest = &mut self.all[usize::from(server)].rests[worker as usize];
        if rest.at == at { rest.waker.take() } else { None }
    }
}

fn look(server: usize, worker: Worker, at: u64) -> Event {
    Event::Look { server: u8::try_from(server).unwrap_or_default(), worker, at }
}

impl World {
    /// Server `by` made work for a kind of worker: its own wakes at once, the others by their next poll.
    pub(crate) fn ring(&mut self, by: usize, worker: Worker) {
        for server in 0..self.servers.all.len() {
            let now = self.now;
            let rest = &mut self.servers.all[server].rests[worker as usize];
            let wait = if server == by { 0 } else { POLL };
            if rest.waker.is_some() && rest.at > now + wait {
                rest.at = now + if wait == 0 { 0 } else { self.dice.within(MS, wait) };
                let at = rest.at;
                self.after(at - now, look(server, worker, at));
            }
        }
    }
}

/// Tells subscribers.
pub(super) async fn tell(sim: Sim, server: usize, app: Arc<App>) {
    loop {
        match app.outbox.claim(Lane::News, 500).await {
            Ok(news) if news.is_empty() => rest(&sim, server, Worker::Teller).await,
            Ok(news) => {
                if app.outbox.publish(&news).await.is_err() {
                    sleep(&sim, BREATHER).await;
                }
            }
            Err(_) => sleep(&sim, BREATHER).await,
        }
    }
}

/// Claims the acts that may start at once, and performs them side by side.
pub(super) async fn act(sim: Sim, server: usize, app: Arc<App>) {
    loop {
        let free = sim.world().servers.all[server].free;
        if free == 0 {
            rest(&sim, server, Worker::Actor).await;
            continue;
        }
        match app.outbox.claim(Lane::Acts, free).await {
            Ok(jobs) if jobs.is_empty() => rest(&sim, server, Worker::Actor).await,
            Ok(jobs) => {
                for job in jobs {
                    let slot = Slot::take(&sim, server);
                    sim.spawn(server, Box::pin(perform(slot, Arc::clone(&app), job)));
                }
            }
            Err(_) => sleep(&sim, BREATHER).await,
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
            world.ring(self.server, Worker::Actor);
        }
    }
}

/// Acts on deadlines.
pub(super) async fn sweeps(sim: Sim, server: usize, app: Arc<App>) {
    loop {
        let dry = sim.world().dice.one_in(40);
        if dry {
            let _ = app.dry.sweep(200, true).await;
        }
        match app.sweep.sweep(200, false).await {
            Ok(report) if report.calls.len() >= 200 => {}
            Ok(_) => rest(&sim, server, Worker::Sweeper).await,
            Err(_) => sleep(&sim, BREATHER).await,
        }
    }
}

/// Rests until there may be something to do. A poll of the real server that would find nothing is left out.
async fn rest(sim: &Sim, server: usize, worker: Worker) {
    let mut least = POLL / 4;
    loop {
        Resting { sim, server, worker, least, set: false }.await;
        if next(sim, server, worker).is_some_and(|at| at <= sim.world().now) {
            return;
        }
        least = 0;
    }
}

/// When a worker will find something to do, as things are.
fn next(sim: &Sim, server: usize, worker: Worker) -> Option<u64> {
    let at = match worker {
        Worker::Teller => sim.store.next_visible(Lane::News),
        Worker::Actor => sim.store.next_visible(Lane::Acts),
        Worker::Sweeper => sim.store.next_sweep(),
    };
    let world = sim.world();
    if worker == Worker::Actor && world.servers.all[server].free == 0 {
        return None;
    }
    at.map(|at| when(at, world.servers.all[server].skew))
}

struct Resting<'a> {
    sim: &'a Sim,
    server: usize,
    worker: Worker,
    least: u64,
    set: bool,
}

impl Future for Resting<'_> {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        if self.set {
            return Poll::Ready(());
        }
        let next = next(self.sim, self.server, self.worker);
        let mut world = self.sim.world();
        // Not all servers look at the same instant.
        let jitter = world.dice.within(0, POLL / 2);
        let now = world.now;
        let at = next.map_or(u64::MAX, |at| at.max(now + self.least) + jitter);
        let (server, worker) = (self.server, self.worker);
        world.servers.all[server].rests[worker as usize] = Rest { at, waker: Some(context.waker().clone()) };
        if at != u64::MAX {
            world.after(at - now, look(server, worker, at));
        }
        drop(world);
        self.set = true;
        Poll::Pending
    }
}
