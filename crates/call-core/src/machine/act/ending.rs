//! From the wish to hang up, or the provider's word, to the outcome.

use super::super::{
    Disposition, Effect, Event, Hungup, Outcome, Phase, Proposal, Proposer, Reason, Script, Source, Stage, Timer,
};
use super::Act;

impl Act<'_> {
    /// Ends the call: single flight. Without a leg it waits for the dial's answer.
    pub(in super::super) fn hang_up(&mut self, proposal: Proposal) -> Result<(), Reason> {
        let first_wish = !matches!(self.state.phase, Phase::Ending { .. });
        let leg_known = self.state.legs.first().is_some();
        let stage = if leg_known { Stage::HangingUp { tries: 1 } } else { Stage::AwaitingDial };
        self.enter(Phase::Ending { proposal, stage });
        self.set(Timer::Confirm, self.policy().confirm_limit);
        if self.is_speaking() {
            self.ask_for(Effect::Hush);
        }
        if leg_known {
            self.ask_for_hangup();
        } else {
            let limit = (self.birth.at + self.policy().dial_limit).max(self.now + self.policy().confirm_limit);
            self.state.timers.set(Timer::DialLimit, limit);
        }
        if first_wish {
            self.publish(Event::Ending);
        }
        Ok(())
    }

    pub(in super::super) fn hang_up_by_deadline(&mut self, timer: Timer) {
        let _ = self.hang_up(self.proposal(Proposer::Deadline { timer }, None));
    }

    /// Hangs up after the last word, if words are being spoken. A caller who speaks meanwhile is heard (the turn is
    /// kept) but does not stop it.
    pub(in super::super) fn farewell(&mut self, proposal: Proposal) -> Result<(), Reason> {
        if !self.is_speaking() || planted!(FarewellIsCut) {
            return self.hang_up(proposal);
        }
        self.enter(Phase::Ending { proposal, stage: Stage::Farewell });
        self.set(Timer::Farewell, self.policy().farewell_limit);
        self.publish(Event::Ending);
        Ok(())
    }

    pub(in super::super) fn cut_farewell(&mut self) {
        match &self.state.phase {
            Phase::Ending { proposal, .. } => {
                let proposal = proposal.clone();
                let _ = self.hang_up(proposal);
            }
            Phase::Live => self.hang_up_by_deadline(Timer::Farewell),
            Phase::Dialing | Phase::Ringing { .. } | Phase::Ended(_) => {}
        }
    }

    pub(in super::super) fn stream_limit(&mut self) {
        let why = "the audio stream did not open in time".to_owned();
        let _ = self.hang_up(self.proposal(Proposer::StreamLoss, Some(why)));
    }

    /// An operation has ended; whatever waited for it goes on.
    pub(in super::super) fn finish_operation(&mut self, speech: Option<&str>) -> Result<(), Reason> {
        if !self.is_running(speech) {
            return Err(Reason::NotRunning);
        }
        self.state.operations.retain(|o| o.speech.as_deref() != speech);
        match &self.state.phase {
            Phase::Ending { stage: Stage::Farewell, .. } if !self.is_speaking() => self.cut_farewell(),
            Phase::Ending { stage: Stage::Draining { .. }, .. } if self.state.operations.is_empty() => self.drained(),
            Phase::Dialing | Phase::Ringing { .. } | Phase::Live | Phase::Ending { .. } | Phase::Ended(_) => {}
        }
        Ok(())
    }

    /// The provider's word that the call is over.
    pub(in super::super) fn hungup(&mut self, hungup: &Hungup, source: Source) -> Result<(), Reason> {
        if let Phase::Ending { stage: Stage::Draining { hungup: known, source: known_by, at }, .. } =
            &mut self.state.phase
        {
            let truth = *known_by == Source::Inference;
            if truth {
                (known.disposition, *known_by, *at) = (hungup.disposition, source, self.at);
            }
            if !known.fill_missing(hungup) && !truth {
                return Err(Reason::AlreadyEnding);
            }
            self.first_leg_over(hungup);
            return Ok(());
        }
        self.first_leg_over(hungup);
        let proposal = match &self.state.phase {
            Phase::Ending { proposal, .. } if !planted!(EndingForgetsTheWish) => proposal.clone(),
            Phase::Dialing | Phase::Ringing { .. } | Phase::Live | Phase::Ending { .. } | Phase::Ended(_) => {
                self.proposal(Proposer::Provider, hungup.cause.clone())
            }
        };
        self.finish(hungup.clone(), source, proposal);
        Ok(())
    }

    fn first_leg_over(&mut self, hungup: &Hungup) {
        if let Some(leg) = self.state.legs.first_mut() {
            leg.ended.get_or_insert_with(|| hungup.clone());
        }
    }

    /// "Already ended", says the provider to our hang-up: success. How it ended must be asked.
    pub(in super::super) fn ended_before_hangup(&mut self) -> Result<(), Reason> {
        match &mut self.state.phase {
            Phase::Ending { stage: stage @ Stage::HangingUp { .. }, .. } => {
                *stage = Stage::Asking { since: self.now };
                self.set(Timer::Confirm, self.policy().ask_again);
                self.ask()
            }
            Phase::Dialing | Phase::Ringing { .. } | Phase::Live | Phase::Ending { .. } | Phase::Ended(_) => {
                Err(Reason::NothingNew)
            }
        }
    }

    /// The provider has not confirmed the end.
    pub(in super::super) fn unconfirmed(&mut self) {
        let policy = self.policy();
        // While the provider says that it lives, it is not given up.
        let alive = self.state.facts(self.birth).sign_of_life().unwrap_or(self.birth.at);
        let Phase::Ending { proposal, stage } = &mut self.state.phase else { return };
        match stage {
            Stage::HangingUp { tries } if *tries < policy.hangup_tries => {
                *tries += u8::from(!planted!(HungUpForEver));
                self.ask_for_hangup();
                self.set(Timer::Confirm, policy.confirm_limit);
            }
            Stage::Asking { since } if self.now >= alive.max(*since) + policy.stale.outer => {
                let proposal = proposal.clone();
                self.finish(Hungup::new(self.wished_disposition()), Source::Inference, proposal);
            }
            Stage::HangingUp { .. } | Stage::Farewell => {
                *stage = Stage::Asking { since: self.now };
                self.ask_and_wait();
            }
            Stage::AwaitingDial | Stage::Asking { .. } => self.ask_and_wait(),
            Stage::Draining { .. } => {}
        }
    }

    pub(in super::super) fn drained(&mut self) {
        if let Phase::Ending { proposal, stage: Stage::Draining { hungup, source, at } } = &self.state.phase {
            let (proposal, hungup, source) = (proposal.clone(), hungup.clone(), *source);
            self.at = *at;
            self.end(hungup, source, proposal);
        }
    }

    /// The call is over; what still runs may finish first.
    pub(super) fn finish(&mut self, hungup: Hungup, source: Source, proposal: Proposal) {
        if self.state.operations.is_empty() || planted!(FinalisedWhileSpeaking) {
            return self.end(hungup, source, proposal);
        }
        let first_wish = !matches!(self.state.phase, Phase::Ending { .. });
        if self.is_speaking() {
            self.ask_for(Effect::Hush);
        }
        if self.is_running(None) {
            self.ask_for(Effect::CloseStream);
        }
        let stage = Stage::Draining { hungup, source, at: self.at };
        self.enter(Phase::Ending { proposal, stage });
        self.set(Timer::Drain, self.policy().drain_limit);
        if first_wish {
            self.publish(Event::Ending);
        }
    }

    pub(super) fn end(&mut self, hungup: Hungup, source: Source, proposal: Proposal) {
        let disposition = self.disposition(hungup.disposition, &proposal);
        let evidence = &mut self.state.evidence;
        evidence.cause = hungup.cause.filter(|_| !planted!(EndingLosesItsEvidence)).or(evidence.cause.take());
        evidence.sip_code = hungup.sip_code.or(evidence.sip_code);
        let (at, duration) = (self.at, hungup.duration);
        self.state.operations.clear();
        // Nobody waits for an answer any more.
        self.state.asking = None;
        self.effects.retain(|effect| *effect != Effect::Reconcile);
        self.enter(Phase::Ended(Outcome { disposition, proposal, source, at, duration, corrected: false }));
        if source != Source::Inference || !planted!(ClosedInSilence) {
            self.publish(Event::Ended { disposition });
        }
    }

    /// The provider speaks after the end: an inferred ending is corrected once, missing facts are filled in.
    pub(in super::super) fn correct(&mut self, hungup: &Hungup, source: Source) -> Result<(), Reason> {
        let Phase::Ended(outcome) = &self.state.phase else { return Err(Reason::NothingNew) };
        let mut outcome = outcome.clone();
        let inferred = outcome.source == Source::Inference && !planted!(TruthDoesNotCorrectInference);
        let inferred = inferred || planted!(SecondEndingOverwritesTheFirst);
        let mut known = Hungup {
            disposition: outcome.disposition,
            cause: self.state.evidence.cause.clone(),
            sip_code: self.state.evidence.sip_code,
            duration: outcome.duration,
        };
        if !known.fill_missing(hungup) && !inferred {
            return Err(Reason::AlreadyEnded);
        }
        outcome.duration = known.duration;
        self.state.evidence.cause = known.cause;
        self.state.evidence.sip_code = known.sip_code;
        let event = if inferred {
            let from = outcome.disposition;
            // The target's word may have corrected it before, and a second correction there is not.
            let to = if outcome.corrected { from } else { self.disposition(hungup.disposition, &outcome.proposal) };
            outcome.disposition = to;
            outcome.source = if planted!(CorrectedAgainAndAgain) { outcome.source } else { source };
            outcome.at = self.at;
            outcome.corrected |= from != to;
            if from == to { Event::Updated } else { Event::Corrected { from, to } }
        } else {
            Event::Updated
        };
        self.first_leg_over(hungup);
        self.state.phase = Phase::Ended(outcome);
        self.publish(event);
        Ok(())
    }

    /// A phone rings (or was answered) for a call that we had given up: it is hung up.
    pub(in super::super) fn rings_after_the_end(&mut self) -> Result<(), Reason> {
        let untouched = self.state.legs.first().is_some_and(|l| l.ended.is_none() && l.hangup.is_none());
        if !untouched || planted!(LateDialIsLeftRinging) {
            return Err(Reason::AlreadyEnded);
        }
        self.ask_for_hangup();
        Ok(())
    }

    /// The leg that a `connect` script rang is over: so is the call, and it ended as that leg did.
    pub(super) fn target_ended(&mut self, hungup: &Hungup) {
        match &mut self.state.phase {
            Phase::Dialing | Phase::Ringing { .. } | Phase::Live => {
                let _ = self.hang_up(self.proposal(Proposer::FarEnd, hungup.cause.clone()));
            }
            Phase::Ending { .. } => {}
            Phase::Ended(outcome) => {
                let (from, to) = (outcome.disposition, hungup.disposition);
                if from == Disposition::Completed && to != from && !outcome.corrected {
                    outcome.disposition = to;
                    outcome.corrected = true;
                    self.publish(Event::Corrected { from, to });
                }
            }
        }
    }

    pub(super) fn ask_for_hangup(&mut self) {
        let version = self.state.version + 1;
        if let Some(leg) = self.state.legs.first_mut().filter(|leg| leg.ended.is_none()) {
            leg.hangup = Some(version);
            let leg = leg.leg.clone();
            self.ask_for(Effect::Hangup { leg });
        }
    }

    fn ask_and_wait(&mut self) {
        let _ = self.ask();
        self.set(Timer::Confirm, self.policy().ask_again);
    }

    /// How a call ended that we wished to end, when nobody tells.
    pub(super) const fn wished_disposition(&self) -> Disposition {
        if self.state.timeline.answered.is_some() { Disposition::Completed } else { Disposition::Canceled }
    }

    /// The provider's word in the light of the wish and of the target leg.
    fn disposition(&self, said: Disposition, proposal: &Proposal) -> Disposition {
        let connects = matches!(self.birth.plan.script, Script::Connect { .. });
        let target = self.state.legs.target().filter(|_| connects).and_then(|t| t.ended.as_ref());
        match (said, &proposal.proposer, target) {
            // We cancelled it because nobody answered.
            (Disposition::Canceled, Proposer::Deadline { timer: Timer::RingLimit }, _) => Disposition::NoAnswer,
            (Disposition::Completed, _, Some(target)) if !planted!(TargetsWordIsLost) => target.disposition,
            (
                Disposition::Completed
                | Disposition::Busy
                | Disposition::NoAnswer
                | Disposition::Failed
                | Disposition::Canceled
                | Disposition::Abandoned,
                _,
                _,
            ) => said,
        }
    }
}
