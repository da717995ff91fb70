//! Durable commits per second by the number of writers, beside bare `findOneAndUpdate`s of the same documents on the
//! same server in the same run: `cargo bench -p store-mongo --bench commit`.
#![allow(clippy::unwrap_used, missing_docs, reason = "a benchmark that cannot go on should stop")]

use std::sync::Arc;
use std::time::{Duration, Instant};

use call_core::port::{Commit, Store};
use call_core::{Call, CallId, DialAnswer, Fact, Leg, Plan, Policy, ProviderName, Recording, Signal, Timestamp};
use databases::{Database, Mongo};
use futures::future::join_all;
use mongodb::bson::{DateTime, Document, doc};
use mongodb::options::{Acknowledgment, ClientOptions, ReturnDocument, WriteConcern};
use store_mongo::{MongoStore, Options};

const WRITERS: [u32; 4] = [1, 16, 64, 256];
/// The same for both sides.
const CONNECTIONS: u32 = 64;

#[tokio::main]
async fn main() {
    // `cargo test --all-targets` only wants to know that it runs.
    let full = std::env::args().any(|argument| argument == "--bench");
    let time = Duration::from_millis(if full { 4000 } else { 50 });
    let server = Mongo::own();

    println!("A commit: one call changed, one journal entry, one effect. {}.\n", server.version());
    println!("| what                     | commits/s |  p50 ms |  p99 ms |  max ms |");
    println!("|--------------------------|-----------|---------|---------|---------|");
    for writers in WRITERS {
        let database = server.fresh();
        MongoStore::migrate(database.url()).await.unwrap();
        print(&format!("bare update, {writers} writers"), time, bare(&database, writers, time).await);
        print(&format!("store, {writers} writers"), time, store(&database, writers, time).await);
    }
}

fn print(what: &str, time: Duration, mut took: Vec<Duration>) {
    took.sort_unstable();
    let ms = |part: f64| took[((took.len() - 1) as f64 * part) as usize].as_secs_f64() * 1000.0;
    let rate = took.len() as f64 / time.as_secs_f64();
    println!("| {what:24} | {rate:9.0} | {:7.2} | {:7.2} | {:7.2} |", ms(0.5), ms(0.99), ms(1.0));
}

fn signal(n: u64, leg: &Leg) -> Signal {
    // News of a recording: it changes the call, and subscribers are told.
    let news = Recording { id: "RE1".to_owned(), url: None, status: n.to_string(), duration: None };
    Signal::new(Fact::Recording(news)).on(leg.clone()).keyed(format!("{}/{n}", leg.id))
}

/// How many commits a call gets before the next one is born: outboxes that nobody empties must not grow longer than real
/// ones do.
const LIFE: u64 = 16;

/// A call that somebody answered, and its leg.
fn live(writer: u32, life: u32) -> (Commit, Leg) {
    let now = Timestamp::from_millis(1_795_248_000_000 + i64::from(life));
    let mut random = [0; 10];
    random[2..6].copy_from_slice(&life.to_be_bytes());
    random[6..].copy_from_slice(&writer.to_be_bytes());
    let leg = Leg::new(ProviderName::new("acme"), format!("CA{life:016x}{writer:016x}"));
    let plan = Plan::new(ProviderName::new("acme"), "+15550100", "+15550199").about(leg.id.clone());
    let mut commit = Commit::birth(Call::dial(CallId::new(now, random), plan, Policy::default(), now));
    for fact in [Fact::Dialed(DialAnswer::Accepted), Fact::Answered] {
        commit.handle(Signal::new(fact).on(leg.clone()).into(), now);
    }
    (commit, leg)
}

/// The next signal of a call.
fn next(call: Call, turn: u64, leg: &Leg) -> Commit {
    let mut commit = Commit::on(call);
    let ignored = commit.handle(signal(turn, leg).into(), commit.call.birth().at);
    assert_eq!((ignored, commit.effects.len()), (None, 1));
    commit
}

/// Writers that each commit one signal after the other to a call of their own.
async fn store(database: &Database, writers: u32, time: Duration) -> Vec<Duration> {
    let options = Options { connections: CONNECTIONS, ..Options::default() };
    let store = Arc::new(MongoStore::open(database.url(), options).await.unwrap());
    let end = Instant::now() + time;
    let tasks = (0..writers).map(|writer| {
        let store = Arc::clone(&store);
        tokio::spawn(async move {
            let mut took = Vec::new();
            for life in 0.. {
                let (mut commit, leg) = live(writer, life);
                for turn in 0..LIFE {
                    let call = commit.call.clone();
                    let began = Instant::now();
                    store.commit(commit).await.unwrap();
                    took.push(began.elapsed());
                    if Instant::now() >= end {
                        return took;
                    }
                    commit = next(call, turn, &leg);
                }
            }
            took
        })
    });
    let took = join_all(tasks).await.into_iter().flat_map(Result::unwrap).collect();
    store.close().await;
    took
}

/// The same texts in the same documents, without the store: plain operators, no index but the one of the names.
async fn bare(database: &Database, writers: u32, time: Duration) -> Vec<Duration> {
    let mut options = ClientOptions::parse(database.url()).await.unwrap();
    options.max_pool_size = Some(CONNECTIONS);
    options.write_concern = Some(WriteConcern::builder().w(Acknowledgment::Majority).journal(true).build());
    let client = mongodb::Client::with_options(options).unwrap();
    let calls = client.database(database.name()).collection::<Document>("bare");
    let end = Instant::now() + time;
    let tasks = (0..writers).map(|writer| {
        let calls = calls.clone();
        tokio::spawn(async move {
            let mut took = Vec::new();
            for life in 0.. {
                let (born, leg) = live(writer, life);
                let commit = next(born.call, 1, &leg);
                let (birth, state) = commit.to_json().unwrap();
                let entry = serde_json::to_string(&commit.entries[0]).unwrap();
                let effect = serde_json::to_string(&commit.effects[0].1).unwrap();
                let entry = doc! { "seq": 1_i64, "version": 1_i64, "at": DateTime::now(), "entry": entry };
                let effect =
                    doc! { "id": commit.effects[0].0.to_string(), "effect": effect, "visible": DateTime::now() };
                let id = commit.call.id().to_string();
                for version in 0..LIFE.cast_signed() {
                    let began = Instant::now();
                    if version == 0 {
                        let call = doc! {
                            "_id": &id, "version": 1_i64, "birth": &birth, "state": &state,
                            "entries": [entry.clone()], "outbox": [effect.clone()],
                        };
                        calls.insert_one(call).await.unwrap();
                    } else {
                        let change = doc! {
                            "$set": { "state": &state, "deadline": DateTime::now() },
                            "$inc": { "version": 1_i64 },
                            "$push": { "entries": entry.clone(), "outbox": effect.clone() },
                        };
                        let changed = calls
                            .find_one_and_update(doc! { "_id": &id, "version": version }, change)
                            .projection(doc! { "version": 1 })
                            .return_document(ReturnDocument::After);
                        assert!(changed.await.unwrap().is_some());
                    }
                    took.push(began.elapsed());
                    if Instant::now() >= end {
                        return took;
                    }
                }
            }
            took
        })
    });
    join_all(tasks).await.into_iter().flat_map(Result::unwrap).collect()
}
