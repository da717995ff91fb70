//! How long it takes to find a thousand due calls among a million open ones (`SWEEP_ROWS=10000000` for ten million), and
//! how many effects a second are claimed and settled by 1, 4 and 16 workers, each once.
//! `cargo bench -p store-postgres --bench sweep`; `BENCH_DATABASE_URL` names another server than one of its own.

#![allow(clippy::unwrap_used, missing_docs, reason = "a benchmark that cannot go on should stop")]

use std::collections::HashSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

use call_core::port::{Commit, Lane, Settle, Settlement, Store};
use call_core::{Call, CallId, DialAnswer, EffectId, Fact, Leg, Plan, Policy, ProviderName, Signal, Timestamp};
use futures::future::join_all;
use sqlx::{AssertSqlSafe, Connection as _, PgConnection};
use store_postgres::{Options, PostgresStore};

/// How many calls are due, whatever the size of the table.
const DUE: usize = 1000;
const BORN: Timestamp = Timestamp::EPOCH;

#[tokio::main]
async fn main() {
    // `cargo test --all-targets` only wants to know that it runs.
    let full = std::env::args().any(|argument| argument == "--bench");
    let rows = std::env::var("SWEEP_ROWS").ok().and_then(|rows| rows.parse().ok());
    let rows: usize = if full { rows.unwrap_or(1_000_000) } else { 2_000 };
    let effects = if full { 40_000 } else { 400 };
    let server = std::env::var("BENCH_DATABASE_URL").is_err().then(databases::Postgres::own);
    let database = server.as_ref().map(databases::Postgres::fresh);
    let url = database.as_ref().map_or_else(|| std::env::var("BENCH_DATABASE_URL").unwrap(), |d| d.url().to_owned());
    PostgresStore::migrate(&url).await.unwrap();

    let now = BORN + Duration::from_secs(600);
    fill(&url, rows, now).await;
    let store = Arc::new(PostgresStore::open(&url, &Options { connections: 24, ..Options::default() }).await.unwrap());
    let first = find(&*store, now, DUE).await;
    let mut took = Vec::new();
    for _ in 0..300 {
        took.push(find(&*store, now, DUE).await);
    }
    took.sort_unstable();
    let none = find(&*store, BORN, 0).await;
    let ms = |time: Duration| time.as_secs_f64() * 1e3;
    println!(
        "{rows} open calls, {DUE} due: first look {:.2} ms, then p50 {:.2} ms, p99 {:.2} ms",
        ms(first),
        ms(took[150]),
        ms(took[297])
    );
    println!("none due: {:.2} ms\n", ms(none));

    println!("| workers | claimed and settled / s | each exactly once |");
    println!("|---------|-------------------------|-------------------|");
    for workers in [1, 4, 16] {
        ask(&url, effects).await;
        let began = Instant::now();
        let claimed = join_all((0..workers).map(|_| tokio::spawn(work(Arc::clone(&store), now)))).await;
        let rate = effects as f64 / began.elapsed().as_secs_f64();
        let claimed: Vec<EffectId> = claimed.into_iter().flat_map(Result::unwrap).collect();
        let each: HashSet<EffectId> = claimed.iter().copied().collect();
        assert_eq!((claimed.len(), each.len()), (effects, effects), "nothing is claimed twice, and nothing is left");
        println!("| {workers:7} | {rate:23.0} | yes, {} of {effects} |", each.len());
    }
    store.close().await;
}

async fn find(store: &dyn Store, now: Timestamp, expected: usize) -> Duration {
    let start = Instant::now();
    let due = store.due(now, DUE).await.unwrap();
    let took = start.elapsed();
    assert_eq!(due.len(), expected);
    took
}

/// Claims and settles, twenty at a time, until there is nothing left.
async fn work(store: Arc<PostgresStore>, now: Timestamp) -> Vec<EffectId> {
    let mut done = Vec::new();
    loop {
        let jobs = store.claim(Lane::News, now, Duration::from_secs(60), 20).await.unwrap();
        if jobs.is_empty() {
            return done;
        }
        let settle = |job: &call_core::port::Job| Settle { id: job.id, attempt: job.attempt, how: Settlement::Done };
        store.settle(&jobs.iter().map(settle).collect::<Vec<_>>()).await.unwrap();
        done.extend(jobs.iter().map(|job| job.id));
    }
}

async fn run(url: &str, sql: String) {
    let mut connection = PgConnection::connect(url).await.unwrap();
    sqlx::raw_sql(AssertSqlSafe(sql)).execute(&mut connection).await.unwrap();
    connection.close().await.unwrap();
}

/// Effects that wait, made of one that a real commit has stored.
async fn ask(url: &str, effects: usize) {
    let sql = format!(
        "INSERT INTO outbox (call, version, place, kind, effect, since, visible)
        SELECT c.id, 1000 + n, 0, 'publish', f.effect, n, n
        FROM (SELECT id, row_number() OVER () AS n FROM (SELECT id FROM calls LIMIT {effects}) AS c) AS c,
            first_effect AS f
        LIMIT {effects};
        INSERT INTO outbox (call, version, place, kind, effect, since, visible)
        SELECT c.id, 5000000 + n, 0, 'publish', f.effect, 1, 1
        FROM (SELECT id FROM calls LIMIT 1) AS c, first_effect AS f,
            generate_series(1, {effects} - (SELECT count(*) FROM outbox)) AS n;
        ANALYZE outbox"
    );
    run(url, sql).await;
}

/// A table of open calls, made of copies of one that a real commit has stored: a million commits would take long.
async fn fill(url: &str, size: usize, now: Timestamp) {
    let call = live_and_quiet();
    let (id, leg) = (call.id().to_string(), call.legs().first().unwrap().leg.id.clone());
    assert!(call.next_deadline().unwrap() <= now, "the copies must be due, too");
    let store = PostgresStore::open(url, &Options::default()).await.unwrap();
    let (birth, effects) = (Commit { base: 0, ..Commit::on(call) }, dial().1);
    store.commit(birth).await.unwrap();
    store.close().await;
    let news = effects.iter().find(|effect| Lane::of(effect) == Lane::News).unwrap();
    let (news, every, now) = (serde_json::to_string(news).unwrap(), size / DUE, now.as_millis());
    let sql = format!(
        "SET synchronous_commit = off;
        CREATE TABLE first_effect AS SELECT '{news}'::json AS effect;
        CREATE TEMP TABLE first AS SELECT c.*, b.birth FROM calls AS c JOIN births AS b ON b.call = c.id;
        TRUNCATE calls, births, legs;
        CREATE TEMP TABLE names AS
            SELECT i, (lpad(to_hex(i), 8, '0') || '-0000-7000-8000-' || lpad(to_hex(i), 12, '0'))::uuid AS id,
                'CA' || lpad(to_hex(i), 32, '0') AS leg
            FROM generate_series(0, {size} - 1) AS i;
        INSERT INTO calls (id, version, phase, subject, deadline, born, state)
            SELECT n.id, f.version, f.phase, 'lead-' || n.i,
                CASE WHEN n.i % {every} = 0 THEN f.deadline ELSE {now} + 1 + n.i * 7919::bigint % 3600000 END,
                f.born, replace(f.state::text, '{leg}', n.leg)::json
            FROM names AS n, first AS f ORDER BY n.i;
        INSERT INTO births (call, subject, birth)
            SELECT n.id, 'lead-' || n.i, replace(replace(f.birth::text, '{id}', n.id::text), 'lead-x', 'lead-' || n.i)::json
            FROM names AS n, first AS f ORDER BY n.i;
        INSERT INTO legs (provider, leg, call) SELECT 'twilio', n.leg, n.id FROM names AS n ORDER BY n.i;"
    );
    run(url, sql).await;
    run(url, "VACUUM ANALYZE".to_owned()).await;
    run(url, "CHECKPOINT".to_owned()).await;
}

fn dial() -> (Call, Vec<call_core::Effect>) {
    let twilio = ProviderName::new("twilio");
    let plan = Plan::new(twilio, "+15550100000", "+15550100001").about("lead-x");
    Call::dial(CallId::new(BORN, [7; 10]), plan, Policy::default(), BORN)
}

/// A call that was answered and has not been heard of since.
fn live_and_quiet() -> Call {
    let leg = Leg::new(ProviderName::new("twilio"), format!("CA{:032x}", u128::MAX));
    let mut commit = Commit::on(dial().0);
    for fact in [Fact::Dialed(DialAnswer::Accepted), Fact::Answered] {
        commit.handle(Signal::new(fact).on(leg.clone()).into(), BORN);
    }
    commit.call
}
