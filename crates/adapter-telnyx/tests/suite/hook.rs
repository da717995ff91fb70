//! Whose message it is, and whether it is believed.

use adapter_telnyx::{Callback, ClientState};
use call_core::port::{Hook as _, HookError, Question};
use call_core::{CallId, Fact, Progress};
use provider_laws::{born, id};
use serde_json::json;

use crate::kit::{CONTROL, event, hook, leg, payload, post, post_bytes, receive, wrapped};

const APPLICATION: &str = "/events";

fn unnamed(more: &serde_json::Value) -> serde_json::Value {
    let mut all = payload(more);
    all["client_state"] = json!(null);
    all
}

#[test]
fn a_call_to_our_number_begins_its_record() {
    let rings = wrapped("call.initiated", &unnamed(&json!({"direction": "incoming", "state": "parked"})));
    let received = post(APPLICATION, &rings).unwrap();
    assert!(received.address.begins && received.address.call.is_none());
    let inbound = received.inbound.unwrap();
    assert_eq!((inbound.from.as_str(), inbound.to.as_str()), ("+15550000001", "+15550000002"));
    assert_eq!(received.signals[0].fact, Fact::Progress(Progress::Ringing));
    assert!(received.signals[0].extra.contains_key("call_session_id"), "for the provider's support");

    // Any other message may come first, and some do not tell the numbers.
    let mut first = unnamed(&json!({"status": "completed"}));
    first.as_object_mut().unwrap().remove("from");
    let received = post(APPLICATION, &wrapped("call.speak.ended", &first)).unwrap();
    assert!(received.address.begins && received.inbound.is_none());
}

#[test]
fn a_leg_that_somebody_else_dials_is_no_call_of_ours() {
    let dials = wrapped("call.initiated", &unnamed(&json!({"direction": "outgoing"})));
    let received = post(APPLICATION, &dials).unwrap();
    assert!(!received.address.begins && received.address.call.is_none() && received.inbound.is_none());
}

#[test]
fn either_of_our_names_is_enough() {
    let by_state = post(APPLICATION, &wrapped("call.answered", &payload(&json!({})))).unwrap();
    let path = Callback::Call(id()).path();
    let by_path = post(&path, &wrapped("call.answered", &unnamed(&json!({})))).unwrap();
    let foreign = post(&path, &wrapped("call.answered", &payload(&json!({"client_state": "Zm9yZWlnbg=="})))).unwrap();
    for received in [by_state, by_path, foreign] {
        assert_eq!(received.address.call, Some(id()));
        assert!(!received.address.begins);
    }
}

/// The path is not signed.
#[test]
fn a_message_that_is_sent_on_to_another_call_is_refused() {
    let other = CallId::new(born(), [8; 10]);
    let moved = post(&Callback::Call(other).path(), &wrapped("call.hangup", &payload(&json!({}))));
    assert_eq!(moved, Err(HookError::Malformed("client_state names another call than the path".to_owned())));
}

#[test]
fn another_applications_message_is_refused_by_name() {
    let other = wrapped("call.initiated", &unnamed(&json!({"connection_id": "77", "direction": "incoming"})));
    assert_eq!(
        post(APPLICATION, &other),
        Err(HookError::Malformed("connection_id is another application's".to_owned()))
    );
    let ours = event("call.answered", &json!({"connection_id": "77"})).unwrap();
    assert_eq!(ours.address.call, Some(id()), "what carries our name is ours");
}

#[test]
fn version_1_is_refused_by_name() {
    let old = json!({
        "record_type": "event", "event_type": "call_initiated", "created_at": "2026-11-21T08:00:02Z",
        "webhook_id": "6f0c7a52", "payload": {"occurred_at": "2026-11-21T08:00:02Z", "call_control_id": CONTROL},
    });
    let Err(HookError::Malformed(why)) = post(APPLICATION, &old) else { panic!() };
    assert!(why.contains("webhook_api_version to 2"), "{why}");
}

#[test]
fn what_is_missing_is_named() {
    let whole = || wrapped("call.answered", &payload(&json!({})));
    for (pointer, problem) in
        [("id", "id is missing"), ("event_type", "event_type is missing"), ("payload", "payload is missing")]
    {
        let mut body = whole();
        body["data"].as_object_mut().unwrap().remove(pointer);
        assert_eq!(post(APPLICATION, &body), Err(HookError::Malformed(problem.to_owned())));
    }
    let nobody = wrapped("call.answered", &json!({"client_state": ClientState::of(id()).encode()}));
    assert_eq!(post(APPLICATION, &nobody), Err(HookError::Malformed("call_control_id is missing".to_owned())));
    for bad in ["..", "v3:with space", "größe"] {
        let refused = event("call.answered", &json!({"call_control_id": bad}));
        assert!(matches!(refused, Err(HookError::Malformed(why)) if why.contains("call_control_id")), "{bad}");
    }
    for body in [&b"{"[..], b"", b"[]", b"null", b"\"\xff\""] {
        assert!(matches!(post_bytes(APPLICATION, body), Err(HookError::Malformed(_))));
    }
}

#[test]
fn an_unknown_path_an_oversized_body_and_a_get_have_their_own_answers() {
    let body = wrapped("call.answered", &payload(&json!({})));
    assert_eq!(post("/nowhere", &body), Err(HookError::UnknownPath));
    let huge = event("call.answered", &json!({"big": "x".repeat(300_000)}));
    assert_eq!(huge.unwrap_err().status(), 400);
    assert!(matches!(receive("GET", APPLICATION, "1", "", b"", born()), Err(HookError::Malformed(_))));
}

#[test]
fn the_answer_is_always_the_same() {
    let reply = hook().acknowledge();
    assert_eq!((reply.status, reply.body.as_str()), (200, ""));
    assert_eq!(hook().reply(&Question::WhatNow, None), reply);
    let received = post(APPLICATION, &wrapped("call.initiated", &unnamed(&json!({"direction": "incoming"})))).unwrap();
    assert_eq!((received.question, received.address.leg), (None, leg(CONTROL)));
}
