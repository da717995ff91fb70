//! The laws, checked on what the demo did: our store against what really happened on the network.

use std::collections::BTreeMap;
use std::fmt;

use anyhow::Result;
use call_core::{Call, CallId, Source, journal};
use simulator::{CallRecord, Direction};

use super::stage::Stage;
use super::tally::all_calls;

/// What the check found.
pub(super) struct Verdict {
    laws: Vec<Law>,
}

struct Law {
    name: &'static str,
    checked: usize,
    broken: Vec<String>,
}

impl Verdict {
    pub(super) fn holds(&self) -> bool {
        self.laws.iter().all(|law| law.broken.is_empty())
    }
}

/// Checks every law on every call.
pub(super) async fn check(stage: &Stage) -> Result<Verdict> {
    let calls = all_calls(stage).await?;
    let truth = stage.network.calls();
    let laws = vec![
        every_call_ended(&calls),
        nobody_dialled_twice(&calls, &truth),
        nobody_left_on_the_line(&truth),
        endings_agree(&calls, &truth),
        journals_fold(stage, &calls).await?,
        nothing_left_to_do(stage).await?,
    ];
    Ok(Verdict { laws })
}

fn every_call_ended(calls: &[Call]) -> Law {
    let open = calls.iter().filter(|call| !call.has_ended());
    Law {
        name: "every call ended, and has no deadline left",
        checked: calls.len(),
        broken: open.map(|call| format!("{} is {}", call.id(), call.phase_name().as_str())).collect(),
    }
}

fn nobody_dialled_twice(calls: &[Call], truth: &[CallRecord]) -> Law {
    let mut rung: BTreeMap<CallId, usize> = BTreeMap::new();
    let mut broken = Vec::new();
    for record in truth.iter().filter(|record| record.direction == Direction::OutboundApi) {
        match our_name(record) {
            Some(id) => *rung.entry(id).or_default() += 1,
            None => broken.push(format!("{} was placed without our name on it", record.sid)),
        }
    }
    broken.extend(
        rung.iter().filter(|(_, times)| **times > 1).map(|(id, times)| format!("{id} was dialled {times} times")),
    );
    let known: BTreeMap<CallId, ()> = calls.iter().map(|call| (call.id(), ())).collect();
    broken.extend(
        rung.keys().filter(|id| !known.contains_key(id)).map(|id| format!("{id} was dialled without a record")),
    );
    Law { name: "nobody was dialled twice, or without a record", checked: rung.len(), broken }
}

fn nobody_left_on_the_line(truth: &[CallRecord]) -> Law {
    let open = truth.iter().filter(|record| !record.status.is_terminal());
    Law {
        name: "nobody is left on the line",
        checked: truth.len(),
        broken: open.map(|record| format!("{} is {}", record.sid, record.status.name())).collect(),
    }
}

fn endings_agree(calls: &[Call], truth: &[CallRecord]) -> Law {
    let by_sid: BTreeMap<&str, &CallRecord> = truth.iter().map(|record| (record.sid.as_str(), record)).collect();
    let told = |call: &&Call| call.outcome().is_some_and(|outcome| outcome.source != Source::Inference);
    let mut law =
        Law { name: "an ending that the provider told is the one that happened", checked: 0, broken: Vec::new() };
    for call in calls.iter().filter(told) {
        let first = call.legs().first();
        let Some((leg, record)) = first.and_then(|leg| Some((leg, *by_sid.get(leg.leg.id.as_str())?))) else {
            continue;
        };
        law.checked += 1;
        let said = leg.ended.as_ref().map_or("nothing", |hungup| hungup.disposition.as_str());
        // A machine took it: to Retell's customers nobody answered.
        let unheard = record.cause.as_deref() == Some("voicemail_reached") && said == "no-answer";
        if said != record.status.name() && !unheard {
            law.broken.push(format!("{}: stored {said}, happened {}", call.id(), record.status.name()));
        }
    }
    law
}

async fn journals_fold(stage: &Stage, calls: &[Call]) -> Result<Law> {
    let store = stage.store();
    let mut law = Law { name: "every journal folds to the stored call", checked: calls.len(), broken: Vec::new() };
    for call in calls {
        let entries = store.journal(call.id()).await?;
        match journal::fold(call.birth(), &entries) {
            Ok(lived) if lived == *call => {}
            Ok(_) => law.broken.push(format!("{} was lived differently", call.id())),
            Err(why) => law.broken.push(format!("{}: {why}", call.id())),
        }
    }
    Ok(law)
}

async fn nothing_left_to_do(stage: &Stage) -> Result<Law> {
    let counts = stage.store().counts(stage.now()).await?;
    let mut broken = Vec::new();
    if counts.outbox > 0 {
        broken.push(format!("{} effects wait in the outbox", counts.outbox));
    }
    Ok(Law { name: "the outbox is empty", checked: 1, broken })
}

/// Our id, which travelled with the request: on callback URLs, at Retell in the call's metadata (design law 4).
fn our_name(record: &CallRecord) -> Option<CallId> {
    let json = |pointer: &str| record.json.as_ref()?.pointer(pointer)?.as_str();
    if let Some(id) = json("/metadata/call_id") {
        return id.parse().ok();
    }
    let form = record.form.iter().find(|(name, _)| name == "StatusCallback").map(|(_, url)| url.as_str());
    let (_, path) = form.or_else(|| json("/webhook_url"))?.split_once("/hooks/")?;
    path.split('/').nth(1)?.parse().ok()
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "The laws, on what was just done:")?;
        for law in &self.laws {
            let mark = if law.broken.is_empty() { "holds " } else { "BROKEN" };
            writeln!(f, "  {mark}  {} ({} checked)", law.name, law.checked)?;
            for broken in law.broken.iter().take(5) {
                writeln!(f, "            {broken}")?;
            }
            if law.broken.len() > 5 {
                writeln!(f, "            and {} more", law.broken.len() - 5)?;
            }
        }
        Ok(())
    }
}
