//! A signal that beats its call waits, and is neither lost nor handled twice.

use futures::future::join_all;

use super::FreshStore;
use super::stage::*;
use crate::port::{Commit, Parked, Store};
use crate::{Fact, Signal};

fn digits(keys: impl Into<String>) -> Signal {
    Signal::new(Fact::Digits(keys.into()))
}

/// A leg that is bound takes nothing into the mailbox: the call is named.
pub async fn parking_a_bound_leg_returns_its_call<F: FreshStore>() {
    let (_fresh, store) = fresh::<F>().await;
    let call = live(&*store, 1, &leg("CA1"), at(0)).await;
    let parked = store.park(&leg("CA1"), &[answered()], at(1), at(900)).await.expect("a store answers");
    assert_eq!(parked, Parked::Bound(call.id()));
    assert_eq!(store.parked(&leg("CA1")).await.expect("a store answers"), []);
    let parked = store.park(&leg("CA2"), &[answered()], at(1), at(900)).await.expect("a store answers");
    assert_eq!(parked, Parked::Kept);
}

/// Several signals of several legs keep their order, their words and their times.
pub async fn parked_signals_are_kept_in_order<F: FreshStore>() {
    let (_fresh, store) = fresh::<F>().await;
    for (n, name) in ["CA1", "CA2", "CA1"].into_iter().enumerate() {
        let now = n as i64;
        let signals = [digits(format!("{n}a")).on(leg(name)).keyed(format!("k{n}")), digits(format!("{n}b"))];
        store.park(&leg(name), &signals, at(now), at(now + 900)).await.expect("a store answers");
    }
    let parked = store.parked(&leg("CA1")).await.expect("a store answers");
    let signals: Vec<_> = parked.iter().map(|parked| parked.signal.clone()).collect();
    let first = digits("0a").on(leg("CA1")).keyed("k0");
    let third = digits("2a").on(leg("CA1")).keyed("k2");
    assert_eq!(signals, [first, digits("0b"), third, digits("2b")]);
    let times: Vec<_> = parked.iter().map(|parked| (parked.since, parked.until)).collect();
    assert_eq!(times, [(at(0), at(900)), (at(0), at(900)), (at(2), at(902)), (at(2), at(902))]);

    let all = store.mailbox(1000).await.expect("a store answers");
    let legs: Vec<_> = all.iter().map(|parked| parked.leg.id.as_str()).collect();
    assert_eq!(legs, ["CA1", "CA1", "CA2", "CA2", "CA1", "CA1"]);
    assert_eq!(store.mailbox(3).await.expect("a store answers"), all[..3]);
    assert_eq!(store.counts(at(5)).await.expect("a store answers").parked, 6);
}

/// Adopted signals leave the mailbox with the commit that handled them; if it is refused, they stay.
pub async fn a_parked_signal_is_adopted_with_its_commit_or_stays<F: FreshStore>() {
    let (_fresh, store) = fresh::<F>().await;
    let call = keep(&*store, dial(1, at(0))).await;
    let signals = [answered().on(leg("CA1")), digits("1").on(leg("CA1"))];
    store.park(&leg("CA1"), &signals, at(1), at(900)).await.expect("a store answers");
    let parked = store.parked(&leg("CA1")).await.expect("a store answers");
    let bound = keep(&*store, step(&call, accepted(&leg("CA1")), at(2))).await;

    let adopt = |call| Commit { adopts: vec![parked[0].id], ..step(call, parked[0].signal.clone(), at(3)) };
    assert!(is_conflict(&store.commit(adopt(&call)).await), "the call has moved on");
    assert_eq!(store.parked(&leg("CA1")).await.expect("a store answers"), parked);

    let bound = keep(&*store, adopt(&bound)).await;
    assert_eq!(store.parked(&leg("CA1")).await.expect("a store answers"), parked[1..]);

    // A signal that changes nothing is handled all the same.
    let (idle, _) = ignored_step(&bound, accepted(&leg("CA1")), at(4));
    keep(&*store, Commit { adopts: vec![parked[1].id], ..idle }).await;
    assert_eq!(store.parked(&leg("CA1")).await.expect("a store answers"), []);
}

/// A webhook and the commit that binds its leg race: the signal is either told where to go, or kept where the one who
/// binds finds it. In both cases exactly once.
pub async fn parking_and_binding_race_loses_nothing<F: FreshStore>() {
    let (_fresh, store) = fresh::<F>().await;
    for round in 0..12 {
        let leg = leg(&format!("CA{round}"));
        let call = keep(&*store, dial(round, at(0))).await;
        let bind = step(&call, accepted(&leg), at(1));
        let signals: Vec<_> = (0..8).map(|n| [digits(n.to_string()).on(leg.clone())]).collect();
        let park = join_all(signals.iter().map(|signals| store.park(&leg, signals, at(1), at(900))));
        // Both orders: whichever is polled first may be the first to arrive.
        let (bound, answers) = if round % 2 == 0 {
            futures::join!(store.commit(bind), park)
        } else {
            let (answers, bound) = futures::join!(park, store.commit(bind));
            (bound, answers)
        };
        bound.expect("nothing stands against the binding");
        let found = store.parked(&leg).await.expect("a store answers");
        let mut kept = 0;
        for answer in answers {
            match answer.expect("a store answers") {
                Parked::Kept => kept += 1,
                Parked::Bound(to) => assert_eq!(to, call.id()),
            }
        }
        assert_eq!(found.len(), kept, "after the commit, what is kept is found");
    }
}

/// A crash between binding and adopting leaves signals behind that the sweep can find.
pub async fn stranded_signals_are_found<F: FreshStore>() {
    let (_fresh, store) = fresh::<F>().await;
    for (n, name) in ["CA1", "CA2", "CA3"].into_iter().enumerate() {
        let signals = [digits("1").on(leg(name)), digits("2").on(leg(name))];
        store.park(&leg(name), &signals, at(n as i64), at(900)).await.expect("a store answers");
    }
    assert_eq!(store.stranded(10).await.expect("a store answers"), []);
    let second = live(&*store, 2, &leg("CA2"), at(5)).await;
    let first = live(&*store, 1, &leg("CA1"), at(6)).await;
    let both = [(first.id(), leg("CA1")), (second.id(), leg("CA2"))];
    assert_eq!(store.stranded(10).await.expect("a store answers"), both, "each leg once, longest waiting first");
    assert_eq!(store.stranded(1).await.expect("a store answers"), both[..1]);

    let ids = store.parked(&leg("CA1")).await.expect("a store answers").iter().map(|parked| parked.id).collect();
    let (idle, _) = ignored_step(&first, answered(), at(7));
    keep(&*store, Commit { adopts: ids, ..idle }).await;
    assert_eq!(store.stranded(10).await.expect("a store answers"), both[1..]);
}

/// Signals that nobody came for go when their time is up, not before.
pub async fn parked_signals_expire<F: FreshStore>() {
    let (_fresh, store) = fresh::<F>().await;
    for n in 0..3 {
        store.park(&leg("CA1"), &[digits(n.to_string())], at(0), at(100 + n)).await.expect("a store answers");
    }
    assert_eq!(store.expire(at(99)).await.expect("a store answers"), 0);
    assert_eq!(store.expire(at(101)).await.expect("a store answers"), 2);
    assert_eq!(store.expire(at(101)).await.expect("a store answers"), 0);
    let left = store.parked(&leg("CA1")).await.expect("a store answers");
    assert_eq!(left.iter().map(|parked| parked.until).collect::<Vec<_>>(), [at(102)]);
}

/// Whoever read a signal long ago and adopts it late does not remove another one.
pub async fn a_parked_signals_name_is_never_used_again<F: FreshStore>() {
    let (_fresh, store) = fresh::<F>().await;
    let call = live(&*store, 1, &leg("CA1"), at(0)).await;
    store.park(&leg("CA2"), &[digits("1")], at(0), at(10)).await.expect("a store answers");
    let old = store.parked(&leg("CA2")).await.expect("a store answers")[0].id;
    assert_eq!(store.expire(at(10)).await.expect("a store answers"), 1);
    store.park(&leg("CA3"), &[digits("2")], at(20), at(900)).await.expect("a store answers");
    let new = store.parked(&leg("CA3")).await.expect("a store answers");

    let (idle, _) = ignored_step(&call, answered(), at(21));
    keep(&*store, Commit { adopts: vec![old], ..idle }).await;
    assert_eq!(store.parked(&leg("CA3")).await.expect("a store answers"), new);
}
