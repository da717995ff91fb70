//! Small lives, each with the troubles that meet in it.

use model::{Bounds, Event, Trouble};

use crate::check::holds;

const ANSWERED: &[Event] = &[Event::Answered];
const ENDED: &[Event] = &[Event::Ended];
const ALL: &[Event] = &[Event::Ringing, Event::Answered, Event::Ended];

#[test]
fn webhooks_deadlines_and_a_hangup_in_every_order() {
    holds("orders", Bounds { hangup: true, ..Bounds::default() });
}

#[test]
fn three_tasks_at_once() {
    holds("three", Bounds { hands: 3, hangup: true, webhooks: ENDED, ..Bounds::default() });
}

#[test]
fn servers_die_twice() {
    let trouble = Trouble { crashes: 2, ..Trouble::default() };
    holds("crashes", Bounds { webhooks: ENDED, trouble, ..Bounds::default() });
}

#[test]
fn the_store_falls_silent_at_any_write_and_a_server_dies() {
    let trouble = Trouble { cuts: 1, crashes: 1, ..Trouble::default() };
    holds("cuts", Bounds { webhooks: ENDED, trouble, ..Bounds::default() });
}

#[test]
fn the_provider_falls_silent_while_a_user_hangs_up() {
    let trouble = Trouble { silences: 1, ..Trouble::default() };
    holds("silences", Bounds { hangup: true, webhooks: ENDED, trouble, ..Bounds::default() });
}

#[test]
fn a_slow_server_renews_its_lease_or_loses_it() {
    let trouble = Trouble { delays: 1, renewals: 1, ..Trouble::default() };
    holds("delays", Bounds { webhooks: ENDED, trouble, ..Bounds::default() });
}

#[test]
fn a_slow_server_dials_for_a_call_that_was_given_up() {
    let trouble = Trouble { delays: 1, ..Trouble::default() };
    holds("too late", Bounds { dial_limit: 1, webhooks: ENDED, trouble, ..Bounds::default() });
}

#[test]
fn webhooks_and_wishes_come_twice() {
    let trouble = Trouble { doubles: 1, ..Trouble::default() };
    holds("doubles", Bounds { hangup: true, webhooks: ENDED, trouble, ..Bounds::default() });
}

#[test]
fn a_settlement_comes_again_after_the_next_claim() {
    let trouble = Trouble { deferrals: 1, echoes: 1, ..Trouble::default() };
    holds("echoes", Bounds { webhooks: &[], trouble, ..Bounds::default() });
}

#[test]
fn two_wishes_for_one_subject() {
    let trouble = Trouble { crashes: 1, ..Trouble::default() };
    holds("subject", Bounds { wishes: 2, one_subject: true, webhooks: &[], trouble, ..Bounds::default() });
}

#[test]
fn somebody_rings_us_and_the_first_messages_race() {
    let trouble = Trouble { crashes: 1, ..Trouble::default() };
    holds("inbound", Bounds { wishes: 0, webhooks: ALL, trouble, ..Bounds::default() });
}

#[test]
fn a_signal_without_our_name_beats_its_leg_and_the_sweep_finds_it() {
    let trouble = Trouble { crashes: 1, ..Trouble::default() };
    holds("mailbox", Bounds { webhooks: ANSWERED, nameless: ANSWERED, sweep: true, trouble, ..Bounds::default() });
}

#[test]
fn news_are_told_whoever_dies() {
    let trouble = Trouble { crashes: 1, ..Trouble::default() };
    holds("news", Bounds { news: true, webhooks: &[], trouble, ..Bounds::default() });
}

#[test]
fn nobody_hangs_up_but_us() {
    let trouble = Trouble { crashes: 1, ..Trouble::default() };
    holds("patience", Bounds { patient: true, hangup: true, webhooks: &[], trouble, ..Bounds::default() });
}
