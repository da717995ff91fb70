use call_core::{CallId, Conduct, Effect, EffectId};

use super::{Invariant, Seen, Truth};
use crate::names::Map;
use crate::network::REMEMBERED;
use crate::trace::short;

/// No command is sent for a leg whose end the call knows; and what a provider is commanded once, it does once, however
/// often it has to be asked while it knows commands again. (After a minute it does not: a store that is down for longer,
/// from just after an act on, makes it be done again.)
#[derive(Default)]
pub(super) struct Commands {
    asked: Map<EffectId, &'static str>,
    done: Map<(CallId, &'static str), Vec<u64>>,
}

impl Invariant for Commands {
    fn name(&self) -> &'static str {
        "commands"
    }

    fn see(&mut self, seen: &Seen<'_>, truth: &Truth<'_>) -> Result<(), String> {
        match seen {
            Seen::Committed { commit, .. } if commit.moves() => {
                let once = commit.effects.iter().filter_map(|(id, effect)| Some((*id, once(effect)?)));
                self.asked.extend(once);
            }
            Seen::Performing { call, effect, .. } => {
                let over = call.legs().first().is_some_and(|first| first.ended.is_some());
                let needs_it = once(effect).is_some() || matches!(effect, Effect::Speak { .. });
                if over && needs_it {
                    return Err(format!("{} is known to be over, and is to {}", short(call.id()), effect.as_str()));
                }
            }
            // Only a provider that must be commanded knows a command again by its name.
            Seen::Done { call, effect } if call.plan().conduct == Conduct::Commanded => {
                let Some(what) = once(effect) else { return Ok(()) };
                let asked = self.asked.iter().filter(|(id, asked)| id.call == call.id() && **asked == what).count();
                let done = self.done.entry((call.id(), what)).or_default();
                done.retain(|at| truth.now < at + REMEMBERED);
                done.push(truth.now);
                if done.len() > asked {
                    let (id, times) = (short(call.id()), done.len());
                    return Err(format!("{what} of {id} was done {times} times, and wished for {asked} times"));
                }
            }
            _ => {}
        }
        Ok(())
    }
}

/// What people notice if it is done twice.
fn once(effect: &Effect) -> Option<&'static str> {
    match effect {
        Effect::Speak { operation, .. } if operation == "greeting" => Some("greeting"),
        Effect::Answer | Effect::Transfer { .. } => Some(effect.as_str()),
        _ => None,
    }
}
