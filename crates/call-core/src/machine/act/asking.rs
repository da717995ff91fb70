//! Reconciliation: asking the provider what is true, and judging what it does not say.

use super::super::{
    Asked, Disposition, Effect, Hungup, Phase, Proposer, ProviderSays, Reason, Source, Stage, StaleReason, Timer,
    Verdict, judge,
};
use super::Act;

impl Act<'_> {
    /// Asks the provider. Only the latest question is wanted.
    pub(in super::super) fn ask(&mut self) -> Result<(), Reason> {
        let version = self.state.version + 1;
        if self.state.asking != Some(version) {
            self.state.asking = Some(version);
            self.ask_for(Effect::Reconcile);
        }
        Ok(())
    }

    pub(in super::super) fn ask_while_ending(&mut self) -> Result<(), Reason> {
        if matches!(&self.state.phase, Phase::Ending { stage: Stage::Draining { .. }, .. }) {
            return Err(Reason::AlreadyEnding);
        }
        self.ask()
    }

    /// No sign of life for a while.
    pub(in super::super) fn quiet(&mut self) {
        match self.verdict() {
            Verdict::Close { disposition, ended_at, reason } => self.close_stale(disposition, ended_at, reason),
            Verdict::Reconcile if planted!(ReaperKillsTalkingCall) => {
                self.close_stale(Disposition::Failed, self.now, StaleReason::Gone);
            }
            Verdict::Fresh { .. } | Verdict::Reconcile => {
                let _ = self.ask();
                self.set(Timer::Quiet, self.policy().ask_again);
            }
        }
    }

    /// The provider does not know the live call, or cannot be reached.
    pub(in super::super) fn judge(&mut self, answer: ProviderSays) -> Result<(), Reason> {
        self.state.evidence.asked = Some(Asked { at: self.now, answer });
        match self.verdict() {
            Verdict::Close { disposition, ended_at, reason } => self.close_stale(disposition, ended_at, reason),
            Verdict::Fresh { look_again } => self.state.timers.set(Timer::Quiet, look_again),
            Verdict::Reconcile => self.set(Timer::Quiet, self.policy().ask_again),
        }
        Ok(())
    }

    pub(in super::super) fn vanished_while_ringing(&mut self) -> Result<(), Reason> {
        // Until it rings for too long, a read that lags behind is the likelier explanation.
        if matches!(self.state.phase, Phase::Ringing { overdue: true, .. }) || planted!(LaggingReadIsBelieved) {
            self.close_stale(Disposition::Failed, self.now, StaleReason::Gone);
        }
        Ok(())
    }

    pub(in super::super) fn vanished_while_ending(&mut self) -> Result<(), Reason> {
        match &self.state.phase {
            Phase::Ending { proposal, stage: Stage::HangingUp { .. } | Stage::Asking { .. } } => {
                let proposal = proposal.clone();
                self.finish(Hungup::new(self.wished_disposition()), Source::Inference, proposal);
            }
            // The dial's or the farewell's own limit decides, or the end is known already.
            Phase::Ending { stage: Stage::AwaitingDial | Stage::Farewell | Stage::Draining { .. }, .. }
            | Phase::Dialing
            | Phase::Ringing { .. }
            | Phase::Live
            | Phase::Ended(_) => {}
        }
        Ok(())
    }

    fn verdict(&self) -> Verdict {
        judge(&self.state.facts(self.birth), self.now, &self.policy().stale)
    }

    fn close_stale(&mut self, disposition: Disposition, ended_at: super::super::Timestamp, reason: StaleReason) {
        // Somebody may still be on a line that cannot be asked about.
        if reason == StaleReason::Unreachable {
            self.ask_for_hangup();
        }
        let proposal = self.proposal(Proposer::Stale { reason }, None);
        self.at = ended_at;
        self.finish(Hungup::new(disposition), Source::Inference, proposal);
    }
}
