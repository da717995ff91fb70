//! Which seldom paths a commit took.

use call_core::port::Commit;
use call_core::{
    Call, Command, DialAnswer, Effect, Event, Fact, HangupAnswer, Input, Phase, Proposer, Report, Script, Source,
    Stage, Timer,
};

use crate::rare::Rare;
use crate::world::World;

impl World {
    /// Notes what a commit shows, and which phones are known by it.
    pub(crate) fn cover(&mut self, before: Option<&Call>, commit: &Commit) {
        let call = &commit.call;
        for leg in call.legs().iter() {
            if let Some(phone) = self.network.find(&leg.leg) {
                let now = self.now;
                let state = &mut self.network.phones[phone];
                if state.is_open() && leg.ended.is_none() {
                    state.known.get_or_insert(now);
                }
            }
        }
        let Some(before) = before else { return };
        for entry in commit.entries.iter() {
            if let Some(rare) = self.input(before, call, &entry.input, entry.ignored.is_none()) {
                self.rarely(rare);
            }
        }
        for (_, effect) in commit.effects.iter() {
            match effect {
                Effect::Hangup { leg } if before.legs().get(leg).is_some_and(|leg| leg.hangup.is_some()) => {
                    self.rarely(Rare::HangupAgain);
                }
                Effect::Hangup { .. } if before.has_ended() => self.rarely(Rare::RingsAfterTheEnd),
                Effect::Publish(Event::Corrected { .. }) => self.rarely(Rare::Corrected),
                Effect::Speak { operation, .. } if operation == "prompt" => self.rarely(Rare::Prompted),
                _ => {}
            }
        }
        let (proposer, ended) = match (before.phase(), call.phase()) {
            (Phase::Ended(_), _) => return,
            (_, Phase::Ended(outcome)) => (&outcome.proposal.proposer, Some(outcome)),
            (Phase::Ending { .. }, _) => return,
            (_, Phase::Ending { proposal, stage }) => {
                match stage {
                    Stage::Farewell => self.rarely(Rare::Farewell),
                    Stage::AwaitingDial => self.rarely(Rare::GivenUpWhileDialing),
                    Stage::HangingUp { .. } | Stage::Asking { .. } | Stage::Draining { .. } => {}
                }
                (&proposal.proposer, None)
            }
            _ => return,
        };
        if let Some(outcome) = ended {
            if outcome.source == Source::Inference {
                self.rarely(Rare::Inferred);
            }
            if outcome.proposal.reason.as_deref() == Some("dial-unconfirmed") {
                self.rarely(Rare::DialUnconfirmed);
            }
            if matches!(before.phase(), Phase::Ending { stage: Stage::Draining { .. }, .. }) {
                self.rarely(Rare::Drained);
            }
        }
        match proposer {
            Proposer::Stale { .. } => self.rarely(Rare::Stale),
            Proposer::FarEnd => self.rarely(Rare::FarEnd),
            Proposer::Farewell if matches!(call.plan().script, Script::Say { .. }) => self.rarely(Rare::SaidAll),
            Proposer::StreamLoss => self.rarely(Rare::StreamLimit),
            Proposer::Deadline { timer: Timer::RingLimit } => self.rarely(Rare::RingLimit),
            Proposer::Deadline { timer: Timer::LiveLimit } => self.rarely(Rare::LiveLimit),
            _ => {}
        }
    }

    fn input(&mut self, before: &Call, call: &Call, input: &Input, applied: bool) -> Option<Rare> {
        let doubted = before.state().asking.is_some() && matches!(before.phase(), Phase::Dialing);
        let found = doubted && before.legs().first().is_none() && call.legs().first().is_some();
        match input {
            Input::Tick if !applied => Some(Rare::SweepRaced),
            Input::Tick if before.state().timers.get(Timer::Gather).is_some_and(|at| at <= call.state().now) => {
                Some(Rare::KeysUntold)
            }
            Input::Tick => {
                let quiet = before.state().timers.get(Timer::Quiet);
                let asks = call.state().asking != before.state().asking;
                (asks && quiet.is_some_and(|at| at <= call.state().now)).then_some(Rare::QuietAsked)
            }
            Input::Command(Command::Transfer { .. }) if applied => Some(Rare::Transfer),
            Input::Command(_) => None,
            Input::Signal(signal) => match &signal.fact {
                Fact::Dialed(DialAnswer::Unknown { .. }) => Some(Rare::DialUnknown),
                Fact::Report(Report::Gone | Report::Unreachable { .. }) => None,
                Fact::Report(_) if found => Some(Rare::DialFoundByAsking),
                Fact::HangupAnswer(HangupAnswer::AlreadyEnded) => Some(Rare::HangupTooLate),
                Fact::Transcript(_) if applied && before.state().findings.words > 0 => Some(Rare::Transcribed),
                _ if found => Some(Rare::DialFoundByMessage),
                _ => None,
            },
        }
    }
}
