//! From the dial to the answer.

use super::super::{Conduct, Effect, Event, Phase, Proposer, Reason, Script, Timer};
use super::super::{Disposition, Hungup, Progress, ProviderSays, Source, Stage};
use super::Act;

impl Act<'_> {
    pub(in super::super) fn progress(&mut self, progress: Progress) -> Result<(), Reason> {
        let filled = self.fill(progress);
        if self.has_come_to(progress) {
            return filled;
        }
        self.ring(progress);
        Ok(())
    }

    fn has_come_to(&self, progress: Progress) -> bool {
        match &self.state.phase {
            Phase::Ringing { progress: current, .. } => progress <= *current && !planted!(OlderStationMovesBack),
            Phase::Dialing | Phase::Live | Phase::Ending { .. } | Phase::Ended(_) => false,
        }
    }

    /// The provider has the call, and has come this far.
    pub(super) fn ring(&mut self, progress: Progress) {
        self.enter(Phase::Ringing { progress, overdue: false });
        let limit = match progress {
            Progress::Queued => self.policy().queue_limit,
            Progress::Initiated | Progress::Ringing => self.policy().ring_limit,
        };
        if !planted!(RingsWithoutDeadline) {
            self.set(Timer::RingLimit, limit);
        }
        if progress == Progress::Ringing {
            self.publish(Event::Ringing);
        }
    }

    pub(in super::super) fn answered(&mut self) -> Result<(), Reason> {
        let _ = self.fill_answered();
        self.enter(Phase::Live);
        if !planted!(HardLimitNeverSet) {
            self.set(Timer::LiveLimit, self.policy().live_limit);
        }
        self.set(Timer::Quiet, self.policy().quiet_limit);
        self.publish(Event::Answered);
        self.begin_script();
        Ok(())
    }

    /// What the plan says for a call that is answered, as far as it is ours to do.
    fn begin_script(&mut self) {
        let plan = &self.birth.plan;
        match (plan.conduct, &plan.script) {
            (Conduct::Asked, Script::Say { text }) if planted!(GreetsWhomTheProviderGreets) => self.say(text),
            (Conduct::Commanded, Script::Connect { .. }) if planted!(ScriptNeverBegins) => {}
            (Conduct::Asked, Script::Stream) if !planted!(SilentStream) => {
                self.set(Timer::StreamLimit, self.policy().stream_limit);
            }
            (Conduct::Commanded, Script::Stream) => drop(self.open_stream()),
            (Conduct::Commanded, Script::Say { text }) => self.say(text),
            (Conduct::Commanded, Script::Converse { greeting }) if !greeting.is_empty() => self.greet(greeting),
            (Conduct::Commanded, Script::Connect { to, .. }) => self.ask_for(Effect::Transfer { to: to.clone() }),
            (
                Conduct::Asked | Conduct::Commanded | Conduct::Agent,
                Script::Say { .. }
                | Script::Converse { .. }
                | Script::Connect { .. }
                | Script::Stream
                | Script::Agent { .. },
            ) => {}
        }
    }

    /// Notes when a station was passed: the earliest moment that is told, so the order of telling does not matter.
    /// Moves nothing.
    pub(in super::super) fn fill(&mut self, progress: Progress) -> Result<(), Reason> {
        let at = self.at;
        let timeline = &mut self.state.timeline;
        let station = match progress {
            Progress::Queued => &mut timeline.queued,
            Progress::Initiated => &mut timeline.initiated,
            Progress::Ringing => &mut timeline.ringing,
        };
        if station.is_some_and(|known| known <= at) && !planted!(LastToldStationWins) {
            return Err(Reason::OutOfOrder);
        }
        *station = Some(at);
        Ok(())
    }

    /// Notes when the call was answered, in the same way. Moves nothing.
    pub(in super::super) fn fill_answered(&mut self) -> Result<(), Reason> {
        if planted!(EachAnswerBeginsTheScript) && matches!(self.state.phase, Phase::Live) {
            self.begin_script();
        }
        let at = self.at;
        if self.state.timeline.answered.is_some_and(|known| known <= at) {
            return Err(Reason::NothingNew);
        }
        self.state.timeline.answered = Some(at);
        if let Some(leg) = self.state.legs.first_mut() {
            leg.answered = true;
        }
        Ok(())
    }

    /// The outcome of the dial is unknown: it is not dialled again, but asked for.
    pub(in super::super) fn doubt_the_dial(&mut self) -> Result<(), Reason> {
        self.set(Timer::DialAnswer, self.policy().ask_again);
        self.ask()
    }

    pub(in super::super) fn dial_unanswered(&mut self) {
        let _ = self.doubt_the_dial();
    }

    /// The dial was never confirmed. Only the provider's word (or, at the outer bound, its long silence) lets the call
    /// fail; it is never dialled again.
    pub(in super::super) fn dial_limit(&mut self) {
        let policy = self.policy();
        let doubted = self.birth.at + policy.dial_limit;
        let (doubted, disposition, proposal) = match &self.state.phase {
            Phase::Ending { proposal, .. } => (doubted.max(proposal.at), self.wished_disposition(), proposal.clone()),
            Phase::Dialing | Phase::Ringing { .. } | Phase::Live | Phase::Ended(_) => {
                let by = Proposer::Deadline { timer: Timer::DialLimit };
                (doubted, Disposition::Failed, self.proposal(by, Some("dial-unconfirmed".to_owned())))
            }
        };
        // An answer from before the limit proves nothing: a dial that was put off may have gone out after it.
        let asked =
            self.state.evidence.asked.filter(|asked| asked.at >= doubted || planted!(OldAnswerProvesTheDialGone));
        let gone = asked.is_some_and(|asked| asked.answer == ProviderSays::Gone);
        // Words may be heard of a call whose answer never was: while they are, nothing is silent.
        let life = self.state.facts(self.birth).sign_of_life();
        let silent = life.map_or(doubted, |at| at.max(doubted));
        if gone || self.now >= silent + policy.stale.outer {
            self.finish(Hungup::new(disposition), Source::Inference, proposal);
        } else {
            let _ = self.ask();
            self.set(Timer::DialLimit, policy.ask_again);
        }
    }

    /// Proof that nothing was dialled.
    pub(in super::super) fn never_dialed(&mut self, disposition: Disposition, why: &str) -> Result<(), Reason> {
        let proposal = self.proposal(Proposer::Provider, Some(why.to_owned()));
        self.end(Hungup::new(disposition), Source::Provider, proposal);
        Ok(())
    }

    /// Proof that nothing was dialled, for a call that was given up meanwhile.
    pub(in super::super) fn given_up_undialed(&mut self) -> Result<(), Reason> {
        let proposal = match &self.state.phase {
            Phase::Ending { proposal, stage: Stage::AwaitingDial } => proposal.clone(),
            Phase::Dialing | Phase::Ringing { .. } | Phase::Live | Phase::Ending { .. } | Phase::Ended(_) => {
                return Err(Reason::OutOfOrder);
            }
        };
        self.finish(Hungup::new(Disposition::Canceled), Source::Provider, proposal);
        Ok(())
    }

    pub(in super::super) fn doubt_the_withdrawn_dial(&mut self) -> Result<(), Reason> {
        if !self.awaits_dial() {
            return Err(Reason::NothingNew);
        }
        self.ask()
    }

    /// The call was given up while its dial was in flight; now the leg is known, so it can be hung up.
    pub(in super::super) fn dial_found(&mut self) -> Result<(), Reason> {
        match &self.state.phase {
            Phase::Ending { proposal, stage: Stage::AwaitingDial }
                if self.state.legs.first().is_some() && !planted!(CancelledDialRingsOn) =>
            {
                let proposal = proposal.clone();
                self.hang_up(proposal)
            }
            Phase::Dialing | Phase::Ringing { .. } | Phase::Live | Phase::Ending { .. } | Phase::Ended(_) => {
                Err(Reason::NothingNew)
            }
        }
    }

    /// The provider says that it still rings.
    pub(in super::super) fn still_ringing(&mut self, progress: Progress) -> Result<(), Reason> {
        if matches!(self.state.phase, Phase::Ringing { overdue: true, .. }) && self.has_come_to(progress) {
            self.hang_up_by_deadline(Timer::RingLimit);
        } else {
            // That it was asked and answered is evidence, even if it tells nothing else.
            let _ = self.progress(progress);
        }
        Ok(())
    }

    pub(in super::super) fn ring_limit(&mut self) {
        match &mut self.state.phase {
            Phase::Ringing { overdue, .. } if !*overdue => {
                *overdue = true;
                self.set(Timer::RingLimit, self.policy().ask_again);
                let _ = self.ask();
            }
            Phase::Dialing | Phase::Ringing { .. } | Phase::Live | Phase::Ending { .. } | Phase::Ended(_) => {
                self.hang_up_by_deadline(Timer::RingLimit);
            }
        }
    }

    pub(super) const fn awaits_dial(&self) -> bool {
        matches!(&self.state.phase, Phase::Ending { stage: Stage::AwaitingDial, .. })
    }
}
