//! One query finds all work that is due.

use super::FreshStore;
use super::stage::*;
use crate::port::Store;
use crate::{Disposition, Input};

/// Exactly the open calls whose deadline is not after now, in the order of their deadlines.
pub async fn due_finds_exactly_the_due_open_calls_earliest_first<F: FreshStore>() {
    let (_fresh, store) = fresh::<F>().await;
    let mut calls = Vec::new();
    for n in [5, 2, 9, 0, 7] {
        calls.push(keep(&*store, dial(n, at(i64::from(n) * 1000))).await);
    }
    let deadline = |call: &crate::Call| call.next_deadline().expect("an open call has a deadline");
    calls.sort_by_key(deadline);
    let ids: Vec<_> = calls.iter().map(crate::Call::id).collect();

    assert_eq!(store.due(deadline(&calls[0]) - ms(1), 10).await.expect("a store answers"), []);
    for (n, call) in calls.iter().enumerate() {
        assert_eq!(store.due(deadline(call), 10).await.expect("a store answers"), ids[..=n]);
    }
    assert_eq!(store.due(deadline(&calls[4]), 2).await.expect("a store answers"), ids[..2]);

    // A deadline that was acted on moves; a new one takes its place.
    let now = deadline(&calls[0]);
    let ticked = keep(&*store, step(&calls[0], Input::Tick, now)).await;
    assert!(ticked.next_deadline() > Some(now));
    assert_eq!(store.due(now, 10).await.expect("a store answers"), []);
    let now = deadline(&ticked);
    assert!(store.due(now, 10).await.expect("a store answers").contains(&ticked.id()));
}

/// The end takes a call out of the due index for good.
pub async fn an_ended_call_is_never_due<F: FreshStore>() {
    let (_fresh, store) = fresh::<F>().await;
    let call = live(&*store, 1, &leg("CA1"), at(0)).await;
    let open = live(&*store, 2, &leg("CA2"), at(0)).await;
    let future = at(1_000_000_000_000);
    let both = store.due(future, 10).await.expect("a store answers");
    assert!(both.contains(&call.id()) && both.contains(&open.id()), "{both:?}");

    let call = keep(&*store, step(&call, ended(Disposition::Completed), at(1))).await;
    assert_eq!(call.next_deadline(), None);
    assert_eq!(store.due(future, 10).await.expect("a store answers"), [open.id()]);
    let (idle, _) = ignored_step(&call, Input::Tick, future);
    keep(&*store, idle).await;
    assert_eq!(store.due(future, 10).await.expect("a store answers"), [open.id()]);
}
