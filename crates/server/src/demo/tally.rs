//! What there is to see: counted from the store, the metrics and the network.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use anyhow::Result;
use call_core::port::{Filter, Page};
use call_core::{Call, Disposition, PhaseName, Proposer, Source};

use super::stage::Stage;
use super::traffic::Traffic;

/// One look at everything.
#[derive(Default)]
pub(super) struct Tally {
    pub(super) placed: usize,
    pub(super) inbound: usize,
    pub(super) refused: usize,
    pub(super) phases: BTreeMap<PhaseName, usize>,
    pub(super) ended: BTreeMap<Disposition, usize>,
    pub(super) faults: BTreeMap<&'static str, u64>,
    pub(super) corrected: usize,
    pub(super) inferred: usize,
    pub(super) stale: usize,
    pub(super) parked: u64,
    pub(super) duplicates: u64,
    pub(super) forged: u64,
    pub(super) outbox: u64,
}

impl Tally {
    pub(super) async fn take(stage: &Stage, traffic: &Traffic) -> Result<Self> {
        let mut tally = Self {
            placed: traffic.placed(),
            inbound: traffic.inbound(),
            refused: traffic.refused(),
            ..Self::default()
        };
        for call in all_calls(stage).await? {
            tally.count(&call);
        }
        for (fault, times) in stage.network.summary().faults {
            tally.faults.insert(fault.name(), times);
        }
        let metrics = stage.metrics();
        tally.parked = sum(&metrics, "call_webhooks_total", "answer=\"parked\"");
        tally.duplicates = sum(&metrics, "call_webhooks_total", "answer=\"duplicate\"");
        tally.forged = sum(&metrics, "call_webhooks_total", "answer=\"refused\"");
        tally.outbox = stage.store().counts(stage.now()).await?.outbox;
        Ok(tally)
    }

    fn count(&mut self, call: &Call) {
        *self.phases.entry(call.phase_name()).or_default() += 1;
        if let Some(outcome) = call.outcome() {
            *self.ended.entry(outcome.disposition).or_default() += 1;
            self.corrected += usize::from(outcome.corrected);
            self.stale += usize::from(matches!(outcome.proposal.proposer, Proposer::Stale { .. }));
            self.inferred += usize::from(outcome.source == Source::Inference);
        }
    }

    /// How many calls are in a phase.
    pub(super) fn in_phase(&self, phase: PhaseName) -> usize {
        self.phases.get(&phase).copied().unwrap_or(0)
    }

    /// Whether every call has ended and nothing is left to do.
    pub(super) fn is_over(&self) -> bool {
        let open: usize = self.phases.iter().filter(|(phase, _)| **phase != PhaseName::Ended).map(|(_, n)| n).sum();
        open == 0 && self.outbox == 0 && self.in_phase(PhaseName::Ended) > 0
    }

    /// What is left on the screen at the end.
    pub(super) fn summary(&self) -> String {
        let mut text = String::from("\nFaults that the network injected:\n");
        for (fault, times) in &self.faults {
            let _ = writeln!(text, "  {times:>5}  {fault}");
        }
        let _ = write!(
            text,
            "\nHow {} calls ended ({} placed, {} rang us; {} wishes were refused, for their subject was on the phone):\n",
            self.in_phase(PhaseName::Ended),
            self.placed,
            self.inbound,
            self.refused,
        );
        for (disposition, times) in &self.ended {
            let _ = writeln!(text, "  {times:>5}  {}", disposition.as_str());
        }
        text
    }
}

/// Every call, newest first.
pub(super) async fn all_calls(stage: &Stage) -> Result<Vec<Call>> {
    let store = stage.store();
    let mut calls: Vec<Call> = Vec::new();
    loop {
        let page = Page { before: calls.last().map(Call::id), limit: 500 };
        let more = store.list(&Filter::default(), &page).await?;
        let last = more.len() < page.limit;
        calls.extend(more);
        if last {
            return Ok(calls);
        }
    }
}

/// The sum of a counter over the lines that carry a label.
fn sum(metrics: &str, name: &str, label: &str) -> u64 {
    metrics
        .lines()
        .filter(|line| line.starts_with(name) && line.contains(label))
        .filter_map(|line| line.rsplit(' ').next()?.parse::<u64>().ok())
        .sum()
}
