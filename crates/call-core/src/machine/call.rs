//! The call: a value. Something reaches it; it answers with what must be done.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::{
    Analysis, AnsweredBy, Birth, CallId, Conduct, Cost, Direction, Effect, EffectId, Event, Evidence, Facts, Gather,
    Input, Latency, Leg, Legs, Outcome, Phase, PhaseName, Plan, Policy, Progress, Reason, Recording, Role, Stage, Step,
    Subject, Timer, Timers, Timestamp, table,
};

/// One conversation by phone, from the wish to dial (or first ring) to its outcome.
///
/// Laws, tested as properties:
/// 1. [`Step::Applied`] raises the version by exactly one; [`Step::Ignored`] leaves the call equal to what it was.
/// 2. [`Call::next_deadline`] is `None` exactly when the call has ended: no call goes stale unnoticed.
/// 3. [`Phase::Ended`] is final.
/// 4. [`Call::handle`] is total: it never fails, panics, reads a clock or draws a random number.
/// 5. An earlier `now` counts as the latest one seen.
///
/// Copies share what they have in common: a call is copied each time that it is stored, and changed once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Call {
    pub(super) birth: Arc<Birth>,
    pub(super) state: Arc<State>,
}

/// The part of a call that changes: what a store writes on each commit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct State {
    /// Rises by one with each applied input; 1 at birth.
    pub version: u64,
    /// The latest `now` seen.
    pub now: Timestamp,
    /// Where the call is in its life.
    #[serde(flatten)]
    pub phase: Phase,
    /// The deadlines that are set.
    #[serde(default)]
    pub timers: Timers,
    /// The provider's names for its parts.
    #[serde(default)]
    pub legs: Legs,
    /// When it passed each station.
    #[serde(default)]
    pub timeline: Timeline,
    /// What the stale policy weighs.
    #[serde(default)]
    pub evidence: Evidence,
    /// Speech and streams that are running.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub operations: Vec<Running>,
    /// The wish for keys that waits for them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gathering: Option<Gather>,
    /// What became known beside the call's movement.
    #[serde(default)]
    pub findings: Findings,
    /// The version at which the provider was last asked; an older question is no longer wanted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub asking: Option<u64>,
    /// The provider's identities of the last events seen, oldest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub seen: Vec<String>,
}

/// When a call passed each station: the earliest moment that was told for it, by the provider's clock where it tells.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Timeline {
    /// The provider accepted it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub queued: Option<Timestamp>,
    /// It left the provider's queue.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub initiated: Option<Timestamp>,
    /// The phone rang.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ringing: Option<Timestamp>,
    /// Somebody answered.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub answered: Option<Timestamp>,
}

/// A speech or stream operation that is running.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Running {
    /// Its name; `None` for the audio stream.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub speech: Option<String>,
    /// Since when.
    pub since: Timestamp,
}

/// What became known of a call beside its movement.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Findings {
    /// Person or machine.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub answered_by: Option<AnsweredBy>,
    /// Its recordings.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub recordings: Vec<Recording>,
    /// What it cost.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cost: Option<Cost>,
    /// A verdict on the conversation.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub analysis: Option<Analysis>,
    /// How fast the agent responded.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub latency: Option<Latency>,
    /// How many utterances the transcript has.
    pub turns: u32,
    /// How many words the provider's whole transcript has; turns told one by one are not counted.
    #[serde(skip_serializing_if = "is_zero")]
    pub words: u32,
    /// How many tool calls the journal holds.
    pub tool_calls: u32,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "as serde calls it")]
const fn is_zero(number: &u32) -> bool {
    *number == 0
}

impl State {
    pub(super) fn facts(&self, birth: &Birth) -> Facts {
        Facts {
            started: self.timeline.answered.unwrap_or(birth.at),
            duration: None,
            last_signal: self.evidence.last_signal,
            last_media: self.evidence.last_media,
            asked: self.evidence.asked,
            // A call without the provider's id can still be searched by ours.
            askable: true,
        }
    }
}

impl Call {
    /// An outbound call: the wish to ring somebody. Save it with its effects before anything is dialled.
    #[must_use]
    pub fn dial(id: CallId, plan: Plan, policy: Policy, now: Timestamp) -> (Self, Vec<Effect>) {
        let birth = Birth { id, at: now, direction: Direction::Outbound, leg: None, plan, policy };
        Self::born(Arc::new(birth))
    }

    /// An inbound call: somebody rings us on `leg`.
    #[must_use]
    pub fn ring(id: CallId, leg: Leg, plan: Plan, policy: Policy, now: Timestamp) -> (Self, Vec<Effect>) {
        let birth = Birth { id, at: now, direction: Direction::Inbound, leg: Some(leg), plan, policy };
        Self::born(Arc::new(birth))
    }

    /// The call as it was at its birth: where a journal's fold begins.
    #[must_use]
    pub fn born(birth: Arc<Birth>) -> (Self, Vec<Effect>) {
        let mut state = State {
            version: 1,
            now: birth.at,
            phase: Phase::Dialing,
            timers: Timers::default(),
            legs: Legs::default(),
            timeline: Timeline::default(),
            evidence: Evidence::default(),
            operations: Vec::new(),
            gathering: None,
            findings: Findings::default(),
            asking: None,
            seen: Vec::new(),
        };
        let mut effects = Vec::with_capacity(2);
        match &birth.leg {
            None => {
                state.timers.set(Timer::DialAnswer, birth.at + birth.policy.dial_answer);
                state.timers.set(Timer::DialLimit, birth.at + birth.policy.dial_limit);
                effects.push(Effect::Dial);
            }
            Some(leg) => {
                state.legs.bind(leg.clone(), Role::First);
                state.phase = Phase::Ringing { progress: Progress::Ringing, overdue: false };
                state.timeline.ringing = Some(birth.at);
                state.evidence.last_signal = Some(birth.at);
                state.timers.set(Timer::RingLimit, birth.at + birth.policy.ring_limit);
                if birth.plan.conduct == Conduct::Commanded && !planted!(NobodyPicksUp) {
                    effects.push(Effect::Answer);
                }
            }
        }
        effects.push(Effect::Publish(Event::Placed));
        (Self::restore(birth, state), effects)
    }

    /// The call that a store kept in two parts.
    #[must_use]
    pub fn restore(birth: Arc<Birth>, state: State) -> Self {
        Self { birth, state: Arc::new(state) }
    }

    /// The one door: every change of a call goes through here.
    pub fn handle(&mut self, input: &Input, now: Timestamp) -> Step {
        // Clocks of several servers differ; a call's own time never runs back.
        let now = if planted!(ClockRunsBack) { now } else { now.max(self.state.now) };
        let mut effects = Vec::new();
        match table::apply(self, input, now, &mut effects) {
            Ok(()) => {
                let state = self.state_mut();
                state.version += 1;
                state.now = now;
                Step::Applied(effects)
            }
            Err(reason) if planted!(IgnoredInputChangesTheCall) => {
                self.state_mut().now = now;
                Step::Ignored(reason)
            }
            Err(reason) => Step::Ignored(reason),
        }
    }

    /// When the engine must look at this call again; `None` exactly when it has ended.
    #[must_use]
    pub fn next_deadline(&self) -> Option<Timestamp> {
        self.state.timers.next().map(|(_, at)| at)
    }

    /// Whether an effect that was asked for earlier should still be performed. The outbox asks this just before it acts.
    #[must_use]
    pub fn wants(&self, id: &EffectId, effect: &Effect, now: Timestamp) -> bool {
        let live = matches!(self.state.phase, Phase::Live);
        let farewell = matches!(self.state.phase, Phase::Ending { stage: Stage::Farewell, .. });
        match effect {
            // Nobody wants to be rung long after the wish.
            Effect::Dial => {
                matches!(self.state.phase, Phase::Dialing)
                    && (now < self.birth.at + self.birth.policy.dial_limit || planted!(RungLongAfterTheWish))
            }
            // Single flight: only the latest hang-up of a leg that is not known to be over.
            Effect::Hangup { leg } => {
                self.state.legs.get(leg).is_some_and(|l| l.ended.is_none() && l.hangup == Some(id.version))
            }
            Effect::Reconcile => !self.has_ended() && self.state.asking == Some(id.version),
            Effect::Speak { .. } | Effect::Play { .. } if planted!(SpeaksAfterTheEnd) => true,
            Effect::OpenStream if planted!(StreamsAfterTheEnd) => true,
            // Words wished before the farewell belong to it.
            Effect::Speak { operation, .. } | Effect::Play { operation, .. } => {
                (live || farewell) && self.is_speaking(operation)
            }
            Effect::Answer | Effect::Transfer { .. } if planted!(CommandsAfterTheEnd) => true,
            Effect::Answer => matches!(self.state.phase, Phase::Ringing { .. }),
            Effect::Gather(gather) => self.state.gathering.as_ref() == Some(gather),
            Effect::OpenStream
            | Effect::Transfer { .. }
            | Effect::Bridge { .. }
            | Effect::StartRecording
            | Effect::StopRecording => live,
            Effect::Hush => !self.has_ended(),
            Effect::CloseStream | Effect::Publish(_) => true,
        }
    }

    /// Our name for the call.
    #[must_use]
    pub fn id(&self) -> CallId {
        self.birth.id
    }

    /// How it came to be.
    #[must_use]
    pub const fn birth(&self) -> &Arc<Birth> {
        &self.birth
    }

    /// What was wished for.
    #[must_use]
    pub fn plan(&self) -> &Plan {
        &self.birth.plan
    }

    /// The durations and limits it lives by.
    #[must_use]
    pub fn policy(&self) -> &Policy {
        &self.birth.policy
    }

    /// Whom it concerns.
    #[must_use]
    pub fn subject(&self) -> Option<&Subject> {
        self.birth.plan.subject.as_ref()
    }

    /// The part that changes.
    #[must_use]
    pub fn state(&self) -> &State {
        &self.state
    }

    /// Rises by one with each applied input; 1 at birth.
    #[must_use]
    pub fn version(&self) -> u64 {
        self.state.version
    }

    /// Where it is in its life.
    #[must_use]
    pub fn phase(&self) -> &Phase {
        &self.state.phase
    }

    /// Where it is in its life, without the details.
    #[must_use]
    pub fn phase_name(&self) -> PhaseName {
        self.state.phase.name()
    }

    /// How it ended, once it has.
    #[must_use]
    pub fn outcome(&self) -> Option<&Outcome> {
        match &self.state.phase {
            Phase::Ended(outcome) => Some(outcome),
            Phase::Dialing | Phase::Ringing { .. } | Phase::Live | Phase::Ending { .. } => None,
        }
    }

    /// Whether it is over.
    #[must_use]
    pub fn has_ended(&self) -> bool {
        self.outcome().is_some()
    }

    /// Its legs.
    #[must_use]
    pub fn legs(&self) -> &Legs {
        &self.state.legs
    }

    /// The plain facts that the stale policy weighs.
    #[must_use]
    pub fn facts(&self) -> Facts {
        self.state.facts(&self.birth)
    }

    fn is_speaking(&self, operation: &str) -> bool {
        self.state.operations.iter().any(|o| o.speech.as_deref() == Some(operation))
    }

    pub(super) fn check_seen(&self, key: Option<&String>) -> Result<(), Reason> {
        match key {
            Some(key) if self.state.seen.contains(key) && !planted!(DuplicateTakenAsNew) => Err(Reason::Duplicate),
            Some(_) | None => Ok(()),
        }
    }

    pub(super) fn remember(&mut self, key: Option<&String>) {
        // Providers repeat an event within seconds to minutes, never behind dozens of newer ones; what slips through
        // meets the phases, which do not go back.
        const KEPT: usize = 32;
        if let Some(key) = key {
            let seen = &mut self.state_mut().seen;
            if seen.len() >= KEPT {
                seen.remove(0);
            }
            seen.push(key.clone());
        }
    }

    fn state_mut(&mut self) -> &mut State {
        Arc::make_mut(&mut self.state)
    }
}
