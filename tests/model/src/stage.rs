//! The stage on which a production task is played: every port asks, and hears what has been written down so far.
//!
//! A production future can be neither copied nor compared, so it is no part of a state. What it has heard is; and
//! because the core reads no clock and draws no dice, playing the task again with the same answers brings it to the
//! same place. Its next requests are what the model needs to know.

use std::cell::RefCell;
use std::collections::HashMap;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use async_trait::async_trait;
use call_core::journal::Entry;
use call_core::port::{
    Answer, Answering, Clock, Commit, Counts, Filter, Inadmissible, Inbound, Job, Lane, Observation, Observer, Page,
    Parked, ParkedSignal, Provider, Settle, Store, StoreError, Subscriber,
};
use call_core::{Call, CallId, Conduct, Effect, EffectId, Event, Leg, Plan, Policy, ProviderName, Signal, Timestamp};

use crate::ask::{Reply, Request, Unit, print};
use crate::bounds::{LINE, policy};
use crate::task::{Outcome, Task};

/// An answer that a task has heard.
#[derive(Debug, Clone, PartialEq, Hash)]
pub struct Heard {
    /// When.
    pub at: Timestamp,
    /// To which of its requests.
    pub number: usize,
    /// What.
    pub reply: Reply,
}

/// Where a task stands.
#[derive(Debug, Clone, PartialEq)]
pub enum Stand {
    /// It waits for answers to these, by number; more than one if it does things side by side.
    Asks(Vec<(usize, Request)>),
    /// It is through.
    Through(Outcome),
}

/// Plays a task from its beginning, with what it has heard, to where it stands now.
#[must_use]
pub fn play(task: &Task, begun: Timestamp, heard: &[Heard]) -> Arc<Stand> {
    thread_local! {
        // What is played again stands at the same place again; a hundred states share each hand.
        static PLAYED: RefCell<HashMap<u64, Arc<Stand>>> = RefCell::default();
    }
    let print = print(&(task, begun, heard));
    if let Some(stand) = PLAYED.with_borrow(|played| played.get(&print).cloned()) {
        return stand;
    }
    let stand = Arc::new(play_anew(task, begun, heard));
    PLAYED.with_borrow_mut(|played| played.insert(print, Arc::clone(&stand)));
    stand
}

fn play_anew(task: &Task, begun: Timestamp, heard: &[Heard]) -> Stand {
    let stage = Stage(Arc::new(Mutex::new(Script {
        heard: heard.to_vec(),
        revealed: 0,
        now: begun,
        random: task.random(),
        asked: Vec::new(),
    })));
    let mut running = task.run(&stage);
    let mut context = Context::from_waker(Waker::noop());
    loop {
        if let Poll::Ready(outcome) = running.as_mut().poll(&mut context) {
            return Stand::Through(outcome);
        }
        if !stage.reveal() {
            return Stand::Asks(stage.open());
        }
    }
}

/// All ports of one server.
#[derive(Clone)]
pub(crate) struct Stage(Arc<Mutex<Script>>);

struct Script {
    heard: Vec<Heard>,
    revealed: usize,
    now: Timestamp,
    random: [u8; 10],
    asked: Vec<Asked>,
}

struct Asked {
    request: Request,
    open: bool,
    waker: Option<Waker>,
}

impl Stage {
    fn script(&self) -> MutexGuard<'_, Script> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Lets the next answer arrive. Production code may wait for several things at once, and then only looks at what
    /// has woken it.
    fn reveal(&self) -> bool {
        let mut script = self.script();
        let Some(Heard { at, number, .. }) = script.heard.get(script.revealed).cloned() else { return false };
        script.revealed += 1;
        script.now = at;
        if let Some(waker) = script.asked.get_mut(number).and_then(|asked| asked.waker.take()) {
            drop(script);
            waker.wake();
        }
        true
    }

    fn open(&self) -> Vec<(usize, Request)> {
        let script = self.script();
        let open = script.asked.iter().enumerate().filter(|(_, asked)| asked.open);
        open.map(|(number, asked)| (number, asked.request.clone())).collect()
    }

    fn ask(&self, request: Request) -> Asking {
        let mut script = self.script();
        script.asked.push(Asked { request, open: true, waker: None });
        Asking { stage: self.clone(), number: script.asked.len() - 1 }
    }
}

/// A request that waits for its answer. Dropped, it is withdrawn.
struct Asking {
    stage: Stage,
    number: usize,
}

impl Future for Asking {
    type Output = Reply;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Reply> {
        let mut script = self.stage.script();
        let revealed = script.revealed;
        let heard = script.heard[..revealed].iter().find(|heard| heard.number == self.number);
        if let Some(Heard { reply, .. }) = heard.cloned() {
            return Poll::Ready(reply);
        }
        if let Some(asked) = script.asked.get_mut(self.number) {
            asked.waker = Some(context.waker().clone());
        }
        Poll::Pending
    }
}

impl Drop for Asking {
    fn drop(&mut self) {
        if let Some(asked) = self.stage.script().asked.get_mut(self.number) {
            asked.open = false;
        }
    }
}

/// A reply of the wrong kind cannot be written down: the world answers what was asked. What it may say instead is that
/// the store is away.
fn away() -> StoreError {
    StoreError::Unavailable(Arc::new(std::io::Error::from(std::io::ErrorKind::TimedOut)))
}

macro_rules! hear {
    ($stage:expr, $request:expr, $($reply:pat => $answer:expr),+) => {
        match $stage.ask($request).await {
            $($reply => Ok($answer),)+
            _ => Err(away()),
        }
    };
}

#[expect(clippy::wildcard_enum_match_arm, reason = "any other reply means that the store is away")]
#[async_trait]
impl Store for Stage {
    async fn load(&self, id: CallId) -> Result<Option<Call>, StoreError> {
        hear!(self, Request::Load(id), Reply::Call(call) => call.map(|call| (*call).clone()))
    }

    async fn find(&self, leg: &Leg) -> Result<Option<CallId>, StoreError> {
        hear!(self, Request::Find(leg.clone()), Reply::Found(call) => call)
    }

    async fn find_key(&self, key: &str) -> Result<Option<(CallId, String)>, StoreError> {
        hear!(self, Request::FindKey(key.to_owned()), Reply::Found(call) => call.map(|call| (call, key.to_owned())))
    }

    async fn commit(&self, commit: Commit) -> Result<(), StoreError> {
        match self.ask(Request::Commit(Arc::new(Unit(commit)))).await {
            Reply::Committed(answer) => answer.map_err(Into::into),
            _ => Err(away()),
        }
    }

    async fn due(&self, now: Timestamp, _: usize) -> Result<Vec<CallId>, StoreError> {
        hear!(self, Request::Due(now), Reply::Due(calls) => calls)
    }

    async fn park(&self, leg: &Leg, signals: &[Signal], _: Timestamp, until: Timestamp) -> Result<Parked, StoreError> {
        hear!(self, Request::Park(leg.clone(), signals.to_vec(), until),
            Reply::Parked(Some(call)) => Parked::Bound(call),
            Reply::Parked(None) => Parked::Kept)
    }

    async fn parked(&self, leg: &Leg) -> Result<Vec<ParkedSignal>, StoreError> {
        let now = self.now();
        let kept = |(id, signal): (i64, crate::ask::Known<Signal>)| ParkedSignal {
            id,
            leg: leg.clone(),
            signal: (*signal).clone(),
            since: now,
            until: now,
        };
        hear!(self, Request::Parked(leg.clone()), Reply::Mail(mail) => mail.into_iter().map(kept).collect())
    }

    async fn stranded(&self, _: usize) -> Result<Vec<(CallId, Leg)>, StoreError> {
        hear!(self, Request::Stranded, Reply::Stranded(legs) => legs)
    }

    async fn mailbox(&self, _: usize) -> Result<Vec<ParkedSignal>, StoreError> {
        Err(away())
    }

    async fn expire(&self, now: Timestamp) -> Result<u64, StoreError> {
        hear!(self, Request::Expire(now), Reply::Expired => 0)
    }

    async fn claim(&self, lane: Lane, now: Timestamp, lease: Duration, _: usize) -> Result<Vec<Job>, StoreError> {
        hear!(self, Request::Claim(lane, now, now + lease), Reply::Claimed(job) =>
            job.iter().map(|job| (**job).clone()).collect())
    }

    async fn settle(&self, settlements: &[Settle]) -> Result<(), StoreError> {
        hear!(self, Request::Settle(settlements.to_vec()), Reply::Settled => ())
    }

    // People's questions, and what an operator does to ended calls: no part of the protocol, never asked here.
    async fn journal(&self, _: CallId) -> Result<Vec<Entry>, StoreError> {
        Err(away())
    }

    async fn list(&self, _: &Filter, _: &Page) -> Result<Vec<Call>, StoreError> {
        Err(away())
    }

    async fn counts(&self, _: Timestamp) -> Result<Counts, StoreError> {
        Err(away())
    }

    async fn prune(&self, _: Timestamp, _: usize) -> Result<u64, StoreError> {
        Err(away())
    }

    async fn ping(&self) -> Result<(), StoreError> {
        Err(away())
    }
}

#[async_trait]
impl Clock for Stage {
    fn now(&self) -> Timestamp {
        self.script().now
    }

    fn random(&self) -> [u8; 10] {
        self.script().random
    }

    async fn sleep(&self, duration: Duration) {
        let until = self.now() + duration;
        // A schedule's first look is at once.
        if duration > Duration::ZERO {
            self.ask(Request::Sleep(until)).await;
        }
    }
}

#[async_trait]
impl Provider for Stage {
    fn name(&self) -> ProviderName {
        LINE
    }

    fn admit(&self, plan: &Plan) -> Result<Conduct, Inadmissible> {
        Ok(plan.conduct)
    }

    async fn perform(&self, call: &Call, id: &EffectId, effect: &Effect) -> Answer {
        let number = call.plan().to.clone();
        let reply = self.ask(Request::Act(*id, effect.clone(), number)).await;
        if let Reply::Said(said) = reply { said.into() } else { Answer::Refused { why: format!("{reply:?}") } }
    }
}

#[async_trait]
impl Subscriber for Stage {
    async fn tell(&self, id: &EffectId, _: &Event) {
        self.ask(Request::Tell(*id)).await;
    }
}

impl Answering for Stage {
    fn answer(&self, provider: &ProviderName, inbound: &Inbound) -> (Plan, Policy) {
        (inbound.plan(provider.clone()), policy(1))
    }
}

impl Observer for Stage {
    fn observe(&self, _: Observation<'_>) {}
}
