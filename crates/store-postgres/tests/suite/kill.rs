//! `kill -9` of the database, at any moment: what was acknowledged is there.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use call_core::CallId;
use call_core::journal::fold;
use call_core::port::{Store, StoreError};
use databases::Postgres;
use store_postgres::PostgresStore;

use crate::{birth, count, impatient, next, raw};

type Acknowledged = Arc<Mutex<BTreeMap<CallId, u64>>>;

/// Commits one call after the other, each a few times, until told to stop.
async fn write(store: Arc<PostgresStore>, acknowledged: Acknowledged, stop: Arc<AtomicBool>, writer: u32) {
    for n in 0..100_000 {
        let mut commit = birth(writer * 100_000 + n);
        for _ in 0..4 {
            if stop.load(Ordering::Relaxed) {
                return;
            }
            match store.commit(commit.clone()).await {
                Ok(()) => _ = acknowledged.lock().unwrap().insert(commit.call.id(), commit.call.version()),
                // Unknown: go on with another call, soon.
                Err(StoreError::Unavailable(_)) => {
                    tokio::time::sleep(Duration::from_millis(5)).await;
                    break;
                }
                answer => panic!("{answer:?}"),
            }
            commit = next(&commit.call, n.into());
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_acknowledged_survives_kill_9() {
    let server = Arc::new(Postgres::own());
    let database = server.fresh_prepared("calls", crate::migrate);
    let store = Arc::new(impatient(database.url()).await);
    let (acknowledged, stop) = (Acknowledged::default(), Arc::new(AtomicBool::new(false)));
    let writers: Vec<_> = (0..24)
        .map(|n| tokio::spawn(write(Arc::clone(&store), Arc::clone(&acknowledged), Arc::clone(&stop), n)))
        .collect();
    for round in 0..4_usize {
        let heard = acknowledged.lock().unwrap().len();
        let wanted = heard + 30 + round * 100;
        let (server, acknowledged) = (Arc::clone(&server), Arc::clone(&acknowledged));
        let killer = tokio::task::spawn_blocking(move || {
            while acknowledged.lock().unwrap().len() < wanted {
                std::thread::sleep(Duration::from_millis(1));
            }
            server.kill_nine();
            server.restart();
        });
        tokio::time::timeout(Duration::from_secs(60), killer).await.expect("the writers write").unwrap();
    }
    stop.store(true, Ordering::Relaxed);
    for writer in writers {
        writer.await.unwrap();
    }
    let acknowledged = std::mem::take(&mut *acknowledged.lock().unwrap());
    for (id, version) in &acknowledged {
        let call = store.load(*id).await.unwrap().unwrap_or_else(|| panic!("{id} was acknowledged and is lost"));
        assert!(call.version() >= *version, "{id}: version {version} was acknowledged, {} is there", call.version());
        let journal = store.journal(*id).await.unwrap();
        assert_eq!(fold(call.birth(), &journal).unwrap(), call);
    }
    // Nothing is stored by half: every call has its birth, and its dial is in the outbox.
    let halves = "SELECT count(*) FROM calls WHERE id NOT IN (SELECT call FROM births)
        OR id NOT IN (SELECT call FROM outbox WHERE kind = 'dial')";
    assert_eq!(count(&mut raw(database.url()).await, halves).await, 0);
}
