use std::time::Duration;

use adapter_twilio::sign::{Signed, sign};
use call_core::port::{Hook as _, HookError, HookRequest, Question};
use call_core::{
    AnsweredBy, Disposition, Fact, Hungup, Progress, Recording, Signal, Speaker, SpeechFact, StreamFact, Turn,
};
use secrecy::SecretString;

use crate::kit::{ACCOUNT, CALL, CHILD, PUBLIC, TOKEN, born, hook, id, leg, message, post, receive};

fn path(kind: &str) -> String {
    format!("/{}/{kind}", id())
}

fn facts(signals: &[Signal]) -> Vec<Fact> {
    signals.iter().map(|signal| signal.fact.clone()).collect()
}

#[test]
fn progress_is_read_with_its_order_and_time() {
    let cases = [
        ("initiated", Fact::Progress(Progress::Initiated)),
        ("queued", Fact::Progress(Progress::Queued)),
        ("ringing", Fact::Progress(Progress::Ringing)),
        ("in-progress", Fact::Answered),
    ];
    for (order, (word, fact)) in (0_u64..).zip(cases) {
        let number = order.to_string();
        let received = message(
            &path("status"),
            &[
                ("CallStatus", word),
                ("SequenceNumber", &number),
                ("Timestamp", "Sat, 21 Nov 2026 08:00:02 +0000"),
                ("CallbackSource", "call-progress-events"),
            ],
        )
        .unwrap();
        assert_eq!(received.address.call, Some(id()));
        assert_eq!(received.address.leg, leg(CALL));
        assert!(!received.address.begins && received.inbound.is_none() && received.question.is_none());
        let expected = Signal::new(fact)
            .on(leg(CALL))
            .keyed(format!("{CALL}:{order}"))
            .ordered(order)
            .happened("2026-11-21T08:00:02Z".parse().unwrap());
        assert_eq!(received.signals, [expected]);
    }
}

#[test]
fn every_ending_is_read_with_its_evidence() {
    let cases = [
        ("completed", Disposition::Completed),
        ("busy", Disposition::Busy),
        ("no-answer", Disposition::NoAnswer),
        ("failed", Disposition::Failed),
        ("canceled", Disposition::Canceled),
    ];
    for (word, disposition) in cases {
        let received = message(
            &path("status"),
            // `Duration` is minutes.
            &[
                ("CallStatus", word),
                ("SequenceNumber", "3"),
                ("CallDuration", "75"),
                ("Duration", "2"),
                ("SipResponseCode", "486"),
            ],
        )
        .unwrap();
        let expected = Hungup {
            disposition,
            cause: Some(word.to_owned()),
            sip_code: Some(486),
            duration: Some(Duration::from_secs(75)),
        };
        assert_eq!(facts(&received.signals), [Fact::Ended(expected)]);
    }
}

#[test]
fn an_unknown_status_is_kept_and_ends_nothing() {
    let received = message(&path("status"), &[("CallStatus", "on-hold"), ("SequenceNumber", "4")]).unwrap();
    assert_eq!(facts(&received.signals), [Fact::Unknown("on-hold".to_owned())]);
}

#[test]
fn without_a_sequence_number_call_and_status_are_the_identity() {
    let received = message(&path("status"), &[("CallStatus", "ringing")]).unwrap();
    assert_eq!(received.signals[0].key.as_deref(), Some(format!("{CALL}:status:ringing").as_str()));
    assert_eq!(received.signals[0].order, None);
}

#[test]
fn a_dialled_leg_names_its_parent() {
    let received =
        message(&path("status"), &[("CallSid", CHILD), ("ParentCallSid", CALL), ("CallStatus", "ringing")]).unwrap();
    assert_eq!(received.address.leg, leg(CHILD));
    assert_eq!(received.signals[0].leg, Some(leg(CHILD)));
    assert_eq!(received.signals[0].parent, Some(leg(CALL)));
}

#[test]
fn the_end_names_the_recording_without_promising_it() {
    let received = message(
        &path("status"),
        &[
            ("CallStatus", "completed"),
            ("SequenceNumber", "3"),
            ("RecordingSid", "RE00000000000000000000000000000001"),
            ("RecordingUrl", "https://api.twilio.com/recording"),
            ("RecordingDuration", "12"),
        ],
    )
    .unwrap();
    let Fact::Recording(recording) = &received.signals[1].fact else { panic!("{received:?}") };
    assert_eq!(recording.url, None);
    assert_eq!(recording.duration, Some(Duration::from_secs(12)));
    assert_ne!(received.signals[0].key, received.signals[1].key);
}

#[test]
fn the_voice_url_of_our_call_means_that_it_was_answered() {
    let received = message(&path("voice"), &[("CallStatus", "in-progress"), ("AnsweredBy", "human")]).unwrap();
    assert_eq!(facts(&received.signals), [Fact::Answered, Fact::Detected(AnsweredBy::Human)]);
    assert_eq!(received.question, Some(Question::WhatNow));
    assert!(received.inbound.is_none());
    let again = message(&path("voice"), &[("CallStatus", "in-progress"), ("AnsweredBy", "human")]).unwrap();
    assert_eq!(received, again, "a retried fetch has the same identity");
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
fn a_dial_that_made_no_leg_has_failed_all_the_same() {
    let received = message(&path("action"), &[("CallStatus", "in-progress"), ("DialCallStatus", "failed")]).unwrap();
    assert_eq!(received.signals[0].parent, Some(leg(CALL)));
    assert!(matches!(&received.signals[0].fact, Fact::Ended(h) if h.disposition == Disposition::Failed));
}

#[test]
fn a_caller_who_hung_up_meanwhile_has_ended_the_call() {
    let received = message(
        &path("action"),
        &[
            ("CallStatus", "completed"),
            ("DialCallStatus", "completed"),
            ("DialCallSid", CHILD),
            ("DialCallDuration", "7"),
        ],
    )
    .unwrap();
    assert_eq!(received.signals[0].leg, Some(leg(CHILD)));
    assert_eq!(received.signals[1].leg, Some(leg(CALL)));
    assert!(matches!(received.signals[1].fact, Fact::Ended(_)));
}

#[test]
fn keys_and_words_are_told_once_per_question() {
    let action = format!("{}?step=5", path("action"));
    let params =
        [("CallStatus", "in-progress"), ("SpeechResult", "Zürich, 50% off"), ("Confidence", "0.9"), ("Digits", "12#")];
    let received = message(&action, &params).unwrap();
    let turn = Turn { speaker: Speaker::Caller, text: "Zürich, 50% off".to_owned() };
    assert_eq!(facts(&received.signals), [Fact::Digits("12#".to_owned()), Fact::Turn(turn)]);
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
fn the_end_of_our_words_is_told() {
    let received = message(&format!("{}?said=op+1", path("action")), &[("CallStatus", "in-progress")]).unwrap();
    let speech = SpeechFact { operation: "op 1".to_owned(), played: true };
    assert_eq!(facts(&received.signals), [Fact::Speech(speech)]);
    assert_eq!(received.question, Some(Question::WhatNext { action: "said".to_owned() }));
}

#[test]
fn recordings_are_read() {
    let sid = "RE00000000000000000000000000000001";
    let received = message(
        &path("recording"),
        &[
            ("RecordingSid", sid),
            ("RecordingUrl", "https://api.twilio.com/r"),
            ("RecordingStatus", "completed"),
            ("RecordingDuration", "33"),
            ("RecordingChannels", "1"),
            ("RecordingSource", "OutboundAPI"),
        ],
    )
    .unwrap();
    let recording = Recording {
        id: sid.to_owned(),
        url: Some("https://api.twilio.com/r".to_owned()),
        status: "completed".to_owned(),
        duration: Some(Duration::from_secs(33)),
    };
    assert_eq!(facts(&received.signals), [Fact::Recording(recording)]);
    assert_eq!(received.signals[0].key, Some(format!("{sid}:completed")));
}

#[test]
fn verdicts_on_who_answered_are_read() {
    let cases = [
        ("human", Fact::Detected(AnsweredBy::Human)),
        ("machine_start", Fact::Detected(AnsweredBy::Machine)),
        ("machine_end_beep", Fact::Detected(AnsweredBy::Machine)),
        ("fax", Fact::Detected(AnsweredBy::Fax)),
        ("unknown", Fact::Detected(AnsweredBy::Unknown)),
        ("parrot", Fact::Unknown("AnsweredBy=parrot".to_owned())),
    ];
    for (word, fact) in cases {
        let received = message(&path("amd"), &[("AnsweredBy", word), ("MachineDetectionDuration", "3400")]).unwrap();
        assert_eq!(facts(&received.signals), [fact]);
        assert_eq!(received.signals[0].extra.get("MachineDetectionDuration").map(String::as_str), Some("3400"));
    }
}

#[test]
fn news_of_the_stream_is_read_by_its_own_clock() {
    let cases = [
        ("stream-started", Fact::Stream(StreamFact::Opened)),
        ("stream-stopped", Fact::Stream(StreamFact::Closed)),
        ("stream-error", Fact::Stream(StreamFact::Failed { why: "no route".to_owned() })),
        ("stream-paused", Fact::Unknown("stream-paused".to_owned())),
    ];
    for (event, fact) in cases {
        let received = message(
            &path("stream"),
            &[
                ("StreamSid", "MZ1"),
                ("StreamName", "MZ1"),
                ("StreamEvent", event),
                ("StreamError", "no route"),
                ("Timestamp", "2026-11-21T08:00:03.250Z"),
            ],
        )
        .unwrap();
        assert_eq!(facts(&received.signals), [fact]);
        assert_eq!(received.signals[0].at, "2026-11-21T08:00:03.250Z".parse().ok());
        assert_eq!(received.signals[0].key, Some(format!("MZ1:{event}")));
    }
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
fn what_is_not_known_is_kept_but_never_a_secret() {
    let many: Vec<(String, String)> = (0..100).map(|n| (format!("New{n}"), "x".repeat(2000))).collect();
    let mut params = vec![("CallStatus", "ringing"), ("SipAuthPassword", "hunter2"), ("FromCity", "Bern")];
    params.extend(many[..20].iter().map(|(name, value)| (name.as_str(), value.as_str())));
    let received = message(&path("status"), &params).unwrap();
    let extra = &received.signals[0].extra;
    assert_eq!(extra.len(), 20);
    assert!(extra.values().all(|value| value.len() <= 500));
    assert!(!extra.contains_key("FromCity") && !extra.contains_key("SipAuthPassword"));
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
fn what_is_not_signed_is_not_believed() {
    let (path, url) = (path("status"), format!("{PUBLIC}/hooks/twilio{}", path("status")));
    let body = format!("AccountSid={ACCOUNT}&CallSid={CALL}&CallStatus=completed");
    for signature in ["", "AAAAAAAAAAAAAAAAAAAAAAAAAAA=", "not base64 at all"] {
        assert_eq!(receive("POST", &url, &path, signature, body.as_bytes()), Err(HookError::Unsigned));
    }
    let header = |_: &str| None;
    let unsigned =
        HookRequest { method: "POST", url: &url, path: &path, header: &header, body: body.as_bytes(), now: born() };
    assert_eq!(hook().receive(&unsigned), Err(HookError::Unsigned));
    // Genuine, but for another path of ours: it cannot be replayed there.
    let other = format!("{PUBLIC}/hooks/twilio/status");
    let pairs: Vec<(String, String)> = form_urlencoded::parse(body.as_bytes()).into_owned().collect();
    let signature = sign(&SecretString::from(TOKEN), &url, Signed::Form(&pairs));
    assert!(receive("POST", &url, &path, &signature, body.as_bytes()).is_ok());
    assert_eq!(receive("POST", &other, "/status", &signature, body.as_bytes()), Err(HookError::Unsigned));
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
