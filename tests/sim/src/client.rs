//! The users of the API: who place calls, again if they got no answer, and wish things of them.

use std::collections::BTreeMap;
use std::num::NonZeroU8;
use std::sync::Arc;
use std::time::Duration;

use call_core::port::{IdempotencyKey, PlaceError, Placed, SwitchboardError};
use call_core::{CallId, Closing, Command, Conduct, Gather, Key, Plan, Policy, Proposer, Script, StalePolicy, Subject};

use crate::Options;
use crate::dice::Dice;
use crate::invariants::Seen;
use crate::network::{News, PROVIDER};
use crate::rare::Rare;
use crate::server::{App, NAMES};
use crate::time::{MS, SEC, micros};
use crate::world::{Event, Sim, World};

/// All of them, and what they want.
pub(crate) struct Clients {
    pub(crate) policy: Policy,
    orders: Vec<Order>,
    /// The latest call of each subject.
    latest: BTreeMap<Subject, CallId>,
}

/// A wish to have a call made.
struct Order {
    plan: Plan,
    key: Option<IdempotencyKey>,
    tries: u32,
    placed: Option<CallId>,
}

/// What a client does next.
#[derive(Debug, Clone)]
pub(crate) enum Wish {
    Place { order: usize },
    Command { call: CallId, command: Command, tries: u32 },
}

impl Clients {
    pub(crate) fn new(dice: &mut Dice, options: &Options, skew: u64) -> Self {
        let lives = options.lives.unwrap_or_else(|| usize::try_from(dice.within(2, 24)).unwrap_or(2));
        let subjects = dice.within(1, 12);
        let orders = (0..lives)
            .map(|n| {
                let conduct = conduct(dice);
                let plan = Plan::new(PROVIDER, "+15550100", "+15550199").with_script(script(dice, conduct));
                let mut plan = Plan { conduct, ..plan };
                if dice.percent(40) {
                    plan = plan.about(format!("lead-{}", dice.below(subjects)));
                }
                let key = dice.percent(70).then(|| IdempotencyKey { key: format!("key-{n}"), digest: "d".to_owned() });
                Order { plan, key, tries: 6, placed: None }
            })
            .collect();
        Self { policy: policy(dice, skew), orders, latest: BTreeMap::new() }
    }

    pub(crate) fn carrier_limit(&self) -> u64 {
        crate::network::carrier_limit(&self.policy)
    }

    pub(crate) fn quiet(&self) -> u64 {
        micros(self.policy.quiet_limit)
    }
}

/// The durations and limits of a world: the default, or all of them shorter.
fn policy(dice: &mut Dice, skew: u64) -> Policy {
    let base = Policy::default();
    // Nobody can keep limits that are shorter than their clocks are wrong.
    let scale = if skew > SEC { 1 } else { dice.pick(&[1, 1, 4, 12]) };
    let outer = dice.pick(&[1, 4, 12]);
    let stale = match dice.below(4) {
        0 => StalePolicy::fail_after(Duration::from_secs(1800) / scale),
        1 => StalePolicy {
            close: Closing::Completed {
                known_after: Duration::from_secs(600) / scale,
                unknown_after: Duration::from_secs(600) / scale,
                assumed: Duration::from_secs(300) / scale,
            },
            ..StalePolicy::complete_by_duration()
        },
        _ => StalePolicy::abandon(),
    };
    Policy {
        dial_answer: base.dial_answer / scale.min(4),
        dial_limit: base.dial_limit / scale.min(4),
        queue_limit: base.queue_limit / scale,
        ring_limit: base.ring_limit / scale.min(4),
        live_limit: base.live_limit / scale,
        quiet_limit: base.quiet_limit / scale,
        prompt: if dice.percent(15) { String::new() } else { base.prompt.clone() },
        hangup_tries: dice.pick(&[1, 3, 3]),
        // Thirty questions into an outage tell as much as a hundred.
        ask_again: base.ask_again.max(stale.outer / outer / 30),
        stale: StalePolicy { quiet: stale.quiet / scale, outer: stale.outer / outer, ..stale },
        ..base
    }
}

/// What kind of provider carries a call.
pub(crate) fn conduct(dice: &mut Dice) -> Conduct {
    match dice.below(10) {
        0..5 => Conduct::Asked,
        5..8 => Conduct::Commanded,
        _ => Conduct::Agent,
    }
}

/// What happens when somebody answers.
pub(crate) fn script(dice: &mut Dice, conduct: Conduct) -> Script {
    if conduct == Conduct::Agent {
        return Script::Agent { id: None };
    }
    let spoken = conduct == Conduct::Commanded && dice.percent(70);
    match dice.below(10) {
        _ if spoken && dice.percent(40) => Script::Say { text: "hello".to_owned() },
        _ if spoken => Script::Converse { greeting: "hello".to_owned() },
        0 => Script::Say { text: "hello".to_owned() },
        1 => Script::Connect { to: "+15550123".to_owned(), caller_id: None },
        2..6 => Script::Stream,
        _ => Script::Converse { greeting: String::new() },
    }
}

/// Spreads the wishes over the first minutes of the world.
pub(crate) fn build(sim: &Sim, inbound: usize) {
    let mut guard = sim.world();
    let world = &mut *guard;
    let span = world.dice.pick(&[SEC, 30 * SEC, 180 * SEC]);
    for order in 0..world.clients.orders.len() {
        let wait = world.dice.below(span);
        world.after(wait, Event::Client(Box::new(Wish::Place { order })));
        // A double click.
        if world.clients.orders[order].key.is_some() && world.dice.percent(8) {
            let again = wait + world.dice.pick(&[0, 0, SEC]);
            world.after(again, Event::Client(Box::new(Wish::Place { order })));
        }
    }
    for _ in 0..inbound {
        let wait = world.dice.below(span);
        world.after(wait, Event::Network(News::Ring));
    }
}

pub(crate) fn act(sim: &Sim, wish: Wish) {
    let mut guard = sim.world();
    let world = &mut *guard;
    let roll = world.dice.roll();
    let Some(server) = world.servers.any_up(roll) else { return world.again(wish) };
    let Some(app) = world.servers.all[server].app.clone() else { return world.again(wish) };
    let now = world.now;
    world.trace.line(now, "api", || format!("{wish:?} at {}", NAMES[server]));
    let (plan, policy, key) = match &wish {
        Wish::Place { order } => {
            let order = &world.clients.orders[*order];
            (Some(order.plan.clone()), world.clients.policy.clone(), order.key.clone())
        }
        Wish::Command { .. } => (None, Policy::default(), None),
    };
    drop(guard);
    let ticket = Ticket { sim: Arc::clone(sim), wish: Some(wish.clone()) };
    match (wish, plan) {
        (Wish::Place { order }, Some(plan)) => {
            sim.spawn(server, Box::pin(place(ticket, app, order, plan, policy, key)))
        }
        (Wish::Command { call, command, .. }, _) => sim.spawn(server, Box::pin(wish_for(ticket, app, call, command))),
        (Wish::Place { .. }, None) => {}
    }
}

async fn place(
    mut ticket: Ticket,
    app: Arc<App>,
    order: usize,
    plan: Plan,
    policy: Policy,
    key: Option<IdempotencyKey>,
) {
    let sim = Arc::clone(&ticket.sim);
    let subject = plan.subject.clone();
    let latest = subject.as_ref().and_then(|subject| sim.world().clients.latest.get(subject).copied());
    let blocked = latest.is_some_and(|call| sim.store.stored(call).is_some_and(|call| !call.has_ended()));
    let answer = app.switchboard.place(plan, policy, key).await;
    let wish = ticket.wish.take();
    let mut world = sim.world();
    if let (Ok(placed), Some(subject)) = (&answer, subject) {
        world.clients.latest.insert(subject, placed.call.id());
        if blocked && !placed.repeated {
            world.rarely(Rare::SubjectFreed);
        }
    }
    match answer {
        Ok(placed) => world.placed(&sim, order, &placed),
        Err(PlaceError::SubjectBusy { open }) => {
            world.show(&sim.store, &Seen::Refused { open });
            world.rarely(Rare::SubjectBusy);
            if let Some(wish) = wish.filter(|_| world.dice.percent(60)) {
                world.later(wish, 120 * SEC);
            }
        }
        Err(PlaceError::Store(_)) => wish.into_iter().for_each(|wish| world.again(wish)),
        Err(error) => world.breaks("keys", format!("order {order}: {error}")),
    }
}

async fn wish_for(mut ticket: Ticket, app: Arc<App>, call: CallId, command: Command) {
    let answer = app.switchboard.command(call, command).await;
    let sim = Arc::clone(&ticket.sim);
    let wish = ticket.wish.take();
    let mut world = sim.world();
    match answer {
        Ok(_) => {}
        Err(SwitchboardError::NoSuchCall(_)) => {
            if !world.pruned.contains(&call) {
                world.breaks("acknowledged", format!("call {call} was placed, and is not there"));
            }
        }
        Err(_) => wish.into_iter().for_each(|wish| world.again(wish)),
    }
}

impl World {
    fn placed(&mut self, sim: &Sim, order: usize, placed: &Placed) {
        if placed.repeated {
            self.rarely(Rare::KeyRepeated);
        }
        let key = self.clients.orders[order].key.as_ref().map(|key| key.key.clone());
        let (id, now) = (placed.call.id(), self.now);
        self.trace.line(now, "api", || format!("order {order} is call {}", crate::trace::short(id)));
        self.show(&sim.store, &Seen::Placed { call: id, key: key.as_deref() });
        if self.clients.orders[order].placed.replace(id).is_none() {
            self.wishes_of(id);
        }
    }

    /// What the one who placed a call will wish of it.
    fn wishes_of(&mut self, call: CallId) {
        let wish = |world: &mut Self, percent, command| {
            if world.dice.percent(percent) {
                let most = world.dice.pick(&[200 * MS, 3 * SEC, 40 * SEC, 200 * SEC]);
                let wait = world.dice.below(most);
                world.after(wait, Event::Client(Box::new(Wish::Command { call, command, tries: 4 })));
            }
        };
        wish(self, 25, Command::hangup());
        let farewell = Command::Hangup { proposer: Proposer::Farewell, reason: None, after_speech: true };
        wish(self, 12, farewell);
        wish(self, 6, Command::hangup());
        wish(self, 8, Command::Reconcile);
        // Somebody looks at it long after.
        if self.dice.percent(8) {
            let wait = self.dice.below(1500 * SEC);
            let wish = Wish::Command { call, command: Command::Reconcile, tries: 4 };
            self.after(wait, Event::Client(Box::new(wish)));
        }
        wish(self, 4, Command::Transfer { to: "+15550111".to_owned() });
        wish(self, 4, Command::Hush);
        wish(self, 4, Command::OpenStream);
        wish(self, 4, Command::CloseStream);
        for operation in ["pin", "menu"] {
            wish(self, 3, Command::Gather(gather(operation)));
        }
        wish(self, 6, Command::Speak { operation: "hello".to_owned(), text: "hello".to_owned() });
    }

    /// No answer: whoever can do so safely tries again.
    fn again(&mut self, wish: Wish) {
        let wish = match wish {
            Wish::Place { order } => {
                let order_state = &mut self.clients.orders[order];
                order_state.tries = order_state.tries.saturating_sub(1);
                if order_state.key.is_none() || order_state.tries == 0 {
                    return;
                }
                Wish::Place { order }
            }
            Wish::Command { tries: 0, .. } => return,
            Wish::Command { call, command, tries } => Wish::Command { call, command, tries: tries - 1 },
        };
        self.later(wish, 5 * SEC);
    }

    fn later(&mut self, wish: Wish, most: u64) {
        let wait = self.dice.within(50 * MS, most);
        self.after(wait, Event::Client(Box::new(wish)));
    }
}

/// Two keys, soon.
fn gather(operation: &str) -> Gather {
    let (operation, prompt, pause) = (operation.to_owned(), String::new(), Duration::from_secs(2));
    Gather { operation, prompt, most: NonZeroU8::MIN.saturating_add(1), until: Some(Key::HASH), pause }
}

/// The client's side of a request: if the connection breaks, it knows.
struct Ticket {
    sim: Sim,
    wish: Option<Wish>,
}

impl Drop for Ticket {
    fn drop(&mut self) {
        if let Some(wish) = self.wish.take() {
            self.sim.world().again(wish);
        }
    }
}
