//! What is true of a call, asked at Retell (post-mortem 4.3).

use call_core::port::Answer;
use call_core::{Disposition, Effect, Fact, Progress, Report, Signal};
use provider_laws::{Far, Said, Seen, id};
use serde_json::{Value, json};

use crate::kit::{CALL, OTHER, foreign, leg, object, perform, plan, refusal, stage};

async fn asked(call: Value) -> Vec<Signal> {
    let far = Far::answering(move |_| Said::ok(&call)).await;
    let answer = perform(&far.url(), &stage().ringing(plan()), &Effect::Reconcile).await;
    let Answer::Done(signals) = answer else { panic!("{answer:?}") };
    assert!(signals.iter().all(|signal| signal.leg == Some(leg(CALL))));
    signals
}

fn report(signals: &[Signal]) -> &Report {
    let Some(Signal { fact: Fact::Report(report), .. }) = signals.last() else { panic!("{signals:?}") };
    report
}

#[tokio::test]
async fn a_call_that_has_not_been_answered_is_on_its_way() {
    let signals = asked(object(&json!({"call_status": "registered", "start_timestamp": null}))).await;
    assert_eq!(report(&signals), &Report::Unanswered { progress: Progress::Initiated });
}

#[tokio::test]
async fn a_call_that_is_under_way_was_answered_when_retell_says() {
    let signals = asked(object(&json!({}))).await;
    assert_eq!((&signals[0].fact, signals[0].at.unwrap().as_millis()), (&Fact::Answered, 1_795_248_004_000));
    assert_eq!(report(&signals), &Report::InProgress);
}

/// The end was told to nobody: everything that its message would have said comes with the answer.
#[tokio::test]
async fn a_call_that_is_over_is_told_whole() {
    let over = object(&json!({
        "call_status": "ended", "disconnection_reason": "user_hangup", "end_timestamp": 1_795_248_063_000_i64,
        "transcript_object": [{"role": "user", "content": "Bye."}], "recording_url": "https://r.example/a.wav",
        "call_cost": {"combined_cost": 70}, "latency": {"e2e": {"p50": 800}}, "call_analysis": {"call_successful": true},
    }));
    let signals = asked(over).await;
    let Report::Ended(hungup) = report(&signals) else { panic!() };
    assert_eq!((hungup.disposition, hungup.duration.unwrap().as_secs()), (Disposition::Completed, 59));
    assert_eq!(signals.last().unwrap().at.unwrap().as_millis(), 1_795_248_063_000);
    let facts: Vec<&Fact> = signals.iter().map(|signal| &signal.fact).collect();
    assert!(
        matches!(
            facts[..],
            [
                Fact::Answered,
                Fact::Transcript(_),
                Fact::Recording(_),
                Fact::Billed(_),
                Fact::Measured(_),
                Fact::Analyzed(_),
                Fact::Report(_)
            ]
        ),
        "{facts:?}"
    );
}

#[tokio::test]
async fn a_call_in_a_state_that_nobody_knows_is_neither_alive_nor_dead() {
    for status in [json!("dreaming"), json!(null)] {
        let signals = asked(object(&json!({"call_status": status}))).await;
        assert!(matches!(report(&signals), Report::Unreachable { .. }));
    }
}

#[tokio::test]
async fn a_call_that_retell_does_not_know_is_gone() {
    for status in [404, 422] {
        let far = Far::answering(move |_| refusal(status)).await;
        let answer = perform(&far.url(), &stage().ringing(plan()), &Effect::Reconcile).await;
        assert!(matches!(&answer, Answer::Done(signals) if *report(signals) == Report::Gone), "{answer:?}");
    }
}

fn page(items: &Value) -> Said {
    Said::ok(&json!({"items": items, "has_more": false}))
}

async fn searched(items: Value) -> (Answer, Vec<Seen>) {
    let list = page(&items);
    let far = Far::answering(
        move |seen| {
            if seen.path == "/v3/list-calls" { list.clone() } else { Said::ok(&object(&json!({}))) }
        },
    )
    .await;
    (perform(&far.url(), &stage().dialing(plan()), &Effect::Reconcile).await, far.seen())
}

/// A dial whose answer was lost: the leg has no name here, but ours is in its metadata there.
#[tokio::test]
async fn a_call_whose_leg_nobody_knows_is_found_by_our_name() {
    let (answer, seen) = searched(json!([foreign(&json!({"call_id": OTHER})), object(&json!({}))])).await;
    let Answer::Done(signals) = &answer else { panic!("{answer:?}") };
    assert_eq!((report(signals), &signals[0].leg), (&Report::InProgress, &Some(leg(CALL))));
    let filter = json!([{"type": "string", "op": "eq", "key": "call_id", "value": id().to_string()}]);
    assert_eq!(seen[0].json()["filter_criteria"], json!({"metadata": filter}));
    assert_eq!(seen[1].path, "/v2/get-call/call%5F5f0e1d2c3b4a59687786a5b4c3d2", "lists have no transcripts");
}

#[tokio::test]
async fn only_an_empty_list_says_that_there_is_no_such_call() {
    let (answer, _) = searched(json!([])).await;
    assert!(matches!(&answer, Answer::Done(signals) if *report(signals) == Report::Gone), "{answer:?}");
    for odd in [json!([foreign(&json!({}))]), json!(null), json!({"0": {}})] {
        let (answer, _) = searched(odd.clone()).await;
        assert!(matches!(answer, Answer::Unknown { .. }), "{odd}: {answer:?}");
    }
}
