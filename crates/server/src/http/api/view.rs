//! A call as the API shows it.

use std::collections::BTreeMap;

use call_core::{
    Analysis, AnsweredBy, Call, CallId, Cost, Direction, Disposition, Latency, Leg, LegState, Outcome, PhaseName,
    Proposer, Recording, Role, Script, Source, Timeline, Timer, Timestamp,
};
use serde::Serialize;
use utoipa::ToSchema;

use super::schema::{DispositionSchema, LegNameSchema, PhaseSchema, ScriptSchema, TimelineSchema};

/// A call.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Call)]
pub(crate) struct CallView {
    /// Our name for it: a UUIDv7, so ids sort by birth.
    #[schema(value_type = String, format = Uuid)]
    id: CallId,
    /// Where it is in its life.
    #[schema(value_type = PhaseSchema)]
    phase: PhaseName,
    /// How it ended; absent while it is open.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<DispositionSchema>)]
    disposition: Option<Disposition>,
    /// Which way it goes: `outbound` or `inbound`.
    #[schema(value_type = String)]
    direction: Direction,
    /// Which provider carries it.
    provider: String,
    /// Whom it concerns.
    #[serde(skip_serializing_if = "Option::is_none")]
    subject: Option<String>,
    /// Who rings.
    from: String,
    /// Who is rung.
    to: String,
    /// What happens on answer.
    #[schema(value_type = ScriptSchema)]
    script: Script,
    /// Prompts, context and references, as they were given.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    context: BTreeMap<String, String>,
    /// When it was placed, or first rang us.
    #[schema(value_type = String, format = DateTime)]
    placed: Timestamp,
    /// When it passed each station.
    #[schema(value_type = TimelineSchema)]
    timeline: Timeline,
    /// How it ended; absent while it is open.
    #[serde(skip_serializing_if = "Option::is_none")]
    outcome: Option<OutcomeView>,
    /// The provider's names for its parts.
    legs: Vec<LegView>,
    /// The next deadline; absent exactly when it has ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    deadline: Option<DeadlineView>,
    /// Person or machine: `human`, `machine`, `fax` or `unknown`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    answered_by: Option<AnsweredBy>,
    /// Its recordings.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(value_type = Vec<Object>)]
    recordings: Vec<Recording>,
    /// What it cost.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    cost: Option<Cost>,
    /// A verdict on the conversation.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    analysis: Option<Analysis>,
    /// How long the caller waited for the agent's responses, as the provider measured it: `p50`, `p90`, `p99`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    latency: Option<Latency>,
    /// Rises with each change; its journal tells them all.
    version: u64,
}

/// How a call ended.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Outcome)]
pub(crate) struct OutcomeView {
    /// How.
    #[schema(value_type = DispositionSchema)]
    disposition: Disposition,
    /// Who proposed the end first: `provider`, `operator`, `farewell`, `deadline`, `stream-loss`, `far-end` or `stale`,
    /// with what belongs to it.
    #[schema(value_type = Object)]
    proposer: Proposer,
    /// Why, in the proposer's words.
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
    /// Whose word it is: `provider`, `reconciliation` or `inference`.
    #[schema(value_type = String)]
    source: Source,
    /// When.
    #[schema(value_type = String, format = DateTime)]
    at: Timestamp,
    /// How long it was answered, in seconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    seconds: Option<f64>,
    /// The provider's own word for it.
    #[serde(skip_serializing_if = "Option::is_none")]
    cause: Option<String>,
    /// The final SIP response code.
    #[serde(skip_serializing_if = "Option::is_none")]
    sip_code: Option<u16>,
    /// Whether the provider corrected an inferred ending.
    corrected: bool,
}

/// The provider's name for one part of a call.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Leg)]
pub(crate) struct LegView {
    /// Whose name it is, and the name.
    #[serde(flatten)]
    #[schema(value_type = LegNameSchema)]
    leg: Leg,
    /// Its part in the call: `first`, `target` or `transfer`.
    #[schema(value_type = String)]
    role: Role,
    /// Whether it was answered.
    answered: bool,
    /// How it ended; absent while it is open.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<DispositionSchema>)]
    ended: Option<Disposition>,
}

/// When the engine looks at the call again, whatever happens meanwhile.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Deadline)]
pub(crate) struct DeadlineView {
    /// Which deadline.
    #[schema(value_type = String)]
    timer: Timer,
    /// When.
    #[schema(value_type = String, format = DateTime)]
    at: Timestamp,
}

impl From<&Call> for CallView {
    fn from(call: &Call) -> Self {
        let (plan, state) = (call.plan(), call.state());
        let findings = state.findings.clone();
        Self {
            id: call.id(),
            phase: call.phase_name(),
            disposition: call.outcome().map(|o| o.disposition),
            direction: call.birth().direction,
            provider: plan.provider.to_string(),
            subject: call.subject().map(|s| s.0.clone()),
            from: plan.from.clone(),
            to: plan.to.clone(),
            script: plan.script.clone(),
            context: plan.context.clone(),
            placed: call.birth().at,
            timeline: state.timeline,
            outcome: call.outcome().map(|outcome| OutcomeView::new(call, outcome)),
            legs: call.legs().iter().map(LegView::from).collect(),
            deadline: state.timers.next().map(|(timer, at)| DeadlineView { timer, at }),
            answered_by: findings.answered_by,
            recordings: findings.recordings,
            cost: findings.cost,
            analysis: findings.analysis,
            latency: findings.latency,
            version: call.version(),
        }
    }
}

impl OutcomeView {
    fn new(call: &Call, outcome: &Outcome) -> Self {
        let evidence = &call.state().evidence;
        Self {
            disposition: outcome.disposition,
            proposer: outcome.proposal.proposer.clone(),
            reason: outcome.proposal.reason.clone(),
            source: outcome.source,
            at: outcome.at,
            seconds: outcome.duration.map(|d| d.as_secs_f64()),
            cause: evidence.cause.clone(),
            sip_code: evidence.sip_code,
            corrected: outcome.corrected,
        }
    }
}

impl From<&LegState> for LegView {
    fn from(state: &LegState) -> Self {
        Self {
            leg: state.leg.clone(),
            role: state.role,
            answered: state.answered,
            ended: state.ended.as_ref().map(|end| end.disposition),
        }
    }
}
