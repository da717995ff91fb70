//! Retell's face of the network: an agent platform that calls people, talks by itself, and tells us.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex},
};

use serde_json::Value;
use tokio::{sync::mpsc, time::Instant};

use crate::{
    lock::locked,
    person::Person,
    provider::Provider,
    sid::Sids,
    truth::{CallRecord, Direction},
    world::World,
};

mod account;
mod call;
mod ending;
mod event;
mod function;
mod http;
mod inbound;
mod life;
mod object;
mod rest;
mod setup;
mod sign;
mod talk;
mod transcript;

pub use account::RetellMistake;
use call::{Call, Stop, Story};
pub(crate) use rest::router;
pub use setup::{Agent, Function, RetellConfig};

/// One Retell account on the network.
#[derive(Debug)]
pub(crate) struct Face {
    pub(crate) world: Arc<World>,
    base_url: String,
    sids: Sids,
    account: account::Account,
    agents: Mutex<Vec<Agent>>,
    /// Where events of agents without an address of their own go.
    webhook_url: Mutex<Option<String>>,
    calls: Mutex<Register>,
    /// Creations by `idempotency_key`: when, and the call they made.
    keys: Mutex<HashMap<String, (Instant, Arc<Call>)>>,
}

#[derive(Debug, Default)]
struct Register {
    all: Vec<Arc<Call>>,
    by_id: HashMap<String, usize>,
}

impl Face {
    pub(crate) fn new(world: Arc<World>, base_url: String) -> Arc<Self> {
        let config = &world.config.retell;
        Arc::new(Self {
            base_url,
            sids: Sids::new(),
            account: account::Account::default(),
            agents: Mutex::new(config.agents.clone()),
            webhook_url: Mutex::new(config.webhook_url.clone()),
            calls: Mutex::default(),
            keys: Mutex::default(),
            world,
        })
    }

    /// Registers a call and hands back the end of the line on which it is told to stop.
    fn admit(
        &self,
        direction: Direction,
        from: String,
        to: String,
        json: Option<Value>,
        person: Option<Person>,
        story: Story,
    ) -> (Arc<Call>, mpsc::UnboundedReceiver<Stop>) {
        let met = self.world.meet(if direction == Direction::Inbound { &from } else { &to });
        let sid = self.sids.make("call_");
        let record = self.world.ledger.open(CallRecord {
            to,
            from,
            json,
            ..CallRecord::begin(Provider::Retell, sid.clone(), direction, person.unwrap_or(met))
        });
        let (call, stops) = Call::new(record, story);
        let mut register = locked(&self.calls);
        let index = register.all.len();
        register.by_id.insert(sid, index);
        register.all.push(Arc::clone(&call));
        (call, stops)
    }

    /// A call as the account may see it.
    fn visible(&self, id: &str) -> Option<Arc<Call>> {
        let register = locked(&self.calls);
        let call = register.by_id.get(id).and_then(|index| register.all.get(*index))?;
        shows(call).then(|| Arc::clone(call))
    }

    /// Every call that the account may see, oldest first.
    fn all(&self) -> Vec<Arc<Call>> {
        locked(&self.calls).all.iter().filter(|call| shows(call)).cloned().collect()
    }

    /// An agent by id, or the first one.
    pub(crate) fn agent(&self, id: Option<&str>) -> Option<Agent> {
        locked(&self.agents).iter().find(|agent| id.is_none_or(|id| agent.agent_id == id)).cloned()
    }

    /// Adds or replaces an agent.
    pub(crate) fn set_agent(&self, agent: Agent) {
        let mut agents = locked(&self.agents);
        match agents.iter_mut().find(|known| known.agent_id == agent.agent_id) {
            Some(known) => *known = agent,
            None => agents.push(agent),
        }
    }

    pub(crate) fn webhook_url(&self) -> Option<String> {
        locked(&self.webhook_url).clone()
    }

    pub(crate) fn set_webhook_url(&self, url: Option<String>) {
        *locked(&self.webhook_url) = url;
    }
}

fn shows(call: &Call) -> bool {
    call.story(|story| story.registered) && !call.look(|record| record.deleted)
}
