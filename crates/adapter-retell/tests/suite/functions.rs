//! Custom functions: who asks for what, about which call, and what the agent is told.

use adapter_retell::MOST_RESULT;
use call_core::Fact;
use call_core::port::{Hook as _, HookError, Question, Received, ToolRequest};
use provider_laws::{Message, id};
use serde_json::{Value, json};

use crate::kit::{CALL, foreign, hook, leg, object, post, tell};

fn invoke(call: &Value, args: &Value) -> Received {
    post("/functions", &json!({"name": "check_availability", "call": call, "args": args})).unwrap()
}

fn asked(received: &Received) -> &ToolRequest {
    let Some(Question::Tool(request)) = &received.question else { panic!("{received:?}") };
    request
}

#[test]
fn a_function_asks_about_our_call_and_proves_that_it_was_answered() {
    let received = invoke(&object(&json!({})), &json!({"day": "Friday"}));
    let request = asked(&received);
    assert_eq!((request.name.as_str(), request.arguments.as_str()), ("check_availability", r#"{"day":"Friday"}"#));
    assert_eq!((received.address.call, received.address.begins), (Some(id()), false));
    let [signal] = &received.signals[..] else { panic!() };
    assert_eq!((&signal.fact, signal.at.unwrap().as_millis()), (&Fact::Answered, 1_795_248_004_000));
}

#[test]
fn a_function_may_be_the_first_that_is_heard_of_a_call() {
    let received = invoke(&foreign(&json!({"direction": "inbound"})), &json!({}));
    assert!(received.address.begins);
    assert_eq!(received.inbound.unwrap().from, "+15550000001");
}

/// As the docs' sample shows: the running invocation is the last one, and has no result yet.
#[test]
fn an_invocation_is_known_by_retells_own_name_for_it() {
    let invocation = |id: &str, name: &str| json!({"role": "tool_call_invocation", "tool_call_id": id, "name": name, "arguments": "{}"});
    let result = |id: &str| json!({"role": "tool_call_result", "tool_call_id": id, "content": "[]"});
    let words = json!({"role": "user", "content": "And Monday?"});
    let of = |all: Value| asked(&invoke(&object(&json!({"transcript_with_tool_calls": all})), &json!({}))).id.clone();
    let first = invocation("t1", "check_availability");
    assert_eq!(of(json!([first])), "t1");
    assert_eq!(of(json!([first, result("t1"), words, invocation("t2", "check_availability")])), "t2");
    assert_eq!(of(json!([first, invocation("t2", "book")])), "t1", "another function is another invocation");
    let nameless = of(json!([]));
    assert_eq!(nameless.len(), 32);
    let later = of(json!([first, result("t1")]));
    assert!(
        later != "t1" && later != nameless,
        "what has a result does not run, and what is asked after it is asked anew"
    );
}

#[test]
fn an_invocation_without_a_name_is_the_same_one_if_it_says_the_same() {
    let of =
        |call: &str, day: &str| asked(&invoke(&object(&json!({"call_id": call})), &json!({"day": day}))).id.clone();
    assert_eq!(of(CALL, "Friday"), of(CALL, "Friday"));
    assert_ne!(of(CALL, "Friday"), of(CALL, "Monday"));
    assert_ne!(of(CALL, "Friday"), of("call_2", "Friday"));
}

#[test]
fn a_function_that_sends_its_arguments_only_has_the_rest_in_its_url() {
    let path = format!("/functions/initialize_call?call_id={CALL}");
    let received = post(&path, &json!({"name": "Ann", "reason": "a cleaning"})).unwrap();
    let request = asked(&received);
    assert_eq!(
        (request.name.as_str(), request.arguments.as_str()),
        ("initialize_call", r#"{"name":"Ann","reason":"a cleaning"}"#)
    );
    assert_eq!((received.address.leg, received.address.call, received.address.begins), (leg(CALL), None, false));
    assert!(received.signals.is_empty() && received.inbound.is_none());
}

#[test]
fn what_is_wrong_with_a_function_is_said() {
    let why = |path: &str, body: &Value| match post(path, body) {
        Err(HookError::Malformed(why)) => why,
        other => panic!("{other:?}"),
    };
    let call = object(&json!({}));
    assert!(why("/functions", &json!({"day": "Friday"})).contains("/functions/NAME"));
    assert!(why("/functions", &json!({"name": "two words", "call": call, "args": {}})).contains("name"));
    assert!(why("/functions", &json!({"name": "book", "args": {}})).contains("call is missing"));
    assert!(why("/functions/book", &json!({})).contains("call_id"));
    assert!(why("/functions/book?call_id=%7B%7Bcall_id%7D%7D", &json!({})).contains("{{call_id}}"));
    assert!(why(&format!("/functions/book?call_id={CALL}"), &json!([])).contains("not an object"));
}

/// Its signature would fit every path and every query (retell.md §5).
#[test]
fn a_function_by_get_is_not_run() {
    for method in ["GET", "DELETE"] {
        let path = format!("/functions/cancel_everything?call_id={CALL}");
        let message = Message { method: method.to_owned(), ..Message::post(path, "application/json", "") };
        assert!(matches!(tell(message), Err(HookError::Malformed(why)) if why.contains("POST")), "{method}");
    }
}

#[test]
fn the_agent_is_told_what_the_function_returned_within_retells_limit() {
    let request = ToolRequest { id: "t1".to_owned(), name: "book".to_owned(), arguments: "{}".to_owned() };
    let told =
        |outcome: Result<&str, &str>| hook().returned(&request, &outcome.map(str::to_owned).map_err(str::to_owned));
    let json = told(Ok(r#"{"slots":["10:00"]}"#));
    assert_eq!(
        (json.status, json.content_type, json.body.as_str()),
        (200, "application/json", r#"{"slots":["10:00"]}"#)
    );
    assert!(told(Ok("Friday at ten")).content_type.starts_with("text/plain"));

    let most = "ü".repeat(MOST_RESULT);
    assert_eq!(told(Ok(&most)).body, most);
    let cut = told(Ok(&format!("\"{most}\"")));
    assert_eq!((cut.status, cut.body.chars().count()), (200, MOST_RESULT));
    assert!(cut.content_type.starts_with("text/plain"), "what was cut is not JSON any more");

    let failed = told(Err("the calendar does not answer"));
    assert_eq!(failed.status, 500);
    assert_eq!(serde_json::from_str::<Value>(&failed.body).unwrap()["error"], "the calendar does not answer");
    assert!(told(Err(&most)).body.chars().count() <= MOST_RESULT);
}

#[test]
fn a_function_of_a_call_that_nobody_knows_may_be_tried_again() {
    let question =
        Question::Tool(ToolRequest { id: "t1".to_owned(), name: "book".to_owned(), arguments: "{}".to_owned() });
    let reply = hook().reply(&question, None);
    assert_eq!(reply.status, 503);
    assert!(reply.body.contains("error"));
}
