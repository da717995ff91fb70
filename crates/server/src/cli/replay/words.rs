//! Inputs, phases and effects as people say them.

use std::time::Duration;

use call_core::{
    Command, Effect, Event, Hungup, Input, Outcome, Phase, Proposal, Proposer, ProviderSays, Signal, Source, Stage,
    Timestamp,
};
use jiff::fmt::friendly::SpanPrinter;

/// A length of time, such as `2m 30s`.
pub(crate) fn span(duration: Duration) -> String {
    SpanPrinter::new().unsigned_duration_to_string(&duration)
}

/// A deadline, seen from `now`.
pub(super) fn deadline(at: Timestamp, now: Timestamp) -> String {
    if at > now { format!("at {at}, in {}", span(at - now)) } else { format!("at {at}, at once") }
}

/// What reached the call.
pub(super) fn input(input: &Input, now: Timestamp) -> String {
    match input {
        Input::Signal(signal) => self::signal(signal, now),
        Input::Command(command) => self::command(command),
        Input::Tick => "tick".to_owned(),
    }
}

fn signal(signal: &Signal, now: Timestamp) -> String {
    let fact = serde_json::to_value(&signal.fact).unwrap_or_default();
    let of = fact.get("of").map(|of| format!(" {of}")).unwrap_or_default();
    let leg = signal.leg.as_ref().map(|leg| format!(" [{leg}]")).unwrap_or_default();
    let before = signal.at.filter(|at| *at < now);
    let before = before.map(|at| format!(" (happened {} earlier)", span(now - at))).unwrap_or_default();
    format!("signal {}{of}{leg}{before}", fact["fact"].as_str().unwrap_or_default())
}

fn command(command: &Command) -> String {
    let json = serde_json::to_value(command).unwrap_or_default();
    let (mut words, mut rest) = (String::new(), Vec::new());
    for (key, value) in json.as_object().into_iter().flatten() {
        match (key.as_str(), value.as_str()) {
            ("command", Some(word)) => word.clone_into(&mut words),
            (_, Some(text)) => rest.push(format!("{key} {text}")),
            (_, None) => rest.push(format!("{key} {value}")),
        }
    }
    if rest.is_empty() { format!("command {words}") } else { format!("command {words} ({})", rest.join(", ")) }
}

/// Where a call is.
pub(super) fn phase(phase: &Phase) -> String {
    match phase {
        Phase::Dialing => "dialing".to_owned(),
        Phase::Ringing { progress, overdue } => {
            let progress = serde_json::to_value(progress).unwrap_or_default();
            let overdue = if *overdue { ", for too long" } else { "" };
            format!("ringing ({}{overdue})", progress.as_str().unwrap_or_default())
        }
        Phase::Live => "live".to_owned(),
        Phase::Ending { proposal, stage } => format!("ending ({}; wished by {})", self::stage(stage), wish(proposal)),
        Phase::Ended(Outcome { disposition, proposal, source, at, duration, corrected }) => {
            let told = match source {
                Source::Provider => "told by the provider",
                Source::Reconciliation => "learned by asking",
                Source::Inference => "inferred",
            };
            let duration = duration.map(|d| format!(" after {}", span(d))).unwrap_or_default();
            let corrected = if *corrected { ", corrected" } else { "" };
            format!("ended {} at {at}{duration} ({told}{corrected}; by {})", disposition.as_str(), wish(proposal))
        }
    }
}

fn stage(stage: &Stage) -> String {
    match stage {
        Stage::Farewell => "waits for the last word".to_owned(),
        Stage::AwaitingDial => "waits for the dial's answer".to_owned(),
        Stage::HangingUp { tries } => format!("hang-up number {tries} is out"),
        Stage::Asking { since } => format!("the provider is asked since {since}"),
        Stage::Draining { .. } => "waits for what still runs".to_owned(),
    }
}

fn wish(proposal: &Proposal) -> String {
    let reason = proposal.reason.as_ref().map(|reason| format!(": {reason}")).unwrap_or_default();
    format!("{}{reason}", proposer(&proposal.proposer))
}

/// Who wished an end.
pub(crate) fn proposer(proposer: &Proposer) -> String {
    match proposer {
        Proposer::Provider => "provider".to_owned(),
        Proposer::Operator => "operator".to_owned(),
        Proposer::Farewell => "farewell".to_owned(),
        Proposer::Deadline { timer } => format!("deadline {}", timer.as_str()),
        Proposer::StreamLoss => "stream loss".to_owned(),
        Proposer::FarEnd => "the far end".to_owned(),
        Proposer::Stale { reason } => {
            let reason = serde_json::to_value(reason).unwrap_or_default();
            format!("stale policy, {}", reason.as_str().unwrap_or_default())
        }
    }
}

/// How a leg ended.
pub(super) fn hungup(hungup: &Hungup) -> String {
    let mut words = hungup.disposition.as_str().to_owned();
    words.extend(hungup.cause.as_ref().map(|cause| format!(", {cause}")));
    words.extend(hungup.sip_code.map(|code| format!(", SIP {code}")));
    words.extend(hungup.duration.map(|duration| format!(", after {}", span(duration))));
    words
}

/// What a provider says when asked.
pub(super) const fn says(answer: ProviderSays) -> &'static str {
    match answer {
        ProviderSays::Alive => "it knows the call",
        ProviderSays::Gone => "it knows no such call",
        ProviderSays::Unreachable => "it could not be reached",
    }
}

/// What is asked of the world.
pub(crate) fn effect(effect: &Effect) -> String {
    let detail = match effect {
        Effect::Hangup { leg } => format!(" of {leg}"),
        Effect::Speak { operation, text } => format!(" `{operation}`: {text}"),
        Effect::Play { operation, url } => format!(" `{operation}`: {url}"),
        Effect::Gather(wish) => format!(" `{}`: up to {} keys", wish.operation, wish.most),
        Effect::Transfer { to } => format!(" to {to}"),
        Effect::Bridge { leg } => format!(" with {leg}"),
        Effect::Publish(event) => format!(" {}", event.name()),
        Effect::Dial
        | Effect::Reconcile
        | Effect::Hush
        | Effect::OpenStream
        | Effect::CloseStream
        | Effect::StartRecording
        | Effect::StopRecording
        | _ => String::new(),
    };
    format!("{}{detail}", effect.as_str())
}

/// What subscribers are told.
pub(super) fn event(event: &Event) -> String {
    let detail = match event {
        Event::Ended { disposition } => format!(" {}", disposition.as_str()),
        Event::Corrected { from, to } => format!(" {} -> {}", from.as_str(), to.as_str()),
        Event::LegAdded { leg } => format!(" {leg}"),
        Event::Gathered(keys) => format!(" `{}`: {:?}", keys.operation, keys.digits),
        Event::Placed | Event::Ringing | Event::Answered | Event::Ending | Event::Updated | _ => String::new(),
    };
    format!("{}{detail}", event.name())
}
