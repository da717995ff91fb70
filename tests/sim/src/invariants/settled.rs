use std::collections::BTreeMap;
use std::time::Duration;

use call_core::port::{Answer, Settle, Settlement};
use call_core::{Call, Effect, EffectId, Timestamp};

use super::{Invariant, Seen, Truth};
use crate::time::{SEC, shown};
use crate::trace::short;

/// An act is settled for good only once it was done, refused for good, or is no longer wanted; one whose outcome is
/// unknown is repeated if that is safe; and the provider's "not before" is waited for.
#[derive(Default)]
pub(super) struct Settled(BTreeMap<EffectId, Act>);

/// What is known of one act.
struct Act {
    effect: Effect,
    asked: bool,
    /// The attempt that each server is at, and what the provider answered it.
    answers: BTreeMap<usize, (u32, Option<(Kind, Timestamp)>)>,
}

/// What the provider answered last.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Done,
    Later(Option<Duration>),
    Refused,
    Unknown,
}

impl Invariant for Settled {
    fn name(&self) -> &'static str {
        "settled"
    }

    fn see(&mut self, seen: &Seen<'_>, truth: &Truth<'_>) -> Result<(), String> {
        match seen {
            Seen::Committed { before, commit } => {
                if let (Some(settle), Some(before)) = (&commit.settles, before) {
                    self.check(settle, before, truth)?;
                }
                if commit.moves() {
                    for (id, effect) in &commit.effects {
                        self.0.insert(*id, Act { effect: effect.clone(), asked: false, answers: BTreeMap::new() });
                    }
                }
            }
            Seen::Settled { settlements } => {
                for settle in *settlements {
                    truth.look(settle.id.call, |call| {
                        call.map_or(Ok(()), |call| self.check(settle, call, truth))
                    })?;
                }
            }
            Seen::Told { id, .. } => {
                if let Some(act) = self.0.get_mut(id) {
                    act.asked = true;
                }
            }
            Seen::Deciding { server, id, attempt, .. } => {
                if let Some(act) = self.0.get_mut(id) {
                    act.asked = true;
                    // One server may be at it twice, after a lease that lapsed: then nobody can tell whose answer it is.
                    let twice = act.answers.get(server).is_some_and(|(_, answer)| answer.is_none());
                    act.answers.insert(*server, (if twice { 0 } else { *attempt }, None));
                }
            }
            Seen::Performed { server, id, answer, at } => {
                let kind = match answer {
                    Answer::Done(_) => Kind::Done,
                    Answer::Later { after, .. } => Kind::Later(*after),
                    Answer::Refused { .. } => Kind::Refused,
                    Answer::Unknown { .. } => Kind::Unknown,
                };
                if let Some((_, told)) = self.0.get_mut(id).and_then(|act| act.answers.get_mut(server)) {
                    *told = Some((kind, *at));
                }
            }
            _ => {}
        }
        Ok(())
    }
}

impl Settled {
    fn check(&self, settle: &Settle, call: &Call, truth: &Truth<'_>) -> Result<(), String> {
        let Some(act) = self.0.get(&settle.id) else { return Ok(()) };
        let (id, effect) = (settle.id, &act.effect);
        let name = || format!("{} {}.{} of {}", effect.as_str(), id.version, id.index, short(id.call));
        // Whoever settled it may have looked at a clock that is ahead.
        let now = shown(truth.now + 2 * truth.skew + SEC, 0);
        let wanted = || call.wants(&id, effect, now);
        let is_dial = matches!(effect, Effect::Dial);
        let answer = act.answers.values().find(|(attempt, _)| *attempt == settle.attempt).and_then(|(_, answer)| *answer);
        match (settle.how, answer) {
            // A dial may end in doubt; a question has its own answer for every failure.
            (Settlement::Done, None) if !act.asked && !is_dial && wanted() => {
                Err(format!("{} is settled, and was never performed", name()))
            }
            (Settlement::Done, Some((Kind::Unknown, _)))
                if !matches!(effect, Effect::Dial | Effect::Reconcile) && wanted() =>
            {
                Err(format!("{} may not have been done, and is settled", name()))
            }
            (Settlement::Done, Some((Kind::Later(_), _))) if !matches!(effect, Effect::Reconcile) && wanted() => {
                Err(format!("{} was put off, and is settled", name()))
            }
            (Settlement::Later(_), Some((Kind::Done | Kind::Refused, _))) => {
                Err(format!("{} was answered for good, and is to be done again", name()))
            }
            (Settlement::Later(until), Some((Kind::Later(Some(after)), at)))
                if until + Duration::from_micros(2 * truth.skew) < at + after =>
            {
                Err(format!("{} is to be done again before the provider wishes", name()))
            }
            _ => Ok(()),
        }
    }
}
