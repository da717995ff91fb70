//! The line to the database fails in every way that lines fail; the store says so, comes back by itself, and has stored
//! what it said and nothing twice.

use std::sync::Arc;
use std::time::{Duration, Instant};

use call_core::Call;
use call_core::journal::fold;
use call_core::port::{Commit, Store, StoreError};
use databases::{Postgres, Proxy};
use futures::future::join_all;
use store_postgres::PostgresStore;

use crate::{accepted, birth, fresh, impatient, leg, next, open};

/// Tries until the answer is known, as whoever repeats a request does. A conflict after an unknown answer: with itself.
async fn insist(store: &PostgresStore, commit: &Commit) -> u32 {
    let end = Instant::now() + Duration::from_secs(30);
    let mut unknown = 0;
    loop {
        match store.commit(commit.clone()).await {
            Ok(()) => return unknown,
            Err(StoreError::Conflict) if unknown > 0 => return unknown,
            Err(StoreError::Unavailable(_)) if Instant::now() < end => {
                unknown += 1;
                // As a provider does, only sooner.
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
            answer => panic!("after {unknown} unknown answers: {answer:?}"),
        }
    }
}

/// The call is as the commit left it, and its journal tells the same, each entry once.
async fn check(store: &PostgresStore, expected: &Call) {
    assert_eq!(store.load(expected.id()).await.unwrap().as_ref(), Some(expected));
    let journal = store.journal(expected.id()).await.unwrap();
    assert_eq!(journal.len() as u64 + 1, expected.version(), "each step once");
    assert_eq!(fold(expected.birth(), &journal).unwrap(), *expected);
}

/// The answer is cut after so many bytes: none, within a message's head, between messages, within the row, before the
/// end.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_commit_whose_answer_is_lost_is_safe_to_repeat() {
    let database = fresh();
    let proxy = Proxy::to(Postgres::shared().address());
    let through = impatient(&database.url_through(proxy.address())).await;
    let direct = open(database.url()).await;
    direct.commit(birth(1)).await.unwrap();
    let mut call = birth(1).call;
    let mut lost = 0;
    for (n, bytes) in (0..6).chain([7, 10, 11, 20, 29, 30, 31, 45, 60, 90, 150]).enumerate() {
        // Prepared on this line, so that the next answer is the commit's.
        let warm = next(&call, n as i64);
        insist(&through, &warm).await;
        let step = next(&warm.call, n as i64);
        proxy.cut_after(bytes);
        lost += insist(&through, &step).await;
        proxy.heal();
        check(&direct, &step.call).await;
        call = step.call;
    }
    assert!(lost >= 12, "most of the cuts did strike: {lost}");
}

/// The same for births with all that belongs to them, and by the words of the statement rather than by bytes.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_birth_and_a_binding_whose_answers_are_lost_are_safe_to_repeat() {
    let database = fresh();
    let proxy = Proxy::to(Postgres::shared().address());
    let through = impatient(&database.url_through(proxy.address())).await;
    proxy.cut_answer_to(birth(1).call.id().as_uuid().as_bytes().to_vec());
    assert_eq!(insist(&through, &birth(1)).await, 1);
    let step = accepted(&birth(1).call, &leg("CA1"));
    proxy.cut_answer_to(b"CA1".to_vec());
    assert_eq!(insist(&through, &step).await, 1);
    check(&through, &step.call).await;
    assert_eq!(through.find(&leg("CA1")).await.unwrap(), Some(step.call.id()));
    assert_eq!(proxy.cuts(), 2);
}

/// A batch loses its answer: everybody in it learns that nothing is known, and everybody may repeat.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_batch_whose_answer_is_lost_is_safe_to_repeat() {
    let database = fresh();
    let proxy = Proxy::to(Postgres::shared().address());
    let through = impatient(&database.url_through(proxy.address())).await;
    let direct = open(database.url()).await;
    let mut calls: Vec<Call> = (0..40).map(|n| birth(n).call).collect();
    assert!(join_all((0..40).map(|n| direct.commit(birth(n)))).await.iter().all(Result::is_ok));
    for (round, bytes) in [0, 3, 30, 200, 700].into_iter().enumerate() {
        // A lone one goes ahead; behind it the others gather. The cut strikes the one or the others.
        let steps: Vec<_> = calls.iter().map(|call| next(call, round as i64)).collect();
        let rest = join_all(steps[1..].iter().map(|step| insist(&through, step)));
        let cut = async {
            insist(&through, &steps[0]).await;
            proxy.cut_after(bytes);
        };
        futures::join!(cut, rest);
        proxy.heal();
        for step in &steps {
            check(&direct, &step.call).await;
        }
        calls = steps.into_iter().map(|step| step.call).collect();
    }
    assert!(proxy.cuts() >= 3, "the cuts did strike: {}", proxy.cuts());
}

/// The line is there and mute: every request is given up in time, and all is well when the line is.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_half_open_line_is_given_up_in_time() {
    let database = fresh();
    let proxy = Proxy::to(Postgres::shared().address());
    let store = impatient(&database.url_through(proxy.address())).await;
    store.commit(birth(1)).await.unwrap();
    store.ping().await.unwrap();
    proxy.swallow();
    let began = Instant::now();
    let (load, commit, ping) = futures::join!(store.load(birth(1).call.id()), store.commit(birth(2)), store.ping());
    for error in [load.map(drop), commit, ping].map(Result::unwrap_err) {
        assert!(matches!(error, StoreError::Unavailable(_)), "{error:?}");
    }
    // A read may try a second time, on a new line.
    assert!(began.elapsed() < Duration::from_secs(8), "{:?}", began.elapsed());
    proxy.heal();
    proxy.cut();
    insist(&store, &birth(2)).await;
    assert!(store.load(birth(2).call.id()).await.unwrap().is_some());
}

/// A slow line is only slow.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_slow_line_stores_all_the_same() {
    let database = fresh();
    let proxy = Proxy::to(Postgres::shared().address());
    let store = open(&database.url_through(proxy.address())).await;
    proxy.delay(Duration::from_millis(40));
    let answers = join_all((0..30).map(|n| store.commit(birth(n)))).await;
    assert!(answers.iter().all(Result::is_ok), "{answers:?}");
}

/// The database is restarted while everybody writes: no error but a transient one, and everything goes on.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_database_may_be_restarted_under_load() {
    let server = Arc::new(Postgres::own());
    let database = server.fresh_prepared("calls", crate::migrate);
    let store = Arc::new(impatient(database.url()).await);
    let stop = Arc::new(std::sync::atomic::AtomicBool::new(false));
    let writers = (0..24).map(|n| {
        let (store, stop) = (Arc::clone(&store), Arc::clone(&stop));
        tokio::spawn(async move {
            let mut commit = birth(n);
            let (mut steps, mut unknown) = (0_u32, 0);
            while !stop.load(std::sync::atomic::Ordering::Relaxed) {
                unknown += insist(&store, &commit).await;
                steps += 1;
                // What is read is what was written, through restarts too.
                match store.load(commit.call.id()).await {
                    Ok(call) => assert_eq!(call.as_ref(), Some(&commit.call)),
                    Err(error) => assert!(error.is_transient(), "{error:?}"),
                }
                commit = next(&commit.call, steps.into());
            }
            (steps, unknown)
        })
    });
    let writers: Vec<_> = writers.collect();
    let restarter = {
        let server = Arc::clone(&server);
        tokio::task::spawn_blocking(move || {
            for _ in 0..3 {
                std::thread::sleep(Duration::from_millis(400));
                server.terminate();
                server.restart();
            }
            std::thread::sleep(Duration::from_millis(400));
        })
    };
    restarter.await.unwrap();
    stop.store(true, std::sync::atomic::Ordering::Relaxed);
    let (mut steps, mut unknown) = (0, 0);
    for writer in writers {
        let (made, failed) = writer.await.unwrap();
        (steps, unknown) = (steps + made, unknown + failed);
    }
    assert!(steps > 24 * 4, "work went on: {steps}");
    assert!(unknown > 0, "the restarts were felt");
    for n in 0..24 {
        let call = store.load(birth(n).call.id()).await.unwrap().unwrap();
        check(&store, &call).await;
    }
}
