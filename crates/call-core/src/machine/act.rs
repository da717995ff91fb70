//! What the rows of the transition table do.

mod asking;
mod ending;
mod keys;
mod rising;
mod talking;

use std::sync::Arc;

use super::{
    Asked, Birth, Call, DialAnswer, Direction, Effect, Event, Fact, Hungup, Leg, LegState, Legs, Phase, PhaseName,
    Policy, Progress, Proposal, Proposer, ProviderSays, Reason, Report, Role, Script, Signal, State, StreamFact, Timer,
    Timestamp,
};

/// One input at work on a call.
pub(super) struct Act<'a> {
    pub(super) birth: &'a Birth,
    pub(super) state: &'a mut State,
    pub(super) now: Timestamp,
    /// When it happened by the provider's clock, never later than `now`.
    pub(super) at: Timestamp,
    effects: &'a mut Vec<Effect>,
}

impl<'a> Act<'a> {
    pub(super) fn on(call: &'a mut Call, now: Timestamp, effects: &'a mut Vec<Effect>) -> Self {
        Act { birth: &call.birth, state: Arc::make_mut(&mut call.state), now, at: now, effects }
    }

    pub(super) const fn phase(&self) -> PhaseName {
        self.state.phase.name()
    }

    pub(super) const fn proposal(&self, proposer: Proposer, reason: Option<String>) -> Proposal {
        Proposal { proposer, reason, at: self.at }
    }

    const fn policy(&self) -> &'a Policy {
        &self.birth.policy
    }

    fn ask_for(&mut self, effect: Effect) {
        self.effects.push(effect);
    }

    fn publish(&mut self, event: Event) {
        self.effects.push(Effect::Publish(event));
    }

    /// Moves to a phase; what the phase before waited for is off.
    fn enter(&mut self, phase: Phase) {
        if !planted!(TimersOutliveTheirPhase) {
            self.state.timers.cancel_all();
        }
        self.state.gathering = None;
        self.state.phase = phase;
    }

    fn set(&mut self, timer: Timer, after: std::time::Duration) {
        self.state.timers.set(timer, self.now + after);
    }
}

/// Which leg a signal is about, and what the signal weighs.
impl Act<'_> {
    /// The signal's leg, if it is not the call's first.
    pub(super) fn other_leg(&self, signal: &Signal) -> Option<Leg> {
        let leg = signal.leg.as_ref()?;
        let first = self.state.legs.first().map(|l| &l.leg);
        let is_child =
            !planted!(ChildTakenForTheFirstLeg) && signal.parent.as_ref().is_some_and(|parent| parent != leg);
        let is_other = first.is_some_and(|first| first != leg);
        (is_other || (first.is_none() && is_child)).then(|| leg.clone())
    }

    /// When a signal's fact happened: by the provider's clock, but not later than we hear of it and, if we placed the
    /// call, not before we wished it.
    pub(super) fn happened(&self, signal: &Signal) -> Timestamp {
        let at = signal.at.unwrap_or(self.now).min(self.now);
        match self.birth.direction {
            Direction::Outbound => at.max(self.birth.at),
            Direction::Inbound => at,
        }
    }

    /// Takes the first leg's name from a signal, if it is news. A child's signal names its parent.
    pub(super) fn bind_first(&mut self, signal: &Signal) -> bool {
        let undialed = matches!(&signal.fact, Fact::Dialed(DialAnswer::Refused { .. } | DialAnswer::Withdrawn));
        if undialed || self.state.legs.first().is_some() {
            return false;
        }
        let Some(leg) = &signal.leg else { return false };
        let first = signal.parent.as_ref().filter(|_| !planted!(ChildTakenForTheFirstLeg)).unwrap_or(leg);
        self.state.legs.bind(first.clone(), Role::First);
        true
    }

    /// The first leg has just become known (`over`: and that it has ended): the provider took our dial, whatever we had
    /// heard or given up before.
    pub(super) fn found(&mut self, over: Option<&Hungup>) {
        if let (Some(hungup), Some(leg)) = (over, self.state.legs.first_mut()) {
            leg.ended.get_or_insert_with(|| hungup.clone());
        }
        match self.phase() {
            PhaseName::Dialing => self.ring(Progress::Queued),
            PhaseName::Ringing | PhaseName::Live => {}
            PhaseName::Ending => drop(self.dial_found()),
            PhaseName::Ended => drop(self.rings_after_the_end()),
        }
    }

    /// Takes an applied signal into evidence, and believes the call for a while if it is a sign of life.
    pub(super) fn weigh(&mut self, fact: &Fact) {
        let evidence = &mut self.state.evidence;
        let alive = match fact {
            Fact::Report(report) => {
                let answer = match report {
                    Report::Unanswered { .. } | Report::InProgress | Report::Ended(_) => ProviderSays::Alive,
                    Report::Gone => ProviderSays::Gone,
                    Report::Unreachable { .. } => ProviderSays::Unreachable,
                };
                evidence.asked = Some(Asked { at: self.now, answer });
                self.state.asking = None;
                let alive = answer == ProviderSays::Alive;
                // A sign of life outlives the next answer, which may only be a read that lags behind.
                if alive {
                    evidence.last_signal = Some(self.now);
                }
                alive
            }
            Fact::Dialed(DialAnswer::Refused { .. } | DialAnswer::Unknown { .. } | DialAnswer::Withdrawn)
            | Fact::Stream(StreamFact::Closed | StreamFact::Failed { .. })
            | Fact::Refused(_) => false,
            Fact::Stream(StreamFact::Flowing) | Fact::Turn(_) if planted!(AudioIsNoSignOfLife) => false,
            Fact::Stream(StreamFact::Opened | StreamFact::Flowing) | Fact::Speech(_) | Fact::Turn(_) => {
                evidence.last_media = Some(self.now);
                true
            }
            Fact::Dialed(DialAnswer::Accepted)
            | Fact::Progress(_)
            | Fact::Answered
            | Fact::Ended(_)
            | Fact::HangupAnswer(_)
            | Fact::Detected(_)
            | Fact::Gathered(_)
            | Fact::Digits(_)
            | Fact::Recording(_)
            | Fact::Billed(_)
            | Fact::Analyzed(_)
            | Fact::Measured(_)
            | Fact::Transcript(_)
            | Fact::ToolCall(_)
            | Fact::Unknown(_) => {
                evidence.last_signal = Some(self.now);
                true
            }
        };
        if alive && matches!(self.state.phase, Phase::Live) {
            self.set(Timer::Quiet, self.policy().quiet_limit);
        }
    }
}

/// Legs beside the first: `<Dial>`ed targets and transfers.
impl Act<'_> {
    pub(super) fn leg_joins(&mut self, leg: Leg) -> Result<(), Reason> {
        if self.state.legs.get(&leg).is_some() {
            return Err(Reason::NothingNew);
        }
        self.join(leg);
        Ok(())
    }

    pub(super) fn leg_answers(&mut self, leg: Leg) -> Result<(), Reason> {
        let state = self.join(leg);
        if state.answered {
            return Err(Reason::NothingNew);
        }
        state.answered = true;
        Ok(())
    }

    pub(super) fn leg_ends(&mut self, leg: Leg, hungup: &Hungup) -> Result<(), Reason> {
        let state = self.join(leg);
        if let Some(known) = &mut state.ended {
            return if known.fill_missing(hungup) { Ok(()) } else { Err(Reason::NothingNew) };
        }
        state.ended = Some(hungup.clone());
        if state.role == Role::Target {
            self.target_ended(hungup);
        }
        Ok(())
    }

    fn join(&mut self, leg: Leg) -> &mut LegState {
        if self.state.legs.get(&leg).is_none() {
            let connects = matches!(self.birth.plan.script, Script::Connect { .. });
            let role = if connects && self.state.legs.target().is_none() { Role::Target } else { Role::Transfer };
            self.state.legs.bind(leg.clone(), role);
            self.publish(Event::LegAdded { leg: leg.clone() });
        }
        found(&mut self.state.legs, &leg)
    }
}

fn found<'l>(legs: &'l mut Legs, leg: &Leg) -> &'l mut LegState {
    legs.get_mut(leg).expect("the leg was bound above")
}
