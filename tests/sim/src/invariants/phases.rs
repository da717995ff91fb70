use call_core::{Event, Phase, Source};

use super::{Invariant, Seen, Truth};
use crate::trace::short;

/// Phases never go back. Ended stays ended, but for one correction of an inference by the provider's word.
#[derive(Default)]
pub(super) struct Phases;

impl Invariant for Phases {
    fn name(&self) -> &'static str {
        "phases"
    }

    fn see(&mut self, seen: &Seen<'_>, _: &Truth<'_>) -> Result<(), String> {
        let Seen::Committed { before: Some(before), commit } = seen else { return Ok(()) };
        let (call, id) = (&commit.call, short(before.id()));
        if !commit.moves() {
            return Ok(());
        }
        if call.phase_name() < before.phase_name() {
            return Err(format!("{id} went from {:?} back to {:?}", before.phase(), call.phase()));
        }
        if let (Phase::Ringing { progress: was, .. }, Phase::Ringing { progress: is, .. }) =
            (before.phase(), call.phase())
            && is < was
        {
            return Err(format!("{id} went from {was:?} back to {is:?}"));
        }
        if let (Phase::Ending { proposal: first, .. }, Phase::Ending { proposal: later, .. }) =
            (before.phase(), call.phase())
            && first != later
        {
            return Err(format!("{id}: another wish took the place of the first"));
        }
        if let (Phase::Ending { proposal: first, .. }, Phase::Ended(outcome)) = (before.phase(), call.phase())
            && *first != outcome.proposal
        {
            return Err(format!("{id}: the wish that ended it was forgotten"));
        }
        let (Some(was), Some(is)) = (before.outcome(), call.outcome()) else { return Ok(()) };
        if was.proposal != is.proposal || (was.duration.is_some() && was.duration != is.duration) {
            return Err(format!("{id} ended twice: {was:?}, then {is:?}"));
        }
        let corrections = commit.effects.iter().filter(|(_, effect)| {
            matches!(effect, call_core::Effect::Publish(Event::Corrected { .. }))
        });
        if was.disposition != is.disposition && was.corrected {
            return Err(format!("{id} was corrected twice"));
        }
        if corrections.count() > usize::from(!was.corrected) {
            return Err(format!("{id} told of two corrections"));
        }
        let by_target = call.legs().target().is_some_and(|target| target.ended.is_some());
        let was_told = was.source != Source::Inference;
        if was_told && !by_target && (was.disposition, was.source, was.at) != (is.disposition, is.source, is.at) {
            return Err(format!("{id}: the provider's first word was overwritten: {was:?}, then {is:?}"));
        }
        Ok(())
    }
}
