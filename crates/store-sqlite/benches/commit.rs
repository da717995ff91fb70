//! Durable commits per second by the number of writers, beside what the same disk and the same rows allow without the
//! store: `cargo bench -p store-sqlite --bench commit`.
#![allow(clippy::unwrap_used, missing_docs, reason = "a benchmark that cannot go on should stop")]

use std::io::Write;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use call_core::port::{Commit, Store};
use call_core::{Call, CallId, DialAnswer, Fact, Leg, Plan, Policy, ProviderName, Recording, Signal, Timestamp};
use futures::future::join_all;
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqliteSynchronous};
use sqlx::{ConnectOptions as _, Connection as _};
use store_sqlite::SqliteStore;

#[tokio::main]
async fn main() {
    // `cargo test --all-targets` only wants to know that it runs.
    let full = std::env::args().any(|argument| argument == "--bench");
    let time = Duration::from_millis(if full { 4000 } else { 50 });
    let home = tempfile::Builder::new().prefix("commit").tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();

    println!("A commit: one call changed, one journal entry, one effect. Durable (synchronous=FULL).\n");
    println!("| what                     | commits/s |  p50 ms |  p99 ms |  max ms |");
    println!("|--------------------------|-----------|---------|---------|---------|");
    for batch in [1, 10, 100] {
        let took = append(&home.path().join(format!("append-{batch}")), batch, time);
        print(&format!("append + fdatasync, by {batch}"), batch, time, took);
    }
    for batch in [1, 10, 100] {
        let took = raw(&home.path().join(format!("raw-{batch}.db")), batch, time).await;
        print(&format!("rows in SQLite, by {batch}"), batch, time, took);
    }
    for writers in [1, 16, 64, 256] {
        let took = store(&home.path().join(format!("store-{writers}.db")), writers, time).await;
        print(&format!("store, {writers} writers"), 1, time, took);
    }
}

fn print(what: &str, batch: usize, time: Duration, mut took: Vec<Duration>) {
    took.sort_unstable();
    let ms = |part: f64| took[((took.len() - 1) as f64 * part) as usize].as_secs_f64() * 1000.0;
    let rate = (took.len() * batch) as f64 / time.as_secs_f64();
    println!("| {what:24} | {rate:9.0} | {:7.2} | {:7.2} | {:7.2} |", ms(0.5), ms(0.99), ms(1.0));
}

fn signal(n: u64, leg: &Leg) -> Signal {
    // News of a recording: it changes the call, and subscribers are told.
    let news = Recording { id: "RE1".to_owned(), url: None, status: n.to_string(), duration: None };
    Signal::new(Fact::Recording(news)).on(leg.clone()).keyed(format!("{}/{n}", leg.id))
}

/// A call that somebody answered, and its leg.
fn live(n: u32) -> (Commit, Leg) {
    let now = Timestamp::from_millis(1_795_248_000_000 + i64::from(n));
    let mut random = [0; 10];
    random[6..].copy_from_slice(&n.to_be_bytes());
    let leg = Leg::new(ProviderName::new("acme"), format!("CA{n:032x}"));
    let plan = Plan::new(ProviderName::new("acme"), "+15550100", "+15550199").about(n.to_string());
    let mut commit = Commit::birth(Call::dial(CallId::new(now, random), plan, Policy::default(), now));
    for fact in [Fact::Dialed(DialAnswer::Accepted), Fact::Answered] {
        commit.handle(Signal::new(fact).on(leg.clone()).into(), now);
    }
    (commit, leg)
}

/// Writers that each commit one signal after the other to a call of their own.
async fn store(file: &Path, writers: u32, time: Duration) -> Vec<Duration> {
    let store = Arc::new(SqliteStore::open(file.to_str().unwrap()).await.unwrap());
    let end = Instant::now() + time;
    let tasks = (0..writers).map(|n| {
        let store = Arc::clone(&store);
        tokio::spawn(async move {
            let (mut commit, leg) = live(n);
            let mut took = Vec::new();
            for turn in 0.. {
                let began = Instant::now();
                let call = commit.call.clone();
                store.commit(commit).await.unwrap();
                took.push(began.elapsed());
                if Instant::now() >= end {
                    break;
                }
                commit = Commit::on(call);
                let ignored = commit.handle(signal(turn, &leg).into(), commit.call.birth().at);
                assert_eq!(ignored, None);
            }
            took
        })
    });
    let took = join_all(tasks).await.into_iter().flat_map(Result::unwrap).collect();
    store.close().await;
    took
}

/// The same bytes, appended to a file and flushed.
fn append(file: &Path, batch: usize, time: Duration) -> Vec<Duration> {
    let (commit, leg) = live(1);
    let mut next = Commit::on(commit.call);
    next.handle(signal(1, &leg).into(), next.call.birth().at);
    let (_, state) = next.to_json().unwrap();
    let bytes = (state + &serde_json::to_string(&next.entries).unwrap()).repeat(batch);
    let mut file = std::fs::File::create(file).unwrap();
    let (end, mut took) = (Instant::now() + time, Vec::new());
    while Instant::now() < end {
        let began = Instant::now();
        file.write_all(bytes.as_bytes()).unwrap();
        file.sync_data().unwrap();
        took.push(began.elapsed());
    }
    took
}

/// The same rows, written by one connection that does nothing else.
async fn raw(file: &Path, batch: usize, time: Duration) -> Vec<Duration> {
    const WRITE: &str = "BEGIN IMMEDIATE;
        UPDATE calls SET version = version + 1, deadline = deadline + 1, state = j.value ->> 1
            FROM json_each(?) AS j WHERE calls.id = j.value ->> 0;
        INSERT INTO journal (call, version, at, entry)
            SELECT value ->> 0, value ->> 1, value ->> 2, value ->> 3 FROM json_each(?);
        INSERT INTO outbox (call, version, place, kind, effect, since, visible)
            SELECT value ->> 0, value ->> 1, 0, 'publish', value ->> 2, value ->> 3, value ->> 3 FROM json_each(?);
        COMMIT";
    let store = SqliteStore::open(file.to_str().unwrap()).await.unwrap();
    let mut calls = Vec::new();
    for n in 0..batch as u32 {
        let (commit, leg) = live(n);
        let mut next = Commit::on(commit.call.clone());
        store.commit(commit).await.unwrap();
        next.handle(signal(1, &leg).into(), next.call.birth().at);
        calls.push(next);
    }
    store.close().await;
    let options = SqliteConnectOptions::new().filename(file).journal_mode(SqliteJournalMode::Wal);
    let options = options.synchronous(SqliteSynchronous::Full).disable_statement_logging();
    let mut connection = options.connect().await.unwrap();

    let (end, mut took) = (Instant::now() + time, Vec::new());
    for version in 100_u64.. {
        let (mut states, mut entries, mut effects) = (Vec::new(), Vec::new(), Vec::new());
        for commit in &calls {
            let (id, at) = (commit.call.id(), commit.at().as_millis());
            states.push(serde_json::json!([id, commit.to_json().unwrap().1]));
            entries.push(serde_json::json!([id, version, at, serde_json::to_string(&commit.entries[0]).unwrap()]));
            effects.push(serde_json::json!([id, version, serde_json::to_string(&commit.effects[0].1).unwrap(), at]));
        }
        let rows = [states, entries, effects].map(|rows| serde_json::to_string(&rows).unwrap());
        let began = Instant::now();
        let write = rows.into_iter().fold(sqlx::query(WRITE), |write, rows| write.bind(rows));
        write.execute(&mut connection).await.unwrap();
        took.push(began.elapsed());
        if Instant::now() >= end {
            break;
        }
    }
    connection.close().await.unwrap();
    took
}
