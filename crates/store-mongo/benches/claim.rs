//! Effects claimed and settled per second by 1, 4 and 16 workers, and the proof that none was claimed twice:
//! `cargo bench -p store-mongo --bench claim`.
#![allow(clippy::unwrap_used, missing_docs, reason = "a benchmark that cannot go on should stop")]

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

use call_core::port::{Commit, Lane, Settle, Settlement, Store};
use call_core::{Call, CallId, EffectId, Plan, Policy, ProviderName, Timestamp};
use databases::Mongo;
use futures::future::join_all;
use store_mongo::{MongoStore, Options};

/// How many a worker takes at once.
const BATCHES: [usize; 2] = [1, 32];
const NOW: Timestamp = Timestamp::EPOCH;

#[tokio::main]
async fn main() {
    // `cargo test --all-targets` only wants to know that it runs.
    let full = std::env::args().any(|argument| argument == "--bench");
    let server = Mongo::own();
    println!("Acts claimed and settled, each of a call of its own. {}.\n", server.version());
    println!("| workers | at once | effects | claimed/s | claimed twice |");
    println!("|---------|---------|---------|-----------|---------------|");
    for batch in BATCHES {
        for workers in [1, 4, 16] {
            let effects = if full { 1000 * if batch == 1 { 1 } else { 4 } } else { 40 };
            let database = server.fresh();
            MongoStore::migrate(database.url()).await.unwrap();
            let store = Arc::new(MongoStore::open(database.url(), Options::default()).await.unwrap());
            for from in (0..effects).step_by(40) {
                let births = join_all((from..from + 40).map(|n| store.commit(birth(n)))).await;
                assert!(births.iter().all(Result::is_ok), "{births:?}");
            }

            let began = Instant::now();
            let tasks = (0..workers).map(|_| tokio::spawn(work(Arc::clone(&store), batch)));
            let claimed: Vec<EffectId> = join_all(tasks).await.into_iter().flat_map(Result::unwrap).collect();
            let rate = f64::from(effects) / began.elapsed().as_secs_f64();
            let different: BTreeSet<_> = claimed.iter().collect();
            let twice = claimed.len() - different.len();
            assert_eq!((different.len(), twice), (effects as usize, 0));
            println!("| {workers:7} | {batch:7} | {effects:7} | {rate:9.0} | {twice:13} |");
        }
    }
}

fn birth(n: u32) -> Commit {
    let mut random = [0; 10];
    random[6..].copy_from_slice(&n.to_be_bytes());
    let plan = Plan::new(ProviderName::new("acme"), "+15550100", "+15550199").about(n.to_string());
    Commit::birth(Call::dial(CallId::new(NOW, random), plan, Policy::default(), NOW))
}

/// Claims until nothing is left.
async fn work(store: Arc<MongoStore>, batch: usize) -> Vec<EffectId> {
    let (mut claimed, mut idle) = (Vec::new(), 0);
    // Nothing to be had may mean that others were faster.
    while idle < 3 {
        let jobs = store.claim(Lane::Acts, NOW, Duration::from_secs(3600), batch).await.unwrap();
        idle = if jobs.is_empty() { idle + 1 } else { 0 };
        let done = jobs.iter().map(|job| Settle { id: job.id, attempt: job.attempt, how: Settlement::Done });
        store.settle(&done.collect::<Vec<_>>()).await.unwrap();
        claimed.extend(jobs.iter().map(|job| job.id));
    }
    claimed
}
