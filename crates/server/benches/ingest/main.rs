//! Signed webhooks per second, durable, through the real HTTP server on SQLite, beside the same writes without HTTP on
//! the same disk in the same run. How to read the figures: `docs/performance.md`.
//!
//! Everything is in this process: the server on a runtime of its own (threads `server`), SQLite's threads, and the
//! generator on the main thread. Processor time is told apart by thread.

#![allow(clippy::unwrap_used, reason = "a benchmark that cannot go on should stop")]

mod ceiling;
mod cpu;
mod disk;
mod lanes;
mod load;
mod production;
mod report;
mod workload;

use std::path::Path;
use std::sync::Arc;

use lanes::split;
use production::Production;
use report::{Measured, Table};
use workload::Workload;

/// How many messages are on their way at once.
const CONCURRENCY: [usize; 4] = [1, 16, 64, 256];
/// Of the best figure: what a server should be asked to carry for long.
const SUSTAINED: f64 = 0.7;

fn main() {
    // `cargo test --all-targets` only wants to know that it runs.
    let full = std::env::args().any(|argument| argument == "--bench");
    let calls = |concurrency: usize| match (full, concurrency) {
        (false, _) => concurrency,
        (true, 1) => 500,
        (true, 16) => 2_000,
        (true, _) => 6_144,
    };
    let home = tempfile::Builder::new().prefix("ingest").tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let generator = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let log = production::log_to(&home.path().join("log"));

    report::machine();
    generator.block_on(disk::measure(home.path(), if full { 3_000 } else { 100 }));

    let production = Production::start(&home.path().join("calls.db"));
    let best = generator.block_on(levels(home.path(), &production, calls));
    generator.block_on(sustained(&production, best, if full { 20.0 } else { 0.2 }));
    log.mute();
    println!("\nThe same without a log");
    let table = Table::new(&Measured::COLUMNS);
    for concurrency in [64, 256] {
        table.row(&generator.block_on(http(&production, concurrency, calls(concurrency))).cells());
    }
    production.stop();
}

/// One row for each way and each concurrency. Returns the most messages per second that HTTP carried, outbox and all.
async fn levels(home: &Path, production: &Production, calls: impl Fn(usize) -> usize) -> f64 {
    println!("\nAs fast as they are answered");
    let table = Table::new(&Measured::COLUMNS);
    let mut best = 0.0_f64;
    for concurrency in CONCURRENCY {
        let calls = calls(concurrency);
        for drained in [false, true] {
            let file = home.join(format!("alone-{concurrency}-{drained}.db"));
            table.row(&ceiling::store(production.runtime(), &file, concurrency, calls, drained).await.cells());
        }
        table.row(&ceiling::switchboard(production, concurrency, calls).await.cells());
        let measured = http(production, concurrency, calls).await;
        best = best.max(measured.carried());
        table.row(&measured.cells());
    }
    best
}

/// Through the socket, each connection sending its next message when the last one is answered.
async fn http(production: &Production, concurrency: usize, calls: usize) -> Measured {
    let workload = Workload::new(calls);
    production.bear(&workload).await;
    let lanes = load::connect(production.address(), split(workload.requests(), concurrency)).await;
    let measured = Measured::of("HTTP", concurrency, production.store(), load::closed(lanes)).await;
    production.expect_ended(&workload).await;
    measured
}

/// At a fixed rate, whether the server keeps up or not.
async fn sustained(production: &Production, best: f64, seconds: f64) {
    let rate = best * SUSTAINED;
    println!(
        "\nAt {:.0} % of the best figure with the outbox emptied, sent on time whether answered or not",
        SUSTAINED * 100.0
    );
    let table = Table::new(&Measured::COLUMNS);
    let connections = 256;
    // Whole lanes, so that all messages about a call take the same connection, as their order demands.
    let calls = ((rate * seconds / 3.0) as usize).next_multiple_of(connections);
    let workload = Workload::new(calls);
    production.bear(&workload).await;
    let lanes = load::connect(production.address(), split(workload.requests(), connections)).await;
    let sending = load::open(lanes, rate);
    let measured = Measured::of("HTTP, open loop", connections, production.store(), sending).await;
    production.expect_ended(&workload).await;
    table.row(&measured.cells());
}

/// A store on a file.
async fn store(file: &Path) -> Arc<dyn call_core::port::Store> {
    Arc::new(store_sqlite::SqliteStore::open(&format!("sqlite:{}", file.display())).await.unwrap())
}
