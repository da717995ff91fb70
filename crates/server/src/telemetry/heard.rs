//! What every webhook of one provider is counted in, at hand: to find a metric by its labels takes longer than to count.

use std::sync::OnceLock;
use std::time::Duration;

use metrics::{Counter, Gauge, Histogram, counter, gauge, histogram};

use super::Webhook;

/// None is there before it is needed, so that nothing is shown which has never been.
#[derive(Debug, Default)]
pub(super) struct Heard {
    answers: [OnceLock<Counter>; Webhook::COUNT],
    seconds: OnceLock<Histogram>,
    last: OnceLock<Gauge>,
}

impl Heard {
    /// Must be called where the recorder is the one to count in; `now` is Unix time.
    pub(super) fn count(&self, provider: &str, answer: Webhook, took: Duration, now: f64) {
        let name = || provider.to_owned();
        let word = answer.as_str();
        self.answers[answer as usize]
            .get_or_init(|| counter!("call_webhooks_total", "provider" => name(), "answer" => word))
            .increment(1);
        self.seconds.get_or_init(|| histogram!("call_webhook_seconds", "provider" => name())).record(took);
        if !matches!(answer, Webhook::Refused | Webhook::Malformed) {
            self.last.get_or_init(|| gauge!("call_webhook_last_seen_seconds", "provider" => name())).set(now);
        }
    }
}
