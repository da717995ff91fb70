//! Every request that the client sends, taken off the wire and checked against Telnyx's own OpenAPI file; answered in
//! that file's own examples.

use std::time::Duration;

use adapter_telnyx::{ClientState, MachineDetection};
use call_core::port::{Answer, Provider as _};
use call_core::{Call, Command, Effect, EffectId, Plan, Script, Signal};
use serde_json::{Value, json};

use crate::kit::{
    CONNECTION, CONTROL, Far, KEY, Seen, config, converse, dialing, effect_id, id, inbound, leg, live, perform, plan,
    ringing, taken, tell,
};
use crate::spec::{answer, spec, validate};

async fn far() -> Far {
    let spec = spec();
    Far::answering(move |seen| {
        let mut body = answer(&spec, seen);
        // The file's example of a cursor leads on for ever.
        body.as_object_mut().unwrap().remove("meta");
        (200, Vec::new(), body.to_string())
    })
    .await
}

fn rich() -> Plan {
    let mut plan = plan(Script::Stream);
    plan.ring_for = Some(Duration::from_millis(24_500));
    plan.record = true;
    plan.detect_machine = true;
    plan
}

fn speak(operation: &str) -> Effect {
    Effect::Speak { operation: operation.to_owned(), text: "One & <two>".to_owned() }
}

fn talking(operations: &[&str]) -> Call {
    let mut call = live(converse());
    for operation in operations {
        tell(&mut call, Command::Speak { operation: (*operation).to_owned(), text: "One & <two>".to_owned() });
    }
    call
}

async fn sent(call: &Call, effect: &Effect) -> Value {
    let far = far().await;
    let answer = perform(&far.client(), call, effect).await;
    assert!(matches!(answer, Answer::Done(_)), "{effect:?}: {answer:?}");
    far.seen()[0].json()
}

#[tokio::test]
async fn every_request_keeps_to_the_specification() {
    let far = far().await;
    let client = far.client();
    let acts: Vec<(Call, Effect)> = vec![
        (dialing(converse()), Effect::Dial),
        (dialing(rich()), Effect::Dial),
        (dialing(converse()), Effect::Reconcile),
        (ringing(converse()), Effect::Reconcile),
        (live(converse()), Effect::Reconcile),
        (live(converse()), Effect::Hangup { leg: leg(CONTROL) }),
        (talking(&["a"]), speak("a")),
        (talking(&["a", "b"]), speak("b")),
        (talking(&["a"]), Effect::Hush),
        (live(converse()), Effect::OpenStream),
        (live(converse()), Effect::CloseStream),
        (live(rich()), Effect::Transfer { to: "+15550000004".to_owned() }),
        (inbound(converse()), Effect::Transfer { to: "sip:desk@example.com".to_owned() }),
    ];
    let mut sent = 0;
    for (call, effect) in &acts {
        let answer = perform(&client, call, effect).await;
        assert!(matches!(answer, Answer::Done(_)), "{effect:?}: {answer:?}");
        assert!(far.seen().len() > sent, "{effect:?} sends something");
        sent = far.seen().len();
    }
    client.call(&leg(CONTROL)).await.unwrap();
    client.answer(&inbound(converse())).await.unwrap();
    client.answer(&inbound(rich())).await.unwrap();
    client.set_webhooks().await.unwrap();

    let spec = spec();
    for seen in far.seen() {
        validate(&spec, &seen);
        assert_eq!(seen.headers["accept"], "application/json");
        assert_eq!(seen.headers["authorization"], format!("Bearer {KEY}"));
    }
    let commands = far.seen().into_iter().filter(|seen| seen.path.contains("/actions/"));
    for seen in commands {
        assert!(seen.path.starts_with("/v2/calls/v3%3Aq7Tz0mVh2kE1rYc9sLxWnB4dGfUaJpK5oCi6DvZyHt8/"), "{}", seen.path);
    }
}

/// The check itself must be able to fail.
#[test]
fn the_check_refuses_what_telnyx_would() {
    let seen = |path: &str, query: &str, body: &Value| Seen {
        method: if body.is_null() { axum::http::Method::GET } else { axum::http::Method::POST },
        path: path.to_owned(),
        query: query.to_owned(),
        headers: [("content-type".parse().unwrap(), "application/json".parse().unwrap())].into_iter().collect(),
        body: if body.is_null() { Vec::new() } else { body.to_string().into_bytes() },
    };
    let dial = json!({"to": "+1", "from": "+2", "connection_id": "3"});
    validate(&spec(), &seen("/v2/calls", "", &dial));
    validate(&spec(), &seen("/v2/connections/1/active_calls", "page[limit]=250", &Value::Null));
    let bad = [
        seen("/v2/calls", "", &json!({"to": "+1", "from": "+2"})),
        seen("/v2/calls", "", &json!({"to": "+1", "from": "+2", "connection_id": "3", "surprise": 1})),
        seen("/v2/calls", "", &json!({"to": "+1", "from": "+2", "connection_id": "3", "time_limit_secs": 5})),
        seen("/v2/calls", "", &json!({"to": "+1", "from": "+2", "connection_id": "3", "stream_track": "all"})),
        seen("/v2/calls/v3/actions/speak", "", &json!({"payload": "words without a voice"})),
        seen("/v2/calls/v3/actions/dance", "", &json!({})),
        seen("/v2/connections/1/active_calls", "page[limit]=251", &Value::Null),
        seen("/v2/connections/1/active_calls", "filter[from]=1", &Value::Null),
    ];
    for request in bad {
        assert!(std::panic::catch_unwind(|| validate(&spec(), &request)).is_err(), "{request:?}");
    }
}

#[tokio::test]
async fn a_dial_asks_for_everything_that_the_call_will_need() {
    let call = dialing(rich());
    let body = sent(&call, &Effect::Dial).await;
    for (name, value) in [
        ("to", json!("+15550000002")),
        ("from", json!("+15550000001")),
        ("connection_id", json!(CONNECTION)),
        ("client_state", json!(ClientState::of(id()).encode())),
        ("webhook_url", json!(format!("https://calls.example.com/hooks/telnyx/{}/events", id()))),
        ("webhook_url_method", json!("POST")),
        ("timeout_secs", json!(25)),
        ("retry_on_timeout", json!(false)),
        ("time_limit_secs", json!(3600)),
        ("record", json!("record-from-answer")),
        ("answering_machine_detection", json!("detect")),
        ("stream_url", json!("wss://calls.example.com/media/telnyx")),
        ("stream_bidirectional_mode", json!("rtp")),
        ("stream_bidirectional_codec", json!("PCMU")),
    ] {
        assert_eq!(body[name], value, "{name}");
    }
    let mut config = config();
    config.machine_detection = MachineDetection::Premium;
    let connection = adapter_telnyx::act::Connection::new(&config);
    let adapter_telnyx::act::Act::Dial(request) = connection.act(&call, &effect_id(&call), &Effect::Dial) else {
        panic!();
    };
    assert_eq!(request.body.unwrap()["answering_machine_detection"], "premium");
}

#[tokio::test]
async fn a_plain_dial_asks_for_nothing_more() {
    let body = sent(&dialing(converse()), &Effect::Dial).await;
    for name in ["record", "answering_machine_detection", "timeout_secs", "retry_on_timeout", "stream_url"] {
        assert!(body.get(name).is_none(), "{name}");
    }
}

/// Whoever repeats an effect repeats its name; another effect has another one.
#[tokio::test]
async fn a_command_has_one_name() {
    let far = Far::answering(|_| taken()).await;
    let client = far.client();
    let call = live(converse());
    let hangup = Effect::Hangup { leg: leg(CONTROL) };
    for (version, index) in [(3, 0), (3, 0), (3, 1), (4, 0)] {
        client.perform(&call, &EffectId { call: call.id(), version, index }, &hangup).await;
    }
    let names: Vec<String> =
        far.seen().iter().map(|seen| seen.json()["command_id"].as_str().unwrap().to_owned()).collect();
    assert_eq!(names[0], names[1]);
    assert!(names[0] != names[2] && names[0] != names[3] && names[2] != names[3]);
    assert!(names.iter().all(|name| name.len() == 36 && name.parse::<call_core::CallId>().is_ok()), "{names:?}");
    let inbound = inbound(converse());
    client.answer(&inbound).await.unwrap();
    client.answer(&inbound).await.unwrap();
    let [.., first, second] = &far.seen()[..] else { panic!() };
    assert_eq!(first.json(), second.json());
}

#[tokio::test]
async fn words_carry_the_name_of_their_operation() {
    let body = sent(&talking(&["a"]), &speak("a")).await;
    assert_eq!(body["payload"], "One & <two>");
    assert!(body.get("stop").is_none());
    let state = ClientState::decode(body["client_state"].as_str().unwrap()).unwrap();
    assert_eq!(state, ClientState { speech: Some("a".to_owned()), ..ClientState::of(id()) });

    let body = sent(&talking(&["a", "b"]), &speak("b")).await;
    assert_eq!(body["stop"], "all", "words that are being said are replaced");
}

#[tokio::test]
async fn a_transfer_comes_from_our_number_and_names_its_parent() {
    let to = Effect::Transfer { to: "+15550000004".to_owned() };
    let body = sent(&live(converse()), &to).await;
    assert_eq!(body["from"], "+15550000001");
    let state = ClientState::decode(body["target_leg_client_state"].as_str().unwrap()).unwrap();
    assert_eq!(state, ClientState { parent: Some(CONTROL.to_owned()), ..ClientState::of(id()) });
    let body = sent(&inbound(converse()), &to).await;
    assert_eq!(body["from"], "+15550000002", "the number that was rung is ours");
}

#[tokio::test]
async fn an_application_is_set_to_version_2_and_keeps_its_name() {
    let far = Far::answering(|_| crate::kit::ok(&json!({"data": {"application_name": "router"}}))).await;
    far.client().set_webhooks().await.unwrap();
    let seen = far.seen();
    assert_eq!(seen[1].method, axum::http::Method::PATCH);
    assert_eq!(
        seen[1].json(),
        json!({
            "application_name": "router", "webhook_api_version": "2",
            "webhook_event_url": "https://calls.example.com/hooks/telnyx/events",
        })
    );
}

#[tokio::test]
async fn what_cannot_be_done_is_refused_before_it_is_sent() {
    let far = Far::answering(|_| taken()).await;
    let client = far.client();
    let long = Effect::Speak { operation: "a".to_owned(), text: "x".repeat(3001) };
    let elsewhere = Effect::Hangup { leg: leg("..") };
    let greeting = plan(Script::Converse { greeting: "Hello!".to_owned() });
    let connect = plan(Script::Connect { to: "+15550000003".to_owned(), caller_id: None });
    for (call, effect) in [
        (live(converse()), long),
        (live(converse()), elsewhere),
        (live(converse()), Effect::Transfer { to: "client:ann".to_owned() }),
        (dialing(converse()), Effect::OpenStream),
        (dialing(plan(Script::Say { text: "Hello!".to_owned() })), Effect::Dial),
        (dialing(greeting), Effect::Dial),
        (dialing(connect), Effect::Dial),
    ] {
        let answer = perform(&client, &call, &effect).await;
        assert!(matches!(answer, Answer::Refused { .. }), "{effect:?}: {answer:?}");
    }
    let mut ending = talking(&["a"]);
    tell(&mut ending, Command::hangup());
    let Answer::Done(signals) = perform(&client, &ending, &Effect::Hush).await else { panic!() };
    assert_eq!(signals.len(), 1, "an ending call is hushed by its hang-up");
    assert_eq!(perform(&client, &ending, &Effect::CloseStream).await, Answer::Done(Vec::<Signal>::new()));
    assert!(client.call(&leg("")).await.is_err());
    assert!(client.answer(&dialing(converse())).await.is_err());
    assert!(far.seen().is_empty());
}
