//! Finding a call whose dial was never answered, by our name in Twilio's records of it.

use call_core::port::Answer;
use call_core::{Effect, Fact, Progress, Report};
use provider_laws::{Far, Said, id};
use serde_json::{Value, json};

use crate::kit::{CALL, OTHER, converse, leg, perform, stage};

fn listed(sid: &str, status: &str, created: &str, direction: &str) -> Value {
    json!({"sid": sid, "status": status, "date_created": created, "direction": direction})
}

const TODAY: &str = "Sat, 21 Nov 2026 08:00:01 +0000";
const YESTERDAY: &str = "Fri, 20 Nov 2026 08:00:01 +0000";

/// Answers a list, and the events of each call by its SID.
async fn far(calls: Value, events: impl Fn(&str) -> Value + Send + Sync + 'static) -> Far {
    Far::answering(move |seen| {
        match seen.path.split_once("/Calls/").and_then(|(_, rest)| rest.strip_suffix("/Events.json")) {
            Some(sid) => Said::ok(&json!({"events": events(sid), "next_page_uri": null})),
            None => Said::ok(&json!({"calls": calls, "next_page_uri": null})),
        }
    })
    .await
}

fn ours() -> Value {
    let url = format!("https://calls.example.com/hooks/twilio/{}/status", id());
    json!([{"request": {"method": "POST", "url": url}, "response": {"response_code": 503}}])
}

fn theirs() -> Value {
    json!([{"request": {"method": "POST", "url": "https://other.example.com/status"}, "response": null}])
}

async fn found(far: &Far) -> (Option<call_core::Leg>, Fact) {
    let answer = perform(&far.url(), &stage().dialing(converse()), &Effect::Reconcile).await;
    let Answer::Done(signals) = answer else { panic!("{answer:?}") };
    assert_eq!(signals.len(), 1);
    (signals[0].leg.clone(), signals[0].fact.clone())
}

#[tokio::test]
async fn the_call_that_carries_our_name_is_ours() {
    let calls =
        json!([listed(OTHER, "in-progress", TODAY, "outbound-api"), listed(CALL, "ringing", TODAY, "outbound-api"),]);
    let far = far(calls, |sid| if sid == CALL { ours() } else { theirs() }).await;
    let ringing = Fact::Report(Report::Unanswered { progress: Progress::Ringing });
    assert_eq!(found(&far).await, (Some(leg(CALL)), ringing));
    assert_eq!(far.seen()[0].query, "To=%2B15550000002&From=%2B15550000001&PageSize=50");
}

#[tokio::test]
async fn other_calls_between_the_numbers_are_not_ours() {
    let calls = json!([
        listed(OTHER, "in-progress", TODAY, "outbound-api"),
        listed(CALL, "in-progress", TODAY, "inbound"),
        listed(CALL, "completed", YESTERDAY, "outbound-api"),
    ]);
    let far = far(calls, |_| theirs()).await;
    assert_eq!(found(&far).await, (None, Fact::Report(Report::Gone)));
    assert_eq!(far.seen().len(), 2, "only what may be ours is looked into");
}

#[tokio::test]
async fn a_call_without_a_history_is_not_taken_for_another() {
    let far = far(json!([listed(CALL, "queued", TODAY, "outbound-api")]), |_| json!([])).await;
    let (leg, fact) = found(&far).await;
    assert_eq!(leg, None);
    assert!(matches!(fact, Fact::Report(Report::Unreachable { .. })), "{fact:?}");
}

#[tokio::test]
async fn the_search_goes_on_to_the_next_page() {
    let far = Far::answering(|seen| {
        if seen.path.ends_with("/Events.json") {
            return Said::ok(&json!({"events": if seen.path.contains(CALL) { ours() } else { theirs() }}));
        }
        Said::ok(&if seen.query.contains("PageToken=t") {
            json!({"calls": [listed(CALL, "in-progress", TODAY, "outbound-api")], "next_page_uri": null})
        } else {
            let next = format!("{}?Page=1&PageToken=t", seen.path);
            json!({"calls": [listed(OTHER, "busy", TODAY, "outbound-api")], "next_page_uri": next})
        })
    })
    .await;
    assert_eq!(found(&far).await, (Some(leg(CALL)), Fact::Report(Report::InProgress)));
}

#[tokio::test]
async fn the_search_ends_where_older_calls_begin() {
    let far = Far::answering(|seen| {
        assert!(!seen.query.contains("Page=1"), "this page is too old to be asked for");
        let next = format!("{}?Page=1", seen.path);
        Said::ok(&json!({"calls": [listed(OTHER, "completed", YESTERDAY, "outbound-api")], "next_page_uri": next}))
    })
    .await;
    assert_eq!(found(&far).await, (None, Fact::Report(Report::Gone)));
    assert_eq!(far.seen().len(), 1);
}

#[tokio::test]
async fn a_search_without_end_is_given_up_without_proof() {
    let far = Far::answering(|seen| {
        let next = format!("{}?Page=1", seen.path);
        Said::ok(&json!({"calls": [], "next_page_uri": next}))
    })
    .await;
    let (_, fact) = found(&far).await;
    assert!(matches!(fact, Fact::Report(Report::Unreachable { .. })), "{fact:?}");
    assert!(far.seen().len() <= 10);
}
