use std::time::Duration;

use call_core::{Closing, Phase, Proposer, Source};

use super::{Invariant, Seen, Truth};
use crate::network::Station;
use crate::time::{SEC, micros, when};
use crate::trace::short;

/// No live call is reaped: while its phone is off the hook, a call is closed by inference only if the provider said that
/// there is no such call, or was out of reach up to the outer bound.
#[derive(Default)]
pub(super) struct Reaped;

impl Invariant for Reaped {
    fn name(&self) -> &'static str {
        "reaped"
    }

    fn see(&mut self, seen: &Seen<'_>, truth: &Truth<'_>) -> Result<(), String> {
        let Seen::Committed { before: Some(before), commit } = seen else { return Ok(()) };
        let (Phase::Ended(outcome), false) = (commit.call.phase(), before.has_ended()) else { return Ok(()) };
        let (call, id) = (&commit.call, short(before.id()));
        if outcome.source != Source::Inference {
            return Ok(());
        }
        if let (Closing::Completed { assumed, .. }, Proposer::Stale { .. }) =
            (&call.policy().stale.close, &outcome.proposal.proposer)
        {
            let started = call.state().timeline.answered.unwrap_or(call.birth().at);
            if outcome.at > started + *assumed {
                return Err(format!("{id} ended when it was swept"));
            }
        }
        let Some(phone) = truth.network.of(call) else { return Ok(()) };
        let state = &truth.network.phones[phone];
        if state.station == Station::Over {
            return Ok(());
        }
        // It was really not there when the provider was asked, or its reads lag.
        let asked = truth.network.gone.get(&call.id()).copied();
        if asked.is_some_and(|asked| asked >= state.created()) || truth.now < state.created() + 60 * SEC {
            return Ok(());
        }
        let evidence = &before.state().evidence;
        let said = evidence.asked.filter(|asked| asked.answer == call_core::ProviderSays::Alive).map(|asked| asked.at);
        let life = [evidence.last_signal, evidence.last_media, said].into_iter().flatten().max();
        let life = life.map_or(before.birth().at, |at| at.max(before.birth().at));
        let patience = micros(call.policy().stale.outer.saturating_sub(Duration::from_secs(1)));
        if truth.now + 3 * truth.skew < when(life, 0) + patience {
            return Err(format!("{id} was closed as {:?}, but P{phone} is {:?}", outcome, state.station));
        }
        Ok(())
    }
}
