//! Lives of calls, as people and webhooks tell them.

use reqwest::Method;
use serde_json::{Value, json};
use simulator::{
    Direction, Inbound, Number, Person, Provider,
    Status::{self, *},
};

use super::bench::{Bench, path};
use crate::backend::{OURS, PHONE};

/// How a call to this person is told: its statuses, its events, and what `call.hangup` says.
async fn life(person: Person, extra: &Value) -> (Vec<Status>, Vec<String>, Value) {
    let bench = Bench::new().await;
    bench.network.set_person(PHONE, person);
    let call = bench.live(extra).await;
    assert!(bench.seen().iter().all(|seen| seen.genuine));
    assert_eq!(call.provider, Provider::Telnyx);
    let hangup = bench.told("call.hangup").remove(0);
    assert_eq!(hangup["sip_hangup_cause"], call.sip_code.unwrap().to_string());
    assert_eq!(hangup["hangup_cause"], call.cause.as_deref().unwrap());
    assert_eq!(hangup["client_state"], "b3Vycw==");
    (call.statuses(), bench.events(), hangup)
}

fn ending(hangup: &Value) -> [&str; 3] {
    ["hangup_cause", "hangup_source", "sip_hangup_cause"].map(|name| hangup[name].as_str().unwrap())
}

#[tokio::test]
async fn a_person_talks_and_hangs_up() {
    let (statuses, events, hangup) = life(Person::talks(20.0), &json!({})).await;
    assert_eq!(statuses, [Queued, Initiated, Ringing, InProgress, Completed]);
    assert_eq!(events, ["call.initiated", "call.answered", "call.hangup"]);
    assert_eq!(ending(&hangup), ["normal_clearing", "callee", "200"]);
}

#[tokio::test]
async fn a_person_may_hang_up_at_once() {
    let (statuses, events, _) = life(Person::hangs_up(), &json!({})).await;
    assert_eq!(statuses.last(), Some(&Completed));
    assert_eq!(events, ["call.initiated", "call.answered", "call.hangup"]);
}

#[tokio::test]
async fn a_busy_phone_never_rings() {
    let (statuses, events, hangup) = life(Person::busy(), &json!({})).await;
    assert_eq!(statuses, [Queued, Initiated, Busy]);
    assert_eq!(events, ["call.initiated", "call.hangup"]);
    assert_eq!(ending(&hangup), ["user_busy", "callee", "486"]);
}

#[tokio::test]
async fn a_person_may_decline_and_a_number_may_not_exist() {
    let (statuses, _, hangup) = life(Person::rejects(), &json!({})).await;
    assert_eq!((statuses.last(), ending(&hangup)), (Some(&NoAnswer), ["call_rejected", "callee", "603"]));
    let (statuses, _, hangup) = life(Person::invalid(), &json!({})).await;
    assert_eq!((statuses.last(), ending(&hangup)), (Some(&Failed), ["not_found", "callee", "404"]));
}

#[tokio::test]
async fn nobody_answers_on_any_route_or_on_the_only_one() {
    let (statuses, events, hangup) = life(Person::no_answer(), &json!({ "timeout_secs": 10 })).await;
    assert_eq!(statuses, [Queued, Initiated, Ringing, NoAnswer]);
    assert_eq!(events, ["call.initiated", "call.hangup"]);
    assert_eq!(ending(&hangup), ["timeout", "caller", "487"]);
    let once = json!({ "timeout_secs": 10, "retry_on_timeout": false });
    let (_, _, hangup) = life(Person::no_answer(), &once).await;
    assert_eq!(ending(&hangup)[0], "no_answer");
}

#[tokio::test]
async fn the_time_out_counts_for_each_route() {
    let slow = || {
        let mut person = Person::talks(5.0);
        person.ring = 15.0;
        person
    };
    let (statuses, ..) = life(slow(), &json!({ "timeout_secs": 10 })).await;
    assert_eq!(statuses.last(), Some(&Completed));
    let (statuses, ..) = life(slow(), &json!({ "timeout_secs": 10, "retry_on_timeout": false })).await;
    assert_eq!(statuses.last(), Some(&NoAnswer));
}

#[tokio::test]
async fn the_time_limit_ends_a_long_talk() {
    let (_, _, hangup) = life(Person::talks(3000.0), &json!({ "time_limit_secs": 30 })).await;
    assert_eq!(ending(&hangup), ["time_limit", "caller", "200"]);
}

#[tokio::test]
async fn machines_are_told_from_people() {
    let asked = |mode: &str| json!({ "answering_machine_detection": mode });
    for (person, mode, told) in [
        (Person::talks(60.0), "detect", &[("call.machine.detection.ended", "human")][..]),
        (Person::talks(60.0), "premium", &[("call.machine.premium.detection.ended", "human_residence")]),
        (Person::voicemail(), "detect", &[("call.machine.detection.ended", "machine")]),
        (
            Person::voicemail(),
            "greeting_end",
            &[("call.machine.detection.ended", "machine"), ("call.machine.greeting.ended", "beep_detected")],
        ),
        (
            Person::voicemail(),
            "premium",
            &[
                ("call.machine.premium.detection.ended", "machine"),
                ("call.machine.premium.greeting.ended", "beep_detected"),
            ],
        ),
        (Person::voicemail(), "disabled", &[]),
    ] {
        let bench = Bench::new().await;
        bench.network.set_person(PHONE, person);
        let call = bench.live(&asked(mode)).await;
        let results: Vec<(String, String)> = (bench.seen().iter())
            .filter(|seen| seen.event().starts_with("call.machine"))
            .map(|seen| (seen.event().to_owned(), seen.payload()["result"].as_str().unwrap().to_owned()))
            .collect();
        let told: Vec<(String, String)> =
            told.iter().map(|(event, result)| ((*event).to_owned(), (*result).to_owned())).collect();
        assert_eq!(results, told, "{mode}");
        assert_eq!(call.answered_by.as_deref(), told.first().map(|(_, result)| result.as_str()));
    }
}

async fn ringing() -> (Bench, String) {
    let bench = Bench::new().await;
    bench.network.set_number(Number::at(Provider::Telnyx, OURS));
    let id = bench.network.inbound(Inbound::new(PHONE, OURS).by(Person::talks(20.0))).unwrap();
    bench.heard("call.initiated").await;
    (bench, id)
}

#[tokio::test]
async fn a_caller_waits_until_we_answer() {
    let (bench, id) = ringing().await;
    let initiated = bench.heard("call.initiated").await;
    assert_eq!((&initiated["direction"], &initiated["state"]), (&json!("incoming"), &json!("parked")));
    assert_eq!((&initiated["client_state"], &initiated["from"]), (&Value::Null, &json!(PHONE)));
    let own = format!("{}/ours", bench.url);
    bench.command(&id, "answer", &json!({ "client_state": "aGVsbG8=", "webhook_url": own })).await;
    bench.settle().await;
    let call = bench.network.call(&id).unwrap();
    assert_eq!((call.direction, call.statuses()), (Direction::Inbound, vec![Ringing, InProgress, Completed]));
    assert_eq!(bench.events(), ["call.initiated", "call.answered", "call.hangup"]);
    let paths: Vec<String> = bench.seen().into_iter().map(|seen| seen.path).collect();
    assert_eq!(paths, ["/app", "/ours", "/ours"]);
    let hangup = bench.heard("call.hangup").await;
    assert_eq!((ending(&hangup), &hangup["client_state"]), (["normal_clearing", "caller", "200"], &json!("aGVsbG8=")));
}

#[tokio::test]
async fn a_caller_may_be_turned_away() {
    for (cause, status, words) in [
        ("CALL_REJECTED", NoAnswer, ["call_rejected", "callee", "603"]),
        ("USER_BUSY", Busy, ["user_busy", "callee", "486"]),
    ] {
        let (bench, id) = ringing().await;
        bench.command(&id, "reject", &json!({ "cause": cause })).await;
        bench.settle().await;
        assert_eq!(bench.network.call(&id).unwrap().status, status);
        assert_eq!(ending(&bench.heard("call.hangup").await), words);
    }
}

#[tokio::test]
async fn a_caller_whom_nobody_answers_gives_up() {
    let (bench, id) = ringing().await;
    bench.settle().await;
    let call = bench.network.call(&id).unwrap();
    assert_eq!((call.status, call.answered_at), (Canceled, None));
    assert_eq!(ending(&bench.heard("call.hangup").await), ["originator_cancel", "caller", "487"]);
}

#[tokio::test]
async fn an_ended_call_is_remembered_for_ten_minutes() {
    // Ten phone minutes are a second and a half.
    let bench = Bench::with(simulator::Config { speed: 400.0, ..crate::backend::quick() }, |_| {}).await;
    bench.network.set_person(PHONE, Person::busy());
    let call = bench.live(&json!({})).await;
    let (status, body) = bench.get(&path(&call.sid)).await;
    assert_eq!((status, &body["data"]["is_alive"]), (200, &json!(false)));
    assert!(body["data"]["end_time"].is_string());
    let deadline = tokio::time::Instant::now() + crate::backend::PATIENCE;
    while bench.get(&path(&call.sid)).await.0 == 200 {
        assert!(tokio::time::Instant::now() < deadline, "never forgotten");
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    let forgotten = bench.get(&path(&call.sid)).await;
    assert_eq!((forgotten.0, &forgotten.1["errors"][0]["code"]), (404, &json!("10005")));
    assert_eq!(bench.send(Method::POST, &format!("{}/actions/hangup", path(&call.sid)), &json!({})).await.0, 404);
    assert!(bench.network.call(&call.sid).is_some(), "truth forgets nothing");
}
