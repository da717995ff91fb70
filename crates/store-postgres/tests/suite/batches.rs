//! What many writers store at once is what they would have stored one after the other.

use std::time::Duration;

use call_core::port::{Commit, IdempotencyKey, Lane, Settle, Settlement, Store, StoreError};
use call_core::{Call, DialAnswer, EffectId, Fact, Leg, Signal};
use futures::future::join_all;
use sqlx::Row;

use crate::{PROVIDER, at, fresh, open, raw};

const CALLS: u32 = 60;

/// Every third one has a key.
fn birth(n: u32) -> Commit {
    let key = n.is_multiple_of(3).then(|| IdempotencyKey { key: format!("key-{n}"), digest: n.to_string() });
    Commit { key, ..crate::birth(n) }
}

/// Every fifth call fails its dial and frees its subject; the others learn their leg.
fn step(n: u32, call: Call) -> Commit {
    let mut commit = Commit::on(call);
    let answer = match n % 5 {
        0 => Signal::new(Fact::Dialed(DialAnswer::Refused { why: "no such \"number\"".to_owned() })),
        _ => Signal::new(Fact::Dialed(DialAnswer::Accepted)).on(Leg::new(PROVIDER, format!("CA{n}"))),
    };
    commit.handle(answer.clone().into(), at(1000));
    commit.handle(answer.into(), at(1001));
    let dial = EffectId { call: commit.call.id(), version: 1, index: 0 };
    commit.settles = Some(Settle { id: dial, attempt: 1, how: Settlement::Done });
    commit
}

/// Every row of every table, in an order of its own, without the numbers that only say who came first.
async fn dump(url: &str) -> Vec<String> {
    let tables = [
        "SELECT * FROM calls ORDER BY id",
        "SELECT * FROM births ORDER BY call",
        "SELECT * FROM legs ORDER BY provider, leg",
        "SELECT * FROM keys ORDER BY key",
        "SELECT call, version, at, ignored, entry FROM journal ORDER BY call, version, ignored NULLS FIRST, at",
        "SELECT * FROM outbox ORDER BY call, version, place",
        "SELECT provider, leg, signal, since, until FROM mailbox ORDER BY provider, leg, id",
    ];
    let mut connection = raw(url).await;
    let mut rows = Vec::new();
    for table in tables {
        let text = sqlx::AssertSqlSafe(format!("SELECT r::text FROM ({table}) AS r"));
        rows.extend(
            sqlx::query(text).fetch_all(&mut connection).await.unwrap().iter().map(|row| row.get::<String, _>(0)),
        );
    }
    rows
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_batch_stores_the_rows_that_single_commits_store() {
    let (single, batch) = (fresh(), fresh());
    let (alone, crowded) = (open(single.url()).await, open(batch.url()).await);

    let strays: Vec<_> = (0..9).map(|n| Leg::new(PROVIDER, format!("CA{n}"))).collect();
    let stray = [Signal::new(Fact::Answered)];
    let calls: Vec<Call> = (0..CALLS).map(|n| birth(n).call).collect();
    for n in 0..CALLS {
        alone.commit(birth(n)).await.unwrap();
    }
    for leg in &strays {
        alone.park(leg, &stray, at(500), at(9000)).await.unwrap();
    }
    let born = join_all((0..CALLS).map(|n| crowded.commit(birth(n))));
    let parked = join_all(strays.iter().map(|leg| crowded.park(leg, &stray, at(500), at(9000))));
    let (born, parked) = futures::join!(born, parked);
    assert!(born.iter().all(Result::is_ok) && parked.iter().all(Result::is_ok), "{born:?} {parked:?}");

    for store in [&alone, &crowded] {
        for lane in Lane::ALL {
            let jobs = store.claim(lane, at(600), Duration::from_secs(30), 1000).await.unwrap();
            assert_eq!(jobs.len(), CALLS as usize);
        }
    }
    // Losers are mixed in: births that are there, steps that another step has overtaken.
    for (n, call) in (0..CALLS).zip(&calls) {
        alone.commit(step(n, call.clone())).await.unwrap();
        assert!(matches!(alone.commit(step(n, call.clone())).await, Err(StoreError::Conflict)));
    }
    let crowd = (0..CALLS).zip(&calls).flat_map(|(n, call)| [step(n, call.clone()), birth(n), step(n, call.clone())]);
    let answers = join_all(crowd.map(|commit| crowded.commit(commit))).await;
    assert_eq!(answers.iter().filter(|answer| answer.is_ok()).count(), CALLS as usize, "{answers:?}");

    alone.close().await;
    crowded.close().await;
    let (single, batch) = (dump(single.url()).await, dump(batch.url()).await);
    assert!(single.len() > CALLS as usize * 6, "there is something to compare");
    assert_eq!(single, batch);
}

/// A signal that changes nothing and one that moves the call may meet in one statement: both are kept.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn idle_steps_beside_a_move_of_their_call_are_kept() {
    let database = fresh();
    let store = open(database.url()).await;
    store.commit(birth(1)).await.unwrap();
    let mut call = birth(1).call;
    for round in 0..20 {
        let moving = crate::next(&call, round);
        call = moving.call.clone();
        let idle = || Commit { entries: moving.entries.clone(), ..Commit::on(crate::birth(1).call) };
        let crowd = (0..6).map(|n| store.commit(if n == 3 { moving.clone() } else { idle() }));
        let answers = join_all(crowd).await;
        assert!(answers.iter().all(Result::is_ok), "{answers:?}");
    }
    let mut connection = raw(database.url()).await;
    assert_eq!(crate::count(&mut connection, "SELECT count(*) FROM journal").await, 20 * 6);
}

/// In one list, a claim that is held and then done is done, and one that is put off and then done is put off.
#[tokio::test]
async fn the_first_end_of_a_claim_counts_also_within_one_list() {
    let database = fresh();
    let store = open(database.url()).await;
    store.commit(birth(1)).await.unwrap();
    store.commit(birth(2)).await.unwrap();
    let jobs = store.claim(Lane::Acts, at(1), Duration::from_secs(30), 10).await.unwrap();
    let [one, two] =
        [0, 1].map(|n| move |how, jobs: &[call_core::port::Job]| Settle { id: jobs[n].id, attempt: 1, how });
    let (held, later) = (Settlement::Held(at(90_000)), Settlement::Later(at(50)));
    let list = [one(held, &jobs), two(later, &jobs), one(Settlement::Done, &jobs), two(Settlement::Done, &jobs)];
    store.settle(&list).await.unwrap();
    let again = store.claim(Lane::Acts, at(50), Duration::from_secs(30), 10).await.unwrap();
    assert_eq!(again.iter().map(|job| (job.id, job.attempt, job.deferrals)).collect::<Vec<_>>(), [(jobs[1].id, 2, 1)]);
    let left = store.claim(Lane::Acts, at(1_000_000), Duration::from_secs(30), 10).await.unwrap();
    assert_eq!(left.len(), 1, "what was done does not come back");
}
