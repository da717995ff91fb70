//! How long it takes to find a thousand due calls among ten thousand, a hundred thousand and a million open ones, and to
//! act on them. How to read the figures: `docs/performance.md`.

#![allow(clippy::unwrap_used, missing_docs, reason = "a benchmark that cannot go on should stop")]

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use call_core::port::{Answering, Clock, Commit, Inbound, Observation, Observer, Store, Sweep, Switchboard};
use call_core::{Call, CallId, DialAnswer, Fact, Leg, Lookup, Plan, Policy, ProviderName, Script, Signal, Timestamp};
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqliteSynchronous};
use sqlx::{ConnectOptions as _, Connection as _};
use store_sqlite::SqliteStore;

/// How many calls are due, whatever the size of the table.
const DUE: usize = 1000;
const BORN: Timestamp = Timestamp::EPOCH;
const MINUTE: Duration = Duration::from_secs(60);

#[tokio::main]
async fn main() {
    // `cargo test --all-targets` only wants to know that it runs.
    let full = std::env::args().any(|argument| argument == "--bench");
    let sizes: &[usize] = if full { &[10_000, 100_000, 1_000_000] } else { &[2_000] };
    let home = tempfile::Builder::new().prefix("sweep").tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let now = BORN + 10 * MINUTE;

    println!("open calls, {DUE} of them due; times in ms");
    println!(
        "| {:>9} | {:>7} | {:>10} | {:>9} | {:>9} | {:>12} | {:>10} |",
        "open", "file MB", "first look", "p50", "p99", "none due p50", "sweep all"
    );
    println!("|{0:-<11}|{0:-<9}|{0:-<12}|{0:-<11}|{0:-<11}|{0:-<14}|{0:-<12}|", "");
    for &size in sizes {
        let file = home.path().join(format!("{size}.db"));
        fill(&file, size, now).await;
        let megabytes = std::fs::metadata(&file).unwrap().len() / 1_000_000;
        let store = open(&file).await;

        let first = find(&*store, now, DUE).await;
        let (p50, p99) = find_often(&*store, now, DUE).await;
        let (none, _) = find_often(&*store, BORN, 0).await;
        let swept = sweep(store, now).await;
        let [first, p50, p99, none, swept] = [first, p50, p99, none, swept].map(|time| time.as_secs_f64() * 1e3);
        println!(
            "| {size:>9} | {megabytes:>7} | {first:>10.2} | {p50:>9.3} | {p99:>9.3} | {none:>12.3} | {swept:>10.0} |"
        );
        std::fs::remove_file(file).unwrap();
    }
}

async fn open(file: &Path) -> Arc<SqliteStore> {
    Arc::new(SqliteStore::open(file.to_str().unwrap()).await.unwrap())
}

async fn find(store: &dyn Store, now: Timestamp, expected: usize) -> Duration {
    let start = Instant::now();
    let due = store.due(now, DUE).await.unwrap();
    let took = start.elapsed();
    assert_eq!(due.len(), expected);
    took
}

/// Median and 99th percentile.
async fn find_often(store: &dyn Store, now: Timestamp, expected: usize) -> (Duration, Duration) {
    let mut took = Vec::with_capacity(500);
    for _ in 0..500 {
        took.push(find(store, now, expected).await);
    }
    took.sort_unstable();
    (took[250], took[495])
}

/// Acts on all that are due, one after the other, as the server does.
async fn sweep(store: Arc<dyn Store>, now: Timestamp) -> Duration {
    let clock = Arc::new(At(now));
    let switchboard = Switchboard::new(
        store.clone(),
        clock.clone(),
        Arc::new(Nobody),
        Arc::new(Nobody),
        Lookup::default(),
        10 * MINUTE,
    );
    let start = Instant::now();
    let report = Sweep::new(store, clock, switchboard).sweep(DUE, false).await.unwrap();
    let took = start.elapsed();
    assert_eq!(report.calls.len(), DUE);
    assert!(report.calls.iter().all(|swept| swept.asked), "a quiet call is asked about");
    took
}

/// A table of open calls, made of copies of one that a real commit has stored: a million commits would take long.
async fn fill(file: &Path, size: usize, now: Timestamp) {
    let call = live_and_quiet();
    let (id, leg) = (call.id().to_string(), call.legs().first().unwrap().leg.id.clone());
    assert!(call.next_deadline().unwrap() <= now, "the copies must be due, too");
    let store = open(file).await;
    store.commit(Commit { base: 0, ..Commit::on(call) }).await.unwrap();
    store.close().await;

    let mut connection = SqliteConnectOptions::new()
        .filename(file)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Off)
        .foreign_keys(false)
        .pragma("cache_size", "-262144")
        .connect()
        .await
        .unwrap();
    let fill = sqlx::query(
        "CREATE TEMP TABLE first AS SELECT c.*, b.birth FROM calls AS c JOIN births AS b ON b.call = c.id;
        DELETE FROM legs; DELETE FROM births; DELETE FROM calls;
        CREATE TEMP TABLE names AS
            WITH RECURSIVE n (i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i + 1 < ?1)
            SELECT i, printf('%08x-0000-7000-8000-%012x', i, i) AS id, printf('CA%032x', i) AS leg FROM n;
        INSERT INTO calls (id, version, phase, subject, deadline, born, state)
            SELECT n.id, f.version, f.phase, 'lead-' || n.i,
                CASE n.i % ?2 WHEN 0 THEN f.deadline ELSE ?3 + 1 + n.i * 7919 % 3600000 END,
                f.born, replace(f.state, ?4, n.leg)
            FROM names AS n, first AS f ORDER BY n.i;
        INSERT INTO births (call, birth)
            SELECT n.id, replace(replace(f.birth, ?5, n.id), 'lead-x', 'lead-' || n.i)
            FROM names AS n, first AS f ORDER BY n.i;
        INSERT INTO legs (provider, leg, call) SELECT 'twilio', n.leg, n.id FROM names AS n ORDER BY n.i;
        PRAGMA wal_checkpoint(TRUNCATE);",
    );
    let number = |n: usize| i64::try_from(n).unwrap();
    fill.bind(number(size))
        .bind(number(size / DUE))
        .bind(now.as_millis())
        .bind(leg)
        .bind(id)
        .execute(&mut connection)
        .await
        .unwrap();
    connection.close().await.unwrap();
}

/// A call that was answered and has not been heard of since.
fn live_and_quiet() -> Call {
    let twilio = ProviderName::new("twilio");
    let plan = Plan::new(twilio.clone(), "+15550100000", "+15550100001").about("lead-x");
    let id = CallId::new(BORN, [7; 10]);
    let (call, _) =
        Call::dial(id, plan.with_script(Script::Say { text: "Hello.".to_owned() }), Policy::default(), BORN);
    let leg = Leg::new(twilio, format!("CA{:032x}", u128::MAX));
    let mut commit = Commit::on(call);
    for fact in [Fact::Dialed(DialAnswer::Accepted), Fact::Answered] {
        commit.handle(Signal::new(fact).on(leg.clone()).into(), BORN);
    }
    commit.call
}

/// A clock that stands still.
struct At(Timestamp);

#[async_trait]
impl Clock for At {
    fn now(&self) -> Timestamp {
        self.0
    }

    fn random(&self) -> [u8; 10] {
        [0; 10]
    }

    async fn sleep(&self, duration: Duration) {
        tokio::time::sleep(duration).await;
    }
}

/// Nobody watches and nobody rings.
struct Nobody;

impl Observer for Nobody {
    fn observe(&self, _: Observation<'_>) {}
}

impl Answering for Nobody {
    fn answer(&self, provider: &ProviderName, inbound: &Inbound) -> (Plan, Policy) {
        (inbound.plan(provider.clone()), Policy::default())
    }
}
