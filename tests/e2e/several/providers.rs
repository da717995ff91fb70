//! Post-mortems 4 and 5 on PostgreSQL. (`E2E_STORE` runs all of them on another store.)

use tests::{On, stage_on};

use crate::{appointments, voicebot};

#[test]
fn on_postgres_a_function_and_its_call_may_come_in_any_order() {
    stage_on(On::Postgres, 1, appointments::p4_1_a_function_and_its_call_may_come_in_any_order);
}

#[test]
fn on_postgres_every_function_leaves_its_trace() {
    stage_on(On::Postgres, 1, appointments::p4_2_every_function_leaves_its_trace);
}

#[test]
fn on_postgres_an_end_that_is_never_told_is_asked_for() {
    stage_on(On::Postgres, 1, appointments::p4_3_an_end_that_is_never_told_is_asked_for);
}

#[test]
fn on_postgres_what_the_provider_judged_is_kept_and_counted() {
    stage_on(On::Postgres, 1, appointments::p4_4_what_the_provider_judged_is_kept_and_counted);
}

#[test]
fn on_postgres_no_word_is_sent_to_a_call_that_has_ended() {
    stage_on(On::Postgres, 1, voicebot::p5_1_no_word_is_sent_to_a_call_that_has_ended);
}

#[test]
fn on_postgres_a_stream_that_starts_after_the_hangup_is_no_error() {
    stage_on(On::Postgres, 1, voicebot::p5_2_a_stream_that_starts_after_the_hangup_is_no_error);
}

#[test]
fn on_postgres_no_word_that_was_spoken_is_missing() {
    stage_on(On::Postgres, 1, voicebot::p5_3_no_word_that_was_spoken_is_missing);
}

#[test]
fn on_postgres_many_timers_hang_up_once() {
    stage_on(On::Postgres, 1, voicebot::p5_4_many_timers_hang_up_once);
}

#[test]
fn on_postgres_what_may_be_done_is_told_with_a_reason() {
    stage_on(On::Postgres, 1, voicebot::p5_5_what_may_be_done_is_told_with_a_reason);
}
