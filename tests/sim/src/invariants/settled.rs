use std::time::Duration;

use call_core::port::{Answer, Settle, Settlement};
use call_core::{Effect, EffectId, Timestamp};

use super::{Invariant, Seen, Truth};
use crate::names::Map;
use crate::time::{SEC, shown};
use crate::trace::short;

/// An act is settled for good only once it was done, refused for good, or is no longer wanted; one whose outcome is
/// unknown is repeated if that is safe; and the provider's "not before" is waited for.
#[derive(Default)]
pub(super) struct Settled(Map<EffectId, Act>);

/// What is known of one act.
struct Act {
    effect: Effect,
    asked: bool,
    asks: Vec<Ask>,
}

/// One server is at it.
struct Ask {
    server: usize,
    attempt: u32,
    /// What the provider answered, and when.
    answer: Option<(Kind, Timestamp)>,
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
                    self.check(settle, truth, |id, effect, now| before.wants(id, effect, now))?;
                }
                if commit.moves() {
                    for (id, effect) in commit.effects.iter() {
                        self.0.insert(*id, Act { effect: effect.clone(), asked: false, asks: Vec::new() });
                    }
                }
            }
            Seen::Settled { settlements } => {
                for settle in *settlements {
                    self.check(settle, truth, |id, effect, now| {
                        truth.look(id.call, |call| call.is_some_and(|call| call.wants(id, effect, now)))
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
                    match act.asks.iter_mut().find(|ask| ask.server == *server) {
                        Some(Ask { attempt, answer: None, .. }) => *attempt = 0,
                        Some(ask) => (ask.attempt, ask.answer) = (*attempt, None),
                        None => act.asks.push(Ask { server: *server, attempt: *attempt, answer: None }),
                    }
                }
            }
            Seen::Performed { server, id, answer, at } => {
                let kind = match answer {
                    Answer::Done(_) => Kind::Done,
                    Answer::Later { after, .. } => Kind::Later(*after),
                    Answer::Refused { .. } => Kind::Refused,
                    Answer::Unknown { .. } => Kind::Unknown,
                };
                let asks = self.0.get_mut(id).into_iter().flat_map(|act| &mut act.asks);
                asks.filter(|ask| ask.server == *server).for_each(|ask| ask.answer = Some((kind, *at)));
            }
            _ => {}
        }
        Ok(())
    }
}

impl Settled {
    fn check(
        &self,
        settle: &Settle,
        truth: &Truth<'_>,
        wants: impl Fn(&EffectId, &Effect, Timestamp) -> bool,
    ) -> Result<(), String> {
        let Some(act) = self.0.get(&settle.id) else { return Ok(()) };
        let (id, effect) = (settle.id, &act.effect);
        let name = || format!("{} {}.{} of {}", effect.as_str(), id.version, id.index, short(id.call));
        // Whoever settled it may have looked at a clock that is ahead.
        let now = shown(truth.now + 2 * truth.skew + SEC, 0);
        let wanted = || wants(&id, effect, now);
        let is_dial = matches!(effect, Effect::Dial);
        let answer = act.asks.iter().find(|ask| ask.attempt == settle.attempt).and_then(|ask| ask.answer);
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
