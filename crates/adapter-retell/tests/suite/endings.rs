//! Every reason for an end that Retell's specification knows, as a disposition (retell.md §3).

use std::collections::BTreeSet;

use call_core::{AnsweredBy, Disposition, Fact};
use serde_json::{Value, json};

use crate::kit::{event, foreign, object, spec};

const TABLE: [(Disposition, &[&str]); 5] = [
    (
        Disposition::Completed,
        &[
            "user_hangup",
            "agent_hangup",
            "user_requested_dnc",
            "user_requested_callback",
            "call_transfer",
            "transfer_bridged",
            "transfer_cancelled",
            "call_take_over",
            "inactivity",
            "max_duration_reached",
            "no_concurrency_fallback",
        ],
    ),
    (Disposition::NoAnswer, &["voicemail_reached", "ivr_reached", "dial_no_answer", "user_declined"]),
    (Disposition::Busy, &["dial_busy"]),
    (Disposition::Canceled, &["manual_stopped"]),
    (
        Disposition::Failed,
        &[
            "dial_failed",
            "invalid_destination",
            "telephony_provider_permission_denied",
            "telephony_provider_unavailable",
            "sip_routing_error",
            "marked_as_spam",
            "network_blocked",
            "concurrency_limit_reached",
            "no_valid_payment",
            "credit_exhausted",
            "budget_reached",
            "scam_detected",
            "error_llm_websocket_open",
            "error_llm_websocket_lost_connection",
            "error_llm_websocket_runtime",
            "error_llm_websocket_corrupt_payload",
            "error_no_audio_received",
            "error_asr",
            "error_retell",
            "error_unknown",
            "error_user_not_joined",
            "registered_call_timeout",
        ],
    ),
];

fn facts(call: &Value) -> Vec<Fact> {
    event("call_ended", call).unwrap().signals.into_iter().map(|signal| signal.fact).collect()
}

fn ended(facts: &[Fact]) -> (Disposition, Option<&str>) {
    let Some(Fact::Ended(hungup)) = facts.last() else { panic!("{facts:?}") };
    (hungup.disposition, hungup.cause.as_deref())
}

/// In the status that the documentation's own sample of the event shows, which is wrong.
#[test]
fn every_reason_has_its_disposition_whatever_the_status() {
    let known = spec().value()["components"]["schemas"]["DisconnectionReason"]["enum"].as_array().unwrap();
    let mut untold: BTreeSet<&str> = known.iter().filter_map(Value::as_str).collect();
    assert_eq!(untold.len(), 39);
    for (disposition, reasons) in TABLE {
        for reason in reasons {
            assert!(untold.remove(reason), "{reason} is in no specification, or told twice");
            for status in ["registered", "ended", "error"] {
                let call = object(&json!({"disconnection_reason": reason, "call_status": status}));
                assert_eq!(ended(&facts(&call)), (disposition, Some(*reason)), "{reason} while {status}");
            }
        }
    }
    assert!(untold.is_empty(), "{untold:?}");
}

#[test]
fn a_machine_is_no_success_though_retell_says_that_the_call_has_ended() {
    for reason in ["voicemail_reached", "ivr_reached"] {
        let facts =
            facts(&object(&json!({"disconnection_reason": reason, "call_status": "ended", "duration_ms": 9000})));
        assert!(facts.contains(&Fact::Answered) && facts.contains(&Fact::Detected(AnsweredBy::Machine)), "{facts:?}");
        assert_eq!(ended(&facts).0, Disposition::NoAnswer);
    }
}

/// `call_started` is never sent for those (retell.md §0).
#[test]
fn a_call_that_never_connected_was_not_answered() {
    for reason in ["dial_busy", "dial_no_answer", "user_declined", "invalid_destination", "no_concurrency_fallback"] {
        let facts = facts(&object(&json!({"disconnection_reason": reason, "call_status": "not_connected"})));
        assert!(matches!(facts[..], [Fact::Ended(_)]), "{reason}: {facts:?}");
    }
}

#[test]
fn an_end_after_words_proves_the_answer_that_nobody_told() {
    let call = object(&json!({"disconnection_reason": "error_asr", "call_status": "error", "duration_ms": 31_000}));
    let received = event("call_ended", &call).unwrap();
    let answered = received.signals.iter().find(|signal| signal.fact == Fact::Answered).unwrap();
    assert_eq!(answered.at.unwrap().to_string(), "2026-11-21T08:00:04.000Z");
}

/// Its plan has no name of ours to carry: whichever message comes first makes the record.
#[test]
fn the_end_may_be_the_first_that_is_heard_of_a_call() {
    let received = event("call_ended", &foreign(&json!({"disconnection_reason": "user_hangup"}))).unwrap();
    assert!(received.address.begins && received.address.call.is_none());
    let inbound = received.inbound.unwrap();
    assert_eq!((inbound.from.as_str(), inbound.to.as_str()), ("+15550000001", "+15550000002"));
    assert_eq!(inbound.conduct, call_core::Conduct::Agent);
}
