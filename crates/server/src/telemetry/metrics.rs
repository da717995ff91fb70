//! Prometheus metrics of one app. Not the process's: tests and the demo run several apps beside each other.

use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock, PoisonError, RwLock};
use std::time::Duration;

use call_core::port::{Answer, Counts, Observation, Observer};
use call_core::{Analysis, Call, Direction, Effect, Event, Fact, Input, PhaseName, Proposer, Timestamp};
use metrics::{
    Counter, counter, describe_counter, describe_gauge, describe_histogram, gauge, histogram, with_local_recorder,
};
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle, PrometheusRecorder};

use super::heard::Heard;
use crate::config::StoreKind;

/// From a quick pick-up to the longest that a phone rings.
const DIAL_TO_ANSWER: [f64; 10] = [0.5, 1.0, 2.0, 4.0, 8.0, 15.0, 30.0, 45.0, 60.0, 120.0];
/// From one durable write to the end of a lookup schedule and beyond.
const HOOK_SECONDS: [f64; 9] = [0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0];

/// From a function that has its answer at hand to the longest that a caller waits for one.
const TOOL_SECONDS: [f64; 9] = [0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 8.0];

/// The metrics of one app.
#[derive(Debug)]
pub struct Metrics {
    recorder: PrometheusRecorder,
    handle: PrometheusHandle,
    heard: RwLock<BTreeMap<String, Arc<Heard>>>,
    /// Messages whose call was found at once, as nearly all are.
    found: OnceLock<Counter>,
}

/// What became of a webhook.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Webhook {
    /// Stored with its call.
    Accepted,
    /// Delivered before; nothing new is stored but the note of it.
    Duplicate,
    /// Stored until its call is known.
    Parked,
    /// The signature is missing or wrong.
    Refused,
    /// No such path, not readable, or too large.
    Malformed,
    /// It could not be stored; the provider is asked to send again.
    Unavailable,
}

impl Webhook {
    /// How many there are.
    pub(super) const COUNT: usize = Self::Unavailable as usize + 1;

    /// The word used in metrics and logs.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Accepted => "accepted",
            Self::Duplicate => "duplicate",
            Self::Parked => "parked",
            Self::Refused => "refused",
            Self::Malformed => "malformed",
            Self::Unavailable => "unavailable",
        }
    }
}

impl Metrics {
    /// The metrics of an app on a store of this kind; `None` if it is one that was given to it.
    #[must_use]
    pub fn of(store: Option<StoreKind>) -> Self {
        let recorder = PrometheusBuilder::new()
            .set_buckets_for_metric(Matcher::Full("call_dial_to_answer_seconds".into()), &DIAL_TO_ANSWER)
            .and_then(|b| b.set_buckets_for_metric(Matcher::Full("call_webhook_seconds".into()), &HOOK_SECONDS))
            .and_then(|b| b.set_buckets_for_metric(Matcher::Full("call_tool_call_seconds".into()), &TOOL_SECONDS))
            .expect("the buckets are not empty")
            .build_recorder();
        let handle = recorder.handle();
        with_local_recorder(&recorder, || {
            describe();
            gauge!("call_store_info", "kind" => store.map_or("given", StoreKind::as_str)).set(1.0);
        });
        Self { recorder, handle, heard: RwLock::default(), found: OnceLock::new() }
    }
}

fn describe() {
    describe_gauge!("call_open", "Open calls by phase.");
    describe_counter!("call_created_total", "Calls whose record was stored, by direction.");
    describe_counter!("call_ended_total", "Calls that ended, by disposition.");
    describe_counter!("call_corrected_total", "Inferred endings that the provider corrected.");
    describe_counter!("call_stale_closed_total", "Calls closed by the stale policy.");
    describe_histogram!("call_dial_to_answer_seconds", "From the wish to dial to the answer.");
    describe_gauge!("call_deadline_lag_seconds", "How long the most overdue deadline has been due.");
    describe_gauge!("call_parked_signals", "Signals that wait for their call.");
    describe_gauge!("call_outbox_depth", "Effects that wait or are being performed.");
    describe_gauge!("call_outbox_age_seconds", "How long the oldest of them has waited.");
    describe_counter!("call_effects_total", "Effects by kind and answer.");
    describe_counter!("call_webhooks_total", "Webhooks by provider and answer.");
    describe_gauge!("call_webhook_last_seen_seconds", "When a provider's last genuine webhook came, in Unix time.");
    describe_histogram!("call_webhook_seconds", "How long webhooks took to answer.");
    describe_counter!("call_lookups_total", "Lookups by the look that found the call, or missed.");
    describe_counter!("call_conflicts_total", "Lost compare-and-set races.");
    describe_counter!("call_tool_calls_total", "Functions that agents invoked, by name and outcome.");
    describe_histogram!("call_tool_call_seconds", "How long they took, by name.");
    describe_counter!("call_analyzed_total", "Calls that a provider has judged, by provider and whether successful.");
    describe_gauge!("call_store_up", "Whether the store answered this scrape.");
    describe_gauge!("call_store_info", "Always 1; its label tells what kind of store this is.");
    describe_gauge!("call_clock_ahead_seconds", "How far the machine's clock is ahead of the store's, which is used.");
    describe_counter!("call_pruned_total", "Ended calls that were removed for their age.");
}

impl Metrics {
    /// A webhook was answered.
    pub fn webhook(&self, provider: &str, answer: Webhook, took: Duration, now: Timestamp) {
        let heard = self.heard(provider);
        with_local_recorder(&self.recorder, || heard.count(provider, answer, took, seconds(now.as_millis())));
    }

    fn heard(&self, provider: &str) -> Arc<Heard> {
        // A map of handles is never half written.
        if let Some(heard) = self.heard.read().unwrap_or_else(PoisonError::into_inner).get(provider) {
            return heard.clone();
        }
        self.heard.write().unwrap_or_else(PoisonError::into_inner).entry(provider.to_owned()).or_default().clone()
    }

    /// How many ms the machine's clock is ahead of the store's.
    pub fn clock(&self, ahead: i64) {
        with_local_recorder(&self.recorder, || gauge!("call_clock_ahead_seconds").set(seconds(ahead)));
    }

    /// So many calls were removed for their age.
    pub fn pruned(&self, calls: u64) {
        with_local_recorder(&self.recorder, || counter!("call_pruned_total").increment(calls));
    }

    /// The metrics as Prometheus reads them, with what the store says `now`; `None` if it does not answer.
    #[must_use]
    pub fn render(&self, counts: Option<&Counts>, now: Timestamp) -> String {
        with_local_recorder(&self.recorder, || {
            gauge!("call_store_up").set(if counts.is_some() { 1.0 } else { 0.0 });
            if let Some(counts) = counts {
                set(counts, now);
            }
        });
        self.handle.render()
    }

    /// Takes recorded samples out of their buffers, so that they do not pile up when nobody scrapes.
    pub fn upkeep(&self) {
        self.handle.run_upkeep();
    }
}

#[expect(clippy::cast_precision_loss, reason = "milliseconds of this era fit into 53 bits")]
fn seconds(millis: i64) -> f64 {
    millis as f64 / 1000.0
}

#[expect(clippy::cast_precision_loss, reason = "counts stay far below 2^53")]
fn set(counts: &Counts, now: Timestamp) {
    let age = |since: Option<_>| since.map_or(0.0, |at| now.since(at).as_secs_f64());
    for phase in PhaseName::ALL.into_iter().filter(|p| *p != PhaseName::Ended) {
        let open = counts.phases.iter().find(|(p, _)| *p == phase).map_or(0, |(_, n)| *n);
        gauge!("call_open", "phase" => phase.as_str()).set(open as f64);
    }
    gauge!("call_deadline_lag_seconds").set(age(counts.oldest_due));
    gauge!("call_parked_signals").set(counts.parked as f64);
    gauge!("call_outbox_depth").set(counts.outbox as f64);
    gauge!("call_outbox_age_seconds").set(age(counts.oldest_effect));
}

impl Observer for Metrics {
    fn observe(&self, observation: Observation<'_>) {
        with_local_recorder(&self.recorder, || count(observation, &self.found));
    }
}

fn count(observation: Observation<'_>, found: &OnceLock<Counter>) {
    match observation {
        Observation::Created { call } => {
            let direction = match call.birth().direction {
                Direction::Outbound => "outbound",
                Direction::Inbound => "inbound",
            };
            counter!("call_created_total", "direction" => direction).increment(1);
        }
        Observation::LookedUp { call: Some(_), look: 1, .. } => {
            found.get_or_init(|| counter!("call_lookups_total", "look" => "1")).increment(1);
        }
        Observation::LookedUp { call, look, .. } => {
            let look = call.map_or_else(|| "missed".to_owned(), |_| look.to_string());
            counter!("call_lookups_total", "look" => look).increment(1);
        }
        Observation::Committed { call, entry, effects } => {
            if let (None, Input::Signal(signal)) = (entry.ignored, &entry.input) {
                found_out(call, &signal.fact);
            }
            for effect in effects {
                if let Effect::Publish(event) = effect {
                    tell(call, event);
                }
            }
        }
        Observation::Conflict { .. } => counter!("call_conflicts_total").increment(1),
        Observation::Performed { effect, answer, .. } => performed(effect, word(answer)),
        Observation::Dropped { effect, .. } => performed(effect, "dropped"),
        Observation::Parked { .. } | Observation::Adopted { .. } | Observation::Performing { .. } | _ => {}
    }
}

fn found_out(call: &Call, fact: &Fact) {
    if let Fact::ToolCall(trace) = fact {
        let outcome = if trace.result.is_ok() { "returned" } else { "failed" };
        let name = trace.name.clone();
        counter!("call_tool_calls_total", "name" => name.clone(), "outcome" => outcome).increment(1);
        histogram!("call_tool_call_seconds", "name" => name).record(trace.took);
    } else if let Fact::Analyzed(Analysis { successful, .. }) = fact {
        let provider = call.plan().provider.to_string();
        let successful = successful.map_or("unknown", |yes| if yes { "yes" } else { "no" });
        counter!("call_analyzed_total", "provider" => provider, "successful" => successful).increment(1);
    }
}

fn performed(effect: &Effect, answer: &'static str) {
    counter!("call_effects_total", "effect" => effect.as_str(), "answer" => answer).increment(1);
}

const fn word(answer: &Answer) -> &'static str {
    match answer {
        Answer::Done(_) => "done",
        Answer::Later { .. } => "later",
        Answer::Refused { .. } => "refused",
        Answer::Unknown { .. } => "unknown",
    }
}

fn tell(call: &Call, event: &Event) {
    match event {
        Event::Answered => {
            if let (Some(answered), Direction::Outbound) = (call.state().timeline.answered, call.birth().direction) {
                histogram!("call_dial_to_answer_seconds").record(answered.since(call.birth().at));
            }
        }
        Event::Ended { disposition } => {
            counter!("call_ended_total", "disposition" => disposition.as_str()).increment(1);
            if call.outcome().is_some_and(|o| matches!(o.proposal.proposer, Proposer::Stale { .. })) {
                counter!("call_stale_closed_total", "disposition" => disposition.as_str()).increment(1);
            }
        }
        Event::Corrected { .. } => counter!("call_corrected_total").increment(1),
        Event::Placed | Event::Ringing | Event::Ending | Event::LegAdded { .. } | Event::Updated | _ => {}
    }
}
