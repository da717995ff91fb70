//! The inbound webhook: a number rings, and Retell asks what to do while the caller hears it ring.

use adapter_retell::{Callback, RetellHook};
use call_core::port::{Hook as _, HookError, Question};
use call_core::{Call, Conduct, Disposition, Fact, Hungup, Plan, Policy, Progress, Script, Signal};
use provider_laws::{born, id, tell as handle};
use serde_json::{Value, json};

use crate::kit::{AGENT, CALL, config, hook, leg, plan, post};

fn rings(more: &Value) -> Value {
    let mut call = json!({"from_number": "+15550000002", "to_number": "+15550000001"});
    for (name, value) in more.as_object().unwrap() {
        call[name] = value.clone();
    }
    json!({"event": "call_inbound", "event_timestamp": 1_795_248_000_500_i64, "call_inbound": call})
}

fn ringing(plan: Plan) -> Call {
    Call::ring(id(), leg(CALL), plan, Policy::default(), born()).0
}

fn answer(hook: &RetellHook, call: Option<&Call>) -> Value {
    let reply = hook.reply(&Question::WhatNow, call);
    assert_eq!((reply.status, reply.content_type), (200, "application/json"));
    serde_json::from_str::<Value>(&reply.body).unwrap()["call_inbound"].clone()
}

#[test]
fn a_call_that_rings_and_has_a_name_begins_its_record() {
    let received = post(&Callback::Inbound.path(), &rings(&json!({"call_id": CALL}))).unwrap();
    assert_eq!((received.address.leg, received.address.begins), (leg(CALL), true));
    assert_eq!(received.question, Some(Question::WhatNow));
    let inbound = received.inbound.unwrap();
    assert_eq!((inbound.from.as_str(), inbound.to.as_str()), ("+15550000002", "+15550000001"));
    assert_eq!(inbound.conduct, Conduct::Agent);
    assert_eq!(received.signals[0].fact, Fact::Progress(Progress::Ringing));
}

/// As older versions of the webhook are (retell.md §0): the first message with a name makes the record.
#[test]
fn a_call_without_a_name_is_answered_and_makes_no_record() {
    let received = post("/inbound", &rings(&json!({}))).unwrap();
    assert!(!received.address.begins && received.signals.is_empty() && received.inbound.is_none());
    assert_eq!(answer(&hook(), None), json!({"override_agent_id": AGENT}));
}

#[test]
fn our_agent_takes_the_call_with_our_context_and_our_name() {
    let mut plan = plan();
    plan.context.insert("practice".to_owned(), "Dr. Müller".to_owned());
    let ours = json!({
        "override_agent_id": AGENT, "dynamic_variables": {"practice": "Dr. Müller"},
        "metadata": {"call_id": id().to_string()},
    });
    assert_eq!(answer(&hook(), Some(&ringing(plan.clone()))), ours);
    plan.script = Script::Agent { id: Some("agent_of_the_plan".to_owned()) };
    assert_eq!(answer(&hook(), Some(&ringing(plan)))["override_agent_id"], "agent_of_the_plan");

    let bare = RetellHook::new(&adapter_retell::RetellConfig { agent_id: None, ..config() }).unwrap();
    assert_eq!(answer(&bare, None), json!({}), "the number's own agent talks");
}

#[test]
fn a_call_that_was_given_up_while_it_rang_is_rejected() {
    let mut call = ringing(plan());
    handle(&mut call, Signal::new(Fact::Ended(Hungup::new(Disposition::Canceled))).on(leg(CALL)));
    assert_eq!(answer(&hook(), Some(&call))["reject"], json!(true));
}

#[test]
fn an_inbound_message_without_numbers_is_refused_by_name() {
    for (body, problem) in [
        (rings(&json!({"from_number": ""})), "from_number is missing"),
        (rings(&json!({"to_number": null})), "to_number is missing"),
        (json!({"event": "chat_inbound", "chat_inbound": {}}), "call_inbound is missing"),
        (json!([]), "not an object"),
    ] {
        let refused = post("/inbound", &body);
        assert!(matches!(&refused, Err(HookError::Malformed(why)) if why.contains(problem)), "{refused:?}");
    }
}
