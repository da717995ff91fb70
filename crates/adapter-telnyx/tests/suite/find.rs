//! What is true of a call, by what Telnyx keeps of it.

use adapter_telnyx::ClientState;
use call_core::port::Answer;
use call_core::{Call, CallId, Command, Disposition, Effect, Fact, Leg, Progress, Report};
use provider_laws::{Far, Said, Seen, born, id, tell};
use serde_json::{Value, json};

use crate::kit::{CONTROL, LEG, OTHER, converse, leg, perform, refusal, stage};

/// A call as Telnyx keeps it.
fn resource(alive: bool) -> Value {
    let mut call = json!({
        "record_type": "call", "call_control_id": CONTROL, "call_leg_id": LEG,
        "call_session_id": "s", "is_alive": alive, "call_duration": 5, "start_time": "2026-11-21T08:00:01.000Z",
    });
    if !alive {
        call["end_time"] = json!("2026-11-21T08:00:09.500Z");
    }
    call
}

fn events(names: &[&str], hangup: &Value) -> Value {
    let record = |name: &&str| {
        let metadata = if *name == "call.hangup" { json!({"event": {"payload": hangup}}) } else { json!({}) };
        json!({"record_type": "call_event", "name": name, "type": "webhook", "metadata": metadata})
    };
    json!({"data": names.iter().map(record).collect::<Vec<_>>()})
}

/// Keeps one call, and a record of its events.
async fn far(call: Value, events: Value) -> Far {
    Far::answering(move |seen| match seen.path.as_str() {
        "/v2/call_events" => Said::ok(&events),
        _ => Said::ok(&json!({"data": call})),
    })
    .await
}

async fn report(far: &Far, call: &Call) -> (Option<Leg>, Report) {
    let answer = perform(&far.url(), call, &Effect::Reconcile).await;
    let Answer::Done(signals) = answer else { panic!("{answer:?}") };
    let [signal] = &signals[..] else { panic!("{signals:?}") };
    let Fact::Report(report) = signal.fact.clone() else { panic!("{signals:?}") };
    if let Report::Ended(_) = report {
        assert_eq!(signal.at, "2026-11-21T08:00:09.500Z".parse().ok());
    }
    (signal.leg.clone(), report)
}

#[tokio::test]
async fn a_call_that_lives_is_in_progress_only_if_it_was_answered() {
    let silent = far(resource(true), events(&["call.initiated"], &json!({}))).await;
    let unanswered = Report::Unanswered { progress: Progress::Initiated };
    assert_eq!(report(&silent, &stage().ringing(converse())).await, (Some(leg(CONTROL)), unanswered));
    assert_eq!(report(&silent, &stage().live(converse())).await.1, Report::InProgress);

    // The message that it was answered is lost; Telnyx's record has it.
    let answered = far(resource(true), events(&["call.initiated", "call.answered"], &json!({}))).await;
    assert_eq!(report(&answered, &stage().ringing(converse())).await.1, Report::InProgress);
    assert!(answered.seen()[1].query.contains(LEG));
}

#[tokio::test]
async fn an_end_is_told_in_the_words_of_its_event_and_in_its_context() {
    let ended = |cause: &str| events(&["call.hangup"], &json!({"hangup_cause": cause, "sip_hangup_cause": "486"}));
    let busy = far(resource(false), ended("user_busy")).await;
    let (_, told) = report(&busy, &stage().ringing(converse())).await;
    let Report::Ended(hungup) = told else { panic!("{told:?}") };
    assert_eq!((hungup.disposition, hungup.sip_code), (Disposition::Busy, Some(486)));
    assert_eq!(hungup.cause.as_deref(), Some("user_busy"));

    let cleared = events(&["call.hangup"], &json!({"hangup_cause": "normal_clearing"}));
    let far = far(resource(false), cleared).await;
    let mut cancelled = stage().ringing(converse());
    tell(&mut cancelled, Command::hangup());
    for (call, expected) in [
        (stage().live(converse()), Disposition::Completed),
        (cancelled, Disposition::Canceled),
        (stage().ringing(converse()), Disposition::Failed),
    ] {
        let (_, told) = report(&far, &call).await;
        assert!(matches!(&told, Report::Ended(h) if h.disposition == expected), "{expected:?}: {told:?}");
    }
}

#[tokio::test]
async fn an_end_without_a_record_is_told_by_what_the_call_knows() {
    let silent = |seen: &Seen| match seen.path.as_str() {
        "/v2/call_events" => refusal(403, Some(10010)),
        _ => Said::ok(&json!({"data": resource(false)})),
    };
    let far = Far::answering(silent).await;
    let mut cancelled = stage().ringing(converse());
    tell(&mut cancelled, Command::hangup());
    for (call, expected) in [
        (stage().live(converse()), Disposition::Completed),
        (cancelled, Disposition::Canceled),
        (stage().ringing(converse()), Disposition::NoAnswer),
    ] {
        let (_, told) = report(&far, &call).await;
        assert!(matches!(&told, Report::Ended(h) if h.disposition == expected), "{expected:?}: {told:?}");
    }
}

/// The answer to a dial says the same of a call that is about to live.
#[tokio::test]
async fn not_alive_without_an_end_is_no_end() {
    let mut young = resource(false);
    young["end_time"] = json!(null);
    let far = far(young, events(&[], &json!({}))).await;
    let (_, told) = report(&far, &stage().ringing(converse())).await;
    assert!(matches!(told, Report::Unreachable { .. }), "{told:?}");
}

#[tokio::test]
async fn a_record_that_cannot_be_read_now_is_asked_for_again() {
    let far = Far::answering(|seen| match seen.path.as_str() {
        "/v2/call_events" => refusal(503, None),
        _ => Said::ok(&json!({"data": resource(false)})),
    })
    .await;
    let answer = perform(&far.url(), &stage().ringing(converse()), &Effect::Reconcile).await;
    assert!(matches!(answer, Answer::Unknown { .. }), "{answer:?}");
}

#[tokio::test]
async fn a_call_that_telnyx_has_forgotten_is_gone() {
    for (status, code) in [(404, Some(10005)), (404, None), (422, Some(90015))] {
        let far = Far::answering(move |_| refusal(status, code)).await;
        assert_eq!(report(&far, &stage().live(converse())).await, (Some(leg(CONTROL)), Report::Gone));
    }
}

fn active(control: &str, state: &str) -> Value {
    json!({"record_type": "call", "call_control_id": control, "call_leg_id": LEG, "client_state": state})
}

/// Lists live calls, a page a call; nothing is known of their events.
async fn listing(calls: Vec<Value>) -> Far {
    Far::answering(move |seen| {
        if seen.path == "/v2/call_events" {
            return Said::ok(&json!({"data": []}));
        }
        let cursor = form_urlencoded::parse(seen.query.as_bytes()).find(|(name, _)| name == "page[after]");
        let at: usize = cursor.map_or(0, |(_, after)| after.parse().unwrap());
        let after = (at + 1 < calls.len()).then(|| (at + 1).to_string());
        Said::ok(&json!({
            "data": calls.get(at).into_iter().collect::<Vec<_>>(),
            "meta": {"cursors": {"after": after, "before": null}, "total_items": calls.len()},
        }))
    })
    .await
}

#[tokio::test]
async fn a_dial_without_an_answer_is_found_by_our_name() {
    let ours = ClientState::of(id());
    let stranger = ClientState::of(CallId::new(born(), [9; 10]));
    let child = ClientState { parent: Some(CONTROL.to_owned()), ..ours.clone() };
    let far = listing(vec![
        active(OTHER, "Zm9yZWlnbg=="),
        active(OTHER, &stranger.encode()),
        active(OTHER, &child.encode()),
        active(CONTROL, &ours.encode()),
    ])
    .await;
    let unanswered = Report::Unanswered { progress: Progress::Initiated };
    assert_eq!(report(&far, &stage().dialing(converse())).await, (Some(leg(CONTROL)), unanswered));
}

#[tokio::test]
async fn no_live_call_of_our_name_is_gone() {
    let none = listing(Vec::new()).await;
    assert_eq!(report(&none, &stage().dialing(converse())).await, (None, Report::Gone));
    let others = listing(vec![active(OTHER, ""), active(OTHER, "")]).await;
    assert_eq!(report(&others, &stage().dialing(converse())).await, (None, Report::Gone));
    assert_eq!(others.seen().len(), 2);
}

#[tokio::test]
async fn a_search_without_end_is_given_up_without_proof() {
    let far = listing((0..50).map(|_| active(OTHER, "")).collect()).await;
    let (_, told) = report(&far, &stage().dialing(converse())).await;
    assert!(matches!(told, Report::Unreachable { .. }), "{told:?}");
    assert!(far.seen().len() <= 10);
}
