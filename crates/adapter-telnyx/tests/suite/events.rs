//! Every documented event, and what it becomes.

use std::time::Duration;

use adapter_telnyx::ClientState;
use call_core::{AnsweredBy, Cost, Disposition, Fact, Progress, Recording, Speaker, SpeechFact, StreamFact, Turn};
use serde_json::{Value, json};

use crate::kit::{CONTROL, EVENT, LEG, event, id, leg, payload, post, wrapped};
use crate::spec::{events, spec};

fn fact(kind: &str, more: &Value) -> Fact {
    let received = event(kind, more).unwrap();
    assert_eq!(received.signals.len(), 1);
    received.signals[0].fact.clone()
}

fn unknown(kind: &str) -> Fact {
    Fact::Unknown(kind.to_owned())
}

/// As the official file describes them, in its own examples.
#[test]
fn every_event_of_the_specification_is_read() {
    let all = events(&spec());
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

/// The ones that the file does not know yet, and one that nobody knows.
#[test]
fn newer_and_unknown_events_are_kept_and_harmless() {
    for kind in [
        "call.machine.premium.detection.started",
        "call.machine.premium.call_screening.detected",
        "call.conversation.created",
        "call.conversation.start_failed",
        "call.analyzed",
        "call.payment.progress",
        "call.payment.completed",
        "call.teleported",
    ] {
        assert_eq!(fact(kind, &json!({"result": "screening"})), unknown(kind));
    }
}

#[test]
fn an_event_is_told_on_its_leg_with_its_identity_and_time() {
    let received = event("call.answered", &json!({"state": "answered", "start_time": "2026-11-21T08:00:01Z"})).unwrap();
    let signal = &received.signals[0];
    assert_eq!((received.address.call, &received.address.leg), (Some(id()), &leg(CONTROL)));
    assert!(!received.address.begins && received.inbound.is_none());
    assert_eq!(signal.leg, Some(leg(CONTROL)));
    assert_eq!(signal.key.as_deref(), Some(EVENT));
    assert_eq!(signal.at, "2026-11-21T08:00:02.250Z".parse().ok());
    assert_eq!(signal.order, None);
    assert_eq!(signal.fact, Fact::Answered);
}

#[test]
fn stations_are_read() {
    assert_eq!(fact("call.initiated", &json!({"direction": "outgoing"})), Fact::Progress(Progress::Initiated));
    assert_eq!(fact("call.initiated", &json!({"direction": "incoming"})), Fact::Progress(Progress::Ringing));
    assert_eq!(fact("call.bridged", &json!({})), Fact::Answered);
    for kind in ["call.hold", "call.unhold", "call.enqueued", "call.dequeued", "call.fork.started", "siprec.stopped"] {
        assert_eq!(fact(kind, &json!({})), unknown(kind));
    }
}

#[test]
fn every_hang_up_cause_has_its_ending() {
    for (cause, sip, disposition) in [
        ("normal_clearing", "200", Disposition::Completed),
        ("normal_clearing", "487", Disposition::Canceled),
        ("originator_cancel", "487", Disposition::Canceled),
        ("timeout", "487", Disposition::NoAnswer),
        ("no_answer", "480", Disposition::NoAnswer),
        ("user_busy", "486", Disposition::Busy),
        ("call_rejected", "603", Disposition::NoAnswer),
        ("not_found", "404", Disposition::Failed),
        ("time_limit", "200", Disposition::Completed),
        ("unspecified", "503", Disposition::Failed),
        ("added_later", "unspecified", Disposition::Failed),
    ] {
        let Fact::Ended(hungup) = fact("call.hangup", &json!({"hangup_cause": cause, "sip_hangup_cause": sip})) else {
            panic!("{cause}");
        };
        assert_eq!(hungup.disposition, disposition, "{cause}");
        assert_eq!(hungup.cause.as_deref(), Some(cause));
        assert_eq!(hungup.sip_code, sip.parse().ok(), "{cause}");
    }
    let bare = fact("call.hangup", &json!({}));
    assert!(matches!(bare, Fact::Ended(hungup) if hungup.cause.is_none()));
}

#[test]
fn the_end_of_our_words_names_their_operation() {
    let state = ClientState { speech: Some("greeting".to_owned()), ..ClientState::of(id()) }.encode();
    let ended = |kind, status: &str| fact(kind, &json!({"client_state": state, "status": status}));
    let spoken = |played| Fact::Speech(SpeechFact { operation: "greeting".to_owned(), played });
    for kind in ["call.speak.ended", "call.playback.ended"] {
        assert_eq!(ended(kind, "completed"), spoken(true));
        assert_eq!(ended(kind, "call_hangup"), spoken(false));
        assert_eq!(ended(kind, "cancelled_amd"), spoken(false));
        // Stopped by ourselves, and told by the answer to that command.
        assert_eq!(ended(kind, "cancelled"), unknown(kind));
        assert_eq!(fact(kind, &json!({"status": "completed"})), unknown(kind), "nobody's words");
    }
    assert_eq!(ended("call.playback.ended", "file_not_found"), spoken(false));
    assert_eq!(ended("call.speak.started", ""), unknown("call.speak.started"));
}

#[test]
fn keys_are_told_once() {
    assert_eq!(fact("call.dtmf.received", &json!({"digit": "#"})), Fact::Digits("#".to_owned()));
    let gathered = event("call.gather.ended", &json!({"digits": "55#", "status": "valid"})).unwrap();
    assert_eq!(gathered.signals[0].fact, unknown("call.gather.ended"));
    assert_eq!(gathered.signals[0].extra.get("digits").map(String::as_str), Some("55#"));
}

#[test]
fn verdicts_on_who_answered_are_read() {
    let plain = [("human", AnsweredBy::Human), ("machine", AnsweredBy::Machine), ("not_sure", AnsweredBy::Unknown)];
    let premium = [
        ("human_residence", AnsweredBy::Human),
        ("human_business", AnsweredBy::Human),
        ("machine", AnsweredBy::Machine),
        ("silence", AnsweredBy::Unknown),
        ("fax_detected", AnsweredBy::Fax),
        ("not_sure", AnsweredBy::Unknown),
    ];
    for (kind, results) in
        [("call.machine.detection.ended", &plain[..]), ("call.machine.premium.detection.ended", &premium[..])]
    {
        for (result, by) in results {
            assert_eq!(fact(kind, &json!({"result": result})), Fact::Detected(*by), "{kind} {result}");
        }
        assert_eq!(fact(kind, &json!({"result": "parrot"})), unknown(kind));
    }
    for kind in ["call.machine.greeting.ended", "call.machine.premium.greeting.ended"] {
        for result in ["beep_detected", "no_beep_detected", "ended", "prompt_ended"] {
            assert_eq!(fact(kind, &json!({"result": result})), Fact::Detected(AnsweredBy::Machine));
        }
        // No verdict: it must not take back the one before.
        assert_eq!(fact(kind, &json!({"result": "not_sure"})), unknown(kind));
    }
}

/// It comes without a `call_control_id`.
#[test]
fn a_recording_is_told_of_the_call_without_a_leg() {
    let mut all = payload(&json!({
        "channels": "dual",
        "recording_started_at": "2026-11-21T08:00:02.500000Z", "recording_ended_at": "2026-11-21T08:00:35.500000Z",
        "recording_urls": {"mp3": "https://t.example/r.mp3", "wav": null}, "public_recording_urls": {},
    }));
    for name in ["call_control_id", "from", "to"] {
        all.as_object_mut().unwrap().remove(name);
    }
    let received = post(&format!("/{}/events", id()), &wrapped("call.recording.saved", &all)).unwrap();
    assert_eq!((received.address.call, &received.address.leg), (Some(id()), &leg(LEG)));
    assert_eq!(received.signals[0].leg, None);
    let expected = Recording {
        id: format!("{LEG}/2026-11-21T08:00:02.500000Z"),
        url: Some("https://t.example/r.mp3".to_owned()),
        status: "completed".to_owned(),
        duration: Some(Duration::from_secs(33)),
    };
    assert_eq!(received.signals[0].fact, Fact::Recording(expected));

    let failed = event("call.recording.error", &json!({"reason": "Internal server error"})).unwrap();
    assert!(matches!(&failed.signals[0].fact, Fact::Recording(r) if r.status == "error" && r.url.is_none()));
    assert_eq!(failed.signals[0].extra.get("reason").map(String::as_str), Some("Internal server error"));
}

#[test]
fn news_of_the_stream_is_read() {
    let url = json!({"stream_url": "wss://calls.example.com/media/telnyx"});
    assert_eq!(fact("streaming.started", &url), Fact::Stream(StreamFact::Opened));
    assert_eq!(fact("streaming.stopped", &url), Fact::Stream(StreamFact::Closed));
    let failed = fact("streaming.failed", &json!({"failure_reason": "connection_failed", "stream_type": "websocket"}));
    assert_eq!(failed, Fact::Stream(StreamFact::Failed { why: "connection_failed".to_owned() }));
}

#[test]
fn final_words_are_turns() {
    let said = |data: Value| fact("call.transcription", &json!({"transcription_data": data}));
    let turn = |speaker| Fact::Turn(Turn { speaker, text: "Grüße".to_owned() });
    assert_eq!(said(json!({"transcript": "Grüße", "is_final": true, "confidence": 0.9})), turn(Speaker::Caller));
    assert_eq!(said(json!({"transcript": "Grüße", "transcription_track": "outbound"})), turn(Speaker::Agent));
    assert_eq!(said(json!({"transcript": "Grü", "is_final": false})), unknown("call.transcription"));
}

#[test]
fn what_it_cost_is_read() {
    let parts = json!([{"call_part": "sip-trunking", "cost": "0.0106", "currency": "EUR", "rate": "0.005"}]);
    let billed =
        |amount: &str, currency: &str| Fact::Billed(Cost { amount: amount.to_owned(), currency: currency.to_owned() });
    let cost = json!({"status": "success", "total_cost": "0.0106", "cost_parts": parts});
    assert_eq!(fact("call.cost", &cost), billed("0.0106", "EUR"));
    assert_eq!(fact("call.cost", &json!({"total_cost": "1.50", "cost_parts": []})), billed("1.50", "USD"));
    assert_eq!(fact("call.cost", &json!({"status": "error", "total_cost": null})), unknown("call.cost"));
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
fn what_is_not_known_is_kept_but_never_a_secret() {
    let mut more = json!({"sip_auth_password": "hunter2", "tags": [], "caller_id_name": "Ann", "mos": 4.5});
    for n in 0..100 {
        more[format!("z{n}")] = json!("x".repeat(2000));
    }
    let received = event("call.answered", &more).unwrap();
    let extra = &received.signals[0].extra;
    assert_eq!(extra.len(), 32);
    assert!(extra.values().all(|value| value.len() <= 500));
    assert_eq!(extra.get("caller_id_name").map(String::as_str), Some("Ann"));
    assert!(!extra.contains_key("sip_auth_password") && !extra.contains_key("from") && !extra.contains_key("tags"));

    let paid = event("call.payment.progress", &json!({"security_code": "123", "expiry": "12/29"})).unwrap();
    assert!(paid.signals[0].extra.is_empty());
}
