//! The simulated servers: the production switchboard, outbox and sweep, driven as the real server's workers drive them.

use std::collections::BTreeMap;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use async_trait::async_trait;
use call_core::port::{
    Answering, Functions, Inbound, Job, Lane, Observation, Observer, Outbox, Provider, Subscriber, Sweep, Switchboard,
    ToolOutcome, ToolRequest, Tools,
};
use call_core::{Call, EffectId, Event as Told, Lookup, Plan, Policy, ProviderName, Timestamp};

use crate::carrier::Carrier;
use crate::clock::{ServerClock, sleep};
use crate::invariants::Seen;
use crate::network::PROVIDER;
use crate::rare::Rare;
use crate::shaky::Shaky;
use crate::time::{MS, SEC, micros, shown, when};
use crate::world::{Event, Sim, World};

/// How long to leave a failing store alone.
const BREATHER: u64 = 500 * MS;

/// How long work that another server made may go unnoticed.
const POLL: u64 = SEC;

/// How many acts a server performs at once.
const SLOTS: usize = 8;

pub(crate) const NAMES: [&str; 3] = ["s1", "s2", "s3"];

/// The servers that share the store.
#[derive(Default)]
pub(crate) struct Servers {
    pub(crate) all: Vec<Server>,
    pub(crate) lease: Duration,
    pub(crate) keep_parked: Duration,
    /// How far clocks were off at most, in microseconds, also after the heal.
    pub(crate) skewed: u64,
}

/// One process.
#[derive(Default)]
pub(crate) struct Server {
    pub(crate) up: bool,
    /// How far its clock is ahead, in milliseconds.
    pub(crate) skew: i64,
    pub(crate) app: Option<Arc<App>>,
    free: usize,
    rests: [Rest; 3],
}

/// What a process is made of.
pub(crate) struct App {
    pub(crate) switchboard: Switchboard,
    pub(crate) tools: Tools,
    outbox: Outbox,
    sweep: Sweep,
    /// What `sweep --dry-run` does.
    dry: Sweep,
}

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
struct Rest {
    at: u64,
    waker: Option<Waker>,
}

impl Servers {
    /// Wakes a resting worker, if it still rests until then.
    pub(crate) fn look(&mut self, server: u8, worker: Worker, at: u64) -> Option<Waker> {
        let rest = &mut self.all[usize::from(server)].rests[worker as usize];
        if rest.at == at { rest.waker.take() } else { None }
    }

    /// A server that is up, if any is.
    pub(crate) fn any_up(&self, roll: u64) -> Option<usize> {
        let up: Vec<usize> = (0..self.all.len()).filter(|s| self.all[*s].up).collect();
        (!up.is_empty()).then(|| up[usize::try_from(roll % up.len() as u64).unwrap_or(0)])
    }

    pub(crate) fn clear(&mut self) {
        self.all.clear();
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

/// Sets the stage: servers, their clocks and everything that will befall them.
pub(crate) fn build(sim: &Sim) {
    let count = {
        let mut world = sim.world();
        let world = &mut *world;
        let count = usize::try_from(world.dice.within(1, 3)).unwrap_or(1).max(2);
        world.servers.lease = Duration::from_secs(world.dice.pick(&[3, 8, 8, 30]));
        world.servers.keep_parked = Duration::from_secs(world.dice.pick(&[60, 300, 600]));
        world.servers.skewed = world.weather.skew;
        for server in 0..count {
            let skew = world.weather.clock(&mut world.dice);
            world.servers.all.push(Server { skew, ..Server::default() });
            for _ in 0..world.weather.jumps {
                let wait = world.dice.below(300 * SEC);
                world.after(wait, Event::Jump(server));
            }
        }
        count
    };
    for server in 0..count {
        boot(sim, server);
    }
}

/// Starts a process, if it does not run.
pub(crate) fn boot(sim: &Sim, server: usize) {
    let (lease, keep) = {
        let mut world = sim.world();
        let now = world.now;
        let state = &mut world.servers.all[server];
        if state.up {
            return;
        }
        *state = Server { up: true, skew: state.skew, free: SLOTS, ..Server::default() };
        world.trace.line(now, NAMES[server], || "boots".to_owned());
        (world.servers.lease, world.servers.keep_parked)
    };
    let store = Arc::new(Shaky { sim: Arc::clone(sim), server, dry: false });
    let clock = Arc::new(ServerClock { sim: Arc::clone(sim), server });
    let watch = Arc::new(Watch { sim: Arc::clone(sim), server });
    let carrier: Arc<dyn Provider> = Arc::new(Carrier { sim: Arc::clone(sim), server });
    let switchboard = Switchboard::new(
        Arc::clone(&store) as _,
        Arc::clone(&clock) as _,
        Arc::clone(&watch) as _,
        Arc::clone(&watch) as _,
        Lookup::default(),
        keep,
    );
    let tools =
        Tools::new(Arc::clone(&store) as _, Arc::clone(&clock) as _, switchboard.clone(), Arc::clone(&watch) as _);
    let outbox = Outbox::new(
        Arc::clone(&store) as _,
        Arc::clone(&clock) as _,
        Arc::clone(&watch) as _,
        switchboard.clone(),
        BTreeMap::from([(PROVIDER, carrier)]),
        Arc::clone(&watch) as _,
        lease,
    );
    let looked_at = Arc::new(Shaky { sim: Arc::clone(sim), server, dry: true });
    let by_hand = Switchboard::new(
        Arc::clone(&looked_at) as _,
        Arc::clone(&clock) as _,
        Arc::clone(&watch) as _,
        Arc::clone(&watch) as _,
        Lookup::default(),
        keep,
    );
    let dry = Sweep::new(looked_at, Arc::clone(&clock) as _, by_hand);
    let sweep = Sweep::new(store, clock, switchboard.clone());
    let app = Arc::new(App { switchboard, tools, outbox, sweep, dry });
    sim.world().servers.all[server].app = Some(Arc::clone(&app));
    sim.spawn(server, Box::pin(tell(Arc::clone(sim), server, Arc::clone(&app))));
    sim.spawn(server, Box::pin(act(Arc::clone(sim), server, Arc::clone(&app))));
    sim.spawn(server, Box::pin(sweeps(Arc::clone(sim), server, app)));
}

/// Ends a process at once. It comes back after a while.
pub(crate) fn crash(world: &mut World, server: usize) {
    let state = &mut world.servers.all[server];
    (state.up, state.app) = (false, None);
    world.crashed = Some(server);
    let wait = world.dice.pick(&[200 * MS, 2 * SEC, 20 * SEC]);
    world.after(wait, Event::Boot(server));
    let now = world.now;
    world.trace.line(now, NAMES[server], || "crashes".to_owned());
}

/// Tells subscribers.
async fn tell(sim: Sim, server: usize, app: Arc<App>) {
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
async fn act(sim: Sim, server: usize, app: Arc<App>) {
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
async fn sweeps(sim: Sim, server: usize, app: Arc<App>) {
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

/// A server's eyes and ears: observer, subscriber, and whoever owns the numbers that ring.
struct Watch {
    sim: Sim,
    server: usize,
}

impl Observer for Watch {
    fn observe(&self, observation: Observation<'_>) {
        let rarely = |rare| self.sim.world().rarely(rare);
        match observation {
            Observation::Adopted { .. } => rarely(Rare::Adopted),
            Observation::LookedUp { call: Some(_), look, .. } if look > 1 => rarely(Rare::QuestionWaited),
            Observation::Performing { id, attempt, effect } => {
                if attempt > 1 && matches!(effect, call_core::Effect::Dial) {
                    rarely(Rare::DialDeferred);
                }
                self.show(|at| Seen::Deciding { server: self.server, id, attempt, at });
            }
            Observation::Performed { id, answer, .. } => {
                self.show(|at| Seen::Performed { server: self.server, id, answer, at });
            }
            Observation::Dropped { effect, .. } => {
                rarely(Rare::Dropped);
                if matches!(effect, call_core::Effect::Dial) {
                    rarely(Rare::DialWithdrawn);
                }
            }
            _ => {}
        }
    }
}

impl Watch {
    /// Shows what this server sees, by its own clock.
    fn show<'a>(&self, seen: impl FnOnce(Timestamp) -> Seen<'a>) {
        let mut world = self.sim.world();
        let at = shown(world.now, world.servers.all[self.server].skew);
        world.show(&self.sim.store, &seen(at));
    }
}

#[async_trait]
impl Subscriber for Watch {
    async fn tell(&self, id: &EffectId, event: &Told) {
        let mut world = self.sim.world();
        world.show(&self.sim.store, &Seen::Told { id, event });
    }
}

#[async_trait]
impl Functions for Watch {
    async fn invoke(&self, call: &Call, request: &ToolRequest) -> ToolOutcome {
        let (wait, outcome) = {
            let mut world = self.sim.world();
            world.show(&self.sim.store, &Seen::Invoked { call: call.id(), request });
            // No two invocations return the same: so it shows whose outcome is kept.
            let outcome = world.dice.roll();
            (world.dice.within(5 * MS, 3 * SEC), outcome)
        };
        sleep(&self.sim, wait).await;
        if outcome.is_multiple_of(10) { Err(format!("no slot {outcome}")) } else { Ok(outcome.to_string()) }
    }
}

impl Answering for Watch {
    fn answer(&self, _: &ProviderName, inbound: &Inbound) -> (Plan, Policy) {
        let mut world = self.sim.world();
        let world = &mut *world;
        let script = crate::client::script(&mut world.dice, inbound.conduct);
        let plan = inbound.plan(PROVIDER).with_script(script);
        (plan, world.clients.policy.clone())
    }
}

/// The longest that anything waits on a server's own schedule: for bounds.
pub(crate) fn patience(world: &World) -> u64 {
    micros(world.servers.lease) + micros(world.servers.keep_parked) + 2 * world.servers.skewed
}
