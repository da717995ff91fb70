//! Everything is bounded, and signs of life are told at the limit too.

use std::time::Duration;

use reqwest::Method;
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::client::{Server, TOKEN, config, json as body, problem};

/// A request whose body does not come.
async fn hang(server: &Server) -> TcpStream {
    let mut stream = TcpStream::connect(server.app.local_addr()).await.unwrap();
    let head = format!(
        "POST /v1/calls HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {TOKEN}\r\nContent-Type: application/json\r\n\
         Content-Length: 100\r\n\r\n{{"
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    stream
}

#[tokio::test]
async fn a_request_that_never_comes_to_its_end_is_given_up() {
    let server = Server::with(config("server.request_timeout = '600ms'")).await;
    let mut stream = hang(&server).await;
    let mut answer = vec![0; 4096];
    let read = tokio::time::timeout(Duration::from_secs(5), stream.read(&mut answer)).await.unwrap().unwrap();
    let answer = String::from_utf8_lossy(&answer[..read]).to_lowercase();
    assert!(answer.starts_with("http/1.1 503"), "{answer}");
    assert!(answer.contains("retry-after: 1") && answer.contains("timed-out"), "{answer}");
}

#[tokio::test]
async fn more_requests_than_may_are_refused_while_webhooks_and_health_still_answer() {
    let server = Server::with(config("server.max_requests = 1")).await;
    let _holding = hang(&server).await;
    // The request that hangs is counted as soon as it is read.
    let deadline = std::time::Instant::now() + Duration::from_secs(5);
    loop {
        let response = server.get("/v1/calls").await;
        if response.status() == 503 {
            problem(response, 503, "busy").await;
            break;
        }
        assert!(std::time::Instant::now() < deadline);
    }
    let webhook = server.plain(Method::POST, "/hooks/twilio/status").send().await.unwrap();
    problem(webhook, 403, "unsigned").await;
    assert_eq!(server.plain(Method::GET, "/healthz").send().await.unwrap().status(), 200);
    assert_eq!(server.plain(Method::GET, "/metrics").send().await.unwrap().status(), 200);
}

#[tokio::test]
async fn a_large_body_is_refused() {
    let server = Server::start().await;
    let wish = json!({ "to": "+15550100123", "context": { "prompt": "a".repeat(70_000) } });
    problem(server.post("/v1/calls", &wish).await, 413, "too-large").await;
}

#[tokio::test]
async fn listeners_are_counted_and_each_hears_what_happens() {
    let server = Server::with(config("server.max_listeners = 1")).await;
    let mut first = server.get("/v1/events").await;
    assert_eq!(first.headers()["content-type"], "text/event-stream");
    problem(server.get("/v1/events").await, 503, "busy").await;
    let id = server.place(&json!({ "to": "+15550100123" })).await;
    let mut heard = String::new();
    while !heard.contains("\n\n") {
        let part = tokio::time::timeout(Duration::from_secs(5), first.chunk()).await.unwrap().unwrap().unwrap();
        heard.push_str(&String::from_utf8_lossy(&part));
    }
    assert!(heard.contains("event: call.placed"), "{heard}");
    assert!(heard.contains(&id), "{heard}");
}

#[tokio::test]
async fn calls_that_seem_stuck_turn_health_to_degraded() {
    let server = Server::with(config("health.stuck_count = 2\nhealth.stuck_after = '1ms'")).await;
    for _ in 0..2 {
        server.place(&json!({ "to": "+15550100123" })).await;
    }
    let health = body(server.plain(Method::GET, "/healthz").send().await.unwrap()).await;
    assert_eq!(health["status"], "ok", "{health}");
    server.place(&json!({ "to": "+15550100123" })).await;
    tokio::time::sleep(Duration::from_millis(5)).await;
    let response = server.plain(Method::GET, "/healthz").send().await.unwrap();
    assert_eq!(response.status(), 200, "a restart would mend nothing");
    let health = body(response).await;
    assert_eq!(health["status"], "degraded", "{health}");
    assert_eq!(health["stuck"].as_array().unwrap().len(), 3);
    assert!(health["look_at"][0].as_str().unwrap().contains("/v1/calls?open_before="), "{health}");
}
