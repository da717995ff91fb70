//! Every documented event is understood, and what is not understood is kept.

use std::collections::BTreeSet;
use std::sync::Arc;

use call_core::journal::{fold, record};
use call_core::port::{Hook as _, Question, ToolRequest};
use call_core::{Call, Command, Disposition, Fact, Hungup, Input, Signal};

use super::read;
use crate::{Adapter, stage, tell};

/// No event that the provider documents is missing in the recordings.
pub fn every_documented_event_is_recorded<A: Adapter>() {
    let recordings = A::recordings();
    let recorded: BTreeSet<&str> = recordings.messages.iter().map(|recorded| recorded.event()).collect();
    assert!(!recordings.documented.is_empty());
    for event in &recordings.documented {
        assert!(recorded.contains(event.as_str()), "{event} is documented, and no message of it is recorded");
    }
}

/// To the letter: facts, legs, keys, order, times, and the fields that are kept.
pub fn every_message_says_what_it_should<A: Adapter>() {
    let mut compared = 0;
    for recorded in A::recordings().messages {
        let received = read::<A>(&recorded.name, recorded.message);
        let Some(expected) = recorded.signals else { continue };
        let said = serde_json::to_string(&received.signals).expect("signals are JSON");
        assert_eq!(received.signals, expected, "{} says {said}", recorded.name);
        compared += 1;
    }
    assert!(compared > 0, "no message says what it must say");
}

/// A call that is told of it is equal to what it was, and its journal has it.
pub fn an_unknown_event_is_kept_and_harmless<A: Adapter>() {
    let received = read::<A>("an unknown event", A::unknown("teleported"));
    let [signal] = &received.signals[..] else { panic!("{received:?}") };
    assert!(matches!(&signal.fact, Fact::Unknown(name) if name.contains("teleported")), "{signal:?}");
    for mut call in calls::<A>() {
        let before = call.clone();
        let now = call.state().now;
        let (entry, effects) = record(&mut call, Input::Signal(signal.clone()), now);
        assert_eq!((&call, effects.as_slice()), (&before, &[][..]));
        assert_eq!(entry.input, Input::Signal(signal.clone()));
        let written = serde_json::to_string(&entry).expect("an entry is JSON");
        assert!(written.contains("teleported"), "{written}");
    }
    let stage = stage::<A>();
    let mut call = stage.dialing(stage.plan(A::script()));
    let now = call.state().now;
    let (entry, _) = record(&mut call, Input::Signal(signal.clone()), now);
    assert_eq!(
        fold(&Arc::clone(call.birth()), &[entry]).as_ref(),
        Ok(&call),
        "before the dial's answer, it tells the leg"
    );
}

/// The message says what it said, and the journal has the field.
pub fn an_unknown_field_is_kept_and_harmless<A: Adapter>() {
    let recordings = A::recordings();
    for recorded in &recordings.messages {
        let plain = read::<A>(&recorded.name, recorded.message.clone());
        let grown = A::with_field(recorded.message.clone(), "brand_new", "a new thing");
        assert_ne!(grown, recorded.message, "{} has no place for a field", recorded.name);
        let mut grown = read::<A>(&recorded.name, grown);
        let kept = grown.signals.iter().any(|signal| signal.extra.get("brand_new").is_some_and(|v| v == "a new thing"));
        let is_private = recordings.private.iter().any(|event| event == recorded.event());
        assert_eq!(kept, !is_private && !plain.signals.is_empty(), "{}: {grown:?}", recorded.name);
        for signal in &mut grown.signals {
            signal.extra.remove("brand_new");
        }
        assert_eq!(grown, plain, "{}", recorded.name);
    }
}

/// A field whose name says that it is secret goes nowhere.
pub fn what_looks_like_a_secret_is_not_kept<A: Adapter>() {
    for recorded in A::recordings().messages {
        for name in ["auth_token", "SipAuthPassword", "client_secret", "accessToken"] {
            let received = read::<A>(&recorded.name, A::with_field(recorded.message.clone(), name, "correct-horse"));
            assert!(!format!("{received:?}").contains("correct-horse"), "{}: {name} is kept", recorded.name);
        }
    }
}

/// In every phase of the call, and when nobody knows it.
pub fn every_question_has_a_reply<A: Adapter>() {
    let hook = A::hook();
    let tool = ToolRequest { id: "t1".to_owned(), name: "book".to_owned(), arguments: "{}".to_owned() };
    let mut questions =
        vec![Question::WhatNow, Question::WhatNext { action: "?".to_owned() }, Question::Tool(tool.clone())];
    let recorded = A::recordings().messages.into_iter();
    questions.extend(recorded.filter_map(|recorded| read::<A>(&recorded.name, recorded.message).question));
    for question in &questions {
        for call in calls::<A>().iter().map(Some).chain([None]) {
            let reply = hook.reply(question, call);
            assert!((200..600).contains(&reply.status), "{question:?}: {reply:?}");
        }
    }
    assert!((200..300).contains(&hook.acknowledge().status), "what is stored is acknowledged");
    assert_eq!(hook.returned(&tool, &Ok("{}".to_owned())).status, 200);
    assert!(hook.returned(&tool, &Err("no".to_owned())).body.contains("no"), "the agent hears why");
}

/// Calls that know their leg, in every phase.
pub(super) fn calls<A: Adapter>() -> Vec<Call> {
    let stage = stage::<A>();
    let plan = || stage.plan(A::script());
    let mut ending = stage.live(plan());
    tell(&mut ending, Command::hangup());
    let mut ended = stage.live(plan());
    tell(&mut ended, Signal::new(Fact::Ended(Hungup::new(Disposition::Completed))).on(stage.leg()));
    vec![stage.ringing(plan()), stage.live(plan()), ending, ended]
}
