//! People who ring a Retell number.

use std::time::Duration;

use serde_json::json;
use simulator::{
    Agent, CallRecord, Config, Fault, Inbound, Number, Person, Provider, Purpose, RetellConfig, Rule, Status,
};

use super::{AGENT, Bench};
use crate::backend::{OURS, PHONE, quick};

/// A call to our number, whose webhook answers this.
async fn rung(status: u16, answer: &str, change: impl FnOnce(&Bench)) -> (Bench, CallRecord) {
    let bench = Bench::new().await;
    bench.answer("/inbound", status, answer);
    let number = Number::at(Provider::Retell, OURS).connection(AGENT).inbound_webhook(bench.at("/inbound"));
    bench.network.set_number(number);
    change(&bench);
    let caller = Inbound::new(PHONE, OURS).by(Person::talks(8.0));
    let id = bench.network.inbound(caller).unwrap();
    bench.settle().await;
    let call = bench.network.call(&id).unwrap();
    (bench, call)
}

#[tokio::test]
async fn an_inbound_call_is_the_agents_after_the_webhook() {
    let answer = json!({ "call_inbound": {
        "dynamic_variables": { "name": "Ada" }, "metadata": { "call_id": "ours" },
    } });
    let (bench, call) = rung(200, &answer.to_string(), |_| {}).await;
    let asked = bench.seen("/inbound").remove(0);
    assert!(asked.genuine && asked.json["event_timestamp"].is_i64());
    let expected = json!({
        "from_number": PHONE, "to_number": OURS, "agent_id": AGENT, "agent_version": 0, "call_id": call.sid,
    });
    assert_eq!(asked.json["call_inbound"], expected);

    let started = bench.told("call_started");
    assert_eq!((&started["direction"], &started["from_number"]), (&json!("inbound"), &json!(PHONE)));
    assert_eq!((&started["metadata"]["call_id"], &started["call_id"]), (&json!("ours"), &json!(call.sid)));
    assert_eq!(started["retell_llm_dynamic_variables"]["name"], "Ada");
    assert_eq!(bench.events(), ["call_started", "call_ended", "call_analyzed"]);
    assert_eq!(call.statuses(), [Status::Ringing, Status::InProgress, Status::Completed]);
    assert_eq!(bench.get(&format!("/v2/get-call/{}", call.sid)).await.0, 200);
}

#[tokio::test]
async fn the_documentation_knows_no_call_id_yet() {
    let retell = RetellConfig { inbound_call_id: false, ..RetellConfig::default() };
    let bench = Bench::with(Config { retell, ..quick() }).await;
    bench.network.set_number(Number::at(Provider::Retell, OURS).inbound_webhook(bench.at("/inbound")));
    bench.network.inbound(Inbound::new(PHONE, OURS).by(Person::talks(1.0))).unwrap();
    bench.settle().await;
    assert!(bench.seen("/inbound")[0].json["call_inbound"].get("call_id").is_none());
}

#[tokio::test]
async fn a_rejected_caller_leaves_no_call() {
    let (bench, call) = rung(200, r#"{"call_inbound":{"reject":true}}"#, |_| {}).await;
    assert_eq!((call.status, call.answered_at), (Status::NoAnswer, None));
    assert!(bench.events().is_empty());
    assert_eq!(bench.get(&format!("/v2/get-call/{}", call.sid)).await.0, 422);
    assert_eq!(bench.post("/v3/list-calls", json!({})).await.1["items"], json!([]));
    // Only a boolean rejects.
    let (_, call) = rung(200, r#"{"call_inbound":{"reject":"true"}}"#, |_| {}).await;
    assert!(call.answered_at.is_some());
}

#[tokio::test]
async fn the_webhook_can_send_another_agent() {
    let answer = r#"{"call_inbound":{"override_agent_id":"agent_other"}}"#;
    let (bench, _) = rung(200, answer, |bench| {
        bench.network.set_agent(Agent::new("agent_other").webhook(bench.at("/other")));
    })
    .await;
    assert!(bench.events().is_empty());
    assert_eq!(bench.seen("/other")[0].json["call"]["agent_id"], "agent_other");
}

#[tokio::test]
async fn a_webhook_that_fails_leaves_the_caller_to_the_numbers_agent() {
    let (bench, call) = rung(500, "", |_| {}).await;
    assert_eq!(bench.seen("/inbound").len(), 4);
    assert!(call.answered_at.is_some());
    let (bench, call) = rung(200, "this is no JSON", |_| {}).await;
    assert!(call.answered_at.is_some());
    assert_eq!(bench.told("call_started")["agent_id"], AGENT);
}

#[tokio::test]
async fn without_any_agent_the_caller_is_disconnected() {
    let (bench, call) = rung(500, "", |bench| {
        let number = Number::at(Provider::Retell, OURS).connection("agent_gone");
        bench.network.set_number(number.inbound_webhook(bench.at("/inbound")));
    })
    .await;
    assert_eq!((call.status, call.answered_at), (Status::Failed, None));
    assert!(bench.events().is_empty());
}

#[tokio::test]
async fn the_caller_hears_it_ring_while_the_webhook_thinks() {
    let (_, call) = rung(204, "", |bench| bench.delay("/inbound", Duration::from_millis(300))).await;
    let waited = call.created_at.duration_until(call.answered_at.unwrap());
    assert!(waited.as_millis() >= 300, "{waited:?}");
}

#[tokio::test]
async fn the_webhook_can_be_lost_doubled_and_forged() {
    let (bench, call) = rung(204, "", |bench| {
        bench.network.inject(Rule::new(Fault::CallbackLost).on("call_inbound"));
    })
    .await;
    assert!(bench.seen("/inbound").is_empty() && call.answered_at.is_some());
    let (bench, call) = rung(204, "", |bench| {
        bench.network.inject(Rule::new(Fault::CallbackDoubled).on("call_inbound"));
        bench.network.inject(Rule::new(Fault::CallbackForged).on("call_inbound"));
    })
    .await;
    let genuine: Vec<bool> = bench.seen("/inbound").iter().map(|seen| seen.genuine).collect();
    assert_eq!(genuine, [false, true, true]);
    assert_eq!(call.sent_for(Purpose::Forgery).count(), 1);
}
