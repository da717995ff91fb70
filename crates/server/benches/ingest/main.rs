//! Signed webhooks per second, durable, through the real HTTP server on each database, beside what the same database
//! does for something that writes nothing but the same rows, in turn in the same run. How to read the figures:
//! `docs/performance.md`.
//!
//! The server is in this process, on a runtime of its own (threads `server`), with the generator on the main thread.
//! Processor time is told apart by thread, and the database's by process.

#![allow(clippy::unwrap_used, reason = "a benchmark that cannot go on should stop")]

mod ceiling;
mod cpu;
mod database;
mod disk;
mod lanes;
mod load;
mod peer;
mod production;
mod report;
mod rounds;
mod workload;

use std::path::Path;
use std::time::Duration;

use database::{Kind, Server};
use lanes::split;
use peer::Peer;
use production::{Log, Production};
use report::{Measured, Table};
use rounds::{Aim, Series, Verdicts};
use tokio::runtime::Runtime;
use workload::Workload;

/// How many messages are on their way at once.
const LEVELS: [usize; 3] = [1, 64, 256];
/// Where a peer's best is looked for.
const CLIENTS: [usize; 6] = [1, 8, 16, 32, 64, 128];
/// Of the best figure: what a server should be asked to carry for long.
const SUSTAINED: f64 = 0.7;

/// How much is measured.
struct Extent {
    rounds: usize,
    peer: Duration,
    /// Calls of a run with so many messages at once.
    calls: fn(usize) -> usize,
    sustained: f64,
}

const FULL: Extent = Extent {
    rounds: 3,
    peer: Duration::from_secs(4),
    calls: |level| if level == 1 { 1_000 } else { 10_240 },
    sustained: 20.0,
};

/// `cargo test --all-targets` only wants to know that it runs.
const GLANCE: Extent = Extent { rounds: 1, peer: Duration::from_millis(200), calls: |level| level, sustained: 0.2 };

fn main() {
    let extent = if std::env::args().any(|argument| argument == "--bench") { FULL } else { GLANCE };
    let home = tempfile::Builder::new().prefix("ingest").tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let generator = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let log = production::log_to(&home.path().join("log"));

    report::machine();
    println!("{}", disk::syncs(&home.path().join("syncs")));
    for kind in Kind::asked() {
        let server = Server::start(kind, home.path());
        Bench { server: &server, home: home.path(), generator: &generator, extent: &extent, log: &log }.run();
    }
}

/// Everything that is measured on one database.
struct Bench<'a> {
    server: &'a Server,
    home: &'a Path,
    generator: &'a Runtime,
    extent: &'a Extent,
    log: &'a Log,
}

impl Bench<'_> {
    fn run(&self) {
        let place = self.generator.block_on(self.server.place("calls.db"));
        let production = Production::start(&place.url);
        self.generator.block_on(async {
            let peer = Peer::prepare(self.server, production.runtime(), self.home).await;
            let best = self.survey(&peer).await;
            let carried = self.compare(&production, &peer, best).await;
            self.ladder(&production).await;
            self.sustain(&production, carried).await;
            self.log.mute();
            println!("\nThe same without a log");
            let table = Table::new(&Measured::COLUMNS);
            table.row(&self.http(&production, 256).await.cells());
            self.log.unmute();
        });
        production.stop();
    }

    /// At how many clients the peer is best.
    async fn survey(&self, peer: &Peer<'_>) -> usize {
        println!("\n{} by clients", peer.name());
        let table = Table::new(&["clients", "events/s"]);
        let mut best = (0, 0.0);
        for clients in CLIENTS {
            let rate = peer.rate(clients, self.extent.peer / 2).await;
            table.row(&[clients.to_string(), format!("{rate:.0}")]);
            if rate > best.1 {
                best = (clients, rate);
            }
        }
        best.0
    }

    /// The server and the peer in turn. Returns what the server carried at its best, outbox and all.
    async fn compare(&self, production: &Production, peer: &Peer<'_>, best: usize) -> f64 {
        let (runtime, time) = (production.runtime(), self.extent.peer);
        let named = |what: &str, level: usize| Series::new(format!("{what}, {level} at once"));
        let mut ours = LEVELS.map(|level| named("HTTP", level));
        let mut costs = LEVELS.map(|level| Series::new(format!("server's µs per event, {level} at once")));
        let mut theirs = [1, best, 64].map(|clients| named(peer.name(), clients));
        let mut plain = named("plainest statement", best);
        let mut alone = named("store, load + commit", 1);
        let mut carried = 0.0_f64;

        println!("\nIn turn, {} rounds", self.extent.rounds);
        let table = Table::new(&Measured::COLUMNS);
        let told = |what: &str, clients: usize, rate: f64| {
            table.row(&[what.to_owned(), clients.to_string(), format!("{rate:.0}")]);
            rate
        };
        for _ in 0..self.extent.rounds {
            for (clients, series) in [1, best, 64].into_iter().zip(&mut theirs) {
                series.rounds.push(told(peer.name(), clients, peer.rate(clients, time).await));
            }
            if let Some(rate) = peer.plain(best, time).await {
                plain.rounds.push(told("plainest", best, rate));
            }
            let measured = ceiling::alone(self.server, runtime, (self.extent.calls)(1)).await;
            alone.rounds.push(measured.rate());
            table.row(&measured.cells());
            for ((level, series), costs) in LEVELS.into_iter().zip(&mut ours).zip(&mut costs) {
                let measured = self.http(production, level).await;
                table.row(&measured.cells());
                series.rounds.push(measured.rate());
                costs.rounds.push(measured.server_micros());
                carried = carried.max(measured.carried());
            }
        }

        println!("\nMedian of the rounds, and range; ratios within each round");
        let verdicts = Verdicts::new();
        let aim = |aim| (self.server.kind() == Kind::Postgres).then_some(aim);
        theirs.iter().chain([&plain, &alone]).chain(&ours).for_each(|series| verdicts.row(series, None));
        verdicts.row(&alone.over(&theirs[0]), aim(Aim::AtLeast(0.9)));
        verdicts.row(&ours[0].over(&theirs[0]), None);
        verdicts.row(&ours[1].over(&theirs[1]), aim(Aim::AtLeast(1.1)));
        verdicts.row(&ours[1].over(&theirs[2]), None);
        verdicts.row(&ours[2].over(&theirs[1]), aim(Aim::AtLeast(1.3)));
        verdicts.row(&ours[1].over(&plain), None);
        verdicts.row(&ours[2].over(&plain), None);
        verdicts.row(&costs[1], aim(Aim::AtMost(30.0)));
        verdicts.row(&costs[2], aim(Aim::AtMost(30.0)));
        carried
    }

    /// What each layer adds, once.
    async fn ladder(&self, production: &Production) {
        println!("\nLayer by layer");
        let table = Table::new(&Measured::COLUMNS);
        for level in LEVELS {
            let calls = (self.extent.calls)(level);
            for drained in [false, true] {
                let measured = ceiling::store(self.server, production.runtime(), level, calls, drained).await;
                table.row(&measured.cells());
            }
            table.row(&ceiling::switchboard(production, level, calls).await.cells());
            table.row(&self.http(production, level).await.cells());
        }
    }

    /// Through the socket, each connection sending its next message when the last one is answered.
    async fn http(&self, production: &Production, level: usize) -> Measured {
        let workload = Workload::new((self.extent.calls)(level));
        production.bear(&workload).await;
        let lanes = load::connect(production.address(), split(workload.requests(), level)).await;
        let measured = Measured::of("HTTP", level, production.store(), load::closed(lanes)).await;
        production.expect_ended(&workload).await;
        measured
    }

    /// At a fixed rate, whether the server keeps up or not.
    async fn sustain(&self, production: &Production, carried: f64) {
        let rate = carried * SUSTAINED;
        println!(
            "\nAt {:.0} % of the best figure with the outbox emptied, sent on time whether answered or not",
            SUSTAINED * 100.0
        );
        let table = Table::new(&Measured::COLUMNS);
        let connections = 256;
        let mut slowest = Series::new("p99 in ms at that rate".to_owned());
        for _ in 0..self.extent.rounds {
            // Whole lanes, so that all messages about a call take the same connection, as their order demands.
            let calls = ((rate * self.extent.sustained / 3.0) as usize).next_multiple_of(connections);
            let workload = Workload::new(calls);
            production.bear(&workload).await;
            let lanes = load::connect(production.address(), split(workload.requests(), connections)).await;
            let sending = load::open(lanes, rate);
            let measured = Measured::of("HTTP, open loop", connections, production.store(), sending).await;
            production.expect_ended(&workload).await;
            table.row(&measured.cells());
            slowest.rounds.push(measured.p99());
        }
        println!();
        Verdicts::new().row(&slowest, Some(Aim::AtMost(25.0)));
    }
}
