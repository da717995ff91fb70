use call_core::{CallId, Effect, EffectId};

use super::{Invariant, Seen, Truth};
use crate::names::Map;
use crate::trace::short;

/// No command is sent for a leg whose end the call knows; and what a provider is commanded once, it does once, however
/// often it has to be asked.
#[derive(Default)]
pub(super) struct Commands {
    asked: Map<EffectId, &'static str>,
    done: Map<(CallId, &'static str), u32>,
}

impl Invariant for Commands {
    fn name(&self) -> &'static str {
        "commands"
    }

    fn see(&mut self, seen: &Seen<'_>, _: &Truth<'_>) -> Result<(), String> {
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
            Seen::Done { call, effect, .. } => {
                let Some(what) = once(effect) else { return Ok(()) };
                let asked = self.asked.iter().filter(|(id, asked)| id.call == call.id() && **asked == what).count();
                let done = self.done.entry((call.id(), what)).or_default();
                *done += 1;
                if *done as usize > asked {
                    let id = short(call.id());
                    return Err(format!("{what} of {id} was done {done} times, and wished for {asked} times"));
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
