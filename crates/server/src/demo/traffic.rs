//! The calls: placed through the public API like anybody's, and some people who ring us.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use serde_json::{Value, json};
use simulator::{Inbound, Provider};
use tracing::warn;

use super::Demo;
use super::carrier::{connects, ours, script};
use super::stage::Stage;

/// What was sent so far.
#[derive(Clone, Default)]
pub(super) struct Traffic(Arc<Counts>);

#[derive(Default)]
struct Counts {
    placed: AtomicUsize,
    refused: AtomicUsize,
    inbound: AtomicUsize,
    done: AtomicBool,
}

impl Traffic {
    /// Starts placing calls. The last people who ring us are dialled by the network while the first calls end.
    pub(super) fn begin(stage: &Stage, demo: &Demo) -> Self {
        let traffic = Self::default();
        let (sent, url, calls) = (traffic.clone(), stage.url(), demo.calls);
        let providers = demo.provider.providers();
        let guests = (demo.calls / 15).max(providers.len());
        for guest in 0..guests {
            let provider = providers[guest % providers.len()];
            let is_connected = (guest / providers.len()).is_multiple_of(3);
            let to = connects(provider).filter(|_| is_connected).unwrap_or_else(|| ours(provider));
            let from = format!("+1303555{guest:04}");
            if stage.network.inbound(Inbound::new(from, to)).is_ok() {
                traffic.0.inbound.fetch_add(1, Ordering::Relaxed);
            }
        }
        tokio::spawn(async move {
            let http = reqwest::Client::builder().no_proxy().build();
            match http {
                Ok(http) => sent.place(&http, &url, calls, providers).await,
                Err(error) => warn!(%error, "no calls can be placed"),
            }
            sent.0.done.store(true, Ordering::Release);
        });
        traffic
    }

    /// Whether everything was sent.
    pub(super) fn is_done(&self) -> bool {
        self.0.done.load(Ordering::Acquire)
    }

    /// Calls that were accepted.
    pub(super) fn placed(&self) -> usize {
        self.0.placed.load(Ordering::Relaxed)
    }

    /// Wishes that were refused because their subject was on the phone.
    pub(super) fn refused(&self) -> usize {
        self.0.refused.load(Ordering::Relaxed)
    }

    /// People who rang us.
    pub(super) fn inbound(&self) -> usize {
        self.0.inbound.load(Ordering::Relaxed)
    }

    async fn place(&self, http: &reqwest::Client, url: &str, calls: usize, providers: &[Provider]) {
        for nth in 0..calls {
            let wish = http
                .post(format!("{url}/v1/calls"))
                .header("Idempotency-Key", format!("demo-{nth}"))
                .json(&wish(nth, providers[nth % providers.len()]))
                .send()
                .await;
            match wish {
                Ok(answer) if answer.status().as_u16() == 409 => self.0.refused.fetch_add(1, Ordering::Relaxed),
                Ok(answer) if answer.status().is_success() => self.0.placed.fetch_add(1, Ordering::Relaxed),
                Ok(answer) => {
                    warn!(status = answer.status().as_u16(), "a call was not accepted");
                    continue;
                }
                Err(error) => {
                    warn!(%error, "a call could not be asked for");
                    continue;
                }
            };
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}

/// All kinds of calls. Every tenth wish concerns a subject who is likely to be on the phone.
fn wish(nth: usize, provider: Provider) -> Value {
    let to = format!("+1202{:07}", 2_000_000 + nth);
    let subject = if nth % 10 == 9 { format!("lead-{}", nth - 1) } else { format!("lead-{nth}") };
    json!({
        "to": to,
        "provider": provider.name(),
        "subject": subject,
        "script": script(provider, nth / 3),
        "record": nth.is_multiple_of(4),
        "detect_machine": nth.is_multiple_of(6),
        "ring_for": "30s",
        "context": { "campaign": "demo" },
    })
}
