//! Starting and stopping.

use std::sync::Arc;
use std::time::Duration;

use call_core::port::Store as _;
use call_core::testkit::MemoryStore;
use call_server::{App, Overrides, StartError};
use reqwest::Method;
use serde_json::json;
use store_sqlite::SqliteStore;

use crate::client::{ACCOUNT, Server, config, json as body, problem};

#[tokio::test]
async fn an_open_api_is_for_loopback_only() {
    let mut exposed = config("");
    exposed.server.listen = "0.0.0.0:0".parse().unwrap();
    let overrides = Overrides { store: Some(Arc::new(MemoryStore::new())), open_api: true, ..Overrides::default() };
    let Err(error) = App::start(exposed, overrides).await else { panic!("it must not start") };
    assert!(matches!(error, StartError::Exposed(_)), "{error}");
}

#[tokio::test]
async fn a_taken_address_is_told_by_its_key() {
    let server = Server::start().await;
    let mut taken = config("");
    taken.server.listen = server.app.local_addr();
    let overrides = Overrides { store: Some(Arc::new(MemoryStore::new())), ..Overrides::default() };
    let Err(error) = App::start(taken, overrides).await else { panic!("it must not start") };
    assert!(error.to_string().starts_with("server.listen: "), "{error}");
}

#[tokio::test]
async fn a_shutdown_ends_event_streams_and_accepts_nothing_more() {
    let server = Server::start().await;
    let mut events = server.get("/v1/events").await;
    let address = server.app.local_addr();
    let Server { app, .. } = server;
    tokio::time::timeout(Duration::from_secs(5), app.shutdown()).await.expect("a stream must not hold up the end");
    assert!(!matches!(events.chunk().await, Ok(Some(_))), "the stream is over");
    assert!(tokio::net::TcpStream::connect(address).await.is_err());
}

#[tokio::test]
async fn what_was_accepted_goes_on_with_the_next_start() {
    let store: Arc<MemoryStore> = Arc::new(MemoryStore::new());
    let start = || App::start(config(""), Overrides { store: Some(store.clone()), ..Overrides::default() });
    let first = start().await.unwrap();
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let place = client.post(format!("{}/v1/calls", first.url())).bearer_auth(crate::client::TOKEN);
    let placed: serde_json::Value =
        place.json(&json!({ "to": "+15550100123" })).send().await.unwrap().json().await.unwrap();
    let id = placed["id"].as_str().unwrap();
    first.shutdown().await;

    let second = start().await.unwrap();
    let hangup = client.post(format!("{}/v1/calls/{id}/hangup", second.url())).bearer_auth(crate::client::TOKEN);
    assert_eq!(hangup.send().await.unwrap().status(), 202);
    let deadline = std::time::Instant::now() + Duration::from_secs(10);
    loop {
        let call = second.store().load(id.parse().unwrap()).await.unwrap().unwrap();
        if call.has_ended() {
            break;
        }
        assert!(std::time::Instant::now() < deadline, "{call:?}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

#[tokio::test]
async fn a_store_that_is_gone_costs_a_503_and_never_the_message() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("calls.db");
    let store = Arc::new(SqliteStore::open(path.to_str().unwrap()).await.unwrap());
    let server = Server::over(config(""), store.clone()).await;
    let id = server.place(&json!({ "to": "+15550100123" })).await;
    assert_eq!(server.plain(Method::GET, "/readyz").send().await.unwrap().status(), 200);
    store.close().await;

    let form = [("CallSid", "CA0123456789abcdef0123456789abcdef"), ("AccountSid", ACCOUNT), ("CallStatus", "ringing")];
    let webhook = server.twilio(&format!("/hooks/twilio/{id}/status"), &form).await;
    problem(webhook, 503, "unavailable").await;
    problem(server.post("/v1/calls", &json!({ "to": "+15550100123" })).await, 503, "unavailable").await;
    let ready = server.plain(Method::GET, "/readyz").send().await.unwrap();
    assert_eq!(ready.status(), 503);
    assert!(body(ready).await["because"][0].as_str().unwrap().starts_with("the store"));
    let health = server.plain(Method::GET, "/healthz").send().await.unwrap();
    assert_eq!(health.status(), 200);
    assert_eq!(body(health).await["status"], "degraded");
    assert!(server.metric("call_store_up").await.abs() < f64::EPSILON);
    assert!(server.metric("call_webhooks_total{provider=\"twilio\",answer=\"unavailable\"}").await > 0.5);
}
