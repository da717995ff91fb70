//! What a server tells the world of itself, and what it asks of it.

use async_trait::async_trait;
use call_core::port::{Answering, Functions, Inbound, Observation, Observer, Subscriber, ToolOutcome, ToolRequest};
use call_core::{Call, EffectId, Event, Plan, Policy, ProviderName, Timestamp};

use crate::clock::pause;
use crate::invariants::Seen;
use crate::network::PROVIDER;
use crate::rare::Rare;
use crate::time::{MS, SEC, shown};
use crate::world::Sim;

/// A server's eyes and ears: observer, subscriber, and whoever owns the numbers that ring.
pub(super) struct Watch {
    pub(super) sim: Sim,
    pub(super) server: usize,
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
    async fn tell(&self, id: &EffectId, event: &Event) {
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
        pause(&self.sim, wait).await;
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
