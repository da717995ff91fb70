//! One open call per subject, one call per leg, one call per idempotency key: kept by the store, not by a read before.

use futures::future::join_all;

use super::FreshStore;
use super::stage::*;
use crate::Disposition;
use crate::port::{Commit, IdempotencyKey, Store, StoreError};

fn key(key: &str, digest: &str) -> Option<IdempotencyKey> {
    Some(IdempotencyKey { key: key.to_owned(), digest: digest.to_owned() })
}

/// A second open call for a subject is refused by name; the end of the first one frees the subject.
pub async fn one_open_call_per_subject<F: FreshStore>() {
    let (_fresh, store) = fresh::<F>().await;
    let first = keep(&*store, dial_subject(1, "ada", at(0))).await;
    keep(&*store, dial_subject(2, "bob", at(0))).await;
    keep(&*store, dial(3, at(0))).await;
    keep(&*store, dial(4, at(0))).await;

    for now in [1, 2] {
        match store.commit(dial_subject(5, "ada", at(now))).await {
            Err(StoreError::SubjectBusy(open)) => assert_eq!(open, first.id()),
            answer => panic!("the subject has an open call: {answer:?}"),
        }
    }
    let first = keep(&*store, step(&first, accepted(&leg("CA1")), at(3))).await;
    let first = keep(&*store, step(&first, ended(Disposition::Busy), at(4))).await;
    assert!(first.has_ended());
    keep(&*store, dial_subject(6, "ada", at(5))).await;

    // What becomes known of the ended call later does not stand in the way of the open one, nor the other way round.
    let (idle, _) = ignored_step(&first, ended(Disposition::Busy), at(6));
    keep(&*store, idle).await;
    assert!(matches!(store.commit(dial_subject(7, "ada", at(7))).await, Err(StoreError::SubjectBusy(_))));
}

/// However many wish to call one subject at one moment, one does, and all others are told which.
pub async fn of_many_racing_births_for_a_subject_one_wins<F: FreshStore>() {
    let (_fresh, store) = fresh::<F>().await;
    for round in 0..4 {
        let subject = format!("subject-{round}");
        let births: Vec<_> = (0..16).map(|n| dial_subject(round * 100 + n, &subject, at(0))).collect();
        let ids: Vec<_> = births.iter().map(|commit| commit.call.id()).collect();
        let answers = join_all(births.into_iter().map(|commit| store.commit(commit))).await;
        let won: Vec<_> = answers.iter().zip(&ids).filter(|(answer, _)| answer.is_ok()).map(|(_, id)| *id).collect();
        assert_eq!(won.len(), 1, "{answers:?}");
        for (answer, id) in answers.iter().zip(ids) {
            match answer {
                Ok(()) => assert!(store.load(id).await.expect("a store answers").is_some()),
                Err(StoreError::SubjectBusy(open)) => {
                    assert_eq!(*open, won[0]);
                    assert_eq!(store.load(id).await.expect("a store answers"), None);
                }
                Err(error) => panic!("{error:?}"),
            }
        }
    }
}

/// A leg that is bound to one call is refused to every other, at birth and later, for ever.
pub async fn a_leg_belongs_to_one_call<F: FreshStore>() {
    let (_fresh, store) = fresh::<F>().await;
    let owner = live(&*store, 1, &leg("CA1"), at(0)).await;
    let other = keep(&*store, dial(2, at(0))).await;
    keep(&*store, step(&owner, ended(Disposition::Completed), at(1))).await;

    for thief in [step(&other, accepted(&leg("CA1")), at(2)), ring(3, &leg("CA1"), at(2))] {
        let before = see(&*store, thief.call.id()).await;
        let thief_id = thief.call.id();
        match store.commit(thief).await {
            Err(StoreError::LegTaken(call)) => assert_eq!(call, owner.id()),
            answer => panic!("the leg is taken: {answer:?}"),
        }
        assert_eq!(see(&*store, thief_id).await, before);
    }
    // The same id at another provider is another leg.
    let elsewhere = crate::Leg::new(crate::ProviderName::new("other"), "CA1");
    keep(&*store, step(&other, accepted(&elsewhere), at(3))).await;
    assert_eq!(store.find(&elsewhere).await.expect("a store answers"), Some(other.id()));
    assert_eq!(store.find(&leg("CA1")).await.expect("a store answers"), Some(owner.id()));
}

/// A key makes one call, also when its repetitions race, and remembers the request that it was used for.
pub async fn an_idempotency_key_makes_one_call<F: FreshStore>() {
    let (_fresh, store) = fresh::<F>().await;
    let births = (0..16).map(|n| Commit { key: key("order-7", &format!("digest-{n}")), ..dial(n, at(0)) });
    let births: Vec<_> = births.collect();
    let ids: Vec<_> = births.iter().map(|commit| commit.call.id()).collect();
    let answers = join_all(births.into_iter().map(|commit| store.commit(commit))).await;
    let won = answers.iter().position(Result::is_ok).expect("one of them makes the call");
    for (n, answer) in answers.iter().enumerate().filter(|(n, _)| *n != won) {
        assert!(matches!(answer, Err(StoreError::KeyTaken(call)) if *call == ids[won]), "{n}: {answer:?}");
        assert_eq!(store.load(ids[n]).await.expect("a store answers"), None);
    }
    let found = store.find_key("order-7").await.expect("a store answers");
    assert_eq!(found, Some((ids[won], format!("digest-{won}"))));
    keep(&*store, Commit { key: key("order-8", "digest"), ..dial(99, at(0)) }).await;
}

/// Where several refusals apply, the caller hears the one that leads it to its own call: a repeated creation meets its
/// key, not its own subject; a racing first message meets the leg.
pub async fn the_first_refusal_is_the_one_that_helps<F: FreshStore>() {
    let (_fresh, store) = fresh::<F>().await;
    let inbound = |n, now| {
        let plan = plan().about("ada");
        let ring = crate::Call::ring(id(now, n), leg("CA1"), plan, crate::Policy::default(), now);
        Commit { key: key("order-7", "digest"), ..Commit::birth(ring) }
    };
    let first = keep(&*store, inbound(1, at(0))).await;
    let named = |answer| match answer {
        Err(StoreError::KeyTaken(call)) => ("key", call),
        Err(StoreError::LegTaken(call)) => ("leg", call),
        Err(StoreError::SubjectBusy(call)) => ("subject", call),
        answer => panic!("refused by name: {answer:?}"),
    };
    assert!(is_conflict(&store.commit(inbound(1, at(0))).await), "a repetition meets itself");
    assert_eq!(named(store.commit(inbound(2, at(1))).await), ("key", first.id()));
    assert_eq!(named(store.commit(Commit { key: None, ..inbound(2, at(1)) }).await), ("leg", first.id()));
    assert_eq!(named(store.commit(dial_subject(2, "ada", at(1))).await), ("subject", first.id()));
}

/// A refused creation keeps no key, no leg and no effect, so that it can be tried again.
pub async fn a_refused_commit_leaves_no_trace<F: FreshStore>() {
    let (_fresh, store) = fresh::<F>().await;
    let open = keep(&*store, dial_subject(1, "ada", at(0))).await;
    let again = || Commit { key: key("order-7", "digest"), ..dial_subject(2, "ada", at(1)) };
    assert!(matches!(store.commit(again()).await, Err(StoreError::SubjectBusy(_))));
    assert_eq!(store.find_key("order-7").await.expect("a store answers"), None);
    assert_eq!(store.journal(again().call.id()).await.expect("a store answers"), []);
    assert!(claim(&*store, at(10), ms(1)).await.iter().all(|job| job.id.call == open.id()));

    let open = keep(&*store, step(&open, accepted(&leg("CA1")), at(2))).await;
    keep(&*store, step(&open, ended(Disposition::NoAnswer), at(3))).await;
    keep(&*store, again()).await;
    let found = store.find_key("order-7").await.expect("a store answers");
    assert_eq!(found, Some((again().call.id(), "digest".to_owned())));
}
