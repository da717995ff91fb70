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
use report::{Measured, Table, quantile};
use rounds::{Aim, Series, Verdicts};
use tokio::runtime::Runtime;
use workload::Workload;

/// As the program has it.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// How many messages are on their way at once.
const LEVELS: [usize; 3] = [1, 64, 256];
/// Where a peer's best is looked for.
const CLIENTS: [usize; 6] = [1, 8, 16, 32, 64, 128];
/// Of the best figure: what a server should be asked to carry for long.
const SUSTAINED: f64 = 0.7;

/// How much is measured.
struct Extent {
    rounds: usize,
    /// About how long each figure is measured.
    time: Duration,
    sustained: Duration,
}

const FULL: Extent = Extent { rounds: 3, time: Duration::from_secs(4), sustained: Duration::from_secs(15) };

/// `cargo test --all-targets` only wants to know that it runs.
const GLANCE: Extent = Extent { rounds: 1, time: Duration::from_millis(100), sustained: Duration::from_millis(100) };

/// What a peer does in a second.
struct Survey {
    alone: f64,
    best: f64,
    /// With how many clients.
    clients: usize,
}

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
            let survey = self.survey(&peer).await;
            let carried = self.compare(&production, &peer, &survey).await;
            self.sustain(&production, carried).await;
            self.ladder(&production, &survey).await;
        });
        production.stop();
    }

    /// At how many clients the peer is best.
    async fn survey(&self, peer: &Peer<'_>) -> Survey {
        println!("\n{} by clients", peer.name());
        let table = Table::new(&["clients", "events/s"]);
        let mut survey = Survey { alone: 0.0, best: 0.0, clients: 0 };
        for clients in CLIENTS {
            let rate = peer.rate(clients, self.extent.time / 2).await;
            table.row(&[clients.to_string(), format!("{rate:.0}")]);
            if clients == 1 {
                survey.alone = rate;
            }
            if rate > survey.best {
                survey = Survey { best: rate, clients, ..survey };
            }
        }
        survey
    }

    /// How many calls make a run with so many messages at once that lasts about as long as the others.
    fn calls(&self, survey: &Survey, level: usize) -> usize {
        let rate = if level == 1 { survey.alone } else { survey.best };
        let calls = rate * self.extent.time.as_secs_f64() / workload::EACH as f64;
        // Whole lanes, so that all messages about a call take the same connection, as their order demands.
        (calls as usize).max(1).next_multiple_of(level)
    }

    /// The server and the peer in turn. Returns what the server carried at its best level, outbox and all.
    async fn compare(&self, production: &Production, peer: &Peer<'_>, survey: &Survey) -> f64 {
        let (runtime, time, best) = (production.runtime(), self.extent.time, survey.clients);
        let named = |what: &str, level: usize| Series::new(format!("{what}, {level} at once"));
        let mut ours = LEVELS.map(|level| named("HTTP", level));
        let mut costs = LEVELS.map(|level| Series::new(format!("server's µs per event, {level} at once")));
        let mut theirs = [1, best, 64].map(|clients| named(peer.name(), clients));
        let mut plain = named("plainest statement", best);
        let mut alone = named("store, load + commit", 1);
        let mut carried = LEVELS.map(|level| named("carried", level));

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
            let measured = ceiling::alone(self.server, runtime, self.calls(survey, 1)).await;
            alone.rounds.push(measured.rate());
            table.row(&measured.cells());
            for (at, level) in LEVELS.into_iter().enumerate() {
                let measured = self.http(production, level, self.calls(survey, level)).await;
                table.row(&measured.cells());
                ours[at].rounds.push(measured.rate());
                costs[at].rounds.push(measured.server_micros());
                carried[at].rounds.push(measured.carried());
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
        carried.iter().map(Series::median).fold(0.0, f64::max)
    }

    /// What each layer adds, once.
    async fn ladder(&self, production: &Production, survey: &Survey) {
        println!("\nLayer by layer");
        let table = Table::new(&Measured::COLUMNS);
        for level in LEVELS {
            let calls = self.calls(survey, level);
            for drained in [false, true] {
                let measured = ceiling::store(self.server, production.runtime(), level, calls, drained).await;
                table.row(&measured.cells());
            }
            table.row(&ceiling::switchboard(production, level, calls).await.cells());
            table.row(&self.http(production, level, calls).await.cells());
        }
        self.log.mute();
        println!("\nHTTP without a log");
        let table = Table::new(&Measured::COLUMNS);
        table.row(&self.http(production, 256, self.calls(survey, 256)).await.cells());
        self.log.unmute();
    }

    /// Through the socket, each connection sending its next message when the last one is answered.
    async fn http(&self, production: &Production, level: usize, calls: usize) -> Measured {
        let workload = Workload::new(calls);
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
        let mut generator = Series::new("the generator's own delay, p99 in ms".to_owned());
        for _ in 0..self.extent.rounds {
            let calls = rate * self.extent.sustained.as_secs_f64() / workload::EACH as f64;
            let calls = (calls as usize).max(1).next_multiple_of(connections);
            let workload = Workload::new(calls);
            production.bear(&workload).await;
            let lanes = load::connect(production.address(), split(workload.requests(), connections)).await;
            let mut late = Vec::new();
            let sending = load::open(lanes, rate, &mut late);
            let measured = Measured::of("HTTP, open loop", connections, production.store(), sending).await;
            production.expect_ended(&workload).await;
            table.row(&measured.cells());
            slowest.rounds.push(measured.p99());
            late.sort_unstable();
            generator.rounds.push(quantile(&late, 0.99).as_secs_f64() * 1e3);
        }
        println!();
        let verdicts = Verdicts::new();
        verdicts.row(&slowest, Some(Aim::AtMost(25.0)));
        verdicts.row(&generator, None);
    }
}
