//! Durable commits per second by the number of writers, beside the same statements without batches, on a server of one's
//! own with its default settings: `cargo bench -p store-postgres --bench commit`. `BENCH_DATABASE_URL` names another one.
#![allow(clippy::unwrap_used, missing_docs, reason = "a benchmark that cannot go on should stop")]

use std::sync::Arc;
use std::time::{Duration, Instant};

use call_core::port::{Commit, Store};
use call_core::{Call, CallId, DialAnswer, Fact, Leg, Plan, Policy, ProviderName, Recording, Signal, Timestamp};
use futures::future::join_all;
use store_postgres::{Options, PostgresStore};

/// How many connections commit one step at a time, where nothing is batched: more make it slower on two cores.
const STRAIGHT: usize = 16;

#[tokio::main]
async fn main() {
    // `cargo test --all-targets` only wants to know that it runs.
    let full = std::env::args().any(|argument| argument == "--bench");
    let time = Duration::from_millis(if full { 4000 } else { 50 });
    let server = std::env::var("BENCH_DATABASE_URL").is_err().then(databases::Postgres::own);
    let database = server.as_ref().map(databases::Postgres::fresh);
    let url = database.as_ref().map_or_else(|| std::env::var("BENCH_DATABASE_URL").unwrap(), |d| d.url().to_owned());
    PostgresStore::migrate(&url).await.unwrap();

    println!("A step: one call changed, one journal entry, one effect; durable. CPU is this program's, per step.\n");
    println!("| what                                | steps/s |  p50 ms |  p99 ms |  max ms | CPU µs |");
    println!("|-------------------------------------|---------|---------|---------|---------|--------|");
    let mut first = 0;
    for writers in [1, 16, 64, 256] {
        for (shape, load) in [("commit", false), ("load and commit", true)] {
            let store = [Arc::new(PostgresStore::open(&url, &Options::default()).await.unwrap())];
            let (took, cpu) = run(&store, first, writers, load, time).await;
            print(&format!("{shape}, {writers} writers"), time, took, cpu);
            store[0].close().await;
            first += writers;
            if writers == 1 {
                continue;
            }
            // Each store is used by one task at a time, so that nothing ever queues.
            let open = (0..STRAIGHT.min(writers)).map(|_| PostgresStore::open(&url, &ONE));
            let stores: Vec<_> = join_all(open).await.into_iter().map(|store| Arc::new(store.unwrap())).collect();
            let (took, cpu) = run(&stores, first, writers, load, time).await;
            print(&format!("  the same, not batched, {} lines", stores.len()), time, took, cpu);
            join_all(stores.iter().map(|store| store.close())).await;
            first += writers;
        }
    }
}

/// One line of each kind.
const ONE: Options = Options { connections: 4, timeout: Duration::from_secs(5) };

fn print(what: &str, time: Duration, mut took: Vec<Duration>, cpu: Duration) {
    took.sort_unstable();
    let ms = |part: f64| took[((took.len() - 1) as f64 * part) as usize].as_secs_f64() * 1000.0;
    let (rate, cpu) = (took.len() as f64 / time.as_secs_f64(), cpu.as_secs_f64() * 1e6 / took.len() as f64);
    println!("| {what:35} | {rate:7.0} | {:7.2} | {:7.2} | {:7.2} | {cpu:6.1} |", ms(0.5), ms(0.99), ms(1.0));
}

/// What this program has used of the processors (Linux).
fn used() -> Duration {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let ticks = |n| stat.rsplit(')').next()?.split_whitespace().nth(n)?.parse::<u64>().ok();
    Duration::from_millis((ticks(11).unwrap_or(0) + ticks(12).unwrap_or(0)) * 10)
}

fn signal(n: u64, leg: &Leg) -> Signal {
    // News of a recording: it changes the call, and subscribers are told.
    let news = Recording { id: "RE1".to_owned(), url: None, status: n.to_string(), duration: None };
    Signal::new(Fact::Recording(news)).on(leg.clone()).keyed(format!("{}/{n}", leg.id))
}

/// A call that somebody answered, and its leg.
fn live(n: usize) -> (Commit, Leg) {
    let n = n as u32;
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
async fn run(
    stores: &[Arc<PostgresStore>],
    first: usize,
    writers: usize,
    load: bool,
    time: Duration,
) -> (Vec<Duration>, Duration) {
    let turns: Vec<_> = stores.iter().map(|_| Arc::new(tokio::sync::Semaphore::new(1))).collect();
    let alone = stores.len() > 1;
    let births = (0..writers).map(|n| {
        let (commit, leg) = live(first + n);
        async move { (stores[n % stores.len()].commit(commit.clone()).await.unwrap(), (commit.call, leg)).1 }
    });
    let born = join_all(births).await;
    let (end, before) = (Instant::now() + time, used());
    let tasks = born.into_iter().enumerate().map(|(n, (mut call, leg))| {
        let (store, turn) = (Arc::clone(&stores[n % stores.len()]), Arc::clone(&turns[n % stores.len()]));
        tokio::spawn(async move {
            let mut took = Vec::new();
            for n in 0.. {
                let began = Instant::now();
                let place = if alone { Some(turn.acquire().await.unwrap()) } else { None };
                if load {
                    call = store.load(call.id()).await.unwrap().unwrap();
                }
                let mut commit = Commit::on(call);
                let ignored = commit.handle(signal(n, &leg).into(), commit.call.birth().at);
                assert_eq!(ignored, None);
                call = commit.call.clone();
                store.commit(commit).await.unwrap();
                drop(place);
                took.push(began.elapsed());
                if Instant::now() >= end {
                    break;
                }
            }
            took
        })
    });
    let took = join_all(tasks).await.into_iter().flat_map(Result::unwrap).collect();
    (took, used().saturating_sub(before))
}
