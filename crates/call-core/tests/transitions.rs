//! Every row of the table of life and every rule beside it, as scripts.

#![allow(missing_docs, reason = "a test")]

use std::time::Duration;

use call_core::testkit::script::{Scene, check};
use call_core::{Disposition, Effect, PhaseName, Proposer, Script, Source, Timer};

const RUNG: &str = "1s dialed accepted; 2s ringing; ";
const LIVE: &str = "1s dialed accepted; 2s ringing; 4s answered; ";

/// Plays `rest` on a live call and compares the answers to it alone.
#[track_caller]
fn live(rest: &str, expected: &str) {
    check(&format!("{LIVE}{rest}"), &format!("queued; ringing +call.ringing; live +call.answered; {expected}"));
}

// Dialing.

#[test]
fn a_call_goes_through_its_phases() {
    check(
        "1s dialed accepted; 1s queued; 2s initiated; 3s ringing; 7s answered; 67s ended completed 60s",
        "queued; (out-of-order); initiated; ringing +call.ringing; live +call.answered; ended completed +call.ended",
    );
}

#[test]
fn any_phase_may_jump_forward() {
    check("1s answered; 2s ended completed", "live +call.answered; ended completed +call.ended");
    check("1s ended busy", "ended busy +call.ended");
    check("1s ringing; 2s ended no-answer", "ringing +call.ringing; ended no-answer +call.ended");
}

#[test]
fn an_unanswered_dial_is_asked_for_and_fails_when_the_provider_does_not_know_it() {
    check(
        "29s tick; due tick; 31s report gone; 45s tick; 60s tick; 75s tick; 90s tick; 105s tick; 120s tick; \
         121s report gone; 135s tick",
        "(not-due); dialing +reconcile; dialing; dialing +reconcile; dialing +reconcile; dialing +reconcile; \
         dialing +reconcile; dialing +reconcile; dialing +reconcile; dialing; ended failed? +call.ended",
    );
    let failed = Scene::outbound().play("30s tick; 31s report gone; 2m tick; 121s report gone; 135s tick").call;
    let outcome = failed.outcome().expect("ended");
    assert_eq!(outcome.proposal.reason.as_deref(), Some("dial-unconfirmed"));
    assert_eq!(outcome.proposal.proposer, Proposer::Deadline { timer: Timer::DialLimit });
}

#[test]
fn what_the_provider_said_before_the_limit_is_no_proof_against_a_dial_that_was_put_off() {
    // A dial that was refused for a while went out at 1:59, and its answer takes five seconds.
    let call = Scene::outbound().play("30s tick; 31s report gone; 2m tick; 124s queued").call;
    assert_eq!(call.phase_name(), PhaseName::Ringing);
}

#[test]
fn an_unreachable_provider_keeps_an_unconfirmed_dial_open_up_to_the_outer_bound() {
    let scene = Scene::outbound();
    let mut script = String::from("30s tick; 31s report unreachable; ");
    (0..8).for_each(|_| script.push_str("due tick; "));
    assert!(!scene.play(&format!("{script} 31m59s tick")).call.has_ended(), "2 min + 30 min");
    let call = scene.play(&format!("{script} 31m59s tick; 32m20s tick")).call;
    assert_eq!(call.outcome().map(|o| o.disposition), Some(Disposition::Failed));
}

#[test]
fn an_unconfirmed_dial_is_kept_while_words_are_heard() {
    let scene = Scene::outbound();
    let mut script = String::from("30s tick; 31s report unreachable; ");
    (0..8).for_each(|_| script.push_str("due tick; "));
    script.push_str("20m turn caller; ");
    assert!(!scene.play(&format!("{script} 32m20s tick; 49m59s tick")).call.has_ended(), "20 min + 30 min");
    assert!(scene.play(&format!("{script} 32m20s tick; 49m59s tick; 50m20s tick")).call.has_ended());
}

#[test]
fn a_refused_dial_has_failed() {
    check("1s dialed refused", "ended failed +call.ended");
    check("1s dialed withdrawn", "ended failed +call.ended");
}

#[test]
fn a_dial_with_unknown_outcome_is_asked_for_and_never_dialled_again() {
    check(
        "10s dialed unknown; 25s tick; 26s report ringing; 30s answered",
        "dialing +reconcile; dialing +reconcile; ringing +call.ringing; live +call.answered",
    );
}

#[test]
fn whatever_names_the_leg_proves_the_dial() {
    check("1s unknown; 2s unknown", "queued; (nothing-new)");
    check("1s detected", "queued +call.updated");
}

// Ringing.

#[test]
fn a_phone_that_rings_for_too_long_is_asked_for_then_hung_up() {
    check(
        &format!("{RUNG} 2m1s tick; 2m2s tick; 2m3s report ringing; 2m4s ended canceled"),
        "queued; ringing +call.ringing; (not-due); ringing overdue +reconcile; hanging-up 1 +hangup +call.ending; \
         ended no-answer +call.ended",
    );
    check(
        &format!("{RUNG} 2m2s tick; 2m17s tick"),
        "queued; ringing +call.ringing; ringing overdue +reconcile; hanging-up 1 +hangup +call.ending",
    );
}

#[test]
fn a_queued_call_may_wait_longer_and_late_progress_gives_it_new_time() {
    check(
        "1s dialed accepted; 10m tick; 10m1s tick; 10m2s report ringing; 12m1s tick; 12m2s tick",
        "queued; (not-due); queued overdue +reconcile; ringing +call.ringing; (not-due); ringing overdue +reconcile",
    );
}

#[test]
fn a_call_that_vanishes_while_overdue_has_failed_but_a_lagging_read_is_no_proof() {
    check(
        &format!("{RUNG} 3s report gone; 2m2s tick; 2m3s report gone"),
        "queued; ringing +call.ringing; ringing; ringing overdue +reconcile; ended failed? +call.ended",
    );
}

#[test]
fn somebody_rings_us() {
    Scene::inbound().check(
        "0s ringing; 1s answered; 9s ended completed",
        "(out-of-order); live +call.answered; ended completed +call.ended",
    );
}

// Live.

#[test]
fn a_silent_caller_is_prompted_then_hung_up() {
    live(
        "5s speak hello; 8s spoken hello; 18s tick; 19s spoken prompt; 24s tick; 25s ended completed",
        "live +speak; live; live +speak; live; hanging-up 1 +hangup +call.ending; ended completed +call.ended",
    );
}

#[test]
fn a_caller_who_responds_stops_the_clock_of_silence() {
    for response in ["turn caller", "digits"] {
        live(&format!("5s speak a; 8s spoken a; 10s {response}; 18s tick"), "live +speak; live; live; (not-due)");
    }
    live("5s speak a; 8s spoken a; 9s speak b; 18s tick", "live +speak; live; live +speak; (not-due)");
}

#[test]
fn a_live_call_has_a_hard_limit() {
    live(
        "1h3s stream flowing; 1h4s tick; 1h5s ended completed",
        "live; hanging-up 1 +hangup +call.ending; ended completed +call.ended",
    );
}

#[test]
fn a_quiet_call_is_asked_for_and_lives_while_the_provider_says_so() {
    live(
        "5m4s tick; 5m5s report in-progress; 10m4s tick; 10m5s tick; 10m6s report gone",
        "live +reconcile; live; (not-due); live +reconcile; ended abandoned? +call.ended",
    );
}

#[test]
fn a_lagging_read_does_not_end_a_call_that_shows_signs_of_life() {
    live("5m4s tick; 5m5s report in-progress; 5m6s report gone", "live +reconcile; live; live");
    live("10s reconcile; 11s report gone; 12s stream flowing", "live +reconcile; live; live");
}

#[test]
fn an_unreachable_provider_is_no_proof_of_death_before_the_outer_bound() {
    let scene = Scene::outbound();
    let mut script = format!("{LIVE} due tick; ");
    // Asked every 15 s for 30 min, and never reached.
    for seconds in (305..2089).step_by(15) {
        script.push_str(&format!("{seconds}s report unreachable; due tick; "));
    }
    assert!(!scene.play(&script).call.has_ended());
    let played = scene.play(&format!("{script} 35m4s report unreachable"));
    assert_eq!(played.answers.last().map(String::as_str), Some("ended abandoned? +hangup +call.ended"));
}

#[test]
fn an_audio_stream_that_does_not_open_ends_the_call_with_a_reason() {
    let scene = Scene::outbound().plan(|plan| plan.script = Script::Stream);
    let call = scene.play(&format!("{LIVE} 13s tick; 14s tick; 15s ended completed")).call;
    let outcome = call.outcome().expect("ended");
    assert_eq!(outcome.proposal.proposer, Proposer::StreamLoss);
    assert_eq!(outcome.proposal.reason.as_deref(), Some("the audio stream did not open in time"));
    live("5s stream failed", "hanging-up 1 +hangup +call.ending");
}

#[test]
fn a_closed_stream_starts_reconciliation_at_once() {
    live(
        "5s stream opened; 9s stream closed; 10s report ended completed",
        "live; live +reconcile; ended completed +call.ended",
    );
}

#[test]
fn a_stream_that_opens_proves_the_answer() {
    check("1s stream opened; 2s dialed accepted; 3s answered", "live +call.answered; live; (nothing-new)");
}

#[test]
fn an_operation_has_one_name_and_a_stream_is_one() {
    live(
        "5s speak a; 5s speak a; 6s speak b; 7s spoken c; 7s hush; 8s open-stream; 8s open-stream; 9s stream opened; \
         9s open-stream; 9s close-stream; 9s stream closed; 9s close-stream; 9s transfer",
        "live +speak; (already-running); live +speak; (not-running); live +hush; live +open-stream; \
         (already-running); live; (already-running); live +close-stream; live +reconcile; (not-running); live +transfer",
    );
}

// Ending.

#[test]
fn the_first_wish_wins_and_one_hang_up_is_in_flight() {
    live(
        "5s hangup; 6s hangup; 7s hangup-answer accepted; 8s ended completed",
        "hanging-up 1 +hangup +call.ending; (already-ending); (nothing-new); ended completed +call.ended",
    );
}

#[test]
fn an_unconfirmed_hang_up_is_tried_three_times_then_asked_for_then_closed() {
    live(
        "5s hangup; 15s tick; 25s tick; 35s tick; 50s tick; 51s report gone",
        "hanging-up 1 +hangup +call.ending; hanging-up 2 +hangup; hanging-up 3 +hangup; asking +reconcile; \
         asking +reconcile; ended completed? +call.ended",
    );
}

#[test]
fn already_ended_is_success_and_how_is_asked() {
    live(
        "5s hangup; 6s hangup-answer already-ended; 7s report ended completed 1s",
        "hanging-up 1 +hangup +call.ending; asking +reconcile; ended completed +call.ended",
    );
}

#[test]
fn an_ending_nobody_confirms_closes_at_the_outer_bound() {
    let scene = Scene::outbound();
    let mut script = format!("{LIVE} 5s hangup; ");
    (0..130).for_each(|_| script.push_str("due tick; "));
    let played = scene.play(&script);
    assert!(played.call.has_ended());
    let hangups = played.effects.iter().filter(|e| matches!(e, Effect::Hangup { .. })).count();
    assert_eq!(hangups, 3);
}

/// Found by the simulation: the outer bound counted from the first question, though the provider had just answered.
#[test]
fn an_ending_that_the_provider_says_lives_is_not_given_up_at_the_outer_bound() {
    let unheard = (0..130).map(|_| "due tick").collect::<Vec<_>>().join("; ");
    let life = |answer: &str| format!("{LIVE} 5s hangup; 15s tick; 25s tick; 35s tick; 29m {answer}; {unheard}");
    let ended = |answer: &str| Scene::outbound().play(&life(answer)).call.outcome().map(|outcome| outcome.at);
    let (silent, alive) = (ended("report unreachable"), ended("report in-progress"));
    assert!(silent < alive && alive.is_some(), "{silent:?}, {alive:?}");
}

#[test]
fn a_call_cancelled_while_dialing_is_hung_up_when_its_leg_becomes_known() {
    for news in ["dialed accepted", "queued", "ringing", "answered", "report ringing", "detected", "unknown"] {
        let played = Scene::outbound().play(&format!("1s hangup; 2s {news}"));
        assert_eq!(played.answers[0], "awaiting-dial +call.ending");
        assert!(played.answers[1].starts_with("hanging-up 1") && played.answers[1].contains("+hangup"), "{news}");
    }
    check("1s hangup; 2s dialed refused", "awaiting-dial +call.ending; ended canceled +call.ended");
    check("1s hangup; 2s dialed withdrawn", "awaiting-dial +call.ending; ended canceled +call.ended");
    check(
        "1s hangup; 2s dialed unknown; 3s child ringing",
        "awaiting-dial +call.ending; awaiting-dial +reconcile; hanging-up 1 +call.leg-added +hangup",
    );
    // That a child has ended does not mean that its parent has.
    check("1s hangup; 2s child ended busy", "awaiting-dial +call.ending; hanging-up 1 +call.leg-added +hangup");
}

#[test]
fn a_phone_that_rings_after_its_call_was_given_up_is_hung_up_once() {
    check(
        "30s tick; 2m tick; 121s report gone; 135s tick; 3m dialed accepted; 3m1s ringing; 3m2s ended canceled",
        "dialing +reconcile; dialing +reconcile; dialing; ended failed? +call.ended; ended failed? +hangup; \
         ended failed?; ended canceled +call.corrected",
    );
}

#[test]
fn a_farewell_is_drained_not_cut() {
    live(
        "5s speak bye; 6s hangup after-speech; 7s turn caller; 8s speak more; 9s spoken bye; 10s ended completed",
        "live +speak; farewell +call.ending; farewell; (already-ending); hanging-up 1 +hangup; \
         ended completed +call.ended",
    );
    live("5s hangup after-speech", "hanging-up 1 +hangup +call.ending");
}

#[test]
fn a_farewell_is_bounded() {
    live(
        "5s speak bye; 6s hangup after-speech; 20s tick; 21s tick",
        "live +speak; farewell +call.ending; (not-due); hanging-up 1 +hush +hangup",
    );
}

#[test]
fn what_is_being_said_at_the_end_is_drained() {
    live(
        "5s speak a; 6s ended completed; 7s turn agent; 8s spoken a; 9s turn caller",
        "live +speak; draining +hush +call.ending; draining; ended completed +call.ended; ended completed",
    );
    live(
        "5s speak a; 6s stream opened; 7s ended completed; 12s tick",
        "live +speak; live; draining +hush +close-stream +call.ending; ended completed +call.ended",
    );
    let call = Scene::outbound().play(&format!("{LIVE} 5s speak a; 6s ended completed; 7s turn agent; 11s tick")).call;
    assert_eq!(call.state().findings.turns, 1);
    assert_eq!(call.outcome().map(|o| o.at), Some(call.birth().at + Duration::from_secs(6)), "not when it was drained");
}

// Endings and their truth.

#[test]
fn truth_outranks_inference_once() {
    live(
        "5m4s tick; 5m5s report gone; 5m6s ended completed 4m; 5m7s ended failed",
        "live +reconcile; ended abandoned? +call.ended; ended completed +call.corrected; (already-ended)",
    );
    live(
        "5s stream opened; 5m5s tick; 5m6s report gone; 5m7s ended completed; 5m8s stream closed",
        "live; live +reconcile; draining +close-stream +call.ending; draining; ended completed +call.ended",
    );
}

#[test]
fn of_the_providers_endings_the_first_wins_and_missing_facts_are_filled_in() {
    live(
        "9s ended completed; 10s ended failed; 11s ended failed 5s; 12s ended completed 9s; 13s answered@3s",
        "ended completed +call.ended; (already-ended); ended completed +call.updated; (already-ended); \
         ended completed",
    );
}

#[test]
fn late_news_is_taken_up_after_the_end() {
    live(
        "9s ended completed; 10s recording r1; 10s recording r1; 11s billed; 12s analyzed; 13s tool; 14s detected",
        "ended completed +call.ended; ended completed +call.updated; (nothing-new); ended completed +call.updated; \
         ended completed +call.updated; ended completed +call.updated; ended completed +call.updated",
    );
}

#[test]
fn an_older_signal_fills_in_its_time_and_moves_nothing() {
    check(
        "5s answered@5s; 6s ringing@2s; 7s queued@1s; 8s ringing@3s",
        "live +call.answered; live; live; (out-of-order)",
    );
    let call = Scene::outbound().play("5s answered@5s; 6s ringing@2s").call;
    assert_eq!(call.state().timeline.ringing, Some(call.birth().at + Duration::from_secs(2)));
}

#[test]
fn one_event_delivered_twice_is_one_event() {
    live("5s turn caller#e1; 6s turn caller#e1; 7s turn caller#e2", "live; (duplicate); live");
}

#[test]
fn an_operators_hang_up_is_named_in_the_outcome() {
    let call = Scene::outbound().play(&format!("{LIVE} 9s hangup; 10s ended completed")).call;
    let outcome = call.outcome().expect("ended");
    assert_eq!((&outcome.proposal.proposer, outcome.source), (&Proposer::Operator, Source::Provider));
}

// Connected legs (post-mortem 3.1).

#[test]
fn a_connected_call_ends_as_its_target_does_whichever_message_comes_first() {
    let scene = Scene::outbound().plan(|plan| {
        plan.script = Script::Connect { to: "client:sales".to_owned(), caller_id: None };
    });
    scene.check(
        "1s answered; 2s child ringing; 3s child ended busy; 4s ended completed; 5s child ended busy",
        "live +call.answered; live +call.leg-added; hanging-up 1 +hangup +call.ending; ended busy +call.ended; \
         (nothing-new)",
    );
    scene.check(
        "1s answered; 2s child ringing; 3s ended completed; 4s child ended busy; 5s child ended busy 0s",
        "live +call.answered; live +call.leg-added; ended completed +call.ended; ended busy +call.corrected; ended busy",
    );
    // Told twice over, by the target and then by the first leg, an inferred ending is corrected once.
    scene.check(
        "1s answered; 2s hangup; 3s reconcile; 4s report gone; 5s child ended busy; 6s ended failed",
        "live +call.answered; hanging-up 1 +hangup +call.ending; hanging-up 1 +reconcile; ended completed? +call.ended; \
         ended busy? +call.leg-added +call.corrected; ended busy +call.updated",
    );
    scene.check(
        "1s answered; 5m1s tick; 5m2s report gone; 5m3s ended completed; 5m4s child ended busy",
        "live +call.answered; live +reconcile; ended abandoned? +call.ended; ended completed +call.corrected; \
         ended completed +call.leg-added",
    );
    scene.check(
        "1s answered; 2s child answered; 9s child ended completed; 9s ended completed",
        "live +call.answered; live +call.leg-added; hanging-up 1 +hangup +call.ending; ended completed +call.ended",
    );
}

#[test]
fn a_transferred_legs_end_does_not_end_the_call() {
    live("5s child ringing; 6s child answered; 9s child ended completed", "live +call.leg-added; live; live");
}
