//! What many writers store at once is what they would have stored one after the other.

use call_core::port::{Commit, IdempotencyKey, Lane, Settle, Settlement, Store, StoreError};
use call_core::{Call, CallId, DialAnswer, Fact, Leg, Plan, Policy, ProviderName, Signal, Timestamp};
use futures::future::join_all;
use sqlx::{ConnectOptions, Connection, Row};
use store_sqlite::SqliteStore;
use tempfile::TempDir;

const PROVIDER: ProviderName = ProviderName::new("acme");
const CALLS: u8 = 60;

fn at(millis: i64) -> Timestamp {
    Timestamp::from_millis(1_795_248_000_000 + millis)
}

fn birth(n: u8) -> Commit {
    let id = CallId::new(at(0), [0, 0, 0, 0, 0, 0, 0, 0, 0, n]);
    let plan = Plan::new(PROVIDER, "+15550100", "+15550199").about(format!("subject-{n}"));
    let key = n.is_multiple_of(3).then(|| IdempotencyKey { key: format!("key-{n}"), digest: n.to_string() });
    Commit { key, ..Commit::birth(Call::dial(id, plan, Policy::default(), at(n.into()))) }
}

/// Every fifth call fails its dial and frees its subject; the others learn their leg.
fn step(n: u8, call: Call) -> Commit {
    let mut commit = Commit::on(call);
    let answer = match n % 5 {
        0 => Signal::new(Fact::Dialed(DialAnswer::Refused { why: "no such \"number\"".to_owned() })),
        _ => Signal::new(Fact::Dialed(DialAnswer::Accepted)).on(Leg::new(PROVIDER, format!("CA{n}"))),
    };
    commit.handle(answer.clone().into(), at(1000));
    commit.handle(answer.into(), at(1001));
    let dial = commit.call.id();
    let dial = call_core::EffectId { call: dial, version: 1, index: 0 };
    commit.settles = Some(Settle { id: dial, attempt: 1, how: Settlement::Done });
    commit
}

/// Every row of every table, in an order of its own, without the numbers that only say who came first.
async fn dump(file: &str) -> Vec<String> {
    let tables = [
        "SELECT * FROM calls ORDER BY id",
        "SELECT * FROM births ORDER BY call",
        "SELECT * FROM legs ORDER BY provider, leg",
        "SELECT * FROM keys ORDER BY key",
        "SELECT call, version, at, ignored, entry FROM journal ORDER BY call, version, ignored, at",
        "SELECT * FROM outbox ORDER BY call, version, place",
        "SELECT provider, leg, signal, since, until FROM mailbox ORDER BY provider, leg, signal",
    ];
    let mut connection = sqlx::sqlite::SqliteConnectOptions::new().filename(file).connect().await.unwrap();
    let mut rows = Vec::new();
    for table in tables {
        for row in sqlx::query(table).fetch_all(&mut connection).await.unwrap() {
            let text = |n| row.try_get_unchecked::<Option<String>, _>(n).unwrap();
            rows.push((0..row.len()).map(|n| text(n).unwrap_or("NULL".to_owned())).collect::<Vec<_>>().join("|"));
        }
    }
    connection.close().await.unwrap();
    rows
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_batch_stores_the_rows_that_single_commits_store() {
    let directory = TempDir::new().unwrap();
    let file = |name: &str| directory.path().join(name).to_str().unwrap().to_owned();
    let (single, batch) = (file("single.db"), file("batch.db"));
    let alone = SqliteStore::open(&single).await.unwrap();
    let crowded = SqliteStore::open(&batch).await.unwrap();

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
            let jobs = store.claim(lane, at(600), std::time::Duration::from_secs(30), 1000).await.unwrap();
            assert_eq!(jobs.len(), usize::from(CALLS));
        }
    }
    // Losers are mixed in: births that are there, steps that another step has overtaken.
    for (n, call) in (0..CALLS).zip(&calls) {
        alone.commit(step(n, call.clone())).await.unwrap();
        assert!(matches!(alone.commit(step(n, call.clone())).await, Err(StoreError::Conflict)));
    }
    let crowd = (0..CALLS).zip(&calls).flat_map(|(n, call)| [step(n, call.clone()), birth(n), step(n, call.clone())]);
    let answers = join_all(crowd.map(|commit| crowded.commit(commit))).await;
    assert_eq!(answers.iter().filter(|answer| answer.is_ok()).count(), usize::from(CALLS), "{answers:?}");

    alone.close().await;
    crowded.close().await;
    let (single, batch) = (dump(&single).await, dump(&batch).await);
    assert!(single.len() > usize::from(CALLS) * 6, "there is something to compare");
    assert_eq!(single, batch);
}
