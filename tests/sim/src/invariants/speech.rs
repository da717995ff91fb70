use call_core::{Call, Effect, Operation, Phase, Stage};

use super::{Invariant, Seen, Truth};
use crate::trace::short;

/// No speech, stream or transfer is asked for, permitted or begun once the call is over or being hung up; and what a
/// call no longer wants is not performed.
#[derive(Default)]
pub(super) struct Speech;

impl Invariant for Speech {
    fn name(&self) -> &'static str {
        "speech"
    }

    fn see(&mut self, seen: &Seen<'_>, _: &Truth<'_>) -> Result<(), String> {
        match seen {
            Seen::Committed { before, commit } if commit.moves() => {
                let call = &commit.call;
                let live = |phase: &Phase| matches!(phase, Phase::Live);
                let answered = |call: &Call| call.state().timeline.answered;
                // One commit may tell of a whole life: what was parked for a call is adopted at once.
                let lived = answered(call) != before.and_then(answered);
                let over = !lived && !live(call.phase()) && before.is_none_or(|before| !live(before.phase()));
                let asks = commit.effects.iter().find(|(_, effect)| needs_life(effect));
                if let Some((_, effect)) = asks.filter(|_| over) {
                    return Err(format!("{} is {:?}, and asks for {}", short(call.id()), call.phase_name(), effect.as_str()));
                }
                let ends = matches!(call.phase(), Phase::Ending { .. } | Phase::Ended(_));
                let all = [Operation::Dial, Operation::Speak, Operation::Stream, Operation::Transfer];
                match all.into_iter().find(|operation| ends && call.may(*operation).is_ok()) {
                    Some(operation) => {
                        Err(format!("{} is {:?}, and permits {operation:?}", short(call.id()), call.phase_name()))
                    }
                    None => Ok(()),
                }
            }
            Seen::Performing { call, id, effect } => {
                let live = matches!(call.phase(), Phase::Live);
                let farewell = matches!(call.phase(), Phase::Ending { stage: Stage::Farewell, .. });
                let wanted = match effect {
                    Effect::Dial => matches!(call.phase(), Phase::Dialing),
                    Effect::Hangup { leg } => call
                        .legs()
                        .get(leg)
                        .is_some_and(|leg| leg.ended.is_none() && leg.hangup == Some(id.version)),
                    Effect::Speak { .. } => live || farewell,
                    Effect::OpenStream | Effect::Transfer { .. } => live,
                    Effect::Hush | Effect::Reconcile => !call.has_ended(),
                    _ => true,
                };
                if wanted {
                    return Ok(());
                }
                Err(format!("{} is {:?}, and {} is performed", short(call.id()), call.phase_name(), effect.as_str()))
            }
            _ => Ok(()),
        }
    }
}

const fn needs_life(effect: &Effect) -> bool {
    matches!(effect, Effect::Speak { .. } | Effect::OpenStream | Effect::Transfer { .. })
}
