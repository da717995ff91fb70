//! Every fault shows up as described, and is counted.

use std::time::Duration;

use reqwest::Method;
use serde_json::json;
use simulator::{Config, Down, Fault, Faults, Function, Manner, Person, Provider, Purpose, Rule, Status};

use super::Bench;
use crate::backend::{PHONE, quick};

async fn with(rule: Rule) -> Bench {
    let bench = Bench::with(Config { hold: Duration::from_millis(150), ..quick() }).await;
    bench.network.set_person("*", Person::talks(3600.0));
    bench.network.inject(rule);
    bench
}

/// The same with an agent that begins by calling a function.
async fn with_function(rule: Rule) -> Bench {
    let bench = with(rule).await;
    bench.answer("/function", 200, "ready");
    bench.hire(|agent| agent.function(Function::new("initialize_call", bench.at("/function"))));
    bench
}

fn injected(bench: &Bench, fault: Fault) -> u64 {
    bench.network.faults().counts.get(&fault).copied().unwrap_or(0)
}

#[tokio::test]
async fn a_function_can_be_answered_before_the_call_has_started() {
    let bench = with_function(Rule::new(Fault::ToolFirst)).await;
    bench.delay("/function", Duration::from_millis(100));
    let call = bench.live().await;
    let paths: Vec<String> = bench.everything().into_iter().map(|seen| seen.path).collect();
    assert_eq!(paths, ["/function", "/events", "/events", "/events"]);
    assert_eq!(bench.events(), ["call_started", "call_ended", "call_analyzed"]);
    let started = call.sent_for(Purpose::Status).next().unwrap();
    assert!(started.attempts[0].at >= call.functions[0].returned_at.unwrap());
    assert_eq!(bench.seen("/function")[0].json["call"]["call_status"], "ongoing");
    assert_eq!((call.faults.as_slice(), injected(&bench, Fault::ToolFirst)), (&[Fault::ToolFirst][..], 1));
}

#[tokio::test]
async fn a_caller_who_leaves_before_the_function_returns_lets_call_started_go() {
    let bench = with_function(Rule::new(Fault::ToolFirst)).await;
    bench.network.set_person("*", Person::talks(10.0));
    bench.delay("/function", Duration::from_secs(2));
    bench.live().await;
    assert_eq!(bench.events(), ["call_started", "call_ended", "call_analyzed"]);
}

#[tokio::test]
async fn function_and_call_started_leave_in_the_same_millisecond() {
    // A loaded machine may still pull them apart: of ten tries most must be together.
    let bench = with_function(Rule::new(Fault::ToolTogether)).await;
    let mut together = 0;
    for _ in 0..10 {
        let call = bench.live().await;
        let sent = |purpose| call.sent_for(purpose).next().unwrap().attempts[0].at;
        let apart = sent(Purpose::Status).duration_until(sent(Purpose::Function)).abs();
        assert!(apart.as_millis() < 50, "{apart:?}");
        together += u32::from(apart.as_micros() < 1000);
    }
    assert!(together >= 7, "{together} of 10");
    assert_eq!(injected(&bench, Fault::ToolTogether), 10);
}

#[tokio::test]
async fn an_agent_without_a_first_function_cannot_be_struck() {
    let bench = with(Rule::new(Fault::ToolFirst)).await;
    bench.live().await;
    // Nor can one that hangs up on a machine before it calls anything.
    bench.hire(|agent| agent.function(Function::new("initialize_call", bench.at("/function"))));
    bench.network.set_person("*", Person::voicemail());
    bench.live().await;
    assert_eq!(injected(&bench, Fault::ToolFirst), 0);
}

#[tokio::test]
async fn call_ended_may_never_be_sent() {
    let bench = with(Rule::new(Fault::EndNeverSent)).await;
    let call = bench.live().await;
    assert_eq!(bench.events(), ["call_started", "call_analyzed"]);
    assert_eq!(bench.get(&format!("/v2/get-call/{}", call.sid)).await.1["disconnection_reason"], "agent_hangup");
}

#[tokio::test]
async fn events_are_lost_doubled_and_crossed() {
    let bench = with(Rule::new(Fault::CallbackLost).on("call_started")).await;
    bench.live().await;
    assert_eq!(bench.events(), ["call_ended", "call_analyzed"]);

    let bench = with(Rule::new(Fault::CallbackDoubled).on("call_ended")).await;
    bench.live().await;
    assert_eq!(bench.events(), ["call_started", "call_ended", "call_ended", "call_analyzed"]);

    // The successor has ten phone seconds to arrive: two real ones, enough on a loaded machine.
    let bench = Bench::with(Config { speed: 5.0, ..quick() }).await;
    bench.network.set_person("*", Person::busy());
    bench.network.inject(Rule::new(Fault::CallbackReordered).on("call_ended"));
    bench.live().await;
    assert_eq!(bench.events(), ["call_analyzed", "call_ended"]);
}

#[tokio::test]
async fn a_late_event_waits_until_healed() {
    let bench = Bench::with(Config { speed: 5.0, ..quick() }).await;
    bench.network.set_person("*", Person::busy());
    bench.network.inject(Rule::new(Fault::CallbackLate).on("call_ended"));
    let id = bench.call(PHONE).await;
    let late = |call: &simulator::CallRecord| call.sent.iter().any(|sent| sent.faults == [Fault::CallbackLate]);
    bench.until(&id, late).await;
    let healed = tokio::time::Instant::now();
    bench.network.heal();
    bench.settle().await;
    assert!(healed.elapsed() < Duration::from_secs(5));
    assert_eq!(bench.events(), ["call_ended", "call_analyzed"]);
}

#[tokio::test]
async fn forgeries_and_garbage_are_not_signed_with_our_key() {
    let bench = with(Rule::new(Fault::CallbackForged).on("call_started")).await;
    bench.network.inject(Rule::new(Fault::CallbackGarbage).on("call_ended"));
    let call = bench.live().await;
    let strange: Vec<_> = bench.seen("/events").into_iter().filter(|seen| !seen.genuine).collect();
    assert_eq!(strange.len(), 2);
    let forged = &strange[0];
    assert_eq!((forged.event(), &forged.json["call"]["call_id"]), ("call_ended", &json!(call.sid)));
    assert!(forged.headers.contains_key("x-retell-signature"));
    assert!(strange[1].json.is_null() && !strange[1].headers.contains_key("x-retell-signature"));
    assert_eq!(call.sent_for(Purpose::Forgery).count(), 2);
}

#[tokio::test]
async fn a_function_can_be_doubled_and_forged() {
    let bench = with_function(Rule::new(Fault::CallbackDoubled).on("function")).await;
    bench.network.inject(Rule::new(Fault::CallbackForged).on("function"));
    let call = bench.live().await;
    let seen = bench.seen("/function");
    assert_eq!(seen.iter().map(|seen| seen.genuine).collect::<Vec<_>>(), [false, true, true]);
    // The same invocation: its id stands at the end of the transcript.
    assert_eq!(seen[1].json, seen[2].json);
    assert_eq!((call.functions.len(), call.functions[0].result.as_deref()), (1, Some("ready")));
    assert_eq!(call.sent[call.functions[0].sent.unwrap()].attempts.len(), 2);
}

#[tokio::test]
async fn a_person_can_hang_up_at_once() {
    let bench = with(Rule::new(Fault::QuickHangup)).await;
    let call = bench.live().await;
    assert_eq!((call.cause.as_deref(), call.faults.as_slice()), (Some("user_hangup"), &[Fault::QuickHangup][..]));
    assert!(call.duration.unwrap() < 300, "{:?}", call.duration);
    assert_eq!(bench.events(), ["call_started", "call_ended", "call_analyzed"]);
}

#[tokio::test]
async fn a_dial_can_fail_while_it_rings() {
    let bench = with(Rule::new(Fault::HangupDuringDial)).await;
    let call = bench.live().await;
    assert_eq!((call.status, call.cause.as_deref()), (Status::Failed, Some("dial_failed")));
    assert_eq!(bench.told("call_ended")["call_status"], "not_connected");
}

/// Sends one creation under a fault and tells the HTTP status, if an answer came.
async fn create(bench: &Bench) -> Option<u16> {
    bench.send(Method::POST, "/v2/create-phone-call", Some(&Bench::order(PHONE))).await.map(|(status, _)| status)
}

#[tokio::test]
async fn what_fails_before_is_not_carried_out_and_what_fails_after_is() {
    for (fault, answers, calls) in [
        (Fault::RateLimited, &[Some(429)][..], 0),
        (Fault::ErrorBefore, &[Some(500), Some(503)], 0),
        (Fault::DroppedBefore, &[None], 0),
        (Fault::TimeoutBefore, &[None], 0),
        (Fault::ErrorAfter, &[Some(500), Some(503)], 1),
        (Fault::DroppedAfter, &[None], 1),
        (Fault::TimeoutAfter, &[None], 1),
    ] {
        let bench = with(Rule::new(fault).on("create").times(1)).await;
        let seen = create(&bench).await;
        assert!(answers.contains(&seen), "{fault:?}: {seen:?}");
        assert_eq!(bench.network.calls().len(), calls, "{fault:?}");
        let request = bench.network.requests().pop().unwrap();
        assert_eq!((request.provider, request.fault, request.answer), (Provider::Retell, Some(fault), seen));
        // The same request again, as a careful client would send it: it has no key, so it makes another call.
        assert_eq!(create(&bench).await, Some(201));
        bench.settle().await;
    }
}

#[tokio::test]
async fn a_key_makes_the_repetition_of_an_ambiguous_creation_safe() {
    let bench = with(Rule::new(Fault::TimeoutAfter).on("create").times(1)).await;
    let mut order = Bench::order(PHONE);
    order["idempotency_key"] = "once".into();
    assert!(bench.send(Method::POST, "/v2/create-phone-call", Some(&order)).await.is_none());
    let (status, call) = bench.post("/v2/create-phone-call", order).await;
    assert_eq!(status, 201);
    let calls = bench.network.calls();
    assert_eq!((calls.len(), &call["call_id"]), (1, &json!(calls[0].sid)));
    bench.settle().await;
}

#[tokio::test]
async fn a_webhook_may_arrive_before_the_rest_answer() {
    let bench = with(Rule::new(Fault::CallbackFirst)).await;
    bench.call(PHONE).await;
    assert_eq!(bench.events().first().map(String::as_str), Some("call_started"));
    assert_eq!(injected(&bench, Fault::CallbackFirst), 1);
}

#[tokio::test]
async fn a_stale_read_shows_the_call_before_its_end() {
    let bench = with(Rule::new(Fault::StaleRead).on("fetch").times(1)).await;
    let call = bench.live().await;
    let path = format!("/v2/get-call/{}", call.sid);
    let stale = bench.get(&path).await.1;
    assert_eq!((&stale["call_status"], stale.get("disconnection_reason")), (&json!("ongoing"), None));
    assert_eq!(bench.get(&path).await.1["call_status"], "ended");
}

#[tokio::test]
async fn an_outage_answers_503_and_holds_events_back() {
    let bench = Bench::with(Config { speed: 20.0, ..quick() }).await;
    bench.network.set_person("*", Person::busy());
    let id = bench.call(PHONE).await;
    bench.network.down(Down::unavailable(3600.0));
    assert_eq!(create(&bench).await, Some(503));
    bench.network.heal();
    bench.settle().await;
    assert_eq!(bench.network.call(&id).unwrap().cause.as_deref(), Some("dial_busy"));
    assert_eq!(bench.events(), ["call_ended", "call_analyzed"]);
}

#[tokio::test]
async fn on_its_worst_day_every_call_still_ends() {
    let config = Config { faults: Faults::demo(), hold: Duration::from_millis(50), ..quick() };
    let bench = Bench::with(config).await;
    bench.answer("/function", 200, "ready");
    bench.hire(|agent| agent.function(Function::new("initialize_call", bench.at("/function"))));
    for nth in 0..60 {
        let order = Bench::order(&format!("+49301234{nth:04}"));
        bench.send(Method::POST, "/v2/create-phone-call", Some(&order)).await;
    }
    bench.settle().await;
    let calls = bench.network.calls();
    assert!(calls.len() > 30);
    for call in &calls {
        assert!(call.status.is_terminal() && call.cause.is_some(), "{call:#?}");
        assert_eq!(call.rang_at.is_some(), !matches!(call.person.manner, Manner::Busy | Manner::Invalid));
        for invocation in &call.functions {
            assert!(invocation.returned_at.is_some() && invocation.result.is_some());
        }
    }
    assert!(bench.network.faults().counts.len() >= 8, "{:?}", bench.network.faults().counts);
}
