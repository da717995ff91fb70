//! The five laws of a call, and that a call survives its journal and JSON, over random histories.

#![allow(missing_docs, reason = "a test")]

use call_core::testkit::any;
use call_core::{Effect, EffectId, Input, Step, journal};
use proptest::prelude::*;

fn json<T: serde::Serialize + serde::de::DeserializeOwned>(value: &T) -> T {
    let text = serde_json::to_string(value).expect("values can be written");
    serde_json::from_str(&text).unwrap_or_else(|e| panic!("{e}: {text}"))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1000))]

    /// Laws 1, 2, 3 and 5; that `handle` returns at all, whatever it is given, is law 4.
    #[test]
    fn every_step_keeps_the_laws(history in any::history()) {
        let (mut call, _) = history.born();
        prop_assert_eq!(call.version(), 1);
        for (now, input) in &history.inputs {
            let before = call.clone();
            let step = call.handle(input, *now);
            match step {
                Step::Applied(_) => prop_assert_eq!(call.version(), before.version() + 1, "law 1: {:?}", input),
                Step::Ignored(_) => prop_assert_eq!(&call, &before, "law 1: {:?}", input),
            }
            prop_assert_eq!(call.next_deadline().is_none(), call.has_ended(), "law 2: {:?}", input);
            prop_assert!(!before.has_ended() || call.has_ended(), "law 3: {:?}", input);
            prop_assert!(call.phase_name() >= before.phase_name(), "no phase goes back: {:?}", input);

            let mut latest = before.clone();
            let as_of_latest = latest.handle(input, (*now).max(before.state().now));
            prop_assert_eq!((&latest, as_of_latest), (&call, step), "law 5: {:?}", input);
        }
    }

    #[test]
    fn a_tick_changes_something_exactly_when_a_deadline_is_due(history in any::history(), later in 0..10_000_000_u64) {
        let call = history.live();
        let now = call.state().now + std::time::Duration::from_millis(later);
        let due = call.next_deadline().is_some_and(|at| at <= now);
        let applied = matches!(call.clone().handle(&Input::Tick, now), Step::Applied(_));
        prop_assert_eq!(applied, due);
    }

    #[test]
    fn a_journal_folds_to_the_call_that_wrote_it(history in any::history()) {
        let (call, entries, _) = history.record();
        let folded = journal::fold(&history.birth, &entries).map_err(|e| TestCaseError::fail(e.to_string()))?;
        prop_assert_eq!(&folded, &call);

        let stored = journal::fold(&std::sync::Arc::new(json(&*history.birth)), &json(&entries));
        prop_assert_eq!(stored.as_ref(), Ok(&call), "and through JSON");
    }

    #[test]
    fn a_journal_with_a_hole_does_not_fold(history in any::history(), hole in any::<prop::sample::Index>()) {
        let (_, mut entries, _) = history.record();
        let applied: Vec<usize> = (0..entries.len()).filter(|&i| entries[i].ignored.is_none()).collect();
        // Without its last applied entry a journal is only shorter.
        if applied.len() < 2 {
            return Ok(());
        }
        entries.remove(applied[hole.index(applied.len() - 1)]);
        prop_assert!(journal::fold(&history.birth, &entries).is_err());
    }

    #[test]
    fn everything_that_is_stored_reads_back_equal(history in any::history()) {
        let (call, entries, effects) = history.record();
        prop_assert_eq!(&json(&**call.birth()), &**call.birth());
        prop_assert_eq!(&json(call.state()), call.state());
        prop_assert_eq!(&json(&entries), &entries);
        for (id, effect) in &effects {
            prop_assert_eq!(&json(effect), effect);
            prop_assert_eq!(&json(id), id);
        }
    }

    #[test]
    fn an_effect_has_one_name(history in any::history()) {
        let (_, _, effects) = history.record();
        let mut names: Vec<EffectId> = effects.iter().map(|(id, _)| *id).collect();
        names.dedup();
        prop_assert_eq!(names.len(), effects.len());
        for (id, _) in &effects {
            prop_assert_eq!(id.to_string().parse(), Ok(*id));
        }
    }

    #[test]
    fn nobody_is_dialled_twice(history in any::history()) {
        let (_, _, effects) = history.record();
        let dials = effects.iter().filter(|(_, effect)| matches!(effect, Effect::Dial)).count();
        prop_assert_eq!(dials, usize::from(history.birth.leg.is_none()));
    }

    #[test]
    fn what_is_kept_is_bounded(history in any::history()) {
        let call = history.live();
        prop_assert!(call.state().seen.len() <= 32);
        prop_assert!(call.state().findings.recordings.len() <= 64);
        prop_assert!(!call.has_ended() || call.state().operations.is_empty());
    }
}
