//! The line to the database fails, or the database restarts: nothing is doubled, and the store comes back by itself.

use std::sync::Arc;
use std::time::{Duration, Instant};

use call_core::port::{Lane, Store, StoreError};
use databases::{Database, Mongo, Proxy};
use futures::future::join_all;
use store_mongo::{MongoStore, Options};

use crate::stage::{at, birth, check, digits, eventually, fresh, fresh_on, keep, live, open};

/// Gives up soon, and has one connection, so that a fault strikes it.
fn hasty() -> Options {
    Options { connections: 1, connect: Duration::from_millis(500), patience: Duration::from_millis(1500) }
}

/// A store whose line to the database can fail. Without the driver's own repetitions if so wished.
async fn on_a_line(database: &Database, repeats: bool) -> (Proxy, Arc<MongoStore>) {
    let proxy = Proxy::to(Mongo::shared().address());
    let mut url = database.url_through(proxy.address());
    if !repeats {
        url.push_str("&retryWrites=false");
    }
    let store = open(&url, hasty()).await;
    (proxy, store)
}

/// The answer to a commit is lost, and so is whether it was stored. Whoever repeats it finds itself, or the driver has
/// repeated it and the server knew it again. In every case it is there once.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_commit_whose_answer_is_lost_is_safe_to_repeat() {
    let (direct, database) = fresh().await;
    for (n, repeats) in [(1, false), (2, true)] {
        let (proxy, store) = on_a_line(&database, repeats).await;
        for (needle, commit) in [("insert", birth(n)), ("findAndModify", digits(&live(&*direct, n + 10).await, 1))] {
            let (id, version, effects) = (commit.call.id(), commit.call.version(), commit.effects.clone());
            proxy.cut_answer_to(needle);
            let cuts = proxy.cuts();
            let first = store.commit(commit.clone()).await;
            assert!(proxy.cuts() > cuts, "the fault has struck");
            match &first {
                // The driver has repeated it, and the server knew it again.
                Ok(()) => assert!(repeats),
                Err(StoreError::Unavailable(_)) => {}
                Err(error) => panic!("stored, and nobody else was there: {error:?}"),
            }
            let again = eventually(|| async {
                match store.commit(commit.clone()).await {
                    Err(error @ StoreError::Unavailable(_)) => Err(error),
                    answer => Ok(answer),
                }
            });
            assert!(matches!(again.await, Err(StoreError::Conflict)), "it meets itself");
            let call = check(&*direct, id).await;
            assert_eq!(call.version(), version);
            assert_eq!(
                direct.journal(id).await.unwrap().iter().filter(|entry| entry.version + 1 == version).count(),
                { usize::from(version > 1) }
            );
            let mut jobs = direct.claim(Lane::News, at(9000), Duration::ZERO, 1000).await.unwrap();
            jobs.extend(direct.claim(Lane::Acts, at(9000), Duration::ZERO, 1000).await.unwrap());
            let stored = jobs.iter().filter(|job| effects.iter().any(|(effect, _)| *effect == job.id)).count();
            assert_eq!(stored, effects.len(), "each effect once");
        }
    }
}

/// The answer to a claim is lost: what it took is given to its caller all the same, or hidden until the lease ends.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_claim_whose_answer_is_lost_doubles_nothing() {
    let (direct, database) = fresh().await;
    for n in 0..5 {
        keep(&*direct, birth(n)).await;
    }
    let (proxy, store) = on_a_line(&database, false).await;
    proxy.cut_answer_to("$mergeObjects");
    let claimed = store.claim(Lane::Acts, at(10), Duration::from_secs(30), 100).await;
    assert_eq!(proxy.cuts(), 1, "the fault has struck");
    let hidden = direct.claim(Lane::Acts, at(10), Duration::from_secs(30), 100).await.unwrap();
    assert_eq!(hidden, [], "what was taken is hidden, whoever knows of it");
    let taken = claimed.unwrap();
    assert_eq!(taken.len(), 5, "the marks tell what was taken");
    assert!(taken.iter().all(|job| job.attempt == 1));
}

/// The other end is gone without a word. Nobody waits for ever, and when the line is back so is the store.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_half_open_connection_is_given_up_in_time() {
    let (_direct, database) = fresh().await;
    let (proxy, store) = on_a_line(&database, true).await;
    let call = live(&*store, 1).await;
    proxy.swallow();
    for _ in 0..2 {
        let began = Instant::now();
        let answer = store.commit(digits(&call, 1)).await;
        assert!(matches!(&answer, Err(error @ StoreError::Unavailable(_)) if error.is_transient()), "{answer:?}");
        assert!(began.elapsed() < Duration::from_secs(4), "{:?}", began.elapsed());
    }
    proxy.heal();
    eventually(|| store.ping()).await;
    keep(&*store, digits(&call, 2)).await;
}

/// Slow is not gone.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_slow_line_only_takes_longer() {
    let (_direct, database) = fresh().await;
    let (proxy, store) = on_a_line(&database, true).await;
    proxy.delay(Duration::from_millis(100));
    let call = live(&*store, 1).await;
    assert_eq!(check(&*store, call.id()).await, call);
}

/// Refused, then there again.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_database_that_cannot_be_reached_is_unavailable_until_it_can() {
    let (_direct, database) = fresh().await;
    let (proxy, store) = on_a_line(&database, true).await;
    let call = live(&*store, 1).await;
    proxy.refuse();
    let answer = store.load(call.id()).await;
    assert!(matches!(answer, Err(StoreError::Unavailable(_))), "{answer:?}");
    proxy.heal();
    assert_eq!(eventually(|| store.load(call.id())).await, Some(call));
}

/// The server restarts while many write: all of them come through by asking again, and nothing acknowledged is lost.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_restart_under_load_is_only_a_pause() {
    let server = Mongo::own();
    let (store, database) = fresh_on(&server).await;
    let writers: Vec<_> = (0..8).map(|n| tokio::spawn(steps(store.clone(), n, 60))).collect();
    let written = || async {
        let first = store.load(birth(0).call.id()).await.unwrap();
        if first.is_some_and(|call| call.version() > 10) { Ok(()) } else { Err("not yet") }
    };
    eventually(written).await;
    server.terminate();
    server.restart();
    for (n, steps) in (0..).zip(join_all(writers).await) {
        let call = check(&*store, birth(n).call.id()).await;
        assert_eq!(call.version(), steps.unwrap());
    }
    drop(database);
}

/// One step after the other on a call of one's own. After an unknown answer, look what is there.
async fn steps(store: Arc<MongoStore>, n: u32, count: u32) -> u64 {
    let mut next = birth(n);
    let mut done = 0;
    while done <= count {
        let (id, version) = (next.call.id(), next.call.version());
        let answer = eventually(|| async {
            match store.commit(next.clone()).await {
                Err(error @ StoreError::Unavailable(_)) => Err(error),
                answer => Ok(answer),
            }
        });
        match answer.await {
            Ok(()) => {}
            Err(StoreError::Conflict) => {
                let stored = eventually(|| store.load(id)).await.unwrap();
                assert_eq!((stored.version(), &stored), (version, &next.call), "nobody else writes this call");
            }
            Err(error) => panic!("{error:?}"),
        }
        next = if done == 0 {
            crate::stage::bind(&next.call, &crate::stage::leg(&format!("CA{n}")))
        } else {
            digits(&next.call, done)
        };
        done += 1;
    }
    next.call.version() - 1
}
