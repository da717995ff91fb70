//! What an observer hears of a commit: each input once, with what it asked for.

#![allow(clippy::unwrap_used, missing_docs, reason = "a test")]

use std::future::pending;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use call_core::port::{Answering, Clock, Inbound, Observation, Observer, Received, Switchboard};
use call_core::testkit::MemoryStore;
use call_core::{
    Address, Conduct, Disposition, Effect, Event, Fact, Hungup, Leg, Lookup, Plan, Policy, Progress, ProviderName,
    Signal, Timestamp,
};
use futures::executor::block_on;

/// Everything around a call, and what is observed of it.
#[derive(Default)]
struct World(Mutex<Vec<Vec<Effect>>>);

#[async_trait]
impl Clock for World {
    fn now(&self) -> Timestamp {
        Timestamp::from_millis(1_795_248_000_000)
    }

    fn random(&self) -> [u8; 10] {
        [7; 10]
    }

    async fn sleep(&self, _: Duration) {
        pending().await
    }
}

impl Observer for World {
    fn observe(&self, observation: Observation<'_>) {
        if let Observation::Committed { effects, .. } = observation {
            self.0.lock().unwrap().push(effects.to_vec());
        }
    }
}

impl Answering for World {
    fn answer(&self, provider: &ProviderName, inbound: &Inbound) -> (Plan, Policy) {
        (inbound.plan(provider.clone()), Policy::default())
    }
}

#[test]
fn of_several_facts_in_one_message_each_has_its_own_effects() {
    let world = Arc::new(World::default());
    let switchboard = Switchboard::new(
        Arc::new(MemoryStore::new()),
        Arc::clone(&world) as _,
        Arc::clone(&world) as _,
        Arc::clone(&world) as _,
        Lookup::default(),
        Duration::from_secs(60),
    );
    let leg = Leg::new(ProviderName::new("acme"), "1");
    let facts = [Fact::Progress(Progress::Ringing), Fact::Answered, Fact::Ended(Hungup::new(Disposition::Completed))];
    let received = Received {
        signals: facts.into_iter().map(|fact| Signal::new(fact).on(leg.clone())).collect(),
        address: Address { call: None, leg, begins: true },
        question: None,
        inbound: Some(Inbound { from: "+12025550100".into(), to: "+12025550101".into(), conduct: Conduct::Asked }),
    };
    block_on(switchboard.deliver(&received)).unwrap();
    let observed = world.0.lock().unwrap();
    let [rings, answered, ended] = observed.as_slice() else { panic!("{observed:?}") };
    assert_eq!(*rings, []);
    assert_eq!(*answered, [Effect::Publish(Event::Answered)]);
    assert!(matches!(ended.as_slice(), [Effect::Publish(Event::Ended { .. })]), "{ended:?}");
}
