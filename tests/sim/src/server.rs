//! The simulated servers: the production switchboard, outbox and sweep, in processes that share a store and die.

mod watch;
mod workers;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use call_core::Lookup;
use call_core::port::{Outbox, Provider, Sweep, Switchboard, Tools};

use crate::carrier::Carrier;
use crate::clock::ServerClock;
use crate::network::PROVIDER;
use crate::shaky::Shaky;
use crate::time::{MS, SEC, micros};
use crate::world::{Event, Sim, World};

use watch::Watch;
use workers::{Rest, act, sweeps, tell};
pub(crate) use workers::{Worker, look};

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

impl Servers {
    /// A server that is up, if any is.
    pub(crate) fn any_up(&self, roll: u64) -> Option<usize> {
        let up = || (0..self.all.len()).filter(|server| self.all[*server].up);
        let nth = roll.checked_rem(up().count() as u64)?;
        up().nth(usize::try_from(nth).unwrap_or(0))
    }

    pub(crate) fn clear(&mut self) {
        self.all.clear();
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

/// The longest that anything waits on a server's own schedule: for bounds.
pub(crate) fn patience(world: &World) -> u64 {
    micros(world.servers.lease) + micros(world.servers.keep_parked) + 2 * world.servers.skewed
}
