//! What is peculiar to Retell's events; what each says to the letter is in `laws.json`.

use call_core::port::HookError;
use call_core::{Analysis, Fact, Latency};
use provider_laws::{Message, born, id};
use serde_json::{Value, json};

use crate::kit::{CALL, KEY, event, foreign, leg, object, post, sign, tell};

fn facts(kind: &str, call: &Value) -> Vec<Fact> {
    event(kind, call).unwrap().signals.into_iter().map(|signal| signal.fact).collect()
}

#[test]
fn our_name_travels_in_the_metadata() {
    let ours = event("call_started", &object(&json!({}))).unwrap();
    assert_eq!((ours.address.call, ours.address.begins), (Some(id()), false));
    assert_eq!((ours.address.leg, ours.inbound), (leg(CALL), None));

    let loud = id().to_string().to_uppercase();
    for metadata in
        [json!({"call_id": "A-1042"}), json!({"call_id": loud}), json!({"call_id": 7}), json!([]), json!(null)]
    {
        let theirs = event("call_started", &foreign(&json!({"metadata": metadata}))).unwrap();
        assert_eq!((theirs.address.call, theirs.address.begins), (None, true), "{metadata}");
    }
}

/// If one event fails, the next one is still sent (retell.md §0).
#[test]
fn an_analysis_tells_the_end_that_nobody_told() {
    let analysis = json!({"call_successful": false, "custom_analysis_data": {"slot": null}});
    let over = object(&json!({"disconnection_reason": "agent_hangup", "call_analysis": analysis}));
    let facts_of = |call| facts("call_analyzed", call);
    assert!(matches!(&facts_of(&over)[..], [Fact::Answered, Fact::Analyzed(_), Fact::Ended(_)]));
    let [Fact::Analyzed(Analysis { successful, voicemail, custom, .. })] =
        &facts_of(&object(&json!({"call_analysis": analysis})))[..]
    else {
        panic!("without an end, it tells none")
    };
    assert_eq!((*successful, *voicemail, custom["slot"].as_str()), (Some(false), None, "null"));
}

#[test]
fn what_is_not_there_is_not_told() {
    for (kind, empty) in [
        ("call_ended", json!({"call_cost": {}, "latency": {}, "transcript_object": [], "call_analysis": {}})),
        (
            "call_ended",
            json!({"call_cost": {"combined_cost": "?"}, "latency": {"e2e": {"p50": -1}}, "recording_url": ""}),
        ),
        ("call_ended", json!({"call_cost": null, "latency": [], "transcript_object": "words", "duration_ms": -5})),
    ] {
        let facts = facts(kind, &object(&empty));
        assert!(matches!(facts[..], [Fact::Ended(_)]), "{facts:?}");
    }
    let [Fact::Measured(Latency { p50, p90, p99 }), Fact::Ended(_)] =
        &facts("call_ended", &object(&json!({"latency": {"e2e": {"p90": 1200.6}}})))[..]
    else {
        panic!()
    };
    assert_eq!((*p50, p90.unwrap().as_millis(), *p99), (None, 1201, None));
}

/// Analysed again (`rerun-call-analysis`), a call is told of by the same event: only its words differ.
#[test]
fn another_analysis_is_another_event() {
    let key = |summary: &str| {
        let call = object(&json!({"call_analysis": {"call_summary": summary}}));
        event("call_analyzed", &call).unwrap().signals[0].key.clone()
    };
    assert_eq!(key("a"), key("a"));
    assert_ne!(key("a"), key("b"));
}

#[test]
fn the_words_so_far_are_told_by_the_last_of_them() {
    let words = |count: usize| -> Vec<Value> {
        (0..count)
            .map(|at| json!({"role": if at % 2 == 0 { "agent" } else { "user" }, "content": format!("w{at}")}))
            .collect()
    };
    for count in [1, 2, 9] {
        let received = event("transcript_updated", &object(&json!({"transcript_object": words(count)}))).unwrap();
        let [signal] = &received.signals[..] else { panic!() };
        assert!(matches!(&signal.fact, Fact::Turn(turn) if turn.text == format!("w{}", count - 1)));
        assert!(signal.key.as_deref().unwrap().ends_with(&format!("turn {count}")));
    }
}

#[test]
fn what_is_missing_is_named() {
    let refused = |body: &Value| match post("/events", body) {
        Err(HookError::Malformed(why)) => why,
        other => panic!("{other:?}"),
    };
    assert!(refused(&json!({"call": object(&json!({}))})).contains("event is missing"));
    assert!(refused(&json!({"event": "call_started"})).contains("call is missing"));
    for id in [json!(null), json!(7), json!(""), json!(".."), json!("a/b"), json!("{{call_id}}")] {
        assert!(refused(&json!({"event": "call_started", "call": {"call_id": id}})).contains("call.call_id"), "{id}");
    }
}

#[test]
fn only_a_post_is_believed() {
    let message = Message::json("/events", &json!({"event": "call_started", "call": object(&json!({}))}));
    let get = Message { method: "GET".to_owned(), body: Vec::new(), ..message.clone() };
    assert!(matches!(tell(get), Err(HookError::Malformed(why)) if why.contains("POST")));
    let lost = sign(Message { path: "/nowhere".to_owned(), ..message }, KEY, born());
    assert_eq!(tell(lost), Err(HookError::UnknownPath));
}
