//! The searches that run all the time use their indexes, whatever the size of the tables.

use call_core::port::Lane;
use sqlx::SqliteConnection;
use tempfile::TempDir;

use crate::{batch, calls, loader, outbox, prune, schema::File};

async fn plan(connection: &mut SqliteConnection, sql: &str) -> String {
    let sql = sqlx::AssertSqlSafe(format!("EXPLAIN QUERY PLAN {sql}"));
    let rows: Vec<(i64, i64, i64, String)> = sqlx::query_as(sql).fetch_all(connection).await.unwrap();
    rows.into_iter().map(|(.., line)| line).collect::<Vec<_>>().join("\n")
}

async fn check(sql: &str, uses: &[&str]) {
    let directory = TempDir::new().unwrap();
    let file = File::at(directory.path().join("calls.db").to_str().unwrap()).unwrap();
    file.migrate().await.unwrap();
    let plan = plan(&mut file.writer().await.unwrap(), sql).await;
    for index in uses {
        assert!(plan.contains(index), "{index} is not used by\n{sql}\n{plan}");
    }
    // `json_each` is scanned, that is what it is for; no table is.
    let scans = plan.lines().filter(|line| line.starts_with("SCAN"));
    let scans = scans.filter(|line| !line.contains("VIRTUAL TABLE") && *line != "SCAN CONSTANT ROW");
    assert_eq!(scans.collect::<Vec<_>>(), Vec::<&str>::new(), "{sql}\n{plan}");
    assert!(!plan.contains("TEMP B-TREE"), "{sql}\n{plan}");
}

#[tokio::test]
async fn due_calls_are_found_in_the_deadline_index_alone() {
    check(calls::DUE, &["COVERING INDEX calls_deadline"]).await;
}

#[tokio::test]
async fn calls_are_loaded_by_their_names() {
    check(loader::LOAD, &["sqlite_autoindex_calls_1 (id=?)", "sqlite_autoindex_births_1 (call=?)"]).await;
}

#[tokio::test]
async fn effects_are_claimed_by_their_indexes() {
    for (lane, index) in [(Lane::News, "outbox_news"), (Lane::Acts, "outbox_acts")] {
        let outbox::Statements { any, claim } = outbox::statements(lane);
        check(any, &[index]).await;
        check(claim, &[index, "USING PRIMARY KEY (call=? AND version=? AND place=?)"]).await;
    }
}

#[tokio::test]
async fn old_calls_are_forgotten_by_their_names() {
    check(prune::CALLS, &["sqlite_autoindex_calls_1 (id<?)", "PRIMARY KEY (call=?)"]).await;
    for (statement, index) in prune::REST.split(';').zip(["births_1", "legs_call", "keys_call", "journal_call"]) {
        check(statement, &[index]).await;
    }
}

#[tokio::test]
async fn a_batch_finds_its_rows_by_their_names() {
    for statement in batch::WRITE.split(';').filter(|statement| !statement.trim().is_empty()) {
        check(statement, &[]).await;
    }
    let ask = batch::ASK.replace("BEGIN IMMEDIATE;", "");
    check(&ask, &["calls_open_subject", "legs USING PRIMARY KEY", "keys USING PRIMARY KEY"]).await;
}
