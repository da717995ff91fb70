//! One step is stored as a whole or not at all.

use futures::future::join_all;

use super::FreshStore;
use super::stage::*;
use crate::Disposition;
use crate::port::{Commit, Settlement, Store};

/// What was committed is what is read: the call, its journal, its deadline, its effects.
pub async fn a_commit_is_read_back_exactly<F: FreshStore>() {
    let (_fresh, store) = fresh::<F>().await;
    let born = dial(1, at(0));
    let id = born.call.id();
    let effects = born.effects.clone();
    let call = keep(&*store, born).await;
    assert_eq!(load(&*store, id).await, call);

    let next = step(&call, accepted(&leg("CA1")), at(5));
    let entries = next.entries.clone();
    let call = keep(&*store, next).await;
    assert_eq!(load(&*store, id).await, call);
    assert_eq!(store.journal(id).await.expect("a store answers"), *entries);
    assert_eq!(store.find(&leg("CA1")).await.expect("a store answers"), Some(id));

    let jobs = claim(&*store, at(10), ms(1000)).await;
    let claimed: Vec<_> = jobs.into_iter().map(|job| (job.id, job.effect)).collect();
    assert!(effects.iter().all(|effect| claimed.contains(effect)), "{claimed:?}");
}

/// A writer that read an older version gets a conflict, and nothing of its step is stored.
pub async fn a_stale_version_is_refused_and_writes_nothing<F: FreshStore>() {
    let (_fresh, store) = fresh::<F>().await;
    let call = live(&*store, 1, &leg("CA1"), at(0)).await;
    store.park(&leg("CA2"), &[answered()], at(0), at(900)).await.expect("a store answers");
    let parked = store.parked(&leg("CA2")).await.expect("a store answers")[0].id;
    let job = claim(&*store, at(0), ms(1000)).await.swap_remove(0);

    let (slow, fast) = (step(&call, speak("slow"), at(20)), step(&call, speak("fast"), at(20)));
    keep(&*store, fast).await;
    let before = see(&*store, call.id()).await;
    let slow = Commit { adopts: vec![parked], settles: Some(settlement(&job, Settlement::Done)), ..slow };
    let answer = store.commit(slow).await;
    assert!(is_conflict(&answer), "{answer:?}");
    assert_eq!(see(&*store, call.id()).await, before);
}

/// A birth under a name that is taken is a conflict.
pub async fn a_birth_does_not_replace_a_call<F: FreshStore>() {
    let (_fresh, store) = fresh::<F>().await;
    let call = keep(&*store, dial(1, at(0))).await;
    let call = keep(&*store, step(&call, accepted(&leg("CA1")), at(1))).await;
    let before = see(&*store, call.id()).await;
    assert!(is_conflict(&store.commit(dial(1, at(0))).await));
    assert_eq!(see(&*store, call.id()).await, before);
}

/// A step of a call that was never stored is a conflict, whether it moves the call or only its journal.
pub async fn a_call_that_is_not_there_cannot_change<F: FreshStore>() {
    let (_fresh, store) = fresh::<F>().await;
    let ghost = dial(1, at(0)).call;
    let before = see(&*store, ghost.id()).await;
    assert!(is_conflict(&store.commit(step(&ghost, accepted(&leg("CA1")), at(1))).await));
    let (idle, _) = ignored_step(&ghost, speak("nobody"), at(1));
    assert!(is_conflict(&store.commit(idle).await));
    assert_eq!(see(&*store, ghost.id()).await, before);
}

/// Every round, many writers step from one version: one wins, and what is stored is what it wrote.
pub async fn of_many_racing_commits_exactly_one_wins<F: FreshStore>() {
    let (_fresh, store) = fresh::<F>().await;
    let mut call = live(&*store, 1, &leg("CA1"), at(0)).await;
    for round in 0..8 {
        let steps: Vec<_> = (0..16).map(|n| step(&call, speak(format!("{round}-{n}")), at(round + 1))).collect();
        let calls: Vec<_> = steps.iter().map(|commit| commit.call.clone()).collect();
        let answers = join_all(steps.into_iter().map(|commit| store.commit(commit))).await;
        let won: Vec<_> = answers.iter().zip(calls).filter(|(answer, _)| answer.is_ok()).collect();
        assert_eq!(won.len(), 1, "{answers:?}");
        assert_eq!(answers.iter().filter(|answer| is_conflict(answer)).count(), 15, "{answers:?}");
        call = load(&*store, call.id()).await;
        assert_eq!(call, won[0].1);
    }
    let journal = store.journal(call.id()).await.expect("a store answers");
    assert_eq!(journal.len(), 2 + 8, "losers leave nothing in the journal");
}

/// Commits of different calls, winners and losers mixed, all get their own answer.
pub async fn many_calls_commit_at_once<F: FreshStore>() {
    let (_fresh, store) = fresh::<F>().await;
    let births: Vec<_> = (0..64).map(|n| dial(n, at(i64::from(n)))).collect();
    let calls: Vec<_> = births.iter().map(|commit| commit.call.clone()).collect();
    let answers = join_all(births.into_iter().map(|commit| store.commit(commit))).await;
    assert!(answers.iter().all(Result::is_ok), "{answers:?}");

    // Every third step is stale, every fourth is for a leg that its neighbour takes.
    for call in calls.iter().step_by(3) {
        keep(&*store, step(call, accepted(&leg(&format!("first-{}", call.id()))), at(100))).await;
    }
    let steps = calls.iter().enumerate().map(|(n, call)| {
        let name = if n % 4 == 1 { "shared".to_owned() } else { format!("leg-{n}") };
        step(call, accepted(&leg(&name)), at(200))
    });
    let answers = join_all(steps.map(|commit| store.commit(commit))).await;
    let shared: Vec<_> = (0..64).filter(|n| n % 4 == 1 && n % 3 != 0).collect();
    let taken = shared.iter().filter(|&&n| matches!(answers[n], Err(crate::port::StoreError::LegTaken(_)))).count();
    assert_eq!(taken, shared.len() - 1, "of those who share a leg, all but one are refused: {answers:?}");
    for (n, answer) in answers.iter().enumerate() {
        if n % 3 == 0 {
            assert!(is_conflict(answer), "{n}: {answer:?}");
        } else if n % 4 != 1 {
            assert!(answer.is_ok(), "{n}: {answer:?}");
        }
        let version = load(&*store, calls[n].id()).await.version();
        assert_eq!(version, if n % 3 == 0 || answer.is_ok() { 2 } else { 1 }, "{n}: {answer:?}");
    }
}

/// Whoever did not hear the answer commits once more: it finds a conflict with itself, and nothing is stored twice.
pub async fn repeating_a_commit_after_an_unknown_answer_is_safe<F: FreshStore>() {
    let (_fresh, store) = fresh::<F>().await;
    let birth = dial_subject(1, "ada", at(0));
    let call = keep(&*store, birth.clone()).await;
    let before = see(&*store, call.id()).await;
    assert!(is_conflict(&store.commit(birth).await));
    assert_eq!(see(&*store, call.id()).await, before);

    let answer = step(&call, accepted(&leg("CA1")), at(1));
    keep(&*store, answer.clone()).await;
    let before = see(&*store, call.id()).await;
    assert!(is_conflict(&store.commit(answer).await));
    assert_eq!(see(&*store, call.id()).await, before);
    assert_eq!(claim(&*store, at(10), ms(1000)).await.len(), before_effects(), "no effect was stored twice");
}

/// The dial, `placed` and the ringing that the accepted dial brings are counted by the machine, not here.
fn before_effects() -> usize {
    let birth = dial_subject(1, "ada", at(0));
    let answer = step(&birth.call, accepted(&leg("CA1")), at(1));
    birth.effects.len() + answer.effects.len()
}

/// Calls, journals, effects with their claims, keys and parked signals outlive the process.
pub async fn what_was_acknowledged_is_there_after_reopening<F: FreshStore>() {
    let (fresh, store) = fresh::<F>().await;
    let call = live(&*store, 1, &leg("CA1"), at(0)).await;
    let done = live(&*store, 2, &leg("CA2"), at(0)).await;
    let done = keep(&*store, step(&done, ended(Disposition::Completed), at(5))).await;
    store.park(&leg("CA3"), &[answered()], at(6), at(900)).await.expect("a store answers");
    let jobs = claim(&*store, at(7), ms(1000)).await;
    settle(&*store, &jobs[0], Settlement::Later(at(5000))).await;
    let before = (see(&*store, call.id()).await, see(&*store, done.id()).await);

    drop(store);
    let Some(fresh) = fresh.reopen().await else { return };
    let store = fresh.store();
    assert_eq!((see(&*store, call.id()).await, see(&*store, done.id()).await), before);
    assert_eq!(claim(&*store, at(8), ms(1000)).await, [], "claims outlive the process");
    let again = claim(&*store, at(6000), ms(1000)).await;
    assert_eq!(again.len(), jobs.len());
    let put_off = again.iter().find(|job| job.id == jobs[0].id).expect("a deferred effect is kept");
    assert_eq!((put_off.attempt, put_off.deferrals), (2, 1));
}
