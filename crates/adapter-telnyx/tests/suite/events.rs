//! What the recordings do not show of events.

use adapter_telnyx::ClientState;
use call_core::Fact;
use provider_laws::id;
use serde_json::json;

use crate::kit::{CONTROL, SPEC, event, leg, post};

/// As the official file describes them, in its own examples.
#[test]
fn every_event_of_the_specification_is_read() {
    let all = SPEC.webhooks();
    assert_eq!(all.len(), 41);
    for body in all {
        let mut body = body;
        // The file's example of an application's number and of a foreign client state, on our own URL.
        let received = post(&format!("/{}/events", id()), &body).unwrap_or_else(|e| panic!("{e}: {body}"));
        let signal = &received.signals[0];
        assert_eq!(signal.key.as_deref(), body["data"]["id"].as_str());
        assert_eq!(received.address.call, Some(id()));
        assert!(received.question.is_none());

        body["data"]["payload"]["brand_new"] = json!({"a": [1, 2]});
        let received = post(&format!("/{}/events", id()), &body).unwrap();
        let kind = body["data"]["event_type"].as_str().unwrap();
        assert_eq!(received.signals[0].fact, signal.fact, "{kind}: an unknown field is harmless");
        assert_eq!(received.signals[0].extra.get("brand_new").map(String::as_str), Some(r#"{"a":[1,2]}"#), "{kind}");
    }
}

/// What we stop ourselves is told by the answer to that command, and words of nobody are nobody's.
#[test]
fn only_our_own_words_end() {
    let state = ClientState { speech: Some("greeting".to_owned()), ..ClientState::of(id()) }.encode();
    let fact = |more| event("call.speak.ended", &more).unwrap().signals[0].fact.clone();
    let nothing = Fact::Unknown("call.speak.ended".to_owned());
    assert_eq!(fact(json!({"client_state": state, "status": "cancelled"})), nothing);
    assert_eq!(fact(json!({"status": "completed"})), nothing);
}

#[test]
fn a_result_of_tomorrow_is_no_verdict() {
    for kind in ["call.machine.detection.ended", "call.machine.premium.detection.ended"] {
        let parrot = event(kind, &json!({"result": "parrot"})).unwrap();
        assert_eq!(parrot.signals[0].fact, Fact::Unknown(kind.to_owned()));
    }
}

#[test]
fn a_transferred_leg_names_its_parent() {
    let state = ClientState { parent: Some(CONTROL.to_owned()), ..ClientState::of(id()) }.encode();
    let child = json!({"call_control_id": crate::kit::OTHER, "client_state": state, "direction": "outgoing"});
    let received = event("call.initiated", &child).unwrap();
    assert_eq!(received.address.leg, leg(crate::kit::OTHER));
    assert_eq!(received.signals[0].parent, Some(leg(CONTROL)));
}

#[test]
fn of_what_is_not_known_so_much_is_kept() {
    let mut more = json!({"tags": [], "caller_id_name": "Ann", "mos": 4.5});
    for n in 0..100 {
        more[format!("z{n}")] = json!("x".repeat(2000));
    }
    let received = event("call.answered", &more).unwrap();
    let extra = &received.signals[0].extra;
    assert_eq!(extra.len(), 32);
    assert!(extra.values().all(|value| value.len() <= 500));
    assert_eq!(extra.get("caller_id_name").map(String::as_str), Some("Ann"));
    assert!(!extra.contains_key("from") && !extra.contains_key("tags"));
}
