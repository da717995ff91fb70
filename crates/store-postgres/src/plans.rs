//! The searches that run all the time use their indexes, whatever the size of the tables.

use call_core::port::{Commit, IdempotencyKey, Lane, Settle, Settlement};
use call_core::{Call, CallId, DialAnswer, Fact, Leg, Plan, Policy, ProviderName, Signal, Timestamp};
use databases::{Database, Postgres};
use sqlx::{AssertSqlSafe, PgConnection};

use crate::batch::{Rows, Work};
use crate::calls::Step;
use crate::schema::Server;
use crate::statement::Statement;
use crate::{Options, PostgresStore, calls, loader, mailbox, outbox};

fn fresh() -> Database {
    Postgres::shared().fresh_prepared("calls", |url| {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(PostgresStore::migrate(url)).unwrap();
    })
}

/// The plan that a connection of the store makes for any parameters.
async fn plan(connection: &mut PgConnection, sql: &str) -> String {
    let prepare = sqlx::raw_sql(AssertSqlSafe(format!("PREPARE asked AS {sql}")));
    prepare.execute(&mut *connection).await.unwrap();
    let count: i32 =
        sqlx::query_scalar("SELECT cardinality(parameter_types) FROM pg_prepared_statements WHERE name = 'asked'")
            .fetch_one(&mut *connection)
            .await
            .unwrap();
    let nulls = vec!["NULL"; usize::try_from(count).unwrap()].join(", ");
    let explain = sqlx::raw_sql(AssertSqlSafe(format!("EXPLAIN EXECUTE asked ({nulls})")));
    let rows = explain.fetch_all(&mut *connection).await.unwrap();
    sqlx::raw_sql("DEALLOCATE asked").execute(connection).await.unwrap();
    rows.iter().map(|row| sqlx::Row::get::<String, _>(row, 0)).collect::<Vec<_>>().join("\n")
}

/// Plans outlive the statistics that they were made with, and tables grow: however small they look, no table is read from
/// end to end.
const LOOKS: [&str; 3] = [
    "SELECT 1",
    "VACUUM ANALYZE",
    "INSERT INTO calls VALUES (gen_random_uuid(), 1, 'live', NULL, 'ada', 1, 1, '{}');
    INSERT INTO births SELECT id, subject, '{}' FROM calls;
    INSERT INTO legs SELECT 'acme', 'CA1', id FROM calls;
    INSERT INTO keys SELECT 'key', id, 'digest' FROM calls;
    INSERT INTO journal (call, version, at, entry) SELECT id, 1, 1, '{}' FROM calls;
    INSERT INTO outbox SELECT id, 1, 0, kind, '{}', 1, 1 FROM calls, (VALUES ('publish'), ('dial')) AS k (kind) LIMIT 1;
    INSERT INTO mailbox (provider, leg, signal, since, until) VALUES ('acme', 'CA2', '{}', 1, 1);
    ANALYZE",
];

async fn check(sql: &str, uses: &[&str]) {
    let database = fresh();
    let server = Server::at(database.url(), &Options::default()).unwrap();
    for look in LOOKS {
        let mut connection = server.connect().await.unwrap();
        sqlx::raw_sql(look).execute(&mut connection).await.unwrap();
        let plan = plan(&mut connection, sql).await;
        for index in uses {
            assert!(plan.contains(index), "{index} is not used by\n{sql}\n{plan}");
        }
        for waste in ["Seq Scan", "Hash Join", "Merge Join", "Bitmap", "Materialize"] {
            assert!(!plan.contains(waste), "{waste}:\n{sql}\n{plan}");
        }
        // An index that is used has a condition; else it is read from end to end.
        let lines: Vec<&str> = plan.lines().collect();
        for pair in lines.windows(2).filter(|pair| pair[0].contains("Index") && pair[0].contains("Scan using")) {
            assert!(pair[1].contains("Index Cond:"), "{}:\n{sql}\n{plan}", pair[0]);
        }
    }
}

#[tokio::test]
async fn due_calls_are_found_in_the_deadline_index_alone() {
    check(calls::DUE, &["Index Only Scan using calls_deadline"]).await;
}

#[tokio::test]
async fn calls_are_loaded_by_their_names() {
    check(loader::LOAD, &["Index Scan using calls_pkey", "Index Scan using births_pkey"]).await;
    check(calls::FIND, &["Index Scan using legs_pkey"]).await;
    check(calls::FIND_KEY, &["Index Scan using keys_pkey"]).await;
    check(calls::JOURNAL, &["Index Scan using journal_pkey"]).await;
}

#[tokio::test]
async fn effects_are_claimed_by_their_indexes() {
    for (lane, index) in [(Lane::News, "Scan using outbox_news"), (Lane::Acts, "Scan using outbox_acts")] {
        let claim = outbox::statement(lane);
        check(claim, &[index, "Tid Scan on outbox", "LockRows"]).await;
    }
}

#[tokio::test]
async fn parked_signals_are_found_by_their_leg_and_their_end() {
    check(mailbox::PARKED, &["Index Scan using mailbox_leg"]).await;
    check(mailbox::EXPIRE, &["Index Scan using mailbox_until"]).await;
}

/// All parts at once: births with keys and subjects, moves with legs, idle steps, adoptions, settlements of every kind.
#[tokio::test]
async fn a_batch_finds_its_rows_by_their_names() {
    let works = everything();
    let statement = Statement::of(&Rows::of(&works.iter().collect::<Vec<_>>())).unwrap();
    let names = ["calls_pkey", "calls_open_subject", "legs_pkey", "keys_pkey", "outbox_pkey", "mailbox_pkey"];
    check(&statement.sql, &names.map(|name| format!("Scan using {name}")).each_ref().map(String::as_str)).await;
}

fn everything() -> Vec<Work> {
    let now = Timestamp::from_millis(1_795_248_000_000);
    let acme = ProviderName::new("acme");
    let plan = Plan::new(acme.clone(), "+15550100", "+15550199").about("ada");
    let born = Commit::birth(Call::dial(CallId::new(now, [1; 10]), plan, Policy::default(), now));
    let settle = |how| Settle { id: born.effects[0].0, attempt: 1, how };
    let mut moved = Commit::on(born.call.clone());
    moved.handle(Signal::new(Fact::Dialed(DialAnswer::Accepted)).on(Leg::new(acme, "CA1")).into(), now);
    let mut idle = Commit::on(born.call.clone());
    idle.entries = moved.entries.clone();
    let key = Some(IdempotencyKey { key: "key".to_owned(), digest: "digest".to_owned() });
    let moved = Commit { adopts: vec![1], settles: Some(settle(Settlement::Done)), ..moved };
    let later = vec![settle(Settlement::Later(now))];
    let held = vec![Settle { attempt: 2, ..settle(Settlement::Held(now)) }];
    let steps =
        [Commit { key, ..born.clone() }, moved, idle].map(|commit| Work::Step(Box::new(Step::new(commit).unwrap())));
    steps.into_iter().chain([Work::Settle(later), Work::Settle(held)]).collect()
}
