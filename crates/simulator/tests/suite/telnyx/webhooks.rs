//! How webhooks are signed, repeated and addressed.

use std::{collections::BTreeSet, time::Duration};

use serde_json::{Value, json};
use simulator::{Config, Fault, Person, Rule};

use super::bench::Bench;
use crate::backend::{PHONE, quick};

async fn busy(change: impl FnOnce(&mut simulator::TelnyxConfig)) -> Bench {
    let bench = Bench::with(quick(), change).await;
    bench.network.set_person(PHONE, Person::busy());
    bench
}

#[tokio::test]
async fn every_message_is_signed_over_its_very_bytes() {
    let bench = busy(|_| {}).await;
    bench.live(&json!({})).await;
    let seen = bench.seen();
    assert_eq!(seen.len(), 2);
    for message in &seen {
        assert!(message.genuine, "{message:?}");
        assert_eq!(message.headers["user-agent"], "telnyx-webhooks");
        assert_eq!(message.headers["content-type"], "application/json");
        assert_eq!(message.body["meta"], json!({ "attempt": 1, "delivered_to": format!("{}/app", bench.url) }));
        assert_eq!(message.body["data"]["record_type"], "event");
    }
    let ids: BTreeSet<String> = seen.iter().map(|message| message.body["data"]["id"].to_string()).collect();
    assert_eq!(ids.len(), 2);
    assert!(seen[0].body["data"]["occurred_at"].as_str() < seen[1].body["data"]["occurred_at"].as_str());
}

#[tokio::test]
async fn another_seed_is_another_key() {
    let bench = busy(|telnyx| telnyx.signing_seed = [7; 32]).await;
    bench.live(&json!({})).await;
    assert!(bench.seen().iter().all(|message| message.genuine));
    assert_ne!(bench.network.telnyx_public_key(), busy(|_| {}).await.network.telnyx_public_key());
}

/// The attempts at `call.initiated` when these statuses answer it.
async fn attempts(bench: &Bench, answers: &[u16]) -> Vec<(String, Value)> {
    bench.answer(answers);
    bench.live(&json!({})).await;
    let initiated = bench.seen().into_iter().filter(|message| message.event() == "call.initiated");
    initiated.map(|message| (message.path.clone(), message.body["meta"]["attempt"].clone())).collect()
}

#[tokio::test]
async fn what_may_be_answered_later_is_sent_again() {
    for refusal in [408, 429, 500, 503] {
        let bench = busy(|_| {}).await;
        let tries = attempts(&bench, &[refusal, refusal]).await;
        assert_eq!(tries.len(), 3, "{refusal}");
        assert_eq!(tries.iter().map(|(_, attempt)| attempt.clone()).collect::<Vec<_>>(), [1, 2, 3]);
        let ids: BTreeSet<String> = bench.seen().iter().map(|message| message.body["data"]["id"].to_string()).collect();
        assert_eq!(ids.len(), 2, "a repetition has the event's own id");
        assert!(bench.seen().iter().all(|message| message.genuine), "each attempt is signed anew");
    }
}

#[tokio::test]
async fn what_is_refused_for_good_is_not_sent_again() {
    for refusal in [400, 401, 403, 404, 422] {
        let bench = busy(|_| {}).await;
        assert_eq!(attempts(&bench, &[refusal]).await.len(), 1, "{refusal}");
    }
}

#[tokio::test]
async fn the_second_address_is_tried_when_the_first_fails() {
    let bench = Bench::new().await;
    let failover = format!("{}/failover", bench.url);
    let path = format!("/call_control_applications/{}", bench.connection);
    let change = json!({
        "application_name": "changed",
        "webhook_event_url": format!("{}/app", bench.url),
        "webhook_event_failover_url": failover,
    });
    assert_eq!(bench.send(reqwest::Method::PATCH, &path, &change).await.0, 200);
    bench.network.set_person(PHONE, Person::busy());
    let tries = attempts(&bench, &[500, 500, 500]).await;
    let paths: Vec<&str> = tries.iter().map(|(path, _)| path.as_str()).collect();
    assert_eq!(paths, ["/app", "/app", "/app", "/failover"]);
    assert_eq!(tries[3].1, 4);
}

#[tokio::test]
async fn a_call_can_send_its_messages_elsewhere() {
    let bench = busy(|_| {}).await;
    let at = |path: &str| format!("{}{path}", bench.url);
    let said = json!({
        "webhook_url": at("/mine"),
        "webhook_urls": { "call.hangup": at("/end") },
        "webhook_retries_policies": { "call.hangup": { "retries_ms": [5, 5, 5, 5] } },
    });
    bench.answer(&[200, 500, 500, 500, 500]);
    bench.live(&said).await;
    let paths: Vec<String> = bench.seen().into_iter().map(|message| message.path).collect();
    assert_eq!(paths, ["/mine", "/end", "/end", "/end", "/end", "/end"]);
}

#[tokio::test]
async fn version_1_has_another_shape() {
    let bench = busy(|telnyx| telnyx.webhook_api_version = "1".to_owned()).await;
    bench.live(&json!({})).await;
    let message = &bench.seen()[1];
    assert!(message.genuine);
    assert_eq!((message.body.get("data"), message.body.get("meta")), (None, None));
    assert_eq!(message.body["event_type"], "call.hangup");
    assert_eq!(message.body["payload"]["occurred_at"], message.body["created_at"]);
    assert!(message.body["webhook_id"].is_string());
}

#[tokio::test]
async fn the_cost_is_told_to_those_who_asked() {
    let bench = Bench::with(quick(), |telnyx| telnyx.call_cost_in_webhooks = true).await;
    bench.network.set_person(PHONE, Person::talks(70.0));
    bench.live(&json!({})).await;
    let cost = bench.heard("call.cost").await;
    assert_eq!((&cost["billed_duration_secs"], &cost["total_cost"]), (&json!(120), &json!("0.0020")));
}

#[tokio::test]
async fn a_receiver_that_is_silent_for_two_seconds_is_asked_again() {
    // Real seconds, as the receiver is real; this one is patient with the test.
    let bench = Bench::with(Config { answer_timeout: Duration::from_millis(50), ..quick() }, |_| {}).await;
    bench.network.set_person(PHONE, Person::busy());
    let silent = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/", silent.local_addr().unwrap());
    let call = bench.live(&json!({ "webhook_url": url })).await;
    assert_eq!(call.sent.len(), 2);
    assert!(call.sent.iter().all(|sent| sent.attempts.len() == 3 && !sent.delivered()), "{:#?}", call.sent);
}

#[tokio::test]
async fn a_message_can_arrive_before_the_answer_to_the_dial() {
    let bench = busy(|_| {}).await;
    bench.network.inject(Rule::new(Fault::CallbackFirst));
    bench.call(&json!({})).await;
    assert_eq!(bench.events().first().map(String::as_str), Some("call.initiated"));
}
