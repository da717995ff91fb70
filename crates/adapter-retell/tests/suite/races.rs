//! The first function call and `call_started` race for a call that nobody knows (post-mortem 4.1), on the production
//! switchboard.

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, AtomicU32, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use call_core::port::{
    Answering, Clock, Delivered, Functions, Inbound, Observation, Observer, Question, Received, Store, Switchboard,
    ToolOutcome, ToolRequest, Tools,
};
use call_core::testkit::MemoryStore;
use call_core::{Call, Fact, Input, Lookup, PhaseName, Plan, Policy, ProviderName, Signal, Timestamp};
use futures::executor::block_on;
use provider_laws::born;
use serde_json::json;

use crate::kit::{CALL, event, foreign, leg, post};

#[derive(Default)]
struct World {
    drawn: AtomicU8,
    invoked: AtomicU32,
}

#[async_trait]
impl Clock for World {
    fn now(&self) -> Timestamp {
        born() + Duration::from_secs(10)
    }

    fn random(&self) -> [u8; 10] {
        [self.drawn.fetch_add(1, Ordering::Relaxed); 10]
    }

    async fn sleep(&self, _: Duration) {}
}

impl Observer for World {
    fn observe(&self, _: Observation<'_>) {}
}

impl Answering for World {
    fn answer(&self, provider: &ProviderName, inbound: &Inbound) -> (Plan, Policy) {
        (inbound.plan(provider.clone()), Policy::default())
    }
}

#[async_trait]
impl Functions for World {
    async fn invoke(&self, _: &Call, request: &ToolRequest) -> ToolOutcome {
        self.invoked.fetch_add(1, Ordering::Relaxed);
        Ok(format!("[{}]", request.arguments))
    }
}

fn started() -> Received {
    event("call_started", &foreign(&json!({"direction": "inbound"}))).unwrap()
}

fn function() -> Received {
    let call = foreign(&json!({"direction": "inbound"}));
    post("/functions", &json!({"name": "initialize_call", "call": call, "args": {"a": 1}})).unwrap()
}

fn arguments_only() -> Received {
    post(&format!("/functions/initialize_call?call_id={CALL}"), &json!({"a": 1})).unwrap()
}

struct Town {
    world: Arc<World>,
    store: Arc<MemoryStore>,
    switchboard: Switchboard,
    tools: Tools,
}

impl Town {
    fn new() -> Self {
        let (world, store) = (Arc::new(World::default()), Arc::new(MemoryStore::new()));
        let lookup = Lookup { looks: 5, step: Duration::from_millis(50) };
        let keep = Duration::from_secs(60);
        let switchboard = Switchboard::new(store.clone(), world.clone(), world.clone(), world.clone(), lookup, keep);
        let tools = Tools::new(store.clone(), world.clone(), switchboard.clone(), world.clone());
        Self { world, store, switchboard, tools }
    }

    async fn take(&self, received: &Received) -> Option<Call> {
        let call = match self.switchboard.deliver(received).await.unwrap() {
            Delivered::To(handled) => Some(handled.call),
            Delivered::Parked => {
                self.switchboard.find_for_question(&received.address).await.unwrap().map(|found| found.call)
            }
        };
        if let (Some(call), Some(Question::Tool(request))) = (&call, &received.question) {
            assert_eq!(self.tools.run(call, request, 1).await.unwrap(), Ok(r#"[{"a":1}]"#.to_owned()));
        }
        call
    }

    async fn only_call(&self) -> Call {
        let id = self.store.find(&leg(CALL)).await.unwrap().unwrap();
        let call = self.store.load(id).await.unwrap().unwrap();
        assert_eq!(self.world.drawn.load(Ordering::Relaxed), 1, "one record is made");
        call
    }
}

#[test]
fn either_message_makes_the_record_and_the_other_finds_it() {
    for order in [[started(), function()], [function(), started()], [started(), arguments_only()]] {
        block_on(async {
            let town = Town::new();
            for received in &order {
                assert!(town.take(received).await.is_some());
            }
            let call = town.only_call().await;
            assert_eq!((call.phase_name(), call.state().findings.tool_calls), (PhaseName::Live, 1));
            assert_eq!(call.state().timeline.answered.unwrap().as_millis(), 1_795_248_004_000);
            assert_eq!((call.plan().from.as_str(), call.plan().conduct), ("+15550000001", call_core::Conduct::Agent));
        });
    }
}

/// Its URL does not say whether we dialled the call, so it makes none.
#[test]
fn arguments_alone_wait_for_a_message_that_knows_the_call() {
    block_on(async {
        let town = Town::new();
        assert_eq!(town.take(&arguments_only()).await, None);
        assert_eq!(town.store.find(&leg(CALL)).await.unwrap(), None);
    });
}

/// Retell may send a function again that it got no answer to.
#[test]
fn a_function_that_comes_twice_is_run_once_and_traced_once() {
    block_on(async {
        let town = Town::new();
        for _ in 0..3 {
            town.take(&function()).await.unwrap();
        }
        let call = town.only_call().await;
        assert_eq!((town.world.invoked.load(Ordering::Relaxed), call.state().findings.tool_calls), (1, 1));
        let journal = town.store.journal(call.id()).await.unwrap();
        let traces = journal.iter().filter_map(|entry| match &entry.input {
            Input::Signal(Signal { fact: Fact::ToolCall(trace), .. }) => Some(trace),
            Input::Signal(_) | Input::Command(_) | Input::Tick => None,
        });
        let [trace] = &traces.collect::<Vec<_>>()[..] else { panic!() };
        assert_eq!((trace.name.as_str(), trace.arguments.as_str(), trace.looks), ("initialize_call", r#"{"a":1}"#, 1));
    });
}
