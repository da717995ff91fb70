use call_core::{Call, Conduct, Direction, Effect, Fact, Input, Phase, Refused, Script, Timer};

use super::{Invariant, Seen, Truth};
use crate::trace::short;

/// Who conducts a call is what its provider is. What the plan says for an answered call is ours to do only where we
/// command: picked up once, begun once, and a call that only says something hangs up after it.
#[derive(Default)]
pub(super) struct Conducted;

impl Invariant for Conducted {
    fn name(&self) -> &'static str {
        "conducted"
    }

    fn see(&mut self, seen: &Seen<'_>, truth: &Truth<'_>) -> Result<(), String> {
        let Seen::Committed { before, commit } = seen else { return Ok(()) };
        if !commit.moves() {
            return Ok(());
        }
        let call = &commit.call;
        let id = short(call.id());
        let effects = || commit.effects.iter().map(|(_, effect)| effect);
        if before.is_none() {
            let phone = call.legs().first().and_then(|first| truth.network.find(&first.leg));
            let conduct = call.plan().conduct;
            if let Some(is) = phone.map(|phone| truth.network.phones[phone].conduct).filter(|is| *is != conduct) {
                return Err(format!("{id} is conducted as {conduct:?}, and its provider is {is:?}"));
            }
        }
        let rings = before.is_none() && call.birth().direction == Direction::Inbound;
        let picks_up = effects().filter(|effect| **effect == Effect::Answer).count();
        if picks_up != usize::from(rings && commands(call)) {
            return Err(format!("{id} is {:?}, and asks {picks_up} times to be picked up", call.phase_name()));
        }
        let live = matches!(call.phase(), Phase::Live);
        let was_live = before.is_some_and(|before| matches!(before.phase(), Phase::Live));
        let begins = effects().any(greets);
        if begins && (was_live || !commands(call)) {
            return Err(format!("{id} is greeted, and should not be"));
        }
        if live && !was_live && commands(call) && !has_begun(call, effects()) {
            return Err(format!("{id} is answered, and its script does not begin: {:?}", call.plan().script));
        }
        let says = commands(call) && matches!(call.plan().script, Script::Say { .. });
        if live && says && call.state().timers.get(Timer::Farewell).is_none() {
            return Err(format!("{id} says something, and has no deadline for it"));
        }
        let [entry] = commit.entries.as_slice() else { return Ok(()) };
        let (Input::Signal(signal), None) = (&entry.input, entry.ignored) else { return Ok(()) };
        match &signal.fact {
            Fact::Speech(speech) if live && says && speech.operation == "greeting" => {
                Err(format!("{id} has said all, and does not hang up"))
            }
            Fact::Refused(Refused::Transfer { .. }) if live && connects(call) && call.legs().target().is_none() => {
                Err(format!("{id} can be connected to nobody, and does not hang up"))
            }
            _ => Ok(()),
        }
    }
}

fn commands(call: &Call) -> bool {
    call.plan().conduct == Conduct::Commanded
}

fn connects(call: &Call) -> bool {
    commands(call) && matches!(call.plan().script, Script::Connect { .. })
}

fn greets(effect: &Effect) -> bool {
    matches!(effect, Effect::Speak { operation, .. } if operation == "greeting")
}

fn has_begun<'e>(call: &Call, mut effects: impl Iterator<Item = &'e Effect>) -> bool {
    match &call.plan().script {
        Script::Say { .. } => effects.any(greets),
        Script::Converse { greeting } => greeting.is_empty() || effects.any(greets),
        Script::Connect { to, .. } => effects.any(|effect| *effect == Effect::Transfer { to: to.clone() }),
        Script::Stream => effects.any(|effect| *effect == Effect::OpenStream),
        _ => true,
    }
}
