use call_core::{CallId, Effect, Event, Phase, Timer};

use super::{Invariant, Seen, Truth};
use crate::names::Map;
use crate::trace::short;

/// Whoever asks for keys is told once what became of it, and does not wait for ever: what the provider does not tell in
/// time is told as nothing. If the call ends before, its end is the answer.
#[derive(Default)]
pub(super) struct Gathered(Map<CallId, Vec<String>>);

impl Invariant for Gathered {
    fn name(&self) -> &'static str {
        "gathered"
    }

    fn see(&mut self, seen: &Seen<'_>, _: &Truth<'_>) -> Result<(), String> {
        let Seen::Committed { commit, .. } = seen else { return Ok(()) };
        if !commit.moves() {
            return Ok(());
        }
        let (call, id) = (&commit.call, short(commit.call.id()));
        for (_, effect) in commit.effects.iter() {
            match effect {
                Effect::Gather(gather) => self.0.entry(call.id()).or_default().push(gather.operation.clone()),
                Effect::Publish(Event::Gathered(gathered)) => {
                    let open = self.0.entry(call.id()).or_default();
                    let Some(place) = open.iter().position(|open| *open == gathered.operation) else {
                        return Err(format!("{id}: {} is told, and nobody waits for it", gathered.operation));
                    };
                    open.swap_remove(place);
                }
                _ => {}
            }
        }
        if !matches!(call.phase(), Phase::Live) {
            self.0.remove(&call.id());
            return Ok(());
        }
        let waits = self.0.get(&call.id()).map_or(0, Vec::len);
        if waits != usize::from(call.state().gathering.is_some()) {
            return Err(format!("{id}: {waits} wait for keys, and it gathers {:?}", call.state().gathering));
        }
        if waits > 0 && call.state().timers.get(Timer::Gather).is_none() {
            return Err(format!("{id} waits for keys without a deadline"));
        }
        Ok(())
    }
}
