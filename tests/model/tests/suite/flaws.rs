//! What is built wrong is seen, by the law that it breaks. A check that misses one of these proves nothing.

use model::{Bounds, Event, Flaw, Trouble};

use crate::check::breaks;

#[track_caller]
fn breaks_law(flaw: Flaw, law: &str, bounds: Bounds) {
    let broken = breaks(Bounds { flaw: Some(flaw), ..bounds });
    println!("{flaw:?}: {broken:?}");
    assert!(broken.iter().any(|(broken, _)| *broken == law), "{flaw:?} is not seen to break: {law}");
}

fn quiet() -> Bounds {
    Bounds { webhooks: &[], ..Bounds::default() }
}

fn with(trouble: Trouble) -> Bounds {
    Bounds { trouble, ..quiet() }
}

fn crash() -> Bounds {
    with(Trouble { crashes: 1, ..Trouble::default() })
}

#[test]
fn a_redial_after_a_lapsed_lease() {
    breaks_law(Flaw::RedialAfterLapse, "one wish rings a phone once at most", crash());
}

#[test]
fn a_commit_that_compares_no_version() {
    let bounds = Bounds::default();
    breaks_law(Flaw::NoVersionCompare, "the version counts the applied entries of the journal", bounds);
}

#[test]
fn a_journal_that_is_written_before_the_race_is_lost() {
    let bounds = Bounds::default();
    breaks_law(Flaw::LostRaceJournals, "the version counts the applied entries of the journal", bounds);
}

#[test]
fn a_subject_without_a_guard() {
    let bounds = Bounds { wishes: 2, one_subject: true, ..quiet() };
    breaks_law(Flaw::NoSubjectGuard, "a subject has one open call at most", bounds);
}

#[test]
fn a_key_without_a_guard() {
    let bounds = with(Trouble { doubles: 1, ..Trouble::default() });
    breaks_law(Flaw::NoKeyGuard, "one wish makes one call at most", bounds);
}

#[test]
fn a_leg_without_a_guard() {
    let bounds = Bounds { wishes: 0, webhooks: &[Event::Ringing, Event::Ended], ..Bounds::default() };
    breaks_law(Flaw::NoLegGuard, "one wish makes one call at most", bounds);
}

#[test]
fn a_claim_that_looks_at_no_lease() {
    breaks_law(Flaw::ClaimsLeased, "an effect is in one hand while its lease runs", quiet());
}

#[test]
fn a_settlement_that_compares_no_attempt() {
    let bounds = with(Trouble { deferrals: 1, echoes: 1, ..Trouble::default() });
    breaks_law(Flaw::SettlesAnyAttempt, "one wish rings a phone once at most", bounds);
}

#[test]
fn an_acknowledgement_before_the_commit() {
    let bounds = Bounds { webhooks: &[Event::Ended], ..Bounds::default() };
    breaks_law(Flaw::AckBeforeCommit, "an acknowledged webhook is stored", bounds);
}

#[test]
fn an_effect_that_is_settled_before_it_is_performed() {
    let bounds = Bounds { patient: true, hangup: true, ..crash() };
    breaks_law(Flaw::SettlesOnClaim, "when nothing more can happen, everything is done", bounds);
}

#[test]
fn effects_that_are_stored_apart_from_their_call() {
    let bounds = with(Trouble { cuts: 1, ..Trouble::default() });
    breaks_law(Flaw::EffectsApart, "what was asked for waits or is settled, never both", bounds);
}

#[test]
fn a_sweep_that_finds_nothing() {
    let bounds = with(Trouble { silences: 1, ..Trouble::default() });
    breaks_law(Flaw::BlindSweep, "when nothing more can happen, everything is done", bounds);
}

#[test]
fn a_mailbox_that_nobody_looks_after() {
    const NAMELESS: &[Event] = &[Event::Answered];
    let bounds = Bounds { webhooks: NAMELESS, nameless: NAMELESS, sweep: true, ..crash() };
    breaks_law(Flaw::NoStranded, "when nothing more can happen, everything is done", bounds);
}
