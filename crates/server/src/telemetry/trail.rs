//! The trail of a call in the log (post-mortem 1.5): one line per step, the same `call_id` on each.
//!
//! The words of `step` are part of what operators build on, and stay: `created`, `webhook`, `looked-up`, `dialing`,
//! `dialed`, `moved`, `ignored`, `effect`, `ended`, `corrected`, `parked`, `adopted`.

use call_core::journal::Entry;
use call_core::port::{Answer, Observation, Observer};
use call_core::{Call, Command, DialAnswer, Effect, Event, Fact, Input, Signal, Source};
use tracing::{debug, info, warn};

use super::mask;

/// Writes the trail.
#[derive(Debug, Clone, Copy, Default)]
pub struct Trail;

impl Observer for Trail {
    fn observe(&self, observation: Observation<'_>) {
        match observation {
            Observation::Created { call } => created(call),
            Observation::LookedUp { call, leg, look } => match call {
                Some(call_id) => {
                    info!(step = "looked-up", %call_id, %leg, look, found = true, "call found for a message")
                }
                None => info!(step = "looked-up", %leg, look, found = false, "no call is known for a message yet"),
            },
            Observation::Committed { call, entry, effects } => committed(call, entry, effects),
            Observation::Conflict { call: call_id, tries } => {
                debug!(step = "conflict", %call_id, tries, "another writer was faster; looking again");
            }
            Observation::Parked { leg, signal } => {
                warn!(step = "parked", %leg, fact = word(&signal.fact), "signal waits for its call");
            }
            Observation::Adopted { call: call_id, signals } => {
                info!(step = "adopted", %call_id, signals, "parked signals reached their call");
            }
            Observation::Performing { id, effect: Effect::Dial, attempt } => {
                info!(step = "dialing", call_id = %id.call, effect_id = %id, attempt, "asking the provider to dial");
            }
            Observation::Performing { id, effect, attempt } => {
                debug!(step = "performing", call_id = %id.call, effect_id = %id, effect = effect.as_str(), attempt);
            }
            Observation::Performed { id, effect, answer } => {
                let (call_id, effect) = (id.call, effect.as_str());
                match answer {
                    Answer::Done(_) => info!(step = "effect", %call_id, effect_id = %id, effect, answer = "done"),
                    Answer::Later { why, .. } => {
                        warn!(step = "effect", %call_id, effect_id = %id, effect, answer = "later", why);
                    }
                    Answer::Refused { why } => {
                        warn!(step = "effect", %call_id, effect_id = %id, effect, answer = "refused", why);
                    }
                    Answer::Unknown { why } => {
                        warn!(step = "effect", %call_id, effect_id = %id, effect, answer = "unknown", why);
                    }
                }
            }
            Observation::Dropped { id, effect } => {
                let effect = effect.as_str();
                info!(step = "effect", call_id = %id.call, effect_id = %id, effect, answer = "dropped");
            }
            _ => {}
        }
    }
}

fn created(call: &Call) {
    let plan = call.plan();
    let direction = if call.birth().leg.is_some() { "inbound" } else { "outbound" };
    let subject = call.subject().map(tracing::field::display);
    info!(
        step = "created", call_id = %call.id(), direction, provider = %plan.provider, subject,
        from = %mask(&plan.from), to = %mask(&plan.to), "call record stored",
    );
}

fn committed(call: &Call, entry: &Entry, effects: &[Effect]) {
    let call_id = call.id();
    let (input, phase) = (name(&entry.input), call.phase_name().as_str());
    if let Some(reason) = entry.ignored {
        info!(step = "ignored", %call_id, input, reason = reason.as_str(), phase);
        return;
    }
    if let Input::Signal(Signal { fact: Fact::Dialed(answer), leg, .. }) = &entry.input {
        let leg = leg.as_ref().map(tracing::field::display);
        match answer {
            DialAnswer::Accepted => info!(step = "dialed", %call_id, leg, answer = "accepted", phase),
            DialAnswer::Refused { why } => warn!(step = "dialed", %call_id, answer = "refused", why, phase),
            DialAnswer::Unknown { why } => warn!(step = "dialed", %call_id, answer = "unknown", why, phase),
            DialAnswer::Withdrawn => info!(step = "dialed", %call_id, answer = "withdrawn", phase),
        }
    } else {
        info!(step = "moved", %call_id, input, phase, version = entry.version + 1);
    }
    for effect in effects {
        if let Effect::Publish(Event::Ended { disposition }) = effect {
            ended(call, disposition.as_str());
        }
        if let Effect::Publish(Event::Corrected { from, to }) = effect {
            warn!(step = "corrected", %call_id, from = from.as_str(), to = to.as_str(), "an ending was corrected");
        }
    }
}

fn ended(call: &Call, disposition: &str) {
    let call_id = call.id();
    let Some(outcome) = call.outcome() else { return };
    let by = serde_json::to_value(&outcome.proposal.proposer).ok();
    let by = by.as_ref().and_then(|value| value.get("by")?.as_str());
    let source = match outcome.source {
        Source::Provider => "provider",
        Source::Reconciliation => "reconciliation",
        Source::Inference => "inference",
    };
    let reason = outcome.proposal.reason.as_deref();
    let evidence = &call.state().evidence;
    info!(
        step = "ended", %call_id, disposition, by, reason, source,
        cause = evidence.cause.as_deref(), sip_code = evidence.sip_code,
        seconds = outcome.duration.map(|d| d.as_secs()), "call ended",
    );
}

/// What reached the call, in a word.
fn name(input: &Input) -> &'static str {
    match input {
        Input::Signal(signal) => word(&signal.fact),
        Input::Tick => "tick",
        Input::Command(command) => match command {
            Command::Hangup { .. } => "hangup",
            Command::Speak { .. } => "speak",
            Command::Play { .. } => "play",
            Command::Hush => "hush",
            Command::Gather(_) => "gather",
            Command::OpenStream => "open-stream",
            Command::CloseStream => "close-stream",
            Command::Transfer { .. } => "transfer",
            Command::Bridge { .. } => "bridge",
            Command::StartRecording => "start-recording",
            Command::StopRecording => "stop-recording",
            Command::Reconcile => "reconcile",
            _ => "command",
        },
    }
}

pub(crate) const fn word(fact: &Fact) -> &'static str {
    match fact {
        Fact::Dialed(_) => "dialed",
        Fact::Progress(_) => "progress",
        Fact::Answered => "answered",
        Fact::Ended(_) => "ended",
        Fact::Report(_) => "report",
        Fact::HangupAnswer(_) => "hangup-answer",
        Fact::Stream(_) => "stream",
        Fact::Speech(_) => "speech",
        Fact::Gathered(_) => "gathered",
        Fact::Turn(_) => "turn",
        Fact::Detected(_) => "detected",
        Fact::Digits(_) => "digits",
        Fact::Recording(_) => "recording",
        Fact::Billed(_) => "billed",
        Fact::Analyzed(_) => "analyzed",
        Fact::Measured(_) => "measured",
        Fact::Transcript(_) => "transcript",
        Fact::Refused(_) => "refused",
        Fact::ToolCall(_) => "tool-call",
        Fact::Unknown(_) | _ => "unknown",
    }
}
