//! How calls go, what is told of them, and how they end.

use std::time::Duration;

use reqwest::Method;
use serde_json::{Value, json};
use simulator::{Config, Person, Purpose, RetellConfig, Status};

use super::{AGENT, Bench};
use crate::backend::{PHONE, quick};

#[tokio::test]
async fn an_agent_says_what_it_has_to_say_and_hangs_up() {
    let bench = Bench::new().await;
    bench.hire(|agent| agent.saying(["Hello there.", "Hello.", "Goodbye."]));
    bench.network.set_person("*", Person::talks(3600.0));
    let call = bench.live().await;
    assert_eq!(bench.events(), ["call_started", "call_ended", "call_analyzed"]);
    assert_eq!((call.status, call.cause.as_deref()), (Status::Completed, Some("agent_hangup")));

    let started = bench.told("call_started");
    assert_eq!((&started["call_id"], &started["call_status"]), (&json!(call.sid), &json!("ongoing")));
    assert_eq!(started["metadata"], json!({ "call_id": "ours" }));
    assert!(started.get("transcript").is_none() && started.get("end_timestamp").is_none());

    let ended = bench.told("call_ended");
    assert_eq!((&ended["call_status"], &ended["disconnection_reason"]), (&json!("ended"), &json!("agent_hangup")));
    assert_eq!(ended["transcript"], "Agent: Hello there.\nUser: Hello.\nAgent: Goodbye.\n");
    assert_eq!(ended["duration_ms"], json!(call.duration.unwrap() * 1000));
    assert_eq!(ended["latency"]["e2e"]["num"], 2);
    assert!(ended["call_cost"]["combined_cost"].as_f64().unwrap() > 0.0);
    assert!(ended.get("call_analysis").is_none());

    let analyzed = bench.told("call_analyzed");
    assert_eq!(analyzed["call_analysis"]["call_successful"], true);
    assert_eq!(analyzed["transcript_object"].as_array().unwrap().len(), 3);
    assert_eq!(bench.get(&format!("/v2/get-call/{}", call.sid)).await.1, analyzed);
}

#[tokio::test]
async fn every_person_has_an_ending_of_their_own() {
    for (person, cause, status) in [
        (Person::talks(2.0), "user_hangup", "ended"),
        (Person::hangs_up(), "user_hangup", "ended"),
        (Person::voicemail(), "voicemail_reached", "ended"),
        (Person::no_answer(), "dial_no_answer", "not_connected"),
        (Person::busy(), "dial_busy", "not_connected"),
        (Person::rejects(), "user_declined", "not_connected"),
        (Person::invalid(), "invalid_destination", "not_connected"),
    ] {
        let bench = Bench::new().await;
        bench.network.set_person("*", person);
        let call = bench.live().await;
        let ended = bench.told("call_ended");
        assert_eq!(call.cause.as_deref(), Some(cause));
        assert_eq!((&ended["disconnection_reason"], &ended["call_status"]), (&json!(cause), &json!(status)), "{cause}");
        let connected = status == "ended";
        let events: &[&str] = &["call_started", "call_ended", "call_analyzed"];
        // Never told of calls that did not connect.
        assert_eq!(bench.events(), if connected { events } else { &events[1..] }, "{cause}");
        assert_eq!(ended.get("transcript").is_some(), connected);
        let analysis = bench.told("call_analyzed")["call_analysis"].clone();
        assert_eq!(analysis["in_voicemail"], cause == "voicemail_reached");
        assert_eq!(analysis["call_successful"], false);
    }
}

#[tokio::test]
async fn a_call_lasts_no_longer_than_the_agent_may() {
    let bench = Bench::new().await;
    bench.network.set_person("*", Person::talks(3600.0));
    bench.hire(|mut agent| {
        agent.longest = 30.0;
        agent.staying()
    });
    let call = bench.live().await;
    assert_eq!(call.cause.as_deref(), Some("max_duration_reached"));
    assert!((30..=300).contains(&call.duration.unwrap()), "{:?}", call.duration);
}

#[tokio::test]
async fn only_an_ongoing_call_can_be_stopped() {
    let bench = Bench::slow().await;
    bench.hire(|agent| agent.staying());
    let id = bench.call(PHONE).await;
    let stop = format!("/v2/stop-call/{id}");
    assert_eq!(bench.send(Method::POST, &stop, None).await.unwrap().0, 422);
    bench.until(&id, |call| call.status == Status::InProgress).await;
    assert_eq!(bench.send(Method::POST, &stop, None).await.unwrap(), (204, Value::Null));
    let call = bench.network.call(&id).unwrap();
    assert_eq!((call.status, call.cause.as_deref()), (Status::Completed, Some("manual_stopped")));
    assert_eq!(bench.send(Method::POST, &stop, None).await.unwrap().0, 422);
    bench.settle().await;
    let found: Vec<Status> = bench.network.call(&id).unwrap().hangups.iter().map(|request| request.found).collect();
    assert_eq!(found[1..], [Status::InProgress, Status::Completed]);
    assert_eq!(bench.send(Method::POST, "/v2/stop-call/call_unknown", None).await.unwrap().0, 422);
}

#[tokio::test]
async fn an_agent_without_an_address_tells_the_account() {
    let bench = Bench::new().await;
    bench.network.set_person("*", Person::busy());
    bench.hire(|mut agent| {
        agent.webhook_url = None;
        agent
    });
    bench.live().await;
    assert!(bench.everything().is_empty());
    bench.network.set_retell_webhook(Some(bench.at("/account/{{call_id}}")));
    let call = bench.live().await;
    let told = bench.seen(&format!("/account/{}", call.sid));
    assert_eq!(told.iter().map(|seen| seen.event()).collect::<Vec<_>>(), ["call_ended", "call_analyzed"]);
    // An agent's own address silences the account's.
    bench.hire(|agent| agent);
    let call = bench.live().await;
    assert!(bench.seen(&format!("/account/{}", call.sid)).is_empty());
    assert_eq!(bench.events(), ["call_ended", "call_analyzed"]);
}

#[tokio::test]
async fn a_subscribed_transcript_comes_with_every_line() {
    let bench = Bench::new().await;
    bench.network.set_person("*", Person::talks(3600.0).saying("I say this."));
    bench.hire(|mut agent| {
        agent.webhook_events = vec!["transcript_updated".into()];
        agent.saying(["One.", "Two.", "Three."])
    });
    bench.live().await;
    assert_eq!(bench.events(), ["transcript_updated"; 4]);
    let last = bench.seen("/events").pop().unwrap();
    assert_eq!(last.json["call"]["transcript"], "Agent: One.\nUser: I say this.\nAgent: Three.\n");
}

#[tokio::test]
async fn a_webhook_is_tried_four_times() {
    let bench = Bench::new().await;
    bench.network.set_person("*", Person::busy());
    for status in [500, 404, 302, 200] {
        bench.answer("/events", status, "");
    }
    let call = bench.live().await;
    let answers: Vec<_> = call.sent_for(Purpose::Status).map(|sent| sent.attempts.len()).collect();
    assert_eq!(answers, [4, 1]);
    let tries = bench.seen("/events");
    assert!(tries.iter().all(|seen| seen.genuine));
    assert_eq!(tries[0].json, tries[3].json);

    let bench = Bench::new().await;
    bench.network.set_person("*", Person::busy());
    bench.answer("/events", 500, "");
    let call = bench.live().await;
    assert!(call.sent_for(Purpose::Status).all(|sent| sent.attempts.len() == 4 && !sent.delivered()));
}

#[tokio::test]
async fn a_slow_webhook_is_given_up() {
    let bench = Bench::new().await;
    bench.network.set_person("*", Person::busy());
    bench.hire(|mut agent| {
        agent.webhook_timeout = Duration::from_millis(100);
        agent.webhook_events = vec!["call_ended".into()];
        agent
    });
    bench.delay("/events", Duration::from_secs(5));
    let call = bench.live().await;
    let sent = call.sent_for(Purpose::Status).next().unwrap();
    assert_eq!(sent.attempts.len(), 4);
    assert!(sent.attempts.iter().all(|attempt| attempt.answer.is_none() && attempt.took_ms < 4000));
}

#[tokio::test]
async fn an_agent_can_be_hired_over_the_control_api() {
    let bench = Bench::new().await;
    bench.network.set_person("*", Person::talks(3600.0));
    bench.answer("/function", 200, "ready");
    let agent = json!({
        "agent_id": AGENT,
        "webhook_url": bench.at("/hired"),
        "lines": ["Hello.", "Hi.", "Goodbye."],
        "functions": [{ "name": "initialize_call", "url": bench.at("/function"), "arguments": { "a": 1 } }],
    });
    let url = format!("{}/control/agents", bench.network.control_url());
    assert_eq!(bench.http.post(url).json(&agent).send().await.unwrap().status(), 204);
    let call = bench.live().await;
    assert_eq!(bench.seen("/function")[0].json["args"], json!({ "a": 1 }));
    let told: Vec<String> = bench.seen("/hired").iter().map(|seen| seen.event().to_owned()).collect();
    assert_eq!(told, ["call_started", "call_ended", "call_analyzed"]);
    assert_eq!(call.cause.as_deref(), Some("agent_hangup"));
}

#[tokio::test]
async fn a_webhook_may_show_a_stale_status() {
    let retell = RetellConfig { stale_status: 1.0, ..RetellConfig::default() };
    let bench = Bench::just(Config { retell, ..quick() }).await;
    bench.network.set_person("*", Person::talks(2.0));
    bench.live().await;
    let ended = bench.told("call_ended");
    assert_eq!((&ended["call_status"], &ended["disconnection_reason"]), (&json!("registered"), &json!("user_hangup")));
    assert_eq!(ended["agent_id"], AGENT);
}
