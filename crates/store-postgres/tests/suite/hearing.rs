//! Whoever waits for a leg hears of its binding, by whichever server.

use std::sync::Arc;
use std::time::Duration;

use call_core::port::Store;
use databases::{Postgres, Proxy};
use tokio::task::JoinHandle;
use tokio::time::timeout;

use crate::{accepted, birth, fresh, leg, open};

fn wait(store: &Arc<store_postgres::PostgresStore>, name: &str) -> JoinHandle<()> {
    let (store, leg) = (Arc::clone(store), leg(name));
    tokio::spawn(async move { store.bound(&leg).await })
}

async fn soon<T>(what: impl Future<Output = T>) -> T {
    timeout(Duration::from_secs(20), what).await.expect("it comes soon")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_binding_is_heard_by_every_server_also_after_the_line_was_cut() {
    let database = fresh();
    let proxy = Proxy::to(Postgres::shared().address());
    let there = Arc::new(open(database.url()).await);
    let here = Arc::new(open(&database.url_through(proxy.address())).await);
    // Whoever waits while the listening begins is told to look once more.
    soon(wait(&here, "CA0")).await.unwrap();

    for n in 1..=3 {
        let (mut mine, other) = (wait(&here, &format!("CA{n}")), wait(&here, "CA-never"));
        there.commit(birth(n)).await.unwrap();
        assert!(timeout(Duration::from_millis(50), &mut mine).await.is_err(), "nothing is bound yet");
        there.commit(accepted(&birth(n).call, &leg(format!("CA{n}")))).await.unwrap();
        soon(mine).await.unwrap();
        assert!(!other.is_finished(), "it was not about that leg");
        // Once the line is back, everybody looks; then news is heard again.
        assert!(proxy.cut() > 0);
        soon(other).await.unwrap();
    }
}

/// The clock of the database is near ours here, and never far behind itself.
#[tokio::test]
async fn the_database_tells_the_time() {
    let database = fresh();
    let store = open(database.url()).await;
    let now = || i64::try_from(std::time::UNIX_EPOCH.elapsed().unwrap().as_millis()).unwrap();
    let before = now();
    let told = store.time().await.unwrap().unwrap().as_millis();
    let after = now();
    if std::env::var("TEST_DATABASE_URL").is_err() {
        assert!((before - 1..=after + 1).contains(&told), "{before} {told} {after}: one machine has one clock");
    }
    assert!(store.time().await.unwrap().unwrap().as_millis() >= told);
}
