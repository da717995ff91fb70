//! Whom a message is about and what it asks; what a message says is in the recordings.

use std::time::Duration;

use adapter_twilio::sign::{Signed, sign};
use call_core::port::{Hook as _, HookError, Question};
use call_core::{Disposition, Fact, Progress, Signal};
use provider_laws::{PUBLIC, id};
use secrecy::SecretString;

use crate::kit::{ACCOUNT, CALL, CHILD, TOKEN, hook, leg, message, post, receive};

fn path(kind: &str) -> String {
    format!("/{}/{kind}", id())
}

fn facts(signals: &[Signal]) -> Vec<Fact> {
    signals.iter().map(|signal| signal.fact.clone()).collect()
}

#[test]
fn a_call_to_our_number_begins_its_record() {
    let params = [("CallStatus", "ringing"), ("Direction", "inbound"), ("CallToken", "secret"), ("CallerName", "Ann")];
    let received = message("/voice", &params).unwrap();
    assert!(received.address.begins && received.address.call.is_none());
    let inbound = received.inbound.clone().unwrap();
    assert_eq!((inbound.from.as_str(), inbound.to.as_str()), ("+15550000001", "+15550000002"));
    assert_eq!(facts(&received.signals), [Fact::Progress(Progress::Ringing), Fact::Answered]);
    assert_eq!(received.question, Some(Question::WhatNow));
    assert_eq!(received.signals[0].extra.get("CallerName").map(String::as_str), Some("Ann"));
    assert!(!format!("{received:?}").contains("secret"));
}

#[test]
fn the_numbers_own_status_callback_may_begin_a_record_too() {
    let params = [("CallStatus", "completed"), ("Direction", "inbound"), ("CallDuration", "9"), ("Duration", "1")];
    let received = message("/status", &params).unwrap();
    assert!(received.address.begins && received.inbound.is_some() && received.question.is_none());
    assert!(matches!(&received.signals[0].fact, Fact::Ended(h) if h.duration == Some(Duration::from_secs(9))));

    let child = message("/status", &[("CallStatus", "ringing"), ("CallSid", CHILD), ("ParentCallSid", CALL)]).unwrap();
    assert!(!child.address.begins && child.inbound.is_none(), "a dialled leg is not a call of its own");
}

#[test]
fn how_a_dialled_leg_ended_is_told_on_that_leg() {
    let received = message(
        &path("action"),
        &[("CallStatus", "in-progress"), ("DialCallStatus", "busy"), ("DialCallSid", CHILD), ("DialBridged", "false")],
    )
    .unwrap();
    assert_eq!(received.address.leg, leg(CALL));
    let signal = &received.signals[0];
    assert_eq!((signal.leg.clone(), signal.parent.clone()), (Some(leg(CHILD)), Some(leg(CALL))));
    assert!(matches!(&signal.fact, Fact::Ended(h) if h.disposition == Disposition::Busy));
    assert_eq!(signal.key, Some(format!("{CHILD}:dial:busy")));
    assert_eq!(received.question, Some(Question::WhatNext { action: "dial".to_owned() }));
}

#[test]
fn keys_and_words_are_told_once_per_question() {
    let action = format!("{}?step=5", path("action"));
    let params =
        [("CallStatus", "in-progress"), ("SpeechResult", "Zürich, 50% off"), ("Confidence", "0.9"), ("Digits", "12#")];
    let received = message(&action, &params).unwrap();
    assert_eq!(received.question, Some(Question::WhatNext { action: "gather".to_owned() }));
    assert_eq!(received.signals[1].key, Some(format!("{CALL}:step:5:speech")));

    let next = message(&format!("{}?step=6", path("action")), &params).unwrap();
    assert_ne!(received.signals[1].key, next.signals[1].key, "the same words to another question are news");
}

#[test]
fn silence_is_a_question_without_news() {
    let received = message(&format!("{}?step=5", path("action")), &[("CallStatus", "in-progress")]).unwrap();
    assert!(received.signals.is_empty());
    assert!(received.question.is_some());
}

#[test]
fn a_message_by_get_is_read_from_its_query() {
    let path = path("status");
    let url = format!("{PUBLIC}/hooks/twilio{path}?AccountSid={ACCOUNT}&CallSid={CALL}&CallStatus=ringing&From=%2B1");
    let signature = sign(&SecretString::from(TOKEN), &url, Signed::Url);
    let received = receive("GET", &url, &path, &signature, b"").unwrap();
    assert_eq!(facts(&received.signals), [Fact::Progress(Progress::Ringing)]);
}

#[test]
fn of_what_is_not_known_so_much_is_kept() {
    let many: Vec<(String, String)> = (0..100).map(|n| (format!("New{n}"), "x".repeat(2000))).collect();
    let mut params = vec![("CallStatus", "ringing"), ("FromCity", "Bern")];
    params.extend(many[..20].iter().map(|(name, value)| (name.as_str(), value.as_str())));
    let received = message(&path("status"), &params).unwrap();
    let extra = &received.signals[0].extra;
    assert_eq!(extra.len(), 20);
    assert!(extra.values().all(|value| value.len() <= 500));
    assert!(!extra.contains_key("FromCity"));
}

#[test]
fn another_accounts_message_is_refused_by_name() {
    let other = "AC00000000000000000000000000000009";
    let refused = message(&path("status"), &[("AccountSid", other), ("CallStatus", "ringing")]);
    assert_eq!(refused, Err(HookError::Malformed("AccountSid is another account's".to_owned())));
}

#[test]
fn what_is_missing_is_named() {
    let cases = [
        ("status", vec![], "CallStatus is missing"),
        ("recording", vec![("RecordingStatus", "completed")], "RecordingSid is missing"),
        ("amd", vec![], "AnsweredBy is missing"),
        ("stream", vec![("StreamSid", "MZ1")], "StreamEvent is missing"),
        ("status", vec![("CallSid", "nonsense"), ("CallStatus", "ringing")], "CallSid is not the name of a call"),
    ];
    for (kind, params, problem) in cases {
        assert_eq!(message(&path(kind), &params), Err(HookError::Malformed(problem.to_owned())));
    }
    assert!(matches!(post(&path("status"), &[("CallSid", CALL)]), Err(HookError::Malformed(_))));
}

#[test]
fn an_unknown_path_and_an_oversized_body_have_their_own_answers() {
    assert_eq!(message("/nowhere", &[("CallStatus", "ringing")]), Err(HookError::UnknownPath));
    let huge = "x".repeat(70_000);
    let refused = message(&path("status"), &[("CallStatus", &huge)]).unwrap_err();
    assert_eq!(refused.status(), 400);
    assert!(matches!(receive("DELETE", PUBLIC, "/status", "", b""), Err(HookError::Malformed(_))));
}

#[test]
fn a_media_socket_is_believed_with_and_without_its_last_slash() {
    let token = SecretString::from(TOKEN);
    let signature = sign(&token, "wss://calls.example.com/media/twilio/", Signed::Url);
    assert!(hook().verify_upgrade(&signature, "wss://calls.example.com/media/twilio"));
    assert!(!hook().verify_upgrade(&signature, "wss://calls.example.com/media/telnyx"));
}

#[test]
fn acknowledging_says_nothing() {
    let reply = hook().acknowledge();
    assert_eq!((reply.status, reply.body.as_str()), (204, ""));
}
