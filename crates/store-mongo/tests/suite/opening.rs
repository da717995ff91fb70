//! Opening, migrating, closing.

use std::time::Duration;

use call_core::port::{Commit, Store, StoreError};
use databases::Mongo;
use futures::future::join_all;
use mongodb::bson::{Document, doc};
use store_mongo::{MongoStore, OpenError, Options};

use crate::stage::{at, birth, documents, fresh, keep, leg, raw};

/// Gives up soon.
fn hasty() -> Options {
    Options { connect: Duration::from_millis(500), patience: Duration::from_millis(1500), ..Options::default() }
}

async fn refused(url: &str) -> OpenError {
    let error = MongoStore::open(url, hasty()).await.unwrap_err();
    let mut told = format!("{error} {error:?}");
    let mut source = std::error::Error::source(&error);
    while let Some(cause) = source {
        told.push_str(&cause.to_string());
        source = cause.source();
    }
    assert!(!told.contains("s3cret"), "the password shows: {told}");
    error
}

#[tokio::test]
async fn what_cannot_be_opened_says_what_to_do_and_no_password() {
    for url in
        ["", "calls.db", "mongodb://", "mongodb://u:s3cret@h@x/calls", "mongodb://u:s3cr%t/s3cret@h/x", "http://h"]
    {
        let error = refused(url).await;
        assert!(matches!(error, OpenError::Location), "{url}: {error:?}");
    }
    let error = refused("mongodb://u:s3cret@127.0.0.1:1").await;
    assert!(matches!(error, OpenError::NoDatabase { .. }), "{error:?}");
    let error = refused("mongodb://u:s3cret@127.0.0.1:1/calls").await;
    assert!(matches!(error, OpenError::Unreachable { .. }), "{error:?}");
    assert!(error.to_string().contains("mongodb://127.0.0.1:1/calls"), "{error}");
    // Which has patience for long work, but not for a server that is not there.
    let error = MongoStore::migrate("mongodb://127.0.0.1:1/calls").await.unwrap_err();
    assert!(matches!(error, OpenError::Unreachable { .. }), "{error:?}");
}

#[tokio::test]
async fn a_wrong_password_is_refused_at_once() {
    let database = Mongo::shared().fresh();
    let url = database.url().replacen("mongodb://", "mongodb://nobody:s3cret@", 1);
    let began = std::time::Instant::now();
    let error = refused(&url).await;
    assert!(matches!(error, OpenError::Refused { .. }), "{error:?}");
    assert!(began.elapsed() < Duration::from_secs(5));
}

#[tokio::test]
async fn an_older_or_newer_database_is_not_touched() {
    let database = Mongo::shared().fresh();
    let error = refused(database.url()).await;
    assert!(matches!(error, OpenError::Older { found: 0, known: 1 }), "{error:?}");
    assert!(error.to_string().contains("call-server migrate"), "{error}");
    assert_eq!(raw(&database).await.list_collection_names().await.unwrap(), Vec::<String>::new());

    assert_eq!(MongoStore::migrate(database.url()).await.unwrap(), 1);
    assert_eq!(MongoStore::migrate(database.url()).await.unwrap(), 0);
    MongoStore::open(database.url(), Options::default()).await.unwrap();

    let meta = raw(&database).await.collection::<Document>("meta");
    meta.update_one(doc! { "_id": "format" }, doc! { "$set": { "number": 99_i64 } }).await.unwrap();
    let error = refused(database.url()).await;
    assert!(matches!(error, OpenError::Newer { found: 99, known: 1 }), "{error:?}");
    let error = MongoStore::migrate(database.url()).await.unwrap_err();
    assert!(matches!(error, OpenError::Newer { .. }), "{error:?}");
}

#[tokio::test]
async fn a_missing_index_is_seen_and_made_again() {
    let (store, database) = fresh().await;
    let call = keep(&*store, birth(1)).await;
    raw(&database).await.collection::<Document>("calls").drop_index("open_subject").await.unwrap();
    let error = refused(database.url()).await;
    assert!(matches!(error, OpenError::Incomplete { index: "open_subject", .. }), "{error:?}");
    MongoStore::migrate(database.url()).await.unwrap();
    let store = MongoStore::open(database.url(), Options::default()).await.unwrap();
    assert_eq!(store.load(call.id()).await.unwrap(), Some(call));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_may_migrate_at_once_beside_a_running_server() {
    let database = Mongo::shared().fresh();
    let first = join_all((0..4).map(|_| MongoStore::migrate(database.url()))).await;
    assert!(first.iter().all(Result::is_ok), "{first:?}");
    let store = MongoStore::open(database.url(), Options::default()).await.unwrap();
    let work = async {
        for n in 0..40 {
            keep(&store, birth(n)).await;
        }
    };
    let (again, ()) = futures::join!(join_all((0..4).map(|_| MongoStore::migrate(database.url()))), work);
    assert!(again.iter().all(|steps| matches!(steps, Ok(0))), "{again:?}");
}

#[tokio::test]
async fn a_reader_looks_and_changes_nothing() {
    let (store, database) = fresh().await;
    let call = keep(&*store, birth(1)).await;
    let signal = call_core::Signal::new(call_core::Fact::Answered);
    store.park(&leg("CA1"), &[signal], at(0), at(900)).await.unwrap();
    let mailbox = documents(&raw(&database).await, "mailbox").await;

    let reader = MongoStore::open_read_only(database.url()).await.unwrap();
    assert_eq!(reader.load(call.id()).await.unwrap(), Some(call));
    assert_eq!(reader.parked(&leg("CA1")).await.unwrap().len(), 1);
    assert_eq!(reader.stranded(10).await.unwrap(), []);
    let writes: [Result<(), StoreError>; 4] = [
        reader.commit(birth(2)).await,
        reader.claim(call_core::port::Lane::News, at(10), Duration::ZERO, 9).await.map(drop),
        reader.expire(at(9000)).await.map(drop),
        reader.prune(at(9000), 9).await.map(drop),
    ];
    assert!(writes.iter().all(|answer| matches!(answer, Err(StoreError::Unavailable(_)))), "{writes:?}");
    assert_eq!(documents(&raw(&database).await, "mailbox").await, mailbox);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn closing_finishes_what_was_accepted() {
    let (store, database) = fresh().await;
    let commits = join_all((0..50).map(|n| {
        let store = store.clone();
        tokio::spawn(async move { store.commit(birth(n)).await })
    }));
    let (answers, ()) = futures::join!(commits, async {
        tokio::task::yield_now().await;
        store.close().await;
    });
    store.close().await;
    let closed = store.commit(birth(99)).await;
    assert!(matches!(closed, Err(StoreError::Unavailable(_))), "{closed:?}");

    let store = MongoStore::open(database.url(), Options::default()).await.unwrap();
    for (n, answer) in (0..).zip(answers) {
        let there = store.load(birth(n).call.id()).await.unwrap().is_some();
        assert_eq!(answer.unwrap().is_ok(), there, "accepted is stored, refused is not: {n}");
    }
}

#[tokio::test]
async fn the_time_is_the_servers() {
    let (store, _database) = fresh().await;
    let now = || i64::try_from(std::time::UNIX_EPOCH.elapsed().unwrap().as_millis()).unwrap();
    let before = now();
    let time = store.time().await.unwrap().unwrap().as_millis();
    // The tests' server is on this machine, or on one whose clock is right.
    assert!((before - 5000..=now() + 5000).contains(&time), "{time}");
}

#[tokio::test]
async fn a_lost_counter_is_no_reason_to_begin_anew() {
    let (store, database) = fresh().await;
    raw(&database).await.collection::<Document>("meta").delete_one(doc! { "_id": "mailbox" }).await.unwrap();
    let signal = call_core::Signal::new(call_core::Fact::Answered);
    let answer = store.park(&leg("CA1"), &[signal], at(0), at(900)).await;
    assert!(matches!(answer, Err(StoreError::Broken(_))), "{answer:?}");
}

/// What no document can hold is refused for good, and nothing of it is stored.
#[tokio::test]
async fn a_commit_beyond_16_megabytes_is_refused_for_good() {
    let (store, _database) = fresh().await;
    let call = keep(&*store, birth(1)).await;
    let mut huge = Commit::on(call.clone());
    for _ in 0..20 {
        let text = "x".repeat(1 << 20);
        huge.handle(call_core::Signal::new(call_core::Fact::Unknown(text)).into(), at(10));
    }
    let answer = store.commit(huge).await;
    assert!(matches!(&answer, Err(error @ StoreError::Broken(_)) if !error.is_transient()), "{answer:?}");
    assert_eq!(store.load(call.id()).await.unwrap(), Some(call));
}
