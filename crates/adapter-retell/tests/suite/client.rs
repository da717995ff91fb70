//! What is asked of Retell, and what its answers prove; what every provider must keep is in `laws`.

use std::collections::BTreeMap;
use std::time::Duration;

use adapter_retell::error::{ApiError, Class};
use call_core::port::{Answer, Provider as _};
use call_core::{Effect, Fact, HangupAnswer, Plan, Script};
use provider_laws::{Far, Said, effect_id, id};
use serde_json::json;

use crate::kit::{AGENT, CALL, client, leg, object, perform, plan, refusal, stage};

fn taken() -> Said {
    Said::new(201, object(&json!({"call_status": "registered"})).to_string())
}

async fn dialled(plan: Plan) -> serde_json::Value {
    let far = Far::answering(|_| taken()).await;
    let answer = perform(&far.url(), &stage().dialing(plan), &Effect::Dial).await;
    assert!(matches!(answer, Answer::Done(_)), "{answer:?}");
    far.seen()[0].json()
}

#[tokio::test]
async fn a_dial_says_everything_that_the_agent_will_need() {
    let mut plan = plan();
    plan.context = BTreeMap::from([("first_name".to_owned(), "Ann".to_owned())]);
    plan.ring_for = Some(Duration::from_secs(2));
    let body = dialled(plan.clone()).await;
    let call = stage().dialing(plan.clone());
    assert_eq!(
        body,
        json!({
            "from_number": "+15550000001", "to_number": "+15550000002", "override_agent_id": AGENT,
            "metadata": {"call_id": id().to_string()}, "retell_llm_dynamic_variables": {"first_name": "Ann"},
            "idempotency_key": effect_id(&call).to_string(), "agent_override": {"agent": {"ring_duration_ms": 5000}},
        })
    );
    plan.script = Script::Agent { id: Some("agent_of_the_plan".to_owned()) };
    assert_eq!(dialled(plan).await["override_agent_id"], "agent_of_the_plan");
}

#[tokio::test]
async fn without_an_agent_the_numbers_own_one_talks() {
    let far = Far::answering(|_| taken()).await;
    let config = adapter_retell::RetellConfig { base_url: far.url(), agent_id: None, ..crate::kit::config() };
    let call = stage().dialing(stage().plan(Script::default()));
    let retell = adapter_retell::Retell::new(&config).unwrap();
    retell.perform(&call, &effect_id(&call), &Effect::Dial).await;
    assert!(far.seen()[0].json().get("override_agent_id").is_none());
}

#[test]
fn what_is_not_admitted_says_what_to_do() {
    let why = |plan: Plan| client("http://127.0.0.1:9").admit(&plan).unwrap_err().to_string();
    assert!(why(stage().plan(Script::Converse { greeting: "Hi".to_owned() })).contains("begin message"));
    assert!(why(Plan { to: "sip:desk@example.com".to_owned(), ..plan() }).contains("E.164"));
    assert!(why(Plan { from: "client:ann".to_owned(), ..plan() }).contains("E.164"));
    assert!(client("http://127.0.0.1:9").admit(&stage().plan(Script::default())).is_ok());
}

/// Retell says 422 to all of these.
#[tokio::test]
async fn a_hang_up_that_is_refused_has_succeeded_only_if_the_call_is_over() {
    let hangup = Effect::Hangup { leg: leg(CALL) };
    let call = stage().live(plan());
    let stopping = |state: Said| async move {
        let far = Far::answering(move |seen| if seen.method == "POST" { refusal(422) } else { state.clone() }).await;
        (perform(&far.url(), &stage().live(plan()), &Effect::Hangup { leg: leg(CALL) }).await, far.seen().len())
    };
    for status in ["ended", "error", "not_connected"] {
        let (answer, requests) = stopping(Said::ok(&object(&json!({"call_status": status})))).await;
        let Answer::Done(signals) = &answer else { panic!("{status}: {answer:?}") };
        assert_eq!((&signals[0].fact, requests), (&Fact::HangupAnswer(HangupAnswer::AlreadyEnded), 2));
    }
    for status in ["registered", "ongoing"] {
        let (answer, _) = stopping(Said::ok(&object(&json!({"call_status": status})))).await;
        assert!(matches!(answer, Answer::Later { after: Some(_), .. }), "a phone is not left ringing: {answer:?}");
    }
    assert!(matches!(stopping(refusal(500)).await.0, Answer::Unknown { .. }));
    assert!(matches!(stopping(refusal(401)).await.0, Answer::Refused { .. }));

    let far = Far::answering(|_| Said::new(204, "")).await;
    let answer = perform(&far.url(), &call, &hangup).await;
    assert!(matches!(&answer, Answer::Done(signals) if signals[0].fact == Fact::HangupAnswer(HangupAnswer::Accepted)));
    assert_eq!(
        (far.seen()[0].path.as_str(), far.seen().len()),
        ("/v2/stop-call/call%5F5f0e1d2c3b4a59687786a5b4c3d2", 1)
    );
}

#[test]
fn an_error_is_read_whatever_its_shape() {
    let read = |body: &[u8]| ApiError::read(402, None, body).to_string();
    assert_eq!(read(br#"{"status":"error","message":"Trial has ended."}"#), "retell answered 402: Trial has ended.");
    for body in [&b"<html>Bad gateway</html>"[..], b"", b"[]", b"{\"message\": 3}"] {
        assert_eq!(read(body), "retell answered 402: no explanation");
    }
    assert_eq!(
        ApiError::read(409, None, b"").class(),
        Class::Unknown,
        "a key's conflict would mean that its call exists"
    );
}
