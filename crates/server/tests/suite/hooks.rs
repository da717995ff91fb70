//! Webhooks: who is believed, what is stored, what is answered.

use call_core::port::{Filter, Page};
use reqwest::Method;
use serde_json::json;

use crate::client::{ACCOUNT, Server, config, json as body, problem};

const SID: &str = "CA0123456789abcdef0123456789abcdef";

fn status<'a>(call_status: &'a str, sequence: &'a str) -> Vec<(&'a str, &'a str)> {
    vec![
        ("CallSid", SID),
        ("AccountSid", ACCOUNT),
        ("From", "+15550100000"),
        ("To", "+15550100123"),
        ("Direction", "outbound-api"),
        ("ApiVersion", "2010-04-01"),
        ("CallStatus", call_status),
        ("SequenceNumber", sequence),
        ("CallbackSource", "call-progress-events"),
        ("Timestamp", "Sat, 21 Nov 2026 08:00:00 +0000"),
    ]
}

fn ring() -> [(&'static str, &'static str); 7] {
    [
        ("CallSid", SID),
        ("AccountSid", ACCOUNT),
        ("From", "+15550100123"),
        ("To", "+15550100000"),
        ("Direction", "inbound"),
        ("ApiVersion", "2010-04-01"),
        ("CallStatus", "ringing"),
    ]
}

#[tokio::test]
async fn a_signed_status_moves_its_call_and_twice_is_a_duplicate() {
    let server = Server::start().await;
    let id = server.place(&json!({ "to": "+15550100123" })).await;
    let path = format!("/hooks/twilio/{id}/status");
    assert!(server.twilio(&path, &status("ringing", "1")).await.status().is_success());
    let shown = body(server.get(&format!("/v1/calls/{id}")).await).await;
    assert_eq!(shown["phase"], "ringing", "stored before it was answered");
    assert_eq!(shown["legs"][0]["id"], SID);

    assert!(server.twilio(&path, &status("ringing", "1")).await.status().is_success());
    let count = |answer: &str| format!("call_webhooks_total{{provider=\"twilio\",answer=\"{answer}\"}}");
    assert!((server.metric(&count("accepted")).await - 1.0).abs() < f64::EPSILON);
    assert!((server.metric(&count("duplicate")).await - 1.0).abs() < f64::EPSILON);
    assert!(server.metric("call_webhook_last_seen_seconds{provider=\"twilio\"}").await > 1.7e9);
}

#[tokio::test]
async fn an_unsigned_or_forged_message_is_refused_and_leaves_no_trace() {
    let server = Server::start().await;
    let id = server.place(&json!({ "to": "+15550100123" })).await;
    let path = format!("/hooks/twilio/{id}/status");
    let unsigned = server.plain(Method::POST, &path).form(&status("completed", "3")).send().await.unwrap();
    problem(unsigned, 403, "unsigned").await;
    let forged = server.plain(Method::POST, &path).header("x-twilio-signature", "bm90IGEgc2lnbmF0dXJlIGF0IGFsbA==");
    problem(forged.form(&status("completed", "3")).send().await.unwrap(), 403, "unsigned").await;
    let journal = body(server.get(&format!("/v1/calls/{id}/journal")).await).await;
    let told = journal["entries"].to_string();
    assert!(!told.contains("completed"), "{told}");
    assert_eq!(body(server.get("/v1/parked").await).await["signals"], json!([]));
    let refused = server.metric("call_webhooks_total{provider=\"twilio\",answer=\"refused\"}").await;
    assert!((refused - 2.0).abs() < f64::EPSILON);
}

#[tokio::test]
async fn messages_that_cannot_be_read_have_a_clear_status_and_a_counter() {
    let server = Server::start().await;
    let malformed = "call_webhooks_total{provider=\"twilio\",answer=\"malformed\"}";
    problem(server.twilio("/hooks/twilio/nothing/here/at/all", &status("ringing", "1")).await, 404, "no-such-route")
        .await;
    problem(server.twilio("/hooks/twilio/status", &[("AccountSid", ACCOUNT)]).await, 400, "bad-request").await;
    let large = server.plain(Method::POST, "/hooks/twilio/status").body(vec![b'a'; 65_537]).send().await.unwrap();
    problem(large, 413, "too-large").await;
    let deleted = server.plain(Method::DELETE, "/hooks/twilio/status").send().await.unwrap();
    problem(deleted, 405, "method-not-allowed").await;
    assert!((server.metric(malformed).await - 4.0).abs() < f64::EPSILON);
    let calls = server.app.store().list(&Filter::default(), &Page::default()).await.unwrap();
    assert!(calls.is_empty(), "nothing was stored");
}

#[tokio::test]
async fn a_provider_that_is_not_configured_has_no_route() {
    let server = Server::start().await;
    for path in ["/hooks/telnyx/status", "/hooks/", "/hooks/twilio-2/status"] {
        let response = server.plain(Method::POST, path).body("anything").send().await.unwrap();
        problem(response, 404, "no-such-route").await;
    }
}

#[tokio::test]
async fn somebody_who_rings_us_gets_the_script_of_the_number() {
    let server = Server::with(config(
        "inbound.script = { do = 'say', text = 'Hello from everywhere.' }\n\
         inbound.numbers.'+15550100000' = { do = 'say', text = 'Hello from this number.' }",
    ))
    .await;
    let response = server.twilio("/hooks/twilio/voice", &ring()).await;
    assert_eq!(response.status(), 200);
    assert!(response.headers()["content-type"].to_str().unwrap().contains("xml"));
    let twiml = response.text().await.unwrap();
    assert!(twiml.contains("Hello from this number."), "{twiml}");
    let calls = body(server.get("/v1/calls").await).await;
    assert_eq!(calls["calls"][0]["direction"], "inbound");
    assert_eq!(calls["calls"][0]["from"], "+15550100123");
}

#[tokio::test]
async fn a_question_about_an_unknown_call_waits_by_the_schedule_and_gets_the_polite_fallback() {
    let server = Server::start().await;
    let path = "/hooks/twilio/0192f0c1-2345-7abc-8def-0123456789ab/voice";
    let began = std::time::Instant::now();
    let response = server.twilio(path, &status("in-progress", "2")).await;
    assert_eq!(response.status(), 200);
    assert!(response.text().await.unwrap().contains("<Response>"));
    assert!(began.elapsed() >= std::time::Duration::from_millis(500), "0 + 50 + 100 + 150 + 200 ms");
    assert!((server.metric("call_lookups_total{look=\"missed\"}").await - 2.0).abs() < f64::EPSILON);
    let parked = body(server.get("/v1/parked").await).await;
    assert_eq!(parked["signals"][0]["leg"]["id"], SID, "what it said is kept and shown");
    assert!(server.metric("call_parked_signals").await >= 1.0);
}
