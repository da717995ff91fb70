//! Who carries a script out: a provider that asks, one that must be commanded, one whose own agent talks.

#![allow(missing_docs, reason = "a test")]

use call_core::testkit::script::Scene;
use call_core::{Conduct, Disposition, Effect, Proposer, Script, Timer};

fn commanded(scene: Scene, script: Script) -> Scene {
    scene.plan(|plan| {
        plan.conduct = Conduct::Commanded;
        plan.script = script;
    })
}

fn say() -> Script {
    Script::Say { text: "Your table is ready.".to_owned() }
}

fn connect() -> Script {
    Script::Connect { to: "+12025550103".to_owned(), caller_id: None }
}

#[test]
fn a_provider_that_asks_is_told_nothing_on_answer() {
    let asked = Scene::outbound().plan(|plan| plan.script = say()).play("1s ringing; 5s answered");
    assert!(asked.effects.iter().all(|effect| matches!(effect, Effect::Dial | Effect::Publish(_))), "{asked:?}");
}

#[test]
fn say_is_spoken_once_and_hangs_up_after_its_last_word() {
    let played = commanded(Scene::outbound(), say())
        .play("1s ringing; 5s answered; 5s answered; 8s spoken greeting; 9s ended completed 4s");
    let spoken = played
        .effects
        .iter()
        .filter(|effect| matches!(effect, Effect::Speak { operation, .. } if operation == "greeting"));
    assert_eq!(spoken.count(), 1);
    let outcome = played.call.outcome().expect("ended");
    assert_eq!(outcome.proposal.proposer, Proposer::Farewell);
    assert_eq!(outcome.disposition, Disposition::Completed);
}

#[test]
fn say_hangs_up_even_if_nobody_tells_that_it_was_said() {
    let played = commanded(Scene::outbound(), say()).play("1s ringing; 5s answered; due tick");
    let by = played.effects.iter().filter(|effect| matches!(effect, Effect::Hangup { .. }));
    assert_eq!(by.count(), 1, "{:?}", played.answers);
    let ended =
        commanded(Scene::outbound(), say()).play("1s ringing; 5s answered; due tick; 2m ended completed; due tick");
    let proposal = &ended.call.outcome().expect("ended").proposal;
    assert_eq!(proposal.proposer, Proposer::Deadline { timer: Timer::Farewell });
}

#[test]
fn a_greeting_is_spoken_and_then_it_is_the_callers_turn() {
    let greets = Script::Converse { greeting: "Hello!".to_owned() };
    let played = commanded(Scene::outbound(), greets).play("1s ringing; 5s answered; 7s spoken greeting");
    assert!(played.call.state().timers.get(Timer::Response).is_some());
    assert!(!played.call.has_ended());
    let silent = commanded(Scene::outbound(), Script::default()).play("1s ringing; 5s answered");
    assert!(!silent.effects.iter().any(|effect| matches!(effect, Effect::Speak { .. })));
}

#[test]
fn connect_transfers_and_a_refused_transfer_ends_the_call() {
    let scene = commanded(Scene::outbound(), connect());
    let played = scene.play("1s ringing; 5s answered");
    assert!(played.effects.contains(&Effect::Transfer { to: "+12025550103".to_owned() }));
    let refused = scene.play("1s ringing; 5s answered; 6s refused transfer; 7s ended completed");
    assert_eq!(refused.call.outcome().expect("ended").proposal.proposer, Proposer::FarEnd);
}

#[test]
fn a_stream_is_opened_by_command_and_must_open_in_time() {
    let played = commanded(Scene::outbound(), Script::Stream).play("1s ringing; 5s answered");
    assert_eq!(played.effects.iter().filter(|effect| **effect == Effect::OpenStream).count(), 1);
    assert!(played.call.state().timers.get(Timer::StreamLimit).is_some());
}

#[test]
fn whoever_rings_us_is_picked_up_by_command_only() {
    let picked = commanded(Scene::inbound(), say()).play("");
    assert!(picked.effects.contains(&Effect::Answer));
    let asked = Scene::inbound().play("");
    assert!(!asked.effects.contains(&Effect::Answer));
    let agent = Scene::inbound().plan(|plan| plan.conduct = Conduct::Agent).play("");
    assert!(!agent.effects.contains(&Effect::Answer));
}

#[test]
fn a_pick_up_that_is_refused_is_asked_about_at_once() {
    let refused = commanded(Scene::inbound(), say()).play("1s refused answer");
    assert!(refused.effects.contains(&Effect::Reconcile));
}

#[test]
fn a_whole_transcript_takes_the_place_of_what_was_told_before_and_is_news_once() {
    let played = Scene::outbound().play("1s answered; 2s turn agent; 3s turn caller; 9s transcript; 9s transcript");
    assert_eq!(played.call.state().findings.turns, 1);
    assert_eq!(played.answers.last().map(String::as_str), Some("(nothing-new)"), "{:?}", played.answers);
}
