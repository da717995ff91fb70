//! The functions of a provider's agent: run once, traced once, and answered alike.

#![allow(clippy::unwrap_used, missing_docs, reason = "a test")]

use std::future::pending;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use async_trait::async_trait;
use call_core::port::{
    Answering, Clock, Commit, Functions, Inbound, Observation, Observer, Store, Switchboard, ToolOutcome, ToolRequest,
    Tools,
};
use call_core::testkit::MemoryStore;
use call_core::{Call, CallId, Lookup, Plan, Policy, ProviderName, Timestamp};
use futures::executor::block_on;
use futures::future::join;

/// Everything around a call that does not matter here; a function returns how many have begun before it.
#[derive(Default)]
struct World {
    begun: AtomicU32,
}

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
    fn observe(&self, _: Observation<'_>) {}
}

impl Answering for World {
    fn answer(&self, provider: &ProviderName, inbound: &Inbound) -> (Plan, Policy) {
        (inbound.plan(provider.clone()), Policy::default())
    }
}

#[async_trait]
impl Functions for World {
    async fn invoke(&self, _: &Call, _: &ToolRequest) -> ToolOutcome {
        let begun = self.begun.fetch_add(1, Ordering::Relaxed);
        Yield(false).await;
        Ok(begun.to_string())
    }
}

/// Lets the other one run first.
struct Yield(bool);

impl Future for Yield {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        if std::mem::replace(&mut self.0, true) {
            return Poll::Ready(());
        }
        context.waker().wake_by_ref();
        Poll::Pending
    }
}

fn begin() -> (Arc<MemoryStore>, Arc<World>, Tools, Call) {
    let (store, world) = (Arc::new(MemoryStore::new()), Arc::new(World::default()));
    let switchboard = Switchboard::new(
        Arc::clone(&store) as _,
        Arc::clone(&world) as _,
        Arc::clone(&world) as _,
        Arc::clone(&world) as _,
        Lookup::default(),
        Duration::from_secs(60),
    );
    let tools = Tools::new(Arc::clone(&store) as _, Arc::clone(&world) as _, switchboard, Arc::clone(&world) as _);
    let plan = Plan::new(ProviderName::new("acme"), "+12025550100", "+12025550101");
    let id = CallId::new(world.now(), world.random());
    let birth = Commit::birth(Call::dial(id, plan, Policy::default(), world.now()));
    let call = birth.call.clone();
    block_on(store.commit(birth)).unwrap();
    (store, world, tools, call)
}

fn request(id: &str) -> ToolRequest {
    ToolRequest { id: id.to_owned(), name: "book".to_owned(), arguments: "{}".to_owned() }
}

#[test]
fn a_request_that_is_sent_again_gets_the_outcome_that_it_had() {
    let (_, world, tools, call) = begin();
    let first = block_on(tools.run(&call, &request("1"), 1)).unwrap();
    // Even to one who looks at the call as it was before.
    assert_eq!(block_on(tools.run(&call, &request("1"), 1)).unwrap(), first);
    assert_eq!(world.begun.load(Ordering::Relaxed), 1);
    assert_ne!(block_on(tools.run(&call, &request("2"), 1)).unwrap(), first);
}

#[test]
fn a_request_that_is_sent_again_while_it_runs_gets_the_outcome_that_is_kept() {
    let (store, world, tools, call) = begin();
    let (request, id) = (request("1"), call.id());
    let (first, second) = block_on(join(tools.run(&call, &request, 1), tools.run(&call, &request, 1)));
    assert_eq!(world.begun.load(Ordering::Relaxed), 2, "both began before either was traced");
    assert_eq!(first.unwrap(), second.unwrap());
    let call = block_on(store.load(id)).unwrap().unwrap();
    assert_eq!(call.state().findings.tool_calls, 1);
}
