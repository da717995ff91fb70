//! The stale policy on plain rows, and the lookup schedule.

#![allow(missing_docs, reason = "a test")]

use std::time::Duration;

use call_core::testkit::any;
use call_core::{Asked, Disposition, Facts, Lookup, ProviderSays, StalePolicy, StaleReason, Timestamp, Verdict, judge};
use proptest::option;
use proptest::prelude::*;

const MINUTE: Duration = Duration::from_secs(60);
const BORN: Timestamp = Timestamp::EPOCH;

fn after(max: u64) -> impl Strategy<Value = Timestamp> {
    (0..max).prop_map(|millis| BORN + Duration::from_millis(millis))
}

fn facts() -> impl Strategy<Value = Facts> {
    let says = prop::sample::select(vec![ProviderSays::Alive, ProviderSays::Gone, ProviderSays::Unreachable]);
    let asked = (after(10_000_000), says).prop_map(|(at, answer)| Asked { at, answer });
    let duration = (0..10_000_u64).prop_map(Duration::from_secs);
    let seen = (option::of(after(10_000_000)), option::of(after(10_000_000)));
    (option::of(duration), seen, option::of(asked), any::<bool>()).prop_map(
        |(duration, (last_signal, last_media), asked, askable)| Facts {
            started: BORN,
            duration,
            last_signal,
            last_media,
            asked,
            askable,
        },
    )
}

/// A row as the post-mortems have it: nobody can be asked, nothing was heard.
fn row(duration: Option<Duration>) -> Facts {
    Facts { started: BORN, duration, last_signal: None, last_media: None, asked: None, askable: false }
}

/// `fix_stuck_calls()` of post-mortem 3.3: which open rows it completes, and as ended when.
fn fix_stuck_calls(created: Timestamp, duration: Option<Duration>, now: Timestamp) -> Option<Timestamp> {
    let age = now - created;
    match duration {
        Some(duration) if age >= 10 * MINUTE => Some(created + duration),
        None if age >= 60 * MINUTE => Some(created + 5 * MINUTE),
        Some(_) | None => None,
    }
}

fn closed(verdict: Verdict) -> Option<(Disposition, Timestamp)> {
    match verdict {
        Verdict::Close { disposition, ended_at, .. } => Some((disposition, ended_at)),
        Verdict::Fresh { .. } | Verdict::Reconcile => None,
    }
}

proptest! {
    #[test]
    fn a_verdict_keeps_its_promises(facts in facts(), policy in any::stale_policy(), now in after(20_000_000)) {
        let life = facts.sign_of_life().unwrap_or(BORN);
        match judge(&facts, now, &policy) {
            Verdict::Fresh { look_again } => {
                prop_assert!(look_again > now);
                let then = judge(&facts, look_again, &policy);
                prop_assert!(!matches!(then, Verdict::Fresh { .. }), "looked too early");
            }
            Verdict::Reconcile => {
                prop_assert!(facts.askable);
                prop_assert!(now >= life + policy.quiet);
            }
            Verdict::Close { ended_at, reason, .. } => {
                prop_assert!(now >= life + policy.quiet, "a sign of life is believed");
                prop_assert!((BORN..=now).contains(&ended_at));
                // What it answered before anybody doubted settles nothing.
                let said = facts.asked.filter(|asked| asked.at >= life + policy.quiet).map(|asked| asked.answer);
                match reason {
                    StaleReason::Gone => prop_assert_eq!(said, Some(ProviderSays::Gone)),
                    StaleReason::Unreachable => {
                        prop_assert_eq!(said, Some(ProviderSays::Unreachable));
                        prop_assert!(now >= life + policy.quiet + policy.outer);
                    }
                    StaleReason::Unaskable => prop_assert!(!facts.askable),
                }
            }
        }
    }

    #[test]
    fn while_the_provider_says_alive_nothing_is_closed(facts in facts(), policy in any::stale_policy(), now in after(20_000_000)) {
        let asked = Some(Asked { at: now, answer: ProviderSays::Alive });
        let facts = Facts { asked, askable: true, ..facts };
        prop_assert_eq!(closed(judge(&facts, now, &policy)), None);
    }

    #[test]
    fn complete_by_duration_is_the_stored_procedure_of_the_post_mortem(
        duration in option::of((0..7_200_u64).prop_map(Duration::from_secs)),
        now in after(10_000_000),
    ) {
        let verdict = closed(judge(&row(duration), now, &StalePolicy::complete_by_duration()));
        // The procedure could write an end that was yet to come.
        let fixed = fix_stuck_calls(BORN, duration, now).map(|ended_at| (Disposition::Completed, ended_at.min(now)));
        prop_assert_eq!(verdict, fixed);
    }

    #[test]
    fn fail_after_is_the_cleanup_job_of_the_post_mortem(now in after(10_000_000)) {
        let verdict = closed(judge(&row(None), now, &StalePolicy::fail_after(30 * MINUTE)));
        prop_assert_eq!(verdict, (now - BORN >= 30 * MINUTE).then_some((Disposition::Failed, now)));
    }

    #[test]
    fn abandon_frees_the_user_as_soon_as_the_call_is_not_believed(now in after(1_000_000)) {
        let verdict = closed(judge(&row(None), now, &StalePolicy::abandon()));
        prop_assert_eq!(verdict, (now - BORN >= 5 * MINUTE).then_some((Disposition::Abandoned, now)));
    }

    #[test]
    fn a_lookup_waits_longer_each_time_and_500_ms_in_all_by_default(looks in 0..100_u32, step in any::<u64>()) {
        let lookup = Lookup { looks, step: Duration::from_millis(step) };
        let waits: Vec<_> = lookup.waits().collect();
        prop_assert_eq!(waits.len(), looks as usize);
        prop_assert!(waits.is_sorted() && waits.first().is_none_or(Duration::is_zero));
        let millis: Vec<_> = Lookup::default().waits().map(|wait| wait.as_millis()).collect();
        prop_assert_eq!(millis, [0, 50, 100, 150, 200]);
        prop_assert_eq!(Lookup::default().total(), Duration::from_millis(500));
    }
}
