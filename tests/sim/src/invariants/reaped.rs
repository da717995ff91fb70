use std::time::Duration;

use call_core::journal::Entry;
use call_core::{
    Call, Closing, Fact, Input, Phase, Proposal, Proposer, ProviderSays, Report, Source, Stage, Timestamp,
};

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
        let (Some((proposer, at)), None) = (inferred(&commit.call), decided(before)) else { return Ok(()) };
        let (call, id) = (&commit.call, short(before.id()));
        if let (Closing::Completed { assumed, .. }, Proposer::Stale { .. }) = (&call.policy().stale.close, proposer) {
            let started = call.state().timeline.answered.unwrap_or(call.birth().at);
            if at > started + *assumed {
                return Err(format!("{id} ended when it was swept"));
            }
        }
        let Some(phone) = truth.network.of(call) else { return Ok(()) };
        let state = &truth.network.phones[phone];
        if state.station == Station::Over {
            return Ok(());
        }
        let gone = |entry: &Entry| match &entry.input {
            Input::Signal(signal) => signal.fact == Fact::Report(Report::Gone),
            Input::Command(_) | Input::Tick => false,
        };
        let evidence = &before.state().evidence;
        if commit.entries.iter().any(gone) {
            // A call that is being hung up may be given up by a read that lags: its hang-up goes out all the same.
            let ending = matches!(before.phase(), Phase::Ending { .. });
            let asked = truth.network.gone.get(&call.id()).copied().unwrap_or_default();
            if !ending && !state.ghost && asked >= state.created() {
                return Err(format!("{id} was closed by a read that lags, but P{phone} is {:?}", state.station));
            }
            return Ok(());
        }
        if let Some(asked) = evidence.asked.filter(|asked| asked.answer == ProviderSays::Gone) {
            // Between the answer and the deadline that acts on it, a request under way may have reached the provider.
            let under_way = when(asked.at, 0) + 25 * SEC + 2 * truth.skew;
            if !state.ghost && under_way < state.created() {
                return Err(format!("{id} was closed by an answer from before P{phone} was dialled"));
            }
            return Ok(());
        }
        let said = evidence.asked.filter(|asked| asked.answer == ProviderSays::Alive).map(|asked| asked.at);
        let life = [evidence.last_signal, evidence.last_media, said].into_iter().flatten().max();
        let life = life.map_or(before.birth().at, |at| at.max(before.birth().at));
        let patience = micros(call.policy().stale.outer.saturating_sub(Duration::from_secs(1)));
        if truth.now + 3 * truth.skew < when(life, 0) + patience {
            return Err(format!("{id} was closed by {proposer:?}, but P{phone} is {:?}", state.station));
        }
        Ok(())
    }
}

/// Who closed the call by inference, and the end that it was given. What comes while its speech drains is no longer asked.
fn inferred(call: &Call) -> Option<(&Proposer, Timestamp)> {
    let (proposal, source, at) = decided(call)?;
    (source == Source::Inference).then_some((&proposal.proposer, at))
}

fn decided(call: &Call) -> Option<(&Proposal, Source, Timestamp)> {
    match call.phase() {
        Phase::Ended(outcome) => Some((&outcome.proposal, outcome.source, outcome.at)),
        Phase::Ending { proposal, stage: Stage::Draining { source, at, .. } } => Some((proposal, *source, *at)),
        Phase::Ending { .. } | Phase::Dialing | Phase::Ringing { .. } | Phase::Live => None,
    }
}
