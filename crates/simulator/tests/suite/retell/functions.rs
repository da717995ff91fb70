//! Custom functions: what is asked, what is done with the answer, and what the truth says about it.

use std::time::Duration;

use serde_json::{Value, json};
use simulator::{CallRecord, Function, Invocation, Person, Purpose};

use super::Bench;
use crate::backend::PHONE;

fn only(call: &CallRecord) -> &Invocation {
    assert_eq!(call.functions.len(), 1, "{:#?}", call.functions);
    &call.functions[0]
}

async fn bench(function: impl FnOnce(Function) -> Function) -> Bench {
    let bench = Bench::new().await;
    bench.network.set_person("*", Person::talks(3600.0));
    let function = function(Function::new("check_availability", bench.at("/function")).argument("day", "Monday"));
    bench.hire(|agent| agent.saying(["Hello.", "Hi.", "Goodbye."]).function(function));
    bench
}

#[tokio::test]
async fn a_function_is_called_in_the_middle_and_its_answer_is_kept() {
    let bench = bench(|function| function.after(2)).await;
    bench.answer("/function", 200, r#"{"free":["10:00"]}"#);
    let call = bench.live().await;

    let seen = bench.seen("/function").remove(0);
    assert!(seen.genuine);
    assert_eq!(seen.headers["content-type"], "application/json");
    assert_eq!((&seen.json["name"], &seen.json["args"]), (&json!("check_availability"), &json!({ "day": "Monday" })));
    let told = &seen.json["call"];
    assert_eq!((&told["call_id"], &told["call_status"]), (&json!(call.sid), &json!("ongoing")));
    assert_eq!(told["transcript"], "Agent: Hello.\nUser: Hi.\n");
    let running = told["transcript_with_tool_calls"].as_array().unwrap().last().unwrap();
    assert_eq!(running["role"], "tool_call_invocation");

    let invocation = only(&call);
    assert_eq!(running["tool_call_id"], json!(invocation.id));
    assert_eq!(invocation.arguments, json!({ "day": "Monday" }));
    assert_eq!((invocation.result.as_deref(), invocation.successful), (Some(r#"{"free":["10:00"]}"#), Some(true)));
    let sent = &call.sent[invocation.sent.unwrap()];
    assert_eq!((sent.purpose, sent.body.as_str()), (Purpose::Function, r#"{"free":["10:00"]}"#));

    let roles = |value: &Value| -> Vec<String> {
        value.as_array().unwrap().iter().map(|entry| entry["role"].as_str().unwrap().to_owned()).collect()
    };
    let ended = bench.told("call_ended");
    assert_eq!(
        roles(&ended["transcript_with_tool_calls"]),
        ["agent", "user", "tool_call_invocation", "tool_call_result", "agent"]
    );
    assert_eq!(ended["transcript_with_tool_calls"][3]["content"], r#"{"free":["10:00"]}"#);
}

#[tokio::test]
async fn arguments_alone_name_no_call() {
    let bench = bench(|mut function| {
        function.url.push_str("?call_id={{call_id}}");
        function.args_only()
    })
    .await;
    bench.answer("/function", 200, "ok");
    let call = bench.live().await;
    let seen = bench.seen("/function").remove(0);
    assert!(seen.genuine);
    assert_eq!(seen.json, json!({ "day": "Monday" }));
    assert_eq!(seen.query, format!("call_id={}", call.sid));
}

#[tokio::test]
async fn a_failing_function_is_repeated_only_when_asked() {
    let bench = bench(|function| function).await;
    bench.answer("/function", 500, "broken");
    let call = bench.live().await;
    assert_eq!((bench.seen("/function").len(), only(&call).successful), (1, Some(false)));
    let told = bench.told("call_ended")["transcript_with_tool_calls"][1].clone();
    assert_eq!((&told["role"], &told["successful"]), (&json!("tool_call_result"), &json!(false)));

    let bench = self::bench(|function| function.retrying(2)).await;
    bench.answer("/function", 500, "broken");
    bench.answer("/function", 503, "broken");
    bench.answer("/function", 200, "well");
    let call = bench.live().await;
    let seen = bench.seen("/function");
    assert_eq!((seen.len(), only(&call).result.as_deref()), (3, Some("well")));
    // The same invocation every time.
    assert!(seen.iter().all(|again| again.json == seen[0].json && again.genuine));
}

#[tokio::test]
async fn a_function_has_its_own_time_out() {
    let bench = bench(|function| function.timeout(Duration::from_millis(100)).retrying(1)).await;
    bench.delay("/function", Duration::from_secs(5));
    let call = bench.live().await;
    let sent = call.sent_for(Purpose::Function).next().unwrap();
    assert_eq!((sent.attempts.len(), only(&call).successful), (2, Some(false)));
}

#[tokio::test]
async fn a_long_answer_is_cut() {
    let bench = bench(|function| function).await;
    bench.answer("/function", 200, &"x".repeat(20_000));
    let call = bench.live().await;
    assert_eq!(only(&call).result.as_ref().unwrap().len(), 15_000);
}

#[tokio::test]
async fn a_function_outlives_its_call() {
    let bench = Bench::slow().await;
    bench.hire(|agent| agent.function(Function::new("look", bench.at("/function"))));
    // Half a second by the clock: long enough to be asked, not to hear the answer.
    bench.network.set_person("*", Person::talks(10.0));
    bench.answer("/function", 200, "too late");
    bench.delay("/function", Duration::from_millis(1500));
    let call = bench.live().await;
    assert_eq!(call.cause.as_deref(), Some("user_hangup"));
    let invocation = only(&call);
    assert!(invocation.returned_at.unwrap() > call.ended_at.unwrap());
    assert_eq!(invocation.result.as_deref(), Some("too late"));
    // The model never read it.
    let told = bench.told("call_analyzed")["transcript_with_tool_calls"].clone();
    assert!(told.as_array().unwrap().iter().all(|entry| entry["role"] != "tool_call_result"), "{told}");
}

#[tokio::test]
async fn every_function_of_the_agent_is_called_once_at_its_place() {
    let bench = Bench::new().await;
    bench.network.set_person("*", Person::talks(3600.0));
    bench.answer("/function", 200, "fine");
    bench.hire(|agent| {
        [("initialize_call", 0), ("check_availability", 2), ("collect_appointment_info", 99)]
            .into_iter()
            .fold(agent, |agent, (name, after)| agent.function(Function::new(name, bench.at("/function")).after(after)))
    });
    let id = bench.call(PHONE).await;
    bench.settle().await;
    let names: Vec<Value> = bench.seen("/function").iter().map(|seen| seen.json["name"].clone()).collect();
    assert_eq!(names, ["initialize_call", "check_availability", "collect_appointment_info"]);
    let call = bench.network.call(&id).unwrap();
    let truth: Vec<_> = call.functions.iter().map(|it| (it.name.as_str(), it.result.as_deref())).collect();
    assert_eq!(truth[0], ("initialize_call", Some("fine")));
    assert_eq!(truth.len(), 3);
}
