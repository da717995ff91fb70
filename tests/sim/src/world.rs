//! Everything that exists in a run, in one place, and the heap of what will happen.

use std::cell::{RefCell, RefMut};
use std::cmp::Reverse;
use std::collections::{BTreeSet, BinaryHeap};
use std::sync::{Arc, Weak};
use std::task::Waker;

use call_core::testkit::MemoryStore;
use call_core::{Call, CallId};
use fragile::Fragile;

use crate::Options;
use crate::client::Clients;
use crate::dice::Dice;
use crate::executor::{Job, Ready};
use crate::invariants::{Invariants, Seen, Truth};
use crate::network::{Network, News};
use crate::rare::{Rare, Tally};
use crate::run::STEPS;
use crate::server::{Servers, Worker};
use crate::trace::Trace;
use crate::weather::Weather;

/// What all tasks share.
pub(crate) struct Shared {
    /// The core's futures must be fit for many threads; a run lives on one, and a lock would cost it a twentieth.
    world: Fragile<RefCell<World>>,
    pub(crate) store: MemoryStore,
}

pub(crate) type Sim = Arc<Shared>;

/// The world of one run.
pub(crate) struct World {
    me: Weak<Shared>,
    pub(crate) now: u64,
    sequence: u64,
    agenda: BinaryHeap<Reverse<Entry>>,
    pub(crate) ready: Arc<Ready>,
    /// How often a task went on.
    pub(crate) steps: u64,
    /// When the run is over.
    pub(crate) end: u64,
    pub(crate) dice: Dice,
    pub(crate) weather: Weather,
    /// When the faults stopped.
    pub(crate) healed: Option<u64>,
    pub(crate) network: Network,
    pub(crate) servers: Servers,
    pub(crate) clients: Clients,
    pub(crate) pruned: BTreeSet<CallId>,
    pub(crate) store_down_until: u64,
    pub(crate) provider_down_until: u64,
    /// Whether a provider that is down refuses connections, or leaves requests unanswered.
    pub(crate) provider_refuses: bool,
    pub(crate) invariants: Invariants,
    pub(crate) tally: Tally,
    pub(crate) trace: Trace,
    pub(crate) spawned: Vec<(usize, Job)>,
    /// The server that dies at the end of this step.
    pub(crate) crashed: Option<usize>,
    pub(crate) broken: Option<Broken>,
}

/// An invariant that does not hold.
#[derive(Debug, Clone)]
pub(crate) struct Broken {
    pub(crate) invariant: &'static str,
    pub(crate) what: String,
    pub(crate) at: u64,
}

/// What will happen.
pub(crate) enum Event {
    /// A task goes on.
    Wake(Waker),
    /// A resting worker looks again.
    Look { server: u8, worker: Worker, at: u64 },
    /// A dead server comes back.
    Boot(usize),
    /// A server's clock jumps.
    Jump(usize),
    /// The store is down until then.
    StoreDown { until: u64 },
    /// The provider is down until then.
    ProviderDown { until: u64, refuses: bool },
    /// A dial that nobody believed in any more reaches the network.
    Ghost(Box<Call>),
    /// Old calls are removed.
    Prune,
    /// Something on the telephone network.
    Network(News),
    /// A client of the API does something.
    Client(Box<crate::client::Wish>),
    /// The faults stop.
    Heal,
}

struct Entry {
    at: u64,
    sequence: u64,
    event: Event,
}

impl PartialEq for Entry {
    fn eq(&self, other: &Self) -> bool {
        (self.at, self.sequence) == (other.at, other.sequence)
    }
}

impl Eq for Entry {}

impl PartialOrd for Entry {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Entry {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        (self.at, self.sequence).cmp(&(other.at, other.sequence))
    }
}

impl Shared {
    pub(crate) fn new(seed: u64, options: &Options) -> Sim {
        let mut dice = Dice::new(seed);
        let weather = if options.calm { Weather::calm() } else { Weather::draw(&mut dice) };
        let (network, clients) = (Network::new(), Clients::new(&mut dice, options, weather.skew));
        let world = |me: &Weak<Self>| World {
            me: Weak::clone(me),
            now: 0,
            sequence: 0,
            agenda: BinaryHeap::new(),
            ready: Arc::default(),
            steps: 0,
            end: u64::MAX,
            weather,
            healed: None,
            network,
            servers: Servers::default(),
            clients,
            pruned: BTreeSet::new(),
            store_down_until: 0,
            provider_down_until: 0,
            provider_refuses: false,
            invariants: Invariants::all(),
            tally: Tally::default(),
            trace: Trace::new(options.trace),
            spawned: Vec::new(),
            crashed: None,
            broken: None,
            dice,
        };
        Arc::new_cyclic(|me| Self { world: Fragile::new(RefCell::new(world(me))), store: MemoryStore::new() })
    }

    /// The world. Never held across an await.
    pub(crate) fn world(&self) -> RefMut<'_, World> {
        self.world.get().borrow_mut()
    }

    /// Lets it happen.
    pub(crate) fn happen(self: &Arc<Self>, event: Event) {
        match event {
            Event::Wake(waker) => waker.wake(),
            Event::Look { server, worker, at } => crate::server::look(self, server, worker, at),
            Event::Boot(server) => crate::server::boot(self, server),
            Event::Jump(server) => self.world().jump(server),
            Event::StoreDown { until } => self.world().store_down_until = until,
            Event::ProviderDown { until, refuses } => {
                let mut world = self.world();
                (world.provider_down_until, world.provider_refuses) = (until, refuses);
            }
            Event::Network(news) => crate::network::happen(self, news),
            Event::Client(wish) => crate::client::act(self, *wish),
            Event::Ghost(call) => drop(self.world().dial(&call, true)),
            Event::Prune => crate::run::prune(self),
            Event::Heal => crate::run::heal(self),
        }
    }

    /// Begins a task. It comes boxed: such a future has thousands of bytes, and is moved once for each hand it passes.
    pub(crate) fn spawn(&self, server: usize, job: Job) {
        self.world().spawned.push((server, job));
    }
}

impl World {
    /// What all tasks share, for a new one.
    pub(crate) fn sim(&self) -> Sim {
        self.me.upgrade().expect("whoever reaches the world holds what it is in")
    }

    /// Whether anything happened since the last step that concerns the tasks.
    pub(crate) const fn has_news(&self) -> bool {
        !self.spawned.is_empty() || self.crashed.is_some() || self.broken.is_some()
    }

    /// What happened since the last step: new tasks, a server that died, whether anything is broken.
    pub(crate) fn news(&mut self, born: &mut Vec<(usize, Job)>) -> (Option<usize>, bool) {
        born.append(&mut self.spawned);
        (self.crashed.take(), self.broken.is_some())
    }

    /// Moves time to the next thing that happens, and gives all that happens then; `false` if nothing will before the end.
    pub(crate) fn advance(&mut self, happening: &mut Vec<Event>) -> bool {
        let Some(at) = self.agenda.peek().map(|Reverse(entry)| entry.at).filter(|at| *at <= self.end) else {
            return false;
        };
        self.now = self.now.max(at);
        while self.agenda.peek().is_some_and(|Reverse(entry)| entry.at <= at) {
            happening.extend(self.agenda.pop().map(|Reverse(entry)| entry.event));
        }
        true
    }

    /// Lets a task go on at once that is to wait, if nobody can tell: nothing else would run or happen before.
    pub(crate) fn passes(&mut self, task: &Waker, wait: u64) -> bool {
        let until = self.now + wait;
        let goes_on = until <= self.end && self.steps < STEPS;
        let alone = goes_on && self.ready.none_but(task) && !self.has_news();
        let passes = alone && (wait == 0 || self.agenda.peek().is_none_or(|Reverse(next)| next.at > until));
        if passes {
            self.now = until;
            self.steps += 1;
        }
        passes
    }

    pub(crate) fn after(&mut self, wait: u64, event: Event) {
        let at = self.now + wait;
        self.sequence += 1;
        self.agenda.push(Reverse(Entry { at, sequence: self.sequence, event }));
    }

    /// Shows something to every invariant.
    pub(crate) fn show(&mut self, store: &MemoryStore, seen: &Seen<'_>) {
        if self.broken.is_some() {
            return;
        }
        let truth = Truth {
            now: self.now,
            healed: self.healed,
            lease: self.servers.lease,
            skew: self.weather.skew.max(self.servers.skewed),
            pruned: &self.pruned,
            network: &self.network,
            store,
        };
        if let Err((invariant, what)) = self.invariants.see(seen, &truth) {
            self.breaks(invariant, what);
        }
    }

    pub(crate) fn breaks(&mut self, invariant: &'static str, what: String) {
        self.trace.line(self.now, "", || format!("BROKEN {invariant}: {what}"));
        self.broken.get_or_insert(Broken { invariant, what, at: self.now });
    }

    pub(crate) fn rarely(&mut self, rare: Rare) {
        self.tally.count(rare);
    }

    fn jump(&mut self, server: usize) {
        if self.healed.is_none() {
            self.servers.all[server].skew = self.weather.clock(&mut self.dice);
            self.stir(server);
            self.rarely(Rare::ClockJump);
        }
    }

    /// Lets go of everything that holds on to this world.
    pub(crate) fn clear(&mut self) -> Vec<(usize, Job)> {
        self.agenda.clear();
        self.servers.clear();
        // To be dropped by the caller, without holding the world: what waits for an answer hears that there is none.
        std::mem::take(&mut self.spawned)
    }
}
