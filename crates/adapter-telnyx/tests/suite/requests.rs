//! What requests say, beyond that the specification allows it.

use std::time::Duration;

use adapter_telnyx::{ClientState, MachineDetection};
use call_core::port::{Answer, Provider as _};
use call_core::{Call, Command, Effect, EffectId, Gather, Key, Leg, Plan, Script, Signal};
use provider_laws::{Far, Said, Seen, effect_id, id, tell};
use serde_json::{Value, json};

use crate::kit::{CONNECTION, CONTROL, OTHER, SPEC, client, config, converse, leg, perform, plan, stage, taken};

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

async fn sent(call: &Call, effect: &Effect) -> Value {
    let far = Far::answering(|_| Said::ok(&json!({"data": {"call_control_id": CONTROL}}))).await;
    let answer = perform(&far.url(), call, effect).await;
    assert!(matches!(answer, Answer::Done(_)), "{effect:?}: {answer:?}");
    far.seen()[0].json()
}

#[tokio::test]
async fn a_dial_asks_for_everything_that_the_call_will_need() {
    let call = stage().dialing(rich());
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
    ] {
        assert_eq!(body[name], value, "{name}");
    }
    assert!(body.get("transcription").is_none(), "a stream brings the words itself");
    let mut config = config();
    config.machine_detection = MachineDetection::Premium;
    let connection = adapter_telnyx::act::Connection::new(&config);
    let adapter_telnyx::act::Act::Dial(request) = connection.act(&call, &effect_id(&call), &Effect::Dial) else {
        panic!();
    };
    assert_eq!(request.body.unwrap()["answering_machine_detection"], "premium");
}

#[tokio::test]
async fn whoever_converses_hears_what_is_said() {
    assert_eq!(sent(&stage().dialing(converse()), &Effect::Dial).await["transcription"], true);
    assert_eq!(sent(&stage().inbound(converse()), &Effect::Answer).await["transcription"], true);
}

#[tokio::test]
async fn a_plain_dial_asks_for_nothing_more() {
    let body = sent(&stage().dialing(converse()), &Effect::Dial).await;
    for name in ["record", "answering_machine_detection", "timeout_secs", "retry_on_timeout", "stream_url"] {
        assert!(body.get(name).is_none(), "{name}");
    }
}

/// Whoever repeats an effect repeats its name; another effect has another one.
#[tokio::test]
async fn a_command_has_one_name() {
    let far = Far::answering(|_| taken()).await;
    let client = client(&format!("{}/v2", far.url()));
    let call = stage().live(converse());
    let hangup = Effect::Hangup { leg: leg(CONTROL) };
    for (version, index) in [(3, 0), (3, 0), (3, 1), (4, 0)] {
        client.perform(&call, &EffectId { call: call.id(), version, index }, &hangup).await;
    }
    let names: Vec<String> =
        far.seen().iter().map(|seen| seen.json()["command_id"].as_str().unwrap().to_owned()).collect();
    assert_eq!(names[0], names[1]);
    assert!(names[0] != names[2] && names[0] != names[3] && names[2] != names[3]);
    assert!(names.iter().all(|name| name.len() == 36 && name.parse::<call_core::CallId>().is_ok()), "{names:?}");
}

#[tokio::test]
async fn words_carry_the_name_of_their_operation() {
    let body = sent(&stage().talking(converse(), &["a"]), &speak("a")).await;
    assert_eq!(body["payload"], "One & <two>");
    assert!(body.get("stop").is_none());
    let state = ClientState::decode(body["client_state"].as_str().unwrap()).unwrap();
    assert_eq!(state, ClientState { speech: Some("a".to_owned()), ..ClientState::of(id()) });

    let body = sent(&stage().talking(converse(), &["a", "b"]), &speak("b")).await;
    assert_eq!(body["stop"], "all", "words that are being said are replaced");
}

#[tokio::test]
async fn a_sound_is_played_in_place_of_words_and_ends_as_they_do() {
    let play = |url: &str| Effect::Play { operation: "b".to_owned(), url: url.to_owned() };
    let call = stage().talking(converse(), &["a", "b"]);
    let body = sent(&call, &play("https://example.com/hold.mp3?by=a.wav")).await;
    assert_eq!((&body["stop"], &body["audio_type"]), (&json!("all"), &json!("mp3")));
    let state = ClientState::decode(body["client_state"].as_str().unwrap()).unwrap();
    assert_eq!(state.speech.as_deref(), Some("b"));
    assert_eq!(sent(&call, &play("https://example.com/Hold.WAV")).await["audio_type"], "wav");
}

#[tokio::test]
async fn keys_are_gathered_while_words_are_said_and_neither_forgets_the_other() {
    let pause = Duration::from_secs(3);
    let prompt = String::new();
    let wish =
        Gather { operation: "pin".to_owned(), prompt, most: 4.try_into().unwrap(), until: Some(Key::HASH), pause };
    let mut call = stage().talking(converse(), &["a"]);
    tell(&mut call, Command::Gather(wish.clone()));
    let gathering = sent(&call, &Effect::Gather(wish.clone())).await;
    for (name, value) in [
        ("maximum_digits", json!(4)),
        ("terminating_digit", json!("#")),
        ("inter_digit_timeout_millis", json!(3000)),
        ("timeout_millis", json!(15_000)),
    ] {
        assert_eq!(gathering[name], value, "{name}");
    }
    let asked = sent(&call, &Effect::Gather(Gather { prompt: "Your PIN?".to_owned(), ..wish.clone() })).await;
    assert_eq!((&asked["payload"], &asked["maximum_tries"]), (&json!("Your PIN?"), &json!(1)));
    for body in [gathering, asked, sent(&call, &speak("a")).await, sent(&call, &Effect::StartRecording).await] {
        let state = ClientState::decode(body["client_state"].as_str().unwrap()).unwrap();
        assert_eq!((state.speech.as_deref(), state.gather.as_deref()), (Some("a"), Some("pin")));
    }
}

#[tokio::test]
async fn two_calls_are_bridged_and_one_is_not_bridged_to_itself() {
    let call = stage().live(converse());
    let body = sent(&call, &Effect::Bridge { leg: leg(OTHER) }).await;
    assert_eq!(body["call_control_id"], OTHER);
    let far = Far::answering(|_| taken()).await;
    for other in [leg(CONTROL), leg(".."), Leg::new(call_core::ProviderName::new("twilio"), OTHER)] {
        let answer = perform(&far.url(), &call, &Effect::Bridge { leg: other }).await;
        assert!(matches!(answer, Answer::Refused { .. }), "{answer:?}");
    }
    assert!(far.seen().is_empty());
}

#[tokio::test]
async fn a_transfer_comes_from_our_number_and_names_its_parent() {
    let to = Effect::Transfer { to: "+15550000004".to_owned() };
    let body = sent(&stage().live(converse()), &to).await;
    assert_eq!(body["from"], "+15550000001");
    let state = ClientState::decode(body["target_leg_client_state"].as_str().unwrap()).unwrap();
    assert_eq!(state, ClientState { parent: Some(CONTROL.to_owned()), ..ClientState::of(id()) });
    let body = sent(&stage().inbound(converse()), &to).await;
    assert_eq!(body["from"], "+15550000002", "the number that was rung is ours");
}

#[tokio::test]
async fn an_application_is_set_to_version_2_and_keeps_its_name() {
    let far = Far::answering(|_| Said::ok(&json!({"data": {"application_name": "router"}}))).await;
    client(&format!("{}/v2", far.url())).set_webhooks().await.unwrap();
    let seen = far.seen();
    assert_eq!(seen[1].method, "PATCH");
    assert_eq!(
        seen[1].json(),
        json!({
            "application_name": "router", "webhook_api_version": "2",
            "webhook_event_url": "https://calls.example.com/hooks/telnyx/events",
        })
    );
}

/// The dial carries none: it is opened when the call is answered.
#[tokio::test]
async fn a_stream_is_raw_two_way_audio() {
    let call = stage().live(plan(Script::Stream));
    let body = sent(&call, &Effect::OpenStream).await;
    for (name, value) in [
        ("stream_url", json!("wss://calls.example.com/media/telnyx")),
        ("stream_bidirectional_mode", json!("rtp")),
        ("stream_bidirectional_codec", json!("PCMU")),
    ] {
        assert_eq!(body[name], value, "{name}");
    }
}

#[tokio::test]
async fn what_cannot_be_done_is_refused_before_it_is_sent() {
    let far = Far::answering(|_| taken()).await;
    let long = Effect::Speak { operation: "a".to_owned(), text: "x".repeat(3001) };
    for (call, effect) in [(stage().live(converse()), long), (stage().dialing(converse()), Effect::OpenStream)] {
        let answer = perform(&far.url(), &call, &effect).await;
        assert!(matches!(answer, Answer::Refused { .. }), "{effect:?}: {answer:?}");
    }
    let mut ending = stage().talking(converse(), &["a"]);
    tell(&mut ending, Command::hangup());
    let Answer::Done(signals) = perform(&far.url(), &ending, &Effect::Hush).await else { panic!() };
    assert_eq!(signals.len(), 1, "an ending call is hushed by its hang-up");
    assert_eq!(perform(&far.url(), &ending, &Effect::CloseStream).await, Answer::Done(Vec::<Signal>::new()));
    assert!(client(&far.url()).call(&leg("")).await.is_err());
    assert!(far.seen().is_empty());
}

#[test]
fn a_greeting_that_is_too_long_is_not_admitted() {
    let long = plan(Script::Converse { greeting: "x".repeat(3001) });
    assert!(client("http://127.0.0.1:9").admit(&long).unwrap_err().0.contains("3000 characters"));
}

/// The check of the laws must be able to fail.
#[test]
fn the_specification_refuses_what_telnyx_would() {
    let post = |path: &str, body: &Value| Seen::new("POST", path, "", "application/json", body.to_string());
    let get = |path: &str, query: &str| Seen::new("GET", path, query, "text/plain", "");
    SPEC.check(&post("/v2/calls", &json!({"to": "+1", "from": "+2", "connection_id": "3"}))).unwrap();
    SPEC.check(&get("/v2/connections/1/active_calls", "page[limit]=250")).unwrap();
    for bad in [
        post("/v2/calls", &json!({"to": "+1", "from": "+2"})),
        post("/v2/calls", &json!({"to": "+1", "from": "+2", "connection_id": "3", "surprise": 1})),
        post("/v2/calls", &json!({"to": "+1", "from": "+2", "connection_id": "3", "time_limit_secs": 5})),
        post("/v2/calls", &json!({"to": "+1", "from": "+2", "connection_id": "3", "stream_track": "all"})),
        post("/calls", &json!({"to": "+1", "from": "+2", "connection_id": "3"})),
        post("/v2/calls/v3/actions/speak", &json!({"payload": "words without a voice"})),
        post("/v2/calls/v3/actions/dance", &json!({})),
        Seen::new("POST", "/v2/calls", "", "text/plain", "{}"),
        get("/v2/connections/1/active_calls", "page[limit]=251"),
        get("/v2/connections/1/active_calls", "filter[from]=1"),
    ] {
        assert!(SPEC.check(&bad).is_err(), "{bad:?}");
    }
}
