use call_core::{Call, DialAnswer, Fact, Input, Phase, ProviderSays, Report, Signal, Source, Stage};

use super::{Invariant, Seen, Truth};
use crate::trace::short;

/// A dial that nobody confirmed is given up only by the provider's word from after its limit, or after its silence up to
/// the outer bound; and if the phone rings after all, it is hung up.
#[derive(Default)]
pub(super) struct Doubted;

impl Invariant for Doubted {
    fn name(&self) -> &'static str {
        "doubted"
    }

    fn see(&mut self, seen: &Seen<'_>, _: &Truth<'_>) -> Result<(), String> {
        let Seen::Committed { before: Some(before), commit } = seen else { return Ok(()) };
        let id = short(before.id());
        if !before.has_ended() {
            return if commit.moves() && given_up_early(before, &commit.call) {
                Err(format!("{id} is closed by what the provider said before the dial's limit"))
            } else {
                Ok(())
            };
        }
        // An input that was ignored by a call of long ago counts as one of long ago.
        if !commit.call.has_ended() {
            return Ok(());
        }
        let first = commit.call.legs().first();
        let untouched = first.is_some_and(|leg| leg.ended.is_none() && leg.hangup.is_none());
        let rings = commit.entries.iter().any(|entry| match &entry.input {
            Input::Signal(signal) => signal.leg.as_ref() == first.map(|leg| &leg.leg) && shows_it_open(signal),
            Input::Command(_) | Input::Tick => false,
        });
        if untouched && rings {
            return Err(format!("{id} has ended, its phone rings, and is left ringing"));
        }
        Ok(())
    }
}

fn given_up_early(before: &Call, call: &Call) -> bool {
    let limit = before.birth().at + before.policy().dial_limit;
    let doubted = match before.phase() {
        Phase::Dialing => limit,
        Phase::Ending { proposal, stage: Stage::AwaitingDial } => limit.max(proposal.at),
        Phase::Ringing { .. } | Phase::Live | Phase::Ending { .. } | Phase::Ended(_) => return false,
    };
    let Some(outcome) = call.outcome().filter(|outcome| outcome.source == Source::Inference) else { return false };
    let asked = call.state().evidence.asked.filter(|asked| asked.answer == ProviderSays::Gone);
    let said = asked.is_some_and(|asked| asked.at >= doubted);
    !said && outcome.at < doubted + before.policy().stale.outer
}

const fn shows_it_open(signal: &Signal) -> bool {
    matches!(
        &signal.fact,
        Fact::Dialed(DialAnswer::Accepted)
            | Fact::Progress(_)
            | Fact::Answered
            | Fact::Report(Report::Unanswered { .. } | Report::InProgress)
    )
}
