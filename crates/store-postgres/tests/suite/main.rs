//! Tests of the store through its public face, on a real server.
#![allow(clippy::unwrap_used, missing_docs, reason = "tests")]

mod batches;
mod faults;
mod hearing;
mod kill;
mod laws;
mod opening;
mod servers;
mod vacuum;

use std::time::Duration;

use call_core::port::Commit;
use call_core::{Call, CallId, Command, DialAnswer, Fact, Leg, Plan, Policy, ProviderName, Signal, Timestamp};
use databases::{Database, Postgres};
use sqlx::{Connection as _, PgConnection};
use store_postgres::{Options, PostgresStore};

const PROVIDER: ProviderName = ProviderName::new("acme");

fn migrate(url: &str) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(PostgresStore::migrate(url)).unwrap();
}

/// A database of one's own, with tables.
fn fresh() -> Database {
    Postgres::shared().fresh_prepared("calls", migrate)
}

async fn open(url: &str) -> PostgresStore {
    PostgresStore::open(url, &Options::default()).await.unwrap()
}

/// A store that soon loses patience.
async fn impatient(url: &str) -> PostgresStore {
    PostgresStore::open(url, &Options { timeout: Duration::from_millis(800), ..Options::default() }).await.unwrap()
}

async fn raw(url: &str) -> PgConnection {
    PgConnection::connect(url).await.unwrap()
}

async fn execute(connection: &mut PgConnection, sql: impl Into<String>) {
    sqlx::raw_sql(sqlx::AssertSqlSafe(sql.into())).execute(connection).await.unwrap();
}

async fn count(connection: &mut PgConnection, sql: &'static str) -> i64 {
    sqlx::query_scalar(sql).fetch_one(connection).await.unwrap()
}

fn at(millis: i64) -> Timestamp {
    Timestamp::from_millis(1_795_248_000_000 + millis)
}

fn id(n: u32) -> CallId {
    let mut random = [0; 10];
    random[6..].copy_from_slice(&n.to_be_bytes());
    CallId::new(at(0), random)
}

fn leg(name: impl Into<String>) -> Leg {
    Leg::new(PROVIDER, name)
}

/// The wish to dial, about a subject of its own.
fn birth(n: u32) -> Commit {
    about(n, &format!("subject-{n}"))
}

fn about(n: u32, subject: &str) -> Commit {
    let plan = Plan::new(PROVIDER, "+15550100", "+15550199").about(subject);
    Commit::birth(Call::dial(id(n), plan, Policy::default(), at(0)))
}

/// The provider has the call.
fn accepted(call: &Call, on: &Leg) -> Commit {
    let mut commit = Commit::on(call.clone());
    let signal = Signal::new(Fact::Dialed(DialAnswer::Accepted)).on(on.clone());
    assert_eq!(commit.handle(signal.into(), at(1)), None);
    commit
}

/// A step that any open call takes.
fn next(call: &Call, now: i64) -> Commit {
    let mut commit = Commit::on(call.clone());
    assert_eq!(commit.handle(Command::Reconcile.into(), at(now)), None);
    commit
}
