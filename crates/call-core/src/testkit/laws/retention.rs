//! What is forgotten, and what never is.

use crate::port::{Commit, Filter, IdempotencyKey, Page, Settlement, Store};
use crate::{Call, CallId, Disposition, Timestamp};

use super::FreshStore;
use super::stage::{accepted, at, claim, dial_subject, ended, fresh, keep, leg, load, ms, settle, step};

/// A call that was born at `now`, has ended a second later, and waits for nothing.
async fn over(store: &impl Store, n: u32, now: Timestamp) -> Call {
    let key = IdempotencyKey { key: format!("key-{n}"), digest: format!("digest-{n}") };
    let birth = Commit { key: Some(key), ..dial_subject(n, &format!("subject-{n}"), now) };
    let call = keep(store, birth).await;
    let call = keep(store, step(&call, accepted(&leg(&format!("leg-{n}"))), now + ms(500))).await;
    let call = keep(store, step(&call, ended(Disposition::Completed), now + ms(1000))).await;
    for job in claim(store, now + ms(1000), ms(100)).await.iter().filter(|job| job.id.call == call.id()) {
        settle(store, job, Settlement::Done).await;
    }
    call
}

async fn listed(store: &impl Store) -> Vec<CallId> {
    let calls = store.list(&Filter::default(), &Page::default()).await.expect("a store answers");
    calls.iter().map(Call::id).rev().collect()
}

/// A call is forgotten whole: its legs, its key, its journal and its subject are free again.
pub async fn a_call_is_forgotten_whole<F: FreshStore>() {
    let (_fresh, store) = fresh::<F>().await;
    let call = over(&*store, 1, at(0)).await;
    assert_eq!(store.prune(at(0), 10).await.expect("a store answers"), 0, "born at that moment is not before it");
    assert_eq!(load(&*store, call.id()).await, call);
    assert_eq!(store.prune(at(1), 10).await.expect("a store answers"), 1);
    assert_eq!(store.load(call.id()).await.expect("a store answers"), None);
    assert_eq!(store.journal(call.id()).await.expect("a store answers"), []);
    assert_eq!(store.find(&leg("leg-1")).await.expect("a store answers"), None);
    assert_eq!(store.find_key("key-1").await.expect("a store answers"), None);
    assert_eq!(listed(&*store).await, []);
    over(&*store, 1, at(5000)).await;
}

/// The oldest go first, as many as may; the young, the open and those with something in the outbox stay.
pub async fn only_old_calls_that_are_over_are_forgotten<F: FreshStore>() {
    let (_fresh, store) = fresh::<F>().await;
    let mut old = Vec::new();
    for n in 0..5 {
        old.push(over(&*store, n, at(i64::from(n) * 10_000)).await.id());
    }
    let open = keep(&*store, dial_subject(10, "open", at(100_000))).await;
    for job in claim(&*store, at(100_000), ms(100)).await {
        settle(&*store, &job, Settlement::Done).await;
    }
    let busy = keep(&*store, dial_subject(11, "busy", at(110_000))).await;
    let busy = keep(&*store, step(&busy, ended(Disposition::Busy), at(111_000))).await;
    let young = over(&*store, 12, at(200_000)).await;

    let born_before = at(150_000);
    let prune = async |limit| store.prune(born_before, limit).await.expect("a store answers");
    assert_eq!(prune(0).await, 0);
    assert_eq!(prune(2).await, 2);
    assert_eq!(listed(&*store).await, [old[2], old[3], old[4], open.id(), busy.id(), young.id()]);
    assert_eq!(prune(100).await, 3);
    assert_eq!(prune(100).await, 0);
    assert_eq!(listed(&*store).await, [open.id(), busy.id(), young.id()]);
    for job in claim(&*store, at(300_000), ms(100)).await {
        settle(&*store, &job, Settlement::Done).await;
    }
    assert_eq!(prune(100).await, 1, "nothing is to be done for it any more");
    assert_eq!(listed(&*store).await, [open.id(), young.id()]);
}
