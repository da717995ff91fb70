//! Whatever comes in, an answer goes out.

use adapter_telnyx::{Callback, ClientState};
use call_core::Fact;
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::kit::{CONNECTION, CONTROL, EVENT, id, post, post_bytes};
use crate::spec::{events, spec};

const FIELDS: [&str; 24] = [
    "call_control_id",
    "call_leg_id",
    "call_session_id",
    "connection_id",
    "client_state",
    "from",
    "to",
    "direction",
    "hangup_cause",
    "sip_hangup_cause",
    "status",
    "digit",
    "result",
    "recording_started_at",
    "recording_ended_at",
    "recording_urls",
    "failure_reason",
    "transcription_data",
    "transcript",
    "is_final",
    "total_cost",
    "cost_parts",
    "currency",
    "brand_new",
];

fn a_path() -> impl Strategy<Value = String> {
    let ours = Callback::Call(id()).path();
    prop_oneof![prop::sample::select(vec![ours, "/events".to_owned()]), ".{0,40}"]
}

fn a_kind() -> impl Strategy<Value = String> {
    let known: Vec<String> =
        events(&spec()).iter().map(|event| event["data"]["event_type"].as_str().unwrap().to_owned()).collect();
    prop_oneof![prop::sample::select(known), ".{0,30}"]
}

fn a_text() -> impl Strategy<Value = String> {
    let state = ClientState { speech: Some("a".to_owned()), ..ClientState::of(id()) }.encode();
    let words = [
        CONTROL,
        CONNECTION,
        &state,
        "incoming",
        "completed",
        "normal_clearing",
        "487",
        "18446744073709551616",
        "-1",
        "",
        "9999-12-31T23:59:59.999999Z",
        "-009999-01-01T00:00:00Z",
        "machine",
        "not_sure",
        "NaN",
        "0.0106",
    ];
    prop_oneof![prop::sample::select(words.map(str::to_owned).to_vec()), ".{0,30}"]
}

fn a_value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        4 => a_text().prop_map(Value::from),
        1 => any::<bool>().prop_map(Value::from),
        1 => any::<i64>().prop_map(Value::from),
        1 => Just(Value::Null),
    ];
    leaf.prop_recursive(3, 12, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::Array),
            prop::collection::vec((prop::sample::select(FIELDS.to_vec()), inner), 0..4)
                .prop_map(|fields| fields.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()),
        ]
    })
}

proptest! {
    #[test]
    fn any_signed_bytes_have_an_answer(path in a_path(), body in prop::collection::vec(any::<u8>(), 0..400)) {
        prop_assert!(post_bytes(&path, &body).is_err(), "noise is no event");
    }

    #[test]
    fn any_signed_json_has_an_answer(path in a_path(), body in a_value()) {
        let _ = post(&path, &body);
        let _ = post(&path, &json!({"data": body}));
        let _ = post(&path, &json!({"data": {"id": EVENT, "event_type": "call.hangup", "payload": body}}));
    }

    #[test]
    fn any_event_has_an_answer_and_ends_nothing_by_chance(
        path in a_path(),
        kind in a_kind(),
        fields in prop::collection::vec((prop::sample::select(FIELDS.to_vec()), a_value()), 0..12),
    ) {
        let mut payload = json!({"call_control_id": CONTROL});
        for (name, value) in fields {
            payload[name] = value;
        }
        let body = json!({"data": {"id": EVENT, "event_type": kind, "occurred_at": "2026-11-21T08:00:02Z", "payload": payload}});
        if let Ok(received) = post(&path, &body) {
            prop_assert!(Callback::parse(&path).is_some());
            for signal in &received.signals {
                prop_assert_eq!(signal.key.as_deref(), Some(EVENT));
                prop_assert!(!matches!(signal.fact, Fact::Ended(_)) || kind == "call.hangup");
                prop_assert!(signal.extra.len() <= 32);
            }
        }
    }

    #[test]
    fn any_client_state_is_ours_or_not(text in ".{0,80}") {
        if let Some(state) = ClientState::decode(&text) {
            prop_assert_eq!(ClientState::decode(&state.encode()), Some(state));
        }
    }

    #[test]
    fn any_path_is_read_or_not(path in ".{0,80}") {
        if let Some(callback) = Callback::parse(&path) {
            let (made, came) = (callback.path(), path.split(['?', '#']).next().unwrap());
            prop_assert_eq!(made.trim_start_matches('/'), came.trim_start_matches('/'));
        }
    }
}
