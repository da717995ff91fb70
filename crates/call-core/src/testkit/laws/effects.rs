//! Nothing leaves but through the outbox: once at a time, and never forgotten.

use std::collections::BTreeSet;

use futures::future::join_all;

use super::FreshStore;
use super::stage::*;
use crate::port::{Commit, Job, Lane, Settlement, Store};
use crate::{Call, EffectId};

fn ids(jobs: &[Job]) -> BTreeSet<EffectId> {
    jobs.iter().map(|job| job.id).collect()
}

/// A refused step asks for nothing; a stored one for exactly what it said, from the moment of its input.
pub async fn effects_appear_only_with_their_commit<F: FreshStore>() {
    let (_fresh, store) = fresh::<F>().await;
    let call = live(&*store, 1, &leg("CA1"), at(0)).await;
    for job in claim(&*store, at(0), ms(1)).await {
        settle(&*store, &job, Settlement::Done).await;
    }
    let (fast, slow) = (step(&call, speak("fast"), at(7)), step(&call, speak("slow"), at(8)));
    let asked = fast.effects.clone();
    keep(&*store, fast).await;
    assert!(is_conflict(&store.commit(slow).await));

    assert_eq!(claim(&*store, at(6), ms(1000)).await, [], "nothing is visible before it was asked for");
    let jobs = claim(&*store, at(100), ms(1000)).await;
    let claimed: Vec<_> = jobs.iter().map(|job| (job.id, job.effect.clone())).collect();
    assert_eq!(claimed, *asked);
    for job in &jobs {
        assert_eq!((job.attempt, job.deferrals, job.since, job.lease), (1, 0, at(7), at(1100)));
        assert!(!job.may_be_done());
    }
}

/// Nobody else gets a claimed effect before its lease ends.
pub async fn a_claimed_effect_is_hidden_until_its_lease_ends<F: FreshStore>() {
    let (_fresh, store) = fresh::<F>().await;
    keep(&*store, dial(1, at(0))).await;
    let jobs = claim(&*store, at(1), ms(100)).await;
    assert_eq!(jobs.len(), 2);
    for now in [1, 50, 100] {
        assert_eq!(claim(&*store, at(now), ms(100)).await, [], "at {now}");
    }
    assert_eq!(ids(&claim(&*store, at(101), ms(100)).await), ids(&jobs), "the lease ended at 101");
}

/// Whoever held the lease may have acted and died: the next one is told.
pub async fn a_lapsed_lease_is_claimed_again_and_counts_an_attempt<F: FreshStore>() {
    let (_fresh, store) = fresh::<F>().await;
    keep(&*store, dial(1, at(0))).await;
    for attempt in 1..=4 {
        let now = at(i64::from(attempt) * 1000);
        let jobs = claim(&*store, now, ms(100)).await;
        assert_eq!(jobs.len(), 2);
        for job in jobs {
            assert_eq!((job.attempt, job.deferrals, job.since), (attempt, 0, at(0)));
            assert_eq!(job.lease, now + ms(100));
            assert_eq!(job.may_be_done(), attempt > 1);
        }
    }
}

/// Once somebody else has the effect, whoever lost the lease can neither finish it nor put it off.
pub async fn a_late_settlement_of_a_lapsed_claim_changes_nothing<F: FreshStore>() {
    let (_fresh, store) = fresh::<F>().await;
    let call = keep(&*store, dial(1, at(0))).await;
    let late = claim(&*store, at(1), ms(100)).await;
    let holder = claim(&*store, at(200), ms(100)).await;

    settle(&*store, &late[0], Settlement::Done).await;
    settle(&*store, &late[1], Settlement::Later(at(201))).await;
    let with_commit =
        Commit { settles: Some(settlement(&late[1], Settlement::Done)), ..step(&call, accepted(&leg("CA1")), at(202)) };
    let new = with_commit.effects.len();
    keep(&*store, with_commit).await;
    assert_eq!(claim(&*store, at(250), ms(10)).await.len(), new, "the holder's lease holds; only new effects show");

    let again = claim(&*store, at(300), ms(100)).await;
    let again: Vec<_> = again.iter().filter(|job| ids(&holder).contains(&job.id)).collect();
    assert_eq!(again.len(), 2, "nothing was finished");
    assert!(again.iter().all(|job| (job.attempt, job.deferrals) == (3, 0)), "nothing was put off: {again:?}");
}

/// Put off means put off, and is proof that the attempt did nothing.
pub async fn an_effect_settled_later_waits_until_then<F: FreshStore>() {
    let (_fresh, store) = fresh::<F>().await;
    keep(&*store, dial(1, at(0))).await;
    for job in claim(&*store, at(1), ms(100)).await {
        settle(&*store, &job, Settlement::Later(at(5000))).await;
    }
    assert_eq!(claim(&*store, at(4999), ms(100)).await, [], "not even when the old lease would have ended");
    let jobs = claim(&*store, at(5000), ms(100)).await;
    assert_eq!(jobs.len(), 2);
    for job in &jobs {
        assert_eq!((job.attempt, job.deferrals, job.since), (2, 1, at(0)));
        assert!(!job.may_be_done());
        settle(&*store, job, Settlement::Later(at(5001))).await;
    }
    // Sooner than the lease's end is possible too.
    let jobs = claim(&*store, at(5001), ms(100)).await;
    assert!(jobs.iter().all(|job| (job.attempt, job.deferrals) == (3, 2) && !job.may_be_done()), "{jobs:?}");
    let lapsed = claim(&*store, at(6000), ms(100)).await;
    assert!(lapsed.len() == 2 && lapsed.iter().all(Job::may_be_done), "a lapse after deferrals shows: {lapsed:?}");
}

/// A repeated settlement counts once: a second `Later` would be a false proof that a second attempt did nothing.
pub async fn a_claim_is_settled_once<F: FreshStore>() {
    let (_fresh, store) = fresh::<F>().await;
    keep(&*store, dial(1, at(0))).await;
    let job = claim(&*store, at(1), ms(100)).await.swap_remove(0);
    settle(&*store, &job, Settlement::Later(at(200))).await;
    settle(&*store, &job, Settlement::Later(at(300))).await;
    settle(&*store, &job, Settlement::Done).await;
    let again = claim(&*store, at(200), ms(100)).await;
    let again = again.iter().find(|again| again.id == job.id).expect("put off until 200, by the first word");
    assert_eq!((again.attempt, again.deferrals), (2, 1));

    // A lease that ended but that nobody took since is still its holder's to settle.
    settle(&*store, again, Settlement::Done).await;
    assert!(!ids(&claim(&*store, at(9000), ms(100)).await).contains(&job.id));
}

/// Workers that claim at one moment share the work without overlap.
pub async fn no_effect_is_claimed_twice_by_racing_workers<F: FreshStore>() {
    let (_fresh, store) = fresh::<F>().await;
    let mut asked = BTreeSet::new();
    for n in 0..60 {
        let birth = dial(n, at(0));
        asked.extend(birth.effects.iter().map(|(id, _)| *id));
        keep(&*store, birth).await;
    }
    let lanes = (0..12).map(|worker| Lane::ALL[worker % 2]);
    let claims = join_all(lanes.map(|lane| store.claim(lane, at(1), ms(1000), 20))).await;
    let mut claimed: Vec<Job> = claims.into_iter().flat_map(|jobs| jobs.expect("a store answers")).collect();
    claimed.extend(claim(&*store, at(1), ms(1000)).await);
    assert_eq!(claimed.len(), asked.len(), "each once");
    assert_eq!(ids(&claimed), asked);
}

/// The answer of an effect and the end of its claim are one step: if the step is refused, the effect stays claimed.
pub async fn settling_with_a_commit_is_one_step<F: FreshStore>() {
    let (_fresh, store) = fresh::<F>().await;
    let call = keep(&*store, dial(1, at(0))).await;
    let jobs = claim(&*store, at(1), ms(100)).await;
    let answer = |call: &Call, now| Commit {
        settles: Some(settlement(&jobs[0], Settlement::Done)),
        ..step(call, accepted(&leg("CA1")), now)
    };
    let late = answer(&call, at(3));
    let call = keep(&*store, step(&call, accepted(&leg("CA1")), at(2))).await;
    assert!(is_conflict(&store.commit(late).await));
    let counted = store.counts(at(4)).await.expect("a store answers").outbox;

    // Also with an input that changes nothing else.
    let (idle, _) = ignored_step(&call, accepted(&leg("CA1")), at(4));
    keep(&*store, Commit { settles: Some(settlement(&jobs[0], Settlement::Done)), ..idle }).await;
    assert_eq!(store.counts(at(4)).await.expect("a store answers").outbox, counted - 1);
    assert!(!ids(&claim(&*store, at(9000), ms(100)).await).contains(&jobs[0].id));

    let put_off = claim(&*store, at(20_000), ms(100)).await.swap_remove(0);
    let next = Commit {
        settles: Some(settlement(&put_off, Settlement::Later(at(90_000)))),
        ..step(&call, answered(), at(20_001))
    };
    keep(&*store, next).await;
    assert!(!ids(&claim(&*store, at(89_999), ms(1)).await).contains(&put_off.id));
    assert!(ids(&claim(&*store, at(90_000), ms(1)).await).contains(&put_off.id));
}

/// Done is done: the effect is out of the outbox, and many can be settled in one go.
pub async fn a_settled_effect_never_comes_back<F: FreshStore>() {
    let (_fresh, store) = fresh::<F>().await;
    for n in 0..20 {
        keep(&*store, dial(n, at(0))).await;
    }
    let jobs = claim(&*store, at(1), ms(100)).await;
    let (done, left) = jobs.split_at(25);
    let settlements: Vec<_> = done.iter().map(|job| settlement(job, Settlement::Done)).collect();
    store.settle(&settlements).await.expect("a store answers");
    store.settle(&[]).await.expect("nothing to settle is nothing to do");
    assert_eq!(store.counts(at(2)).await.expect("a store answers").outbox, left.len() as u64);
    assert_eq!(ids(&claim(&*store, at(9000), ms(100)).await), ids(left));
    store.settle(&settlements).await.expect("a repetition is harmless");
    assert_eq!(store.counts(at(2)).await.expect("a store answers").outbox, left.len() as u64);
}

/// What waits longest is served first, so that nothing starves.
pub async fn effects_are_claimed_oldest_first<F: FreshStore>() {
    let (_fresh, store) = fresh::<F>().await;
    for n in [3, 1, 4, 0, 2] {
        keep(&*store, dial(n, at(i64::from(n)))).await;
    }
    for lane in Lane::ALL {
        assert_eq!(store.claim(lane, at(10), ms(100), 0).await.expect("a store answers"), []);
        let mut served = Vec::new();
        loop {
            let jobs = store.claim(lane, at(10), ms(100), 2).await.expect("a store answers");
            if jobs.is_empty() {
                break;
            }
            served.extend(jobs.iter().map(|job| job.since));
        }
        assert_eq!(served, [0, 1, 2, 3, 4].map(at));
    }
}

/// Whoever is alive and still at it keeps its claim: no other claim has it meanwhile, and it is no new attempt.
pub async fn a_held_claim_stays_hidden<F: FreshStore>() {
    let (_fresh, store) = fresh::<F>().await;
    keep(&*store, dial(1, at(0))).await;
    let jobs = claim(&*store, at(1), ms(100)).await;
    for job in &jobs {
        settle(&*store, job, Settlement::Held(at(500))).await;
    }
    assert_eq!(claim(&*store, at(499), ms(100)).await, []);
    let taken = claim(&*store, at(500), ms(100)).await;
    assert!(taken.iter().all(|job| (job.attempt, job.deferrals) == (2, 0) && job.may_be_done()), "{taken:?}");

    // Whose claim was taken holds nothing, and what is settled is not held.
    settle(&*store, &jobs[0], Settlement::Held(at(90_000))).await;
    settle(&*store, &taken[1], Settlement::Later(at(550))).await;
    settle(&*store, &taken[1], Settlement::Held(at(90_000))).await;
    let again = claim(&*store, at(600), ms(100)).await;
    assert_eq!(ids(&again), ids(&taken));
    // To hold is no end: the claim can still be settled.
    let [held, settled] = [&again[0], &again[1]];
    settle(&*store, held, Settlement::Held(at(5000))).await;
    settle(&*store, held, Settlement::Done).await;
    settle(&*store, settled, Settlement::Done).await;
    settle(&*store, settled, Settlement::Held(at(5000))).await;
    assert_eq!(store.counts(at(600)).await.expect("a store answers").outbox, 0);
}
