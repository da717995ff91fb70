//! What an input changed, in words.

use call_core::{Call, LegState, Role, Running, State, Timer, Timestamp};

use super::words;

/// What is different after an input that came at `now`: what it is about, and how it changed.
pub(super) fn difference(before: &Call, after: &Call, now: Timestamp) -> Vec<(&'static str, String)> {
    let mut lines = Vec::new();
    let (old, new) = (before.state(), after.state());
    let (from, to) = (words::phase(&old.phase), words::phase(&new.phase));
    if from != to {
        lines.push(("phase", format!("{from} -> {to}")));
    }
    lines.extend(Timer::ALL.into_iter().filter_map(|timer| Some(("deadline", deadline(timer, old, new, now)?))));
    lines.extend(stations(old, new).map(|change| ("passed", change)));
    lines.extend(legs(before, after).map(|change| ("leg", change)));
    lines.extend(operations(old, new).map(|change| ("media", change)));
    lines.extend(findings(old, new).map(|change| ("known", change)));
    if let Some(asked) = new.evidence.asked.filter(|_| new.evidence.asked != old.evidence.asked) {
        lines.push(("evidence", format!("the provider was asked: {}", words::says(asked.answer))));
    }
    if old.asking.is_some() && new.asking.is_none() {
        lines.push(("question", "is answered, or no longer wanted".to_owned()));
    }
    lines
}

fn deadline(timer: Timer, old: &State, new: &State, now: Timestamp) -> Option<String> {
    let name = timer.as_str();
    match (old.timers.get(timer), new.timers.get(timer)) {
        (Some(was), None) if was <= now => Some(format!("{name} was due {was}: done")),
        (Some(_), None) => Some(format!("{name} is off")),
        (None, Some(at)) => Some(format!("{name} {}", words::deadline(at, now))),
        (Some(was), Some(at)) if was != at && was <= now => {
            Some(format!("{name} was due {was}: again {}", words::deadline(at, now)))
        }
        (Some(was), Some(at)) if was != at => Some(format!("{name} put off: {}", words::deadline(at, now))),
        (Some(_), Some(_)) | (None, None) => None,
    }
}

fn stations(old: &State, new: &State) -> impl Iterator<Item = String> {
    let (old, new) = (old.timeline, new.timeline);
    [
        ("queued", old.queued, new.queued),
        ("initiated", old.initiated, new.initiated),
        ("ringing", old.ringing, new.ringing),
        ("answered", old.answered, new.answered),
    ]
    .into_iter()
    .filter(|(_, old, new)| old != new)
    .filter_map(|(station, _, at)| Some(format!("{station} at {}", at?)))
}

fn legs(before: &Call, after: &Call) -> impl Iterator<Item = String> {
    after.legs().iter().flat_map(|new| {
        let old = before.legs().get(&new.leg);
        let had = |fact: fn(&LegState) -> bool| old.is_some_and(fact);
        let name = &new.leg;
        let mut changes = Vec::new();
        if old.is_none() {
            let role = match new.role {
                Role::First => "the call's first leg",
                Role::Target => "the leg that the call was connected to",
                Role::Transfer => "a further leg",
            };
            changes.push(format!("{name} is {role}"));
        }
        if new.answered && !had(|leg| leg.answered) {
            changes.push(format!("{name} was answered"));
        }
        if new.hangup != old.and_then(|leg| leg.hangup) && new.hangup.is_some() {
            changes.push(format!("{name} is being hung up"));
        }
        if let Some(hungup) = new.ended.as_ref().filter(|ended| old.and_then(|leg| leg.ended.as_ref()) != Some(*ended))
        {
            changes.push(format!("{name} is over: {}", words::hungup(hungup)));
        }
        changes
    })
}

fn operations(old: &State, new: &State) -> impl Iterator<Item = String> {
    let name = |operation: &Running| {
        operation.speech.as_ref().map_or_else(|| "the audio stream".to_owned(), |name| format!("speech `{name}`"))
    };
    let begun = new.operations.iter().filter(|it| !old.operations.contains(it)).map(move |it| name(it) + " runs");
    let over = old.operations.iter().filter(|it| !new.operations.contains(it)).map(move |it| name(it) + " is over");
    begun.chain(over)
}

fn findings(old: &State, new: &State) -> impl Iterator<Item = String> {
    let (old, new) = (&old.findings, &new.findings);
    let counted = [("turn", old.turns, new.turns), ("tool call", old.tool_calls, new.tool_calls)];
    let counted = counted.into_iter().filter(|(_, old, new)| old != new);
    let counted = counted.map(|(what, _, count)| format!("{what} number {count}"));
    let noted = [
        new.answered_by.filter(|_| old.answered_by != new.answered_by).map(|by| format!("answered by {}", word(&by))),
        new.cost
            .as_ref()
            .filter(|_| old.cost != new.cost)
            .map(|cost| format!("cost {} {}", cost.amount, cost.currency)),
        new.analysis
            .as_ref()
            .filter(|_| old.analysis != new.analysis)
            .map(|analysis| format!("analysis {}", word(analysis))),
    ];
    let recordings = new.recordings.iter().filter(|recording| !old.recordings.contains(recording));
    let recordings = recordings.map(|recording| format!("recording {} is {}", recording.id, recording.status));
    counted.chain(noted.into_iter().flatten()).chain(recordings)
}

/// A value in the word that its JSON uses.
fn word(value: &impl serde::Serialize) -> String {
    match serde_json::to_value(value) {
        Ok(serde_json::Value::String(word)) => word,
        Ok(value) => value.to_string(),
        Err(error) => error.to_string(),
    }
}
