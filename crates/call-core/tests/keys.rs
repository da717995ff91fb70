//! Keys that the caller is asked for: each wish has one answer, whatever goes wrong.

#![allow(missing_docs, clippy::unwrap_used, reason = "a test")]

use std::time::Duration;

use call_core::testkit::any;
use call_core::testkit::script::Scene;
use call_core::{Command, Effect, Event, Gather, Gathered, Key, PhaseName, Step, Timer};
use proptest::prelude::*;

/// What was told of keys.
fn told(effects: &[Effect]) -> Vec<&Gathered> {
    let told = effects.iter().filter_map(|effect| {
        let Effect::Publish(Event::Gathered(gathered)) = effect else { return None };
        Some(gathered)
    });
    told.collect()
}

#[test]
fn keys_are_asked_for_and_told_once() {
    let played = Scene::outbound().play("1s answered; 2s gather pin; 9s gathered pin; 9s gathered pin");
    let asked = played.effects.iter().filter(|effect| matches!(effect, Effect::Gather(_)));
    assert_eq!(asked.count(), 1);
    let gathered = Gathered { operation: "pin".to_owned(), digits: "42".to_owned(), complete: true };
    assert_eq!(told(&played.effects), [&gathered]);
    assert_eq!(played.answers.last().unwrap(), "(not-running)");
    assert_eq!(played.call.state().timers.get(Timer::Gather), None);
}

#[test]
fn if_nobody_tells_the_wish_ends_by_its_deadline() {
    // Two keys with five seconds before, between and after them; fifteen for the provider to tell.
    let played = Scene::outbound().play("1s answered; 2s gather pin; 31s tick; due tick; 40s gathered pin");
    assert_eq!(told(&played.effects), [&Gathered::nothing("pin")]);
    assert!(!played.call.has_ended(), "the call goes on");
    assert_eq!(played.answers[2], "(not-due)");
}

#[test]
fn one_wish_at_a_time() {
    let played = Scene::outbound().play("1s answered; 2s gather pin; 3s gather choice; 9s gathered choice");
    assert_eq!(played.answers[2..], ["(already-running)", "(not-running)"]);
    let again = Scene::outbound().play("1s answered; 2s gather pin; 9s gathered pin; 10s gather pin; 12s gathered pin");
    assert_eq!(told(&again.effects).len(), 2, "a name is free again once it was told");
}

#[test]
fn keys_break_the_silence() {
    let way = "1s answered; 2s speak a; 3s spoken a; 4s gather pin";
    assert_eq!(Scene::outbound().play(way).call.state().timers.get(Timer::Response), None);
}

#[test]
fn only_the_keys_of_a_telephone_are_keys() {
    for key in "0123456789*#".chars() {
        assert_eq!(char::from(Key::try_from(key).unwrap()), key);
    }
    let read = |fields: &str| serde_json::from_str::<Gather>(&format!(r#"{{"operation": "pin", {fields}}}"#));
    let error = read(r#""most": 4, "until": "x""#).unwrap_err().to_string();
    assert!(error.contains("a telephone has no key 'x': 0 to 9, * and #"), "{error}");
    for none in [r#""most": 0"#, r#""most": 300"#, r#""most": 1, "pause": "-1s""#] {
        assert!(read(none).is_err(), "{none}");
    }
    let command =
        r##"{"command": "gather", "operation": "pin", "prompt": "Your PIN?", "most": 4, "until": "#", "pause": "3s"}"##;
    let (most, pause) = (4.try_into().unwrap(), Duration::from_secs(3));
    let prompt = "Your PIN?".to_owned();
    let gather = Gather { operation: "pin".to_owned(), prompt, most, until: Some(Key::HASH), pause };
    assert_eq!(serde_json::from_str::<Command>(command).unwrap(), Command::Gather(gather));
}

proptest! {
    /// Whatever reaches a call, each wish for keys is told of once, unless the call ends or is being ended first.
    #[test]
    fn every_wish_has_one_answer(history in any::history()) {
        let (mut call, _) = history.born();
        for (now, input) in &history.inputs {
            let before = call.state().gathering.clone();
            let effects = match call.handle(input, *now) {
                Step::Applied(effects) => effects,
                Step::Ignored(_) => Vec::new(),
            };
            let asked = effects.iter().filter(|effect| matches!(effect, Effect::Gather(_))).count();
            let told = told(&effects);
            match (&before, &call.state().gathering) {
                (None, None) => prop_assert!(told.is_empty() && asked == 0),
                (None, Some(_)) => prop_assert!(told.is_empty() && asked == 1),
                (Some(wish), None) if told.is_empty() => {
                    prop_assert!(call.phase_name() > PhaseName::Live, "{wish:?} was forgotten");
                }
                (Some(wish), None) => prop_assert!(told.len() == 1 && told[0].operation == wish.operation),
                (Some(wish), Some(still)) => prop_assert!(wish == still && told.is_empty() && asked == 0),
            }
            let waits = call.state().timers.get(Timer::Gather).is_some();
            prop_assert_eq!(waits, call.state().gathering.is_some(), "a deadline exactly while somebody waits");
        }
    }
}

#[test]
fn a_refusal_is_kept_and_moves_nothing() {
    for word in ["bridge", "recording"] {
        let played = Scene::outbound().play(&format!("1s answered; 2s refused {word}"));
        assert_eq!(played.answers.last().unwrap(), "live", "{word}");
    }
}
