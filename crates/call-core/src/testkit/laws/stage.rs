//! What the laws play with.

use std::sync::Arc;
use std::time::Duration;

use crate::port::{Commit, Job, Lane, Settle, Settlement, Store, StoreError};
use crate::{
    Call, CallId, Command, DialAnswer, Disposition, Fact, Hungup, Input, Leg, Plan, Policy, ProviderName, Reason,
    Signal, Timestamp,
};

use super::FreshStore;

pub(super) const PROVIDER: ProviderName = ProviderName::new("acme");

/// When the laws begin: 2026-11-21T08:00:00Z.
pub(super) const START: i64 = 1_795_248_000_000;

/// This many milliseconds into a law.
pub(super) fn at(millis: i64) -> Timestamp {
    Timestamp::from_millis(START + millis)
}

pub(super) const fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

pub(super) async fn fresh<F: FreshStore>() -> (F, Arc<F::Store>) {
    let fresh = F::fresh().await;
    let store = fresh.store();
    (fresh, store)
}

/// The `n`th call's name, born at `now`.
pub(super) fn id(now: Timestamp, n: u32) -> CallId {
    let mut random = [0; 10];
    random[6..].copy_from_slice(&n.to_be_bytes());
    CallId::new(now, random)
}

pub(super) fn leg(name: &str) -> Leg {
    Leg::new(PROVIDER, name)
}

pub(super) fn plan() -> Plan {
    Plan::new(PROVIDER, "+15550100", "+15550199")
}

/// The wish to dial, not yet stored: two effects, the dial and its event.
pub(super) fn dial(n: u32, now: Timestamp) -> Commit {
    Commit::birth(Call::dial(id(now, n), plan(), Policy::default(), now))
}

/// The wish to dial a subject.
pub(super) fn dial_subject(n: u32, subject: &str, now: Timestamp) -> Commit {
    Commit::birth(Call::dial(id(now, n), plan().about(subject), Policy::default(), now))
}

/// Somebody rings us.
pub(super) fn ring(n: u32, on: &Leg, now: Timestamp) -> Commit {
    Commit::birth(Call::ring(id(now, n), on.clone(), plan(), Policy::default(), now))
}

/// Stores a commit that nothing may refuse, and gives its call.
pub(super) async fn keep(store: &impl Store, commit: Commit) -> Call {
    let call = commit.call.clone();
    store.commit(commit).await.expect("nothing stands against this commit");
    call
}

pub(super) async fn load(store: &impl Store, id: CallId) -> Call {
    store.load(id).await.expect("a store answers").expect("the call was stored")
}

/// Takes whatever can be had, of both lanes.
pub(super) async fn claim(store: &impl Store, now: Timestamp, lease: Duration) -> Vec<Job> {
    let mut jobs = Vec::new();
    for lane in Lane::ALL {
        let claimed = store.claim(lane, now, lease, 1000).await.expect("a store answers");
        assert!(claimed.iter().all(|job| Lane::of(&job.effect) == lane), "{lane:?} has its own effects only");
        jobs.extend(claimed);
    }
    jobs.sort_by_key(|job| (job.since, job.id));
    jobs
}

pub(super) async fn settle(store: &impl Store, job: &Job, how: Settlement) {
    store.settle(&[settlement(job, how)]).await.expect("a store answers");
}

pub(super) const fn settlement(job: &Job, how: Settlement) -> Settle {
    Settle { id: job.id, attempt: job.attempt, how }
}

/// One input on a call as it was last read.
pub(super) fn step(call: &Call, input: impl Into<Input>, now: Timestamp) -> Commit {
    let mut commit = Commit::on(call.clone());
    let ignored = commit.handle(input.into(), now);
    assert_eq!(ignored, None, "a law's step is applied");
    commit
}

/// An input that changes nothing.
pub(super) fn ignored_step(call: &Call, input: impl Into<Input>, now: Timestamp) -> (Commit, Reason) {
    let mut commit = Commit::on(call.clone());
    let reason = commit.handle(input.into(), now).expect("a law's input is ignored");
    (commit, reason)
}

/// The provider has the call.
pub(super) fn accepted(on: &Leg) -> Signal {
    Signal::new(Fact::Dialed(DialAnswer::Accepted)).on(on.clone())
}

pub(super) const fn answered() -> Signal {
    Signal::new(Fact::Answered)
}

pub(super) fn ended(disposition: Disposition) -> Signal {
    Signal::new(Fact::Ended(Hungup::new(disposition)))
}

/// Words that an answered call will speak: always applied, once per name.
pub(super) fn speak(operation: impl Into<String>) -> Command {
    Command::Speak { operation: operation.into(), text: "hello".to_owned() }
}

/// A call of `n` that was dialled, accepted on `leg` and answered, stored step by step.
pub(super) async fn live(on: &impl Store, n: u32, leg: &Leg, now: Timestamp) -> Call {
    let call = keep(on, dial(n, now)).await;
    let call = keep(on, step(&call, accepted(leg), now)).await;
    keep(on, step(&call, answered(), now)).await
}

pub(super) fn is_conflict(answer: &Result<(), StoreError>) -> bool {
    matches!(answer, Err(StoreError::Conflict))
}

/// Everything that can be read of a call: to see that nothing of it changed.
#[derive(Debug, PartialEq)]
pub(super) struct Seen {
    call: Option<Call>,
    journal: Vec<crate::journal::Entry>,
    due: Vec<CallId>,
    counts: crate::port::Counts,
    mailbox: Vec<crate::port::ParkedSignal>,
}

impl Seen {
    /// All but the journal.
    pub(super) fn without_journal(self) -> Self {
        Self { journal: Vec::new(), ..self }
    }
}

/// Looks far into the future, so that every deadline shows.
pub(super) async fn see(store: &impl Store, id: CallId) -> Seen {
    let future = at(1_000_000_000_000);
    Seen {
        call: store.load(id).await.expect("a store answers"),
        journal: store.journal(id).await.expect("a store answers"),
        due: store.due(future, 1000).await.expect("a store answers"),
        counts: store.counts(future).await.expect("a store answers"),
        mailbox: store.mailbox(1000).await.expect("a store answers"),
    }
}
