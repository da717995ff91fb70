//! Every fault that Telnyx can suffer shows up as described, and is counted.

use std::time::Duration;

use reqwest::Method;
use serde_json::json;
use simulator::{Config, Down, Fault, Faults, Person, Provider, Purpose, Rule, Status};

use super::bench::{Bench, path};
use crate::backend::quick;

async fn with(rule: Rule) -> Bench {
    let bench = Bench::with(Config { hold: Duration::from_millis(150), ..quick() }, |_| {}).await;
    bench.network.set_person("*", Person::talks(20.0));
    bench.network.inject(rule);
    bench
}

fn injected(bench: &Bench, fault: Fault) -> u64 {
    bench.network.faults().counts.get(&fault).copied().unwrap_or(0)
}

#[tokio::test]
async fn messages_can_be_lost_doubled_and_crossed() {
    let bench = with(Rule::new(Fault::CallbackLost).on("call.answered")).await;
    bench.live(&json!({})).await;
    assert_eq!(bench.events(), ["call.initiated", "call.hangup"]);

    let bench = with(Rule::new(Fault::CallbackDoubled).on("call.answered")).await;
    bench.live(&json!({})).await;
    assert_eq!(bench.events(), ["call.initiated", "call.answered", "call.answered", "call.hangup"]);
    let ids: Vec<_> = bench.seen().iter().map(|message| message.body["data"]["id"].clone()).collect();
    assert_eq!(ids[1], ids[2]);

    // The successor has ten phone seconds to arrive: two real ones, enough on a loaded machine.
    let bench = Bench::with(Config { speed: 5.0, ..quick() }, |_| {}).await;
    bench.network.set_person("*", Person::busy());
    bench.network.inject(Rule::new(Fault::CallbackReordered).on("call.initiated"));
    bench.live(&json!({})).await;
    assert_eq!(bench.events(), ["call.hangup", "call.initiated"]);
    let at: Vec<_> = bench.seen().iter().map(|message| message.body["data"]["occurred_at"].to_string()).collect();
    assert!(at[0] > at[1], "they say when it happened, not when they came");
}

#[tokio::test]
async fn the_end_may_never_be_sent() {
    let bench = with(Rule::new(Fault::EndNeverSent)).await;
    let call = bench.live(&json!({})).await;
    assert_eq!(bench.events(), ["call.initiated", "call.answered"]);
    assert_eq!((call.status, injected(&bench, Fault::EndNeverSent)), (Status::Completed, 1));
    assert_eq!(call.sent.last().unwrap().faults, [Fault::EndNeverSent]);
    let (_, answer) = bench.get(&path(&call.sid)).await;
    assert_eq!(answer["data"]["is_alive"], false, "who asks is told");
}

#[tokio::test]
async fn forgeries_and_garbage_do_not_verify() {
    let bench = with(Rule::new(Fault::CallbackForged).on("call.answered")).await;
    let call = bench.live(&json!({})).await;
    let forged: Vec<_> = bench.seen().into_iter().filter(|message| !message.genuine).collect();
    assert_eq!(forged.len(), 1);
    assert_eq!((forged[0].event(), &forged[0].payload()["call_control_id"]), ("call.hangup", &json!(call.sid)));
    assert!(forged[0].headers.contains_key("telnyx-signature-ed25519"));
    assert_eq!(call.sent_for(Purpose::Forgery).count(), 1);

    let bench = with(Rule::new(Fault::CallbackGarbage).on("call.answered")).await;
    bench.live(&json!({})).await;
    let garbage: Vec<_> = bench.seen().into_iter().filter(|message| message.body.is_null()).collect();
    assert_eq!((garbage.len(), garbage[0].genuine), (1, false));
}

#[tokio::test]
async fn a_person_may_hang_up_within_two_seconds() {
    let bench = with(Rule::new(Fault::QuickHangup)).await;
    bench.network.set_person("*", Person::talks(3600.0));
    let call = bench.live(&json!({})).await;
    assert_eq!((call.status, call.faults.as_slice()), (Status::Completed, &[Fault::QuickHangup][..]));
    let talked = call.answered_at.unwrap().duration_until(call.ended_at.unwrap());
    assert!(talked.as_secs_f64() >= 0.5 / 200.0, "{talked:?}");
    assert!(call.duration.unwrap() < 600);
}

#[tokio::test]
async fn a_stream_may_be_started_after_the_hang_up() {
    let bench = with(Rule::new(Fault::HangupBeforeCommand).on("streaming_start")).await;
    bench.network.set_person("*", Person::talks(3600.0));
    let id = bench.talk(&json!({})).await;
    bench.command(&id, "speak", &json!({ "payload": "hello", "voice": "male" })).await;
    let answer = bench.act(&id, "streaming_start", &json!({ "stream_url": "wss://a.example" })).await;
    assert_eq!((answer.0, &answer.1["errors"][0]["code"]), (422, &json!("90018")));
    bench.settle().await;
    let call = bench.network.call(&id).unwrap();
    assert_eq!((call.status, call.faults.as_slice()), (Status::Completed, &[Fault::HangupBeforeCommand][..]));
    assert_eq!(bench.heard("call.hangup").await["hangup_source"], "callee");
    assert!(bench.told("streaming.started").is_empty());
}

#[tokio::test]
async fn the_state_may_come_late() {
    let bench = with(Rule::new(Fault::ClientStateLate)).await;
    bench.network.set_person("*", Person::talks(3600.0));
    let id = bench.talk(&json!({ "client_state": "b25l" })).await;
    bench.command(&id, "speak", &json!({ "payload": "hello", "voice": "male", "client_state": "dHdv" })).await;
    bench.heard("call.speak.ended").await;
    let states: Vec<_> = bench.seen().iter().map(|message| message.payload()["client_state"].clone()).collect();
    assert_eq!(states, [json!(null), json!("b25l"), json!("b25l"), json!("dHdv")]);
    assert_eq!(injected(&bench, Fault::ClientStateLate), 2);
    assert_eq!(bench.network.call(&id).unwrap().sent[0].faults, [Fault::ClientStateLate]);
    bench.command(&id, "hangup", &json!({})).await;
}

#[tokio::test]
async fn a_stream_may_fail() {
    let bench = with(Rule::new(Fault::StreamFails)).await;
    bench.live(&json!({ "stream_url": "wss://a.example/media" })).await;
    assert_eq!(bench.events(), ["call.initiated", "call.answered", "streaming.failed", "call.hangup"]);
    assert_eq!(injected(&bench, Fault::StreamFails), 1);
}

#[tokio::test]
async fn what_fails_before_is_not_carried_out_and_what_fails_after_is() {
    for (fault, answers, placed) in [
        (Fault::RateLimited, &[429][..], 0),
        (Fault::ErrorBefore, &[500, 503], 0),
        (Fault::DroppedBefore, &[], 0),
        (Fault::TimeoutBefore, &[], 0),
        (Fault::ErrorAfter, &[500, 503], 1),
        (Fault::DroppedAfter, &[], 1),
        (Fault::TimeoutAfter, &[], 1),
    ] {
        let bench = with(Rule::new(fault).on("create").times(1)).await;
        let request = bench.rest(Method::POST, "/calls").json(&bench.body(&json!({})));
        let answer = request.timeout(Duration::from_secs(10)).send().await.ok();
        match &answer {
            Some(answer) => assert!(answers.contains(&answer.status().as_u16()), "{fault:?} {answer:?}"),
            None => assert!(answers.is_empty(), "{fault:?}"),
        }
        if let Some(answer) = answer.filter(|answer| answer.status() == 429) {
            assert_eq!(answer.headers()["x-ratelimit-reset"], "1");
            assert_eq!(answer.json::<serde_json::Value>().await.unwrap()["errors"][0]["code"], "10011");
        }
        bench.settle().await;
        assert_eq!((bench.network.calls().len(), injected(&bench, fault)), (placed, 1), "{fault:?}");
        let request = bench.network.requests().remove(0);
        assert_eq!((request.provider, request.fault), (Provider::Telnyx, Some(fault)));
    }
}

#[tokio::test]
async fn a_read_may_be_one_step_behind() {
    let bench = with(Rule::new(Fault::StaleRead).on("fetch").times(1)).await;
    let call = bench.live(&json!({})).await;
    assert_eq!(bench.get(&path(&call.sid)).await.1["data"]["is_alive"], true);
    assert_eq!(bench.get(&path(&call.sid)).await.1["data"]["is_alive"], false);
}

#[tokio::test]
async fn an_outage_is_the_whole_networks() {
    let bench = Bench::new().await;
    bench.network.set_person("*", Person::busy());
    bench.network.down(Down::unavailable(3600.0));
    let (status, body) = bench.dial(&json!({})).await;
    assert_eq!((status, &body["errors"][0]["code"]), (503, &json!("10007")));
    bench.network.heal();
    bench.live(&json!({})).await;
}

#[tokio::test]
async fn the_demo_faults_all_strike_and_every_call_still_ends() {
    let config = Config { faults: Faults::demo(), hold: Duration::from_millis(50), ..quick() };
    let bench = Bench::with(config, |_| {}).await;
    for number in 0..400 {
        let body = bench.body(&json!({ "to": format!("+49301{number:06}"), "stream_url": "wss://a.example/media" }));
        // Whatever is answered: the record of truth knows what became of it.
        let _ = bench.rest(Method::POST, "/calls").json(&body).send().await;
        if number % 4 == 0 {
            let _ = bench.rest(Method::GET, &format!("/connections/{}/active_calls", bench.connection)).send().await;
            let calls = bench.network.calls();
            for call in calls.iter().filter(|call| call.status == Status::InProgress) {
                let words = json!({ "payload": "hello", "voice": "male" });
                let _ =
                    bench.rest(Method::POST, &format!("{}/actions/speak", path(&call.sid))).json(&words).send().await;
            }
        }
    }
    bench.settle().await;
    assert!(bench.network.calls().iter().all(|call| call.status.is_terminal()));
    let counts = bench.network.faults().counts;
    let possible = Fault::ALL.iter().filter(|fault| fault.can_strike(Provider::Telnyx));
    let never: Vec<_> = possible.filter(|fault| !counts.contains_key(fault)).collect();
    assert!(never.is_empty(), "never struck: {never:?}");
}
