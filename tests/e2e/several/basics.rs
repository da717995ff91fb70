//! Scenarios that are known from elsewhere, on the stores that several servers share. (`E2E_STORE` runs all of them on
//! another store.)

use tests::{On, stage_on};

use crate::{creation, recruiting, reflection, sales, webhooks};

#[test]
fn on_postgres_three_servers_make_one_call_of_one_key() {
    stage_on(On::Postgres, 3, creation::creation_with_the_same_key_gives_the_same_call);
}

#[test]
fn on_mongo_three_servers_make_one_call_of_one_key() {
    stage_on(On::Mongo, 3, creation::creation_with_the_same_key_gives_the_same_call);
}

#[test]
fn on_postgres_three_servers_give_a_racing_subject_one_call() {
    stage_on(On::Postgres, 3, creation::a_racing_subject_gets_one_call);
}

#[test]
fn on_mongo_three_servers_give_a_racing_subject_one_call() {
    stage_on(On::Mongo, 3, creation::a_racing_subject_gets_one_call);
}

#[test]
fn on_postgres_three_servers_hand_a_parked_webhook_to_its_call() {
    stage_on(On::Postgres, 3, webhooks::parked_webhooks_reach_their_call_when_its_leg_is_known);
}

#[test]
fn on_mongo_three_servers_hand_a_parked_webhook_to_its_call() {
    stage_on(On::Mongo, 3, webhooks::parked_webhooks_reach_their_call_when_its_leg_is_known);
}

#[test]
fn on_postgres_a_webhook_before_the_rest_answer_is_found_at_the_first_look() {
    stage_on(On::Postgres, 1, reflection::p1_1_webhook_before_the_rest_answer_is_found_at_the_first_look);
}

#[test]
fn on_postgres_a_subject_with_an_open_call_is_refused_before_anything_is_dialled() {
    stage_on(On::Postgres, 1, reflection::p1_2_a_subject_with_an_open_call_is_refused_before_anything_is_dialled);
}

#[test]
fn on_postgres_a_stale_open_call_is_reconciled_and_the_new_call_goes_ahead() {
    stage_on(On::Postgres, 1, reflection::p1_4_a_stale_open_call_is_reconciled_and_the_new_call_goes_ahead);
}

#[test]
fn on_postgres_lost_callbacks_leave_no_call_stuck() {
    stage_on(On::Postgres, 1, recruiting::p2_3_lost_callbacks_leave_no_call_stuck);
}

#[test]
fn on_postgres_a_stale_call_is_closed_with_the_arithmetic_of_the_preset() {
    stage_on(On::Postgres, 1, sales::p3_3_complete_by_duration_closes_with_the_arithmetic_of_the_preset);
}

#[test]
fn on_postgres_an_end_is_visible_within_a_second_of_the_providers_message() {
    stage_on(On::Postgres, 1, sales::p3_6_an_end_is_visible_within_a_second_of_the_providers_message);
}
