use call_core::{CallId, Effect, EffectId, Event};

use super::{Invariant, Seen, Truth};
use crate::names::Map;
use crate::time::SEC;
use crate::trace::short;

/// How long after the faults stopped what they left behind is still being told.
const RECOVERY: u64 = 60 * SEC;

/// How often an event may be told when nothing goes wrong any more.
const OFTEN: u32 = 3;

/// Events are told at least once, not without end, and what happens once in a life is an event once.
#[derive(Default)]
pub(super) struct Told {
    /// Every event, and whether it was told.
    told: Map<EffectId, bool>,
    once: Map<(CallId, &'static str), EffectId>,
    /// How often, in good weather.
    again: Map<EffectId, u32>,
}

impl Invariant for Told {
    fn name(&self) -> &'static str {
        "told"
    }

    fn see(&mut self, seen: &Seen<'_>, truth: &Truth<'_>) -> Result<(), String> {
        match seen {
            Seen::Committed { commit, .. } if commit.moves() => {
                for (id, effect) in commit.effects.iter() {
                    let Effect::Publish(event) = effect else { continue };
                    self.told.entry(*id).or_default();
                    let once = matches!(
                        event,
                        Event::Placed | Event::Answered | Event::Ending | Event::Ended { .. }
                    );
                    if once && self.once.insert((id.call, event.name()), *id).is_some() {
                        return Err(format!("{} of {} happened twice", event.name(), short(id.call)));
                    }
                }
                let call = &commit.call;
                if call.has_ended() && !self.once.contains_key(&(call.id(), "call.ended")) {
                    return Err(format!("{} ended, and nobody is told", short(call.id())));
                }
            }
            Seen::Told { id, .. } => {
                self.told.insert(**id, true);
                if truth.healed.is_some_and(|healed| truth.now > healed + RECOVERY) {
                    let times = self.again.entry(**id).or_default();
                    *times += 1;
                    if *times > OFTEN {
                        let EffectId { version, index, .. } = id;
                        return Err(format!("event {version}.{index} of {} is told again and again", short(id.call)));
                    }
                }
            }
            Seen::Finished { .. } => {
                if let Some((id, _)) = self.told.iter().find(|(_, told)| !**told) {
                    return Err(format!("event {}.{} of {} was never told", id.version, id.index, short(id.call)));
                }
            }
            _ => {}
        }
        Ok(())
    }
}
