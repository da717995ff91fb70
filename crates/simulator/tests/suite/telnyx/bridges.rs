//! Two legs: transfers and bridges.

use serde_json::json;
use simulator::{Direction, Fault, Person, Rule, Status};

use super::bench::Bench;
use crate::backend::{OURS, PHONE};

const OTHER: &str = "+12025550177";

/// A call to a person who stays, and the person it will be transferred to.
async fn transferring(other: Person) -> (Bench, String) {
    let bench = Bench::new().await;
    bench.network.set_person(PHONE, Person::talks(3600.0));
    bench.network.set_person(OTHER, other);
    let id = bench.talk(&json!({})).await;
    let transfer = json!({ "to": OTHER, "from": OURS, "timeout_secs": 10, "target_leg_client_state": "Y2hpbGQ=" });
    bench.command(&id, "transfer", &transfer).await;
    (bench, id)
}

#[tokio::test]
async fn a_transfer_makes_a_leg_and_connects_both() {
    let (bench, id) = transferring(Person::talks(20.0)).await;
    bench.settle().await;
    let calls = bench.network.calls();
    let [first, second] = calls.as_slice() else { panic!("two legs: {calls:#?}") };
    assert_eq!((second.direction, second.parent.as_deref()), (Direction::OutboundDial, Some(id.as_str())));
    assert_eq!((first.status, second.status), (Status::Completed, Status::Completed));
    let bridged = bench.told("call.bridged");
    let legs: Vec<_> = bridged.iter().map(|leg| leg["call_control_id"].as_str().unwrap()).collect();
    assert_eq!(legs, [first.sid.as_str(), second.sid.as_str()]);
    assert_eq!(bridged[0]["call_session_id"], bridged[1]["call_session_id"]);
    assert_ne!(bridged[0]["call_leg_id"], bridged[1]["call_leg_id"]);
    let states: Vec<_> = bridged.iter().map(|leg| leg["client_state"].as_str().unwrap()).collect();
    assert_eq!(states, ["b3Vycw==", "Y2hpbGQ="]);
    // The transferred person left after twenty seconds, and the first leg with them.
    let causes: Vec<_> = bench.told("call.hangup").iter().map(|end| end["hangup_source"].clone()).collect();
    assert_eq!(causes, ["callee", "caller"]);
}

#[tokio::test]
async fn a_transfer_that_fails_leaves_the_first_leg_alone() {
    let (bench, id) = transferring(Person::busy()).await;
    let hangup = bench.heard("call.hangup").await;
    assert_eq!((&hangup["hangup_cause"], &hangup["client_state"]), (&json!("user_busy"), &json!("Y2hpbGQ=")));
    assert_eq!(bench.network.call(&id).unwrap().status, Status::InProgress);
    assert!(bench.told("call.bridged").is_empty());
}

#[tokio::test]
async fn who_leaves_while_it_rings_takes_the_ringing_along() {
    let (bench, id) = transferring(Person::no_answer()).await;
    bench.until(&id, |_| bench.network.calls_to(OTHER).iter().any(|call| call.rang_at.is_some())).await;
    bench.command(&id, "hangup", &json!({})).await;
    bench.settle().await;
    assert_eq!(bench.network.calls_to(OTHER)[0].status, Status::Canceled);
}

#[tokio::test]
async fn a_leg_that_parks_outlives_the_other() {
    let bench = Bench::new().await;
    bench.network.set_person(PHONE, Person::talks(3600.0));
    bench.network.set_person(OTHER, Person::talks(5.0));
    let id = bench.talk(&json!({})).await;
    bench.command(&id, "transfer", &json!({ "to": OTHER, "from": OURS, "park_after_unbridge": "self" })).await;
    bench.heard("call.hangup").await;
    assert_eq!(bench.network.call(&id).unwrap().status, Status::InProgress);
    bench.command(&id, "hangup", &json!({})).await;
    bench.settle().await;
}

#[tokio::test]
async fn two_answered_calls_can_be_bridged() {
    let bench = Bench::new().await;
    bench.network.set_person("*", Person::talks(3600.0));
    let one = bench.talk(&json!({})).await;
    let ringing = bench.call(&json!({ "to": OTHER })).await;
    let answer = bench.act(&one, "bridge", &json!({ "call_control_id": ringing })).await;
    assert_eq!((answer.0, &answer.1["errors"][0]["code"]), (422, &json!("90034")));
    bench.until(&ringing, |record| record.answered_at.is_some()).await;
    bench.command(&one, "bridge", &json!({ "call_control_id": ringing })).await;
    bench.until(&one, |_| bench.told("call.bridged").len() == 2).await;
    bench.command(&one, "hangup", &json!({})).await;
    bench.settle().await;
    assert_eq!(bench.network.call(&ringing).unwrap().status, Status::Completed);
}

#[tokio::test]
async fn the_far_end_may_drop_a_transfer() {
    let bench = Bench::new().await;
    bench.network.set_person("*", Person::talks(3600.0));
    let id = bench.talk(&json!({})).await;
    bench.network.inject(Rule::new(Fault::HangupDuringDial).number(OTHER));
    bench.command(&id, "transfer", &json!({ "to": OTHER, "from": OURS })).await;
    assert_eq!(bench.heard("call.hangup").await["sip_hangup_cause"], "480");
    assert_eq!(bench.network.call(&id).unwrap().status, Status::InProgress);
}
