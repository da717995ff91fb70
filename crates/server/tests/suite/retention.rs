//! What is kept, and a store that an operator must mend.

use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use call_core::port::Store as _;
use call_core::testkit::MemoryStore;
use call_server::config::StoreUrl;
use call_server::{App, Overrides};
use databases::Postgres;
use reqwest::Method;
use serde_json::json;
use store_postgres::PostgresStore;
use tokio::time::Instant;

use crate::client::{Server, config, json as body, problem};
use crate::stores::old;

#[tokio::test]
async fn calls_older_than_what_is_kept_are_removed_and_the_others_stay() {
    let store = Arc::new(MemoryStore::new());
    let [ancient, recent] = [old(100, 1, true), old(20, 2, true)];
    let [gone, kept] = [&ancient, &recent].map(|commit| commit.call.id());
    store.commit(ancient).await.unwrap();
    store.commit(recent).await.unwrap();
    let server = Server::over(config("retention.keep = '30d'"), store.clone()).await;
    let deadline = Instant::now() + Duration::from_secs(10);
    while store.load(gone).await.unwrap().is_some() {
        assert!(Instant::now() < deadline);
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    assert!(store.load(kept).await.unwrap().is_some());
    while (server.metric("call_pruned_total").await - 1.0).abs() > f64::EPSILON {
        assert!(Instant::now() < deadline);
    }
}

#[tokio::test]
async fn without_a_wish_calls_are_kept_for_ever() {
    let store = Arc::new(MemoryStore::new());
    let ancient = old(3650, 1, true);
    let kept = ancient.call.id();
    store.commit(ancient).await.unwrap();
    let server = Server::over(config(""), store.clone()).await;
    server.app.shutdown().await;
    assert!(store.load(kept).await.unwrap().is_some());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_store_that_refuses_is_told_as_one_that_an_operator_must_mend() {
    let database = Postgres::shared().fresh();
    PostgresStore::migrate(database.url()).await.unwrap();
    let mut config = config("server.linger = '0s'");
    config.store.url = StoreUrl::from(database.url());
    let server = Server::of(App::start(config, Overrides::default()).await.unwrap());
    server.place(&json!({ "to": "+15550100123" })).await;

    let psql = |statement: &str| {
        let run = Command::new(Postgres::shared().psql()).args([database.url(), "-qc", statement]).status().unwrap();
        assert!(run.success());
    };
    psql("ALTER TABLE calls RENAME TO calls_gone");
    let told = problem(server.post("/v1/calls", &json!({ "to": "+15550100123" })).await, 503, "store-broken").await;
    assert!(told["remedy"].as_str().unwrap().contains("operator"), "{told}");
    let health = body(server.plain(Method::GET, "/healthz").send().await.unwrap()).await;
    assert_eq!(health["status"], "degraded");
    assert!(health["look_at"].to_string().contains("an operator must mend it"), "{health}");

    psql("ALTER TABLE calls_gone RENAME TO calls");
    server.place(&json!({ "to": "+15550100123" })).await;
}
