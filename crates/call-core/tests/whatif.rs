//! A call's life by another policy: what is certain, what is estimated, and what nobody knows.

#![allow(missing_docs, reason = "a test")]

use std::sync::Arc;
use std::time::Duration;

use call_core::journal::{self, Entry};
use call_core::testkit::any;
use call_core::testkit::script::input;
use call_core::{
    Birth, Call, CallId, Direction, Ending, Plan, Policy, ProviderName, StalePolicy, Timestamp, WhatIf, what_if,
};
use proptest::prelude::*;

const BORN: Timestamp = Timestamp::EPOCH;

fn at(seconds: u64) -> Timestamp {
    BORN + Duration::from_secs(seconds)
}

/// An outbound call by the default policy, and the journal of what reached it: `2s ringing; due tick`.
fn lived(script: &str) -> (Arc<Birth>, Vec<Entry>) {
    let plan = Plan::new(ProviderName::new("acme"), "+15550100", "+15550199");
    let (mut call, _) = Call::dial(CallId::new(BORN, [0; 10]), plan, Policy::default(), BORN);
    let mut entries = Vec::new();
    for step in script.split("; ") {
        let (time, words) = step.split_once(' ').expect("a step is a time and an input");
        let now = match time {
            "due" => call.next_deadline().expect("a deadline is awaited"),
            time => at(time.trim_end_matches('s').parse().expect("seconds")),
        };
        entries.push(journal::record(&mut call, input(words, BORN), now).0);
    }
    (call.birth().clone(), entries)
}

fn live(script: &str, change: impl FnOnce(&mut Policy)) -> WhatIf {
    let (birth, entries) = lived(script);
    let mut policy = Policy::default();
    change(&mut policy);
    what_if(&birth, &entries, &policy, at(100_000)).expect("the journal was just written")
}

/// An ending as one line.
fn words(ending: &Ending) -> String {
    match ending {
        Ending::Open { phase } => format!("open {}", phase.as_str()),
        Ending::Beyond { at } => format!("beyond {}", at.since(BORN).as_secs()),
        Ending::Ended { disposition, at, closed, .. } => {
            format!("{} {} known {}", disposition.as_str(), at.since(BORN).as_secs(), closed.since(BORN).as_secs())
        }
    }
}

#[track_caller]
fn check(script: &str, change: impl FnOnce(&mut Policy), was: &str, would: &str, parted: Option<u64>) {
    let what_if = live(script, change);
    assert_eq!((words(&what_if.was).as_str(), words(&what_if.would).as_str()), (was, would), "{what_if:#?}");
    assert_eq!(what_if.parted.as_ref().map(|parting| parting.at), parted.map(at), "{what_if:#?}");
    assert_eq!(what_if.differs(), was != would);
}

const ANSWERED_LATE: &str = "1s dialed accepted; 2s ringing; 50s answered; 200s ended completed";

#[test]
fn a_limit_that_was_never_reached_changes_nothing_and_is_certain() {
    let patient = |policy: &mut Policy| policy.ring_limit = Duration::from_secs(300);
    check(ANSWERED_LATE, patient, "completed 200 known 200", "completed 200 known 200", None);
}

#[test]
fn a_shorter_patience_hangs_up_a_phone_that_still_rings() {
    let hasty = |policy: &mut Policy| policy.ring_limit = Duration::from_secs(20);
    check(ANSWERED_LATE, hasty, "completed 200 known 200", "no-answer 22 known 22", Some(22));
}

#[test]
fn a_provider_that_is_asked_earlier_says_what_it_said_of_that_moment() {
    // Answered at 15 s by the provider's clock, but its message came late.
    let late = "1s dialed accepted; 2s ringing; 40s answered@15s; 200s ended completed";
    let hasty = |policy: &mut Policy| policy.ring_limit = Duration::from_secs(20);
    check(late, hasty, "completed 200 known 200", "completed 200 known 200", Some(22));
}

#[test]
fn a_shorter_call_is_hung_up_and_a_longer_one_is_anybodys_guess() {
    let short = |policy: &mut Policy| policy.live_limit = Duration::from_secs(60);
    check(ANSWERED_LATE, short, "completed 200 known 200", "completed 110 known 110", Some(110));

    let cut = "1s dialed accepted; 2s answered; 200s turn caller; 400s turn caller; 600s turn caller; 800s turn caller; \
               1000s turn caller; 1200s turn caller; 1400s turn caller; 1600s turn caller; 1800s turn caller; \
               2000s turn caller; 2200s turn caller; 2400s turn caller; 2600s turn caller; 2800s turn caller; \
               3000s turn caller; 3200s turn caller; 3400s turn caller; 3600s turn caller; due tick; 3603s ended completed";
    let long = |policy: &mut Policy| policy.live_limit = Duration::from_secs(7200);
    check(cut, long, "completed 3603 known 3603", "beyond 3602", Some(3602));
}

#[test]
fn a_lost_ending_is_learned_when_the_provider_is_asked() {
    // The call ended at 100 s and nobody told; asked at 310 s, the provider says so.
    let lost = "1s dialed accepted; 10s answered; due tick; 311s report ended completed@100s";
    let wary = |policy: &mut Policy| policy.quiet_limit = Duration::from_secs(120);
    check(lost, wary, "completed 100 known 311", "completed 100 known 130", Some(130));
    let calm = |policy: &mut Policy| policy.quiet_limit = Duration::from_secs(600);
    check(lost, calm, "completed 100 known 311", "completed 100 known 610", Some(310));
}

#[test]
fn an_engine_that_was_down_is_a_fact() {
    // The deadline came due at 122 s and was acted on at 900 s.
    let down = "1s dialed accepted; 2s ringing; 900s tick; 901s report ringing; 902s ended canceled";
    check(down, |_| {}, "no-answer 902 known 902", "no-answer 902 known 902", None);
    let elsewhere = |policy: &mut Policy| policy.live_limit = Duration::from_secs(60);
    check(down, elsewhere, "no-answer 902 known 902", "no-answer 902 known 902", None);
}

#[test]
fn a_call_closed_without_proof_may_be_closed_sooner() {
    let nobody_knows = "1s dialed unknown; 16s tick; 17s report gone; due tick; 121s report gone; due tick";
    let soon = |policy: &mut Policy| policy.dial_limit = Duration::from_secs(60);
    check(nobody_knows, soon, "failed 121 known 121", "failed 75 known 75", Some(60));
}

#[test]
fn an_open_call_is_compared_too() {
    let open = "1s dialed accepted; 10s answered; due tick; due tick";
    let short = |policy: &mut Policy| policy.live_limit = Duration::from_secs(60);
    check(open, short, "open live", "completed 70 known 70", Some(70));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn by_its_own_policy_every_call_has_the_life_that_it_had(history in any::history(), later in 0..100_000_000_i64) {
        let (call, entries, _) = history.record();
        let until = call.state().now + Duration::from_millis(later.unsigned_abs());
        let same = what_if(&history.birth, &entries, &history.birth.policy, until).expect("just recorded");
        prop_assert_eq!(&same.parted, &None);
        prop_assert!(!same.differs(), "{:#?}", same);
        let ended = matches!(same.was, Ending::Ended { .. });
        prop_assert_eq!(ended, call.has_ended());
        if let (Ending::Ended { disposition, at, .. }, Some(outcome)) = (&same.was, call.outcome()) {
            prop_assert_eq!((*disposition, *at), (outcome.disposition, outcome.at));
        }
    }

    #[test]
    fn any_policy_gives_a_life_and_leaves_the_real_one_as_it_was(history in any::history(), policy in any::policy()) {
        let (call, entries, _) = history.record();
        let until = call.state().now + Duration::from_secs(86_400);
        let other = what_if(&history.birth, &entries, &policy, until).expect("just recorded");
        let same = what_if(&history.birth, &entries, &history.birth.policy, until).expect("just recorded");
        prop_assert_eq!(&other.was, &same.was);
        if let (Ending::Ended { closed, .. }, Some(parting)) = (&other.would, &other.parted) {
            prop_assert!(*closed >= history.birth.at && parting.at >= history.birth.at);
        }
        prop_assert!(other.parted.is_none_or(|parting| parting.would != parting.did));
    }

    /// No call is stuck by any sensible policy, in this life or another.
    #[test]
    fn a_call_that_ended_would_have_ended(history in any::plausible(), limit in 5..600_u64, quiet in 30..600_u64) {
        let birth = Birth { policy: Policy::default(), direction: Direction::Outbound, leg: None, ..(*history.birth).clone() };
        let history = any::History { birth: Arc::new(birth), ..history };
        let (call, entries, _) = history.record();
        let second = Duration::from_secs;
        let policy = Policy {
            ring_limit: second(limit),
            live_limit: second(limit * 3),
            dial_limit: second(limit + 30),
            quiet_limit: second(quiet),
            stale: StalePolicy { quiet: second(quiet), ..StalePolicy::default() },
            ..Policy::default()
        };
        let until = call.state().now + second(100 * 86_400);
        let other = what_if(&history.birth, &entries, &policy, until).expect("just recorded");
        // A clock that runs to the end of time leaves none for deadlines.
        let room = call.state().now < Timestamp::from_millis(i64::MAX) - second(100 * 86_400);
        prop_assert!(!call.has_ended() || !room || !matches!(other.would, Ending::Open { .. }), "{:#?}", other);
    }
}
