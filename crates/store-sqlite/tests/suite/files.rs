//! Opening, sharing, closing.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use call_core::port::{Commit, Lane, Store, StoreError};
use call_core::{Call, CallId, Command, Plan, Policy, ProviderName, Timestamp};
use futures::future::join_all;
use sqlx::{ConnectOptions, Connection, SqliteConnection};
use store_sqlite::{OpenError, SqliteStore};
use tempfile::TempDir;

fn at(millis: i64) -> Timestamp {
    Timestamp::from_millis(1_795_248_000_000 + millis)
}

fn birth(n: u8, subject: &str) -> Commit {
    let id = CallId::new(at(0), [0, 0, 0, 0, 0, 0, 0, 0, 0, n]);
    let plan = Plan::new(ProviderName::new("acme"), "+15550100", "+15550199").about(subject);
    Commit::birth(Call::dial(id, plan, Policy::default(), at(0)))
}

fn file(directory: &TempDir) -> String {
    directory.path().join("calls.db").to_str().unwrap().to_owned()
}

async fn raw(file: &str) -> SqliteConnection {
    sqlx::sqlite::SqliteConnectOptions::new().filename(file).connect().await.unwrap()
}

#[tokio::test]
async fn a_location_is_a_path_or_a_sqlite_url() {
    let directory = TempDir::new().unwrap();
    let file = file(&directory);
    let store = SqliteStore::open(&format!("sqlite:{file}")).await.unwrap();
    store.commit(birth(1, "ada")).await.unwrap();
    store.close().await;
    let store = SqliteStore::open(&file).await.unwrap();
    assert!(store.load(birth(1, "ada").call.id()).await.unwrap().is_some());
    assert_eq!(SqliteStore::migrate(&file).await.unwrap(), 0, "open has brought it up to date");
}

#[tokio::test]
async fn what_cannot_be_opened_says_what_to_do() {
    let directory = TempDir::new().unwrap();
    for location in ["sqlite::memory:", ":memory:", "sqlite:calls.db?mode=memory"] {
        assert!(matches!(SqliteStore::open(location).await, Err(OpenError::InMemory(_))), "{location}");
    }
    let nowhere = directory.path().join("no/such/directory/calls.db");
    let error = SqliteStore::open(nowhere.to_str().unwrap()).await.unwrap_err();
    assert!(matches!(error, OpenError::Unreachable { .. }), "{error:?}");
    assert!(error.to_string().contains("check that its directory exists"));

    let letter = directory.path().join("letter.txt");
    std::fs::write(&letter, "Dear database, ".repeat(1000)).unwrap();
    let error = SqliteStore::open(letter.to_str().unwrap()).await.unwrap_err();
    assert!(matches!(error, OpenError::Damaged { .. }), "{error:?}");

    let absent = directory.path().join("absent.db");
    let error = SqliteStore::open_read_only(absent.to_str().unwrap()).await.unwrap_err();
    assert!(matches!(error, OpenError::Unreachable { .. }), "{error:?}");
    assert!(!absent.exists(), "looking makes no file");
}

#[tokio::test]
async fn a_file_of_a_newer_version_is_not_touched() {
    let directory = TempDir::new().unwrap();
    let file = file(&directory);
    SqliteStore::open(&file).await.unwrap().close().await;
    let mut connection = raw(&file).await;
    sqlx::query(
        "INSERT INTO _sqlx_migrations SELECT 999, 'later', installed_on, 1, checksum, 0 FROM _sqlx_migrations LIMIT 1",
    )
    .execute(&mut connection)
    .await
    .unwrap();
    connection.close().await.unwrap();
    for answer in [SqliteStore::open(&file).await, SqliteStore::open_read_only(&file).await] {
        match answer {
            Err(error @ OpenError::Newer { found: 999, known: 2 }) => {
                assert!(error.to_string().contains("run the newer version"), "{error}");
            }
            answer => panic!("{answer:?}"),
        }
    }
}

#[tokio::test]
async fn a_file_without_our_tables_is_not_read() {
    let directory = TempDir::new().unwrap();
    let file = file(&directory);
    let mut connection = SqliteConnection::connect(&format!("sqlite:{file}?mode=rwc")).await.unwrap();
    sqlx::query("CREATE TABLE letters (text)").execute(&mut connection).await.unwrap();
    connection.close().await.unwrap();
    assert!(matches!(SqliteStore::open_read_only(&file).await, Err(OpenError::Older)));
}

#[tokio::test]
async fn a_reader_looks_beside_a_running_writer_and_after_it() {
    let directory = TempDir::new().unwrap();
    let file = file(&directory);
    let store = SqliteStore::open(&file).await.unwrap();
    store.commit(birth(1, "ada")).await.unwrap();
    let id = birth(1, "ada").call.id();

    let reader = SqliteStore::open_read_only(&file).await.unwrap();
    assert_eq!(reader.load(id).await.unwrap(), store.load(id).await.unwrap());
    store.commit(birth(2, "bob")).await.unwrap();
    assert!(reader.load(birth(2, "bob").call.id()).await.unwrap().is_some(), "what is committed later shows, too");
    let refused = reader.commit(birth(3, "eve")).await;
    assert!(matches!(refused, Err(StoreError::Unavailable(_))), "{refused:?}");
    reader.close().await;

    store.close().await;
    let reader = SqliteStore::open_read_only(&file).await.unwrap();
    assert!(reader.load(id).await.unwrap().is_some());
}

#[tokio::test]
async fn a_closed_file_is_complete_by_itself() {
    let directory = TempDir::new().unwrap();
    let file = file(&directory);
    let store = Arc::new(SqliteStore::open(&file).await.unwrap());
    let accepted = join_all((0..50).map(|n| store.commit(birth(n, &n.to_string())))).await;
    assert!(accepted.iter().all(Result::is_ok));
    store.close().await;
    store.close().await;
    assert!(matches!(store.commit(birth(99, "eve")).await, Err(StoreError::Unavailable(_))));

    let copy = directory.path().join("copy.db");
    std::fs::copy(&file, &copy).unwrap();
    let copy = SqliteStore::open(copy.to_str().unwrap()).await.unwrap();
    for n in 0..50 {
        assert!(copy.load(birth(n, "").call.id()).await.unwrap().is_some());
    }
}

/// Two servers on one file are as safe as two tasks of one server.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_writers_share_a_file_safely() {
    let directory = TempDir::new().unwrap();
    let file = file(&directory);
    let (one, two) = futures::join!(SqliteStore::open(&file), SqliteStore::open(&file));
    let stores = [one.unwrap(), two.unwrap()];
    for round in 0..20 {
        let births = stores.iter().enumerate().flat_map(|(s, store)| {
            (0..4).map(move |n| store.commit(birth(round * 10 + n * 2 + s as u8, &format!("subject-{round}"))))
        });
        let answers = join_all(births).await;
        let won = answers.iter().filter(|answer| answer.is_ok()).count();
        let busy = answers.iter().filter(|answer| matches!(answer, Err(StoreError::SubjectBusy(_)))).count();
        assert_eq!((won, busy), (1, 7), "{answers:?}");
    }
    let claims =
        join_all((0..10).map(|n| stores[n % 2].claim(Lane::ALL[n / 2 % 2], at(1), Duration::from_secs(30), 7))).await;
    let mut ids: Vec<_> = claims.into_iter().flat_map(|jobs| jobs.unwrap()).map(|job| job.id).collect();
    let claimed = ids.len();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!((claimed, ids.len()), (40, 40), "twenty calls with two effects, each claimed once");
}

/// Somebody's shell holds the file: writes are refused as transient, reads go on, and all is well afterwards.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_locked_file_is_unavailable_for_as_long_as_it_is_locked() {
    let directory = TempDir::new().unwrap();
    let file = file(&directory);
    let store = SqliteStore::open(&file).await.unwrap();
    store.commit(birth(1, "ada")).await.unwrap();

    let mut shell = raw(&file).await;
    sqlx::query("BEGIN IMMEDIATE").execute(&mut shell).await.unwrap();
    let refused = store.commit(birth(2, "bob")).await;
    assert!(matches!(&refused, Err(error @ StoreError::Unavailable(_)) if error.is_transient()), "{refused:?}");
    assert!(store.load(birth(1, "ada").call.id()).await.unwrap().is_some());
    sqlx::query("ROLLBACK").execute(&mut shell).await.unwrap();
    store.commit(birth(2, "bob")).await.unwrap();
}

/// The log begins anew again and again, while the writer never rests.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_log_stays_bounded_under_load() {
    let directory = TempDir::new().unwrap();
    let file = file(&directory);
    let store = SqliteStore::open(&file).await.unwrap();
    let mut calls: Vec<Call> = (0..64).map(|n| birth(n, &n.to_string()).call).collect();
    let born = join_all((0..64).map(|n| store.commit(birth(n, &n.to_string())))).await;
    assert!(born.iter().all(Result::is_ok));
    let log = format!("{file}-wal");
    for round in 0..120 {
        let mut steps = Vec::new();
        for call in &mut calls {
            let mut commit = Commit::on(call.clone());
            commit.handle(Command::Reconcile.into(), at(round));
            *call = commit.call.clone();
            steps.push(commit);
        }
        let answers = join_all(steps.into_iter().map(|step| store.commit(step))).await;
        assert!(answers.iter().all(Result::is_ok), "{answers:?}");
    }
    let size = std::fs::metadata(Path::new(&log)).unwrap().len();
    // Without checkpoints it would be 76 MiB; with checkpoints that the writer never waits for, 41 MiB.
    assert!(size < 32 << 20, "the log has grown to {size} bytes");
}
