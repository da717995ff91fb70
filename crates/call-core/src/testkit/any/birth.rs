//! Births, plans and policies.

use std::time::Duration;

use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;

use super::first_leg;
use super::input::{duration, extra, provider, words};
use crate::{Birth, CallId, Closing, Conduct, Direction, Plan, Policy, Script, StalePolicy, Subject, Timestamp};

/// How any call came to be.
pub fn birth() -> BoxedStrategy<Birth> {
    let direction = prop_oneof![4 => Just(Direction::Outbound), 1 => Just(Direction::Inbound)];
    (any::<[u8; 10]>(), moment(), direction, plan(), policy())
        .prop_map(|(random, at, direction, plan, policy)| {
            let leg = matches!(direction, Direction::Inbound).then(first_leg);
            Birth { id: CallId::new(at, random), at, direction, leg, plan, policy }
        })
        .boxed()
}

/// Any plan.
pub fn plan() -> BoxedStrategy<Plan> {
    let script = prop_oneof![
        words().prop_map(|text| Script::Say { text }),
        words().prop_map(|greeting| Script::Converse { greeting }),
        (words(), option::of(words())).prop_map(|(to, caller_id)| Script::Connect { to, caller_id }),
        Just(Script::Stream),
        option::of(words()).prop_map(|id| Script::Agent { id }),
    ];
    let flags =
        (option::of(words().prop_map(Subject)), option::of(duration()), any::<bool>(), any::<bool>(), conduct());
    (words(), words(), script, flags, extra())
        .prop_map(|(from, to, script, (subject, ring_for, record, detect_machine, conduct), context)| Plan {
            provider: provider(),
            from,
            to,
            subject,
            script,
            conduct,
            ring_for,
            record,
            detect_machine,
            context,
        })
        .boxed()
}

fn conduct() -> impl Strategy<Value = Conduct> {
    prop::sample::select(vec![Conduct::Asked, Conduct::Commanded, Conduct::Agent])
}

/// The default policy, or any other that [`Policy::check`] accepts, from 1 ms up.
pub fn policy() -> BoxedStrategy<Policy> {
    prop_oneof![Just(Policy::default()), other_policy()].boxed()
}

fn other_policy() -> impl Strategy<Value = Policy> {
    (vec(limit(), 14), stale_policy(), 1..6_u8, any::<bool>()).prop_map(|(d, stale, hangup_tries, prompts)| Policy {
        dial_answer: d[0].min(d[1]),
        dial_limit: d[1],
        queue_limit: d[2],
        ring_limit: d[3],
        live_limit: d[4],
        quiet_limit: d[5],
        response_limit: d[6],
        prompt_limit: d[7],
        prompt: if prompts { "Hello?".to_owned() } else { String::new() },
        stream_limit: d[8],
        gather_limit: d[13],
        confirm_limit: d[9],
        hangup_tries,
        drain_limit: d[10],
        farewell_limit: d[11],
        ask_again: d[12],
        stale,
    })
}

/// Any stale policy, the presets among them.
pub fn stale_policy() -> BoxedStrategy<StalePolicy> {
    let close = prop_oneof![
        Just(Closing::Abandoned),
        limit().prop_map(|after| Closing::Failed { after }),
        (limit(), limit(), limit()).prop_map(|(known_after, unknown_after, assumed)| Closing::Completed {
            known_after,
            unknown_after,
            assumed
        }),
    ];
    let presets = [
        StalePolicy::abandon(),
        StalePolicy::fail_after(Duration::from_secs(1800)),
        StalePolicy::complete_by_duration(),
    ];
    prop_oneof![
        prop::sample::select(presets.to_vec()),
        (limit(), limit(), close).prop_map(|(quiet, outer, close)| StalePolicy { quiet, outer, close }),
    ]
    .boxed()
}

/// A duration that a policy may hold: from 1 ms to a day.
fn limit() -> impl Strategy<Value = Duration> {
    prop_oneof![
        1 => Just(Duration::from_millis(1)),
        2 => (1..5_000_u64).prop_map(Duration::from_millis),
        4 => (1..3_600_u64).prop_map(Duration::from_secs),
        1 => (1..86_400_u64).prop_map(Duration::from_secs),
    ]
}

/// Any moment, far ones included.
pub fn moment() -> impl Strategy<Value = Timestamp> {
    prop_oneof![
        8 => (1_700_000_000_000..1_900_000_000_000_i64).prop_map(Timestamp::from_millis),
        1 => any::<i64>().prop_map(Timestamp::from_millis),
    ]
}
