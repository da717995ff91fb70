//! Getting a webhook out: where it goes, how often it is tried, how it is signed.

use std::{collections::HashMap, sync::Arc, time::Duration};

use jiff::Timestamp;
use reqwest::RequestBuilder;
use serde_json::{Value, json};

use super::{Face, call::Call, sign::Signer};
use crate::{
    attempt::{Answer, Silence},
    post::{Courier, Forgery},
    record::Record,
};

/// How long Telnyx waits for an answer unless the application says otherwise, on the wall clock.
const PATIENCE: Duration = Duration::from_secs(2);

/// Attempts at each address without a policy. Telnyx does not say how many for voice; for messages it is three.
const ATTEMPTS: u32 = 3;

/// What a command said about where this call's messages go.
#[derive(Debug, Clone, Default)]
pub(super) struct Webhook {
    url: Option<String>,
    urls: HashMap<String, String>,
    policies: HashMap<String, Vec<u64>>,
}

impl Webhook {
    /// What the body of a dial, an answer or a transfer says, on top of what was said before.
    pub(super) fn said(body: &Value, before: Self) -> Self {
        let url = body["webhook_url"].as_str().map(str::to_owned).or(before.url);
        let mut urls = before.urls;
        for (event, url) in body["webhook_urls"].as_object().into_iter().flatten() {
            urls.extend(url.as_str().map(|url| (event.clone(), url.to_owned())));
        }
        let mut policies = before.policies;
        for (event, policy) in body["webhook_retries_policies"].as_object().into_iter().flatten() {
            let delays = policy["retries_ms"].as_array().into_iter().flatten().filter_map(Value::as_u64).collect();
            policies.insert(event.clone(), delays);
        }
        Self { url, urls, policies }
    }
}

/// Brings one event.
pub(super) struct Postman {
    face: Arc<Face>,
    /// In the order in which they are tried.
    urls: Vec<String>,
    /// Before each attempt at an address.
    pauses: Vec<Duration>,
    patience: Duration,
    data: Value,
    is_version_1: bool,
}

impl Face {
    /// `None`: nobody is to be told.
    pub(super) fn postman(self: &Arc<Self>, call: &Call, kind: &str, data: &Value) -> Option<Postman> {
        let application = self.application(&call.plan.connection)?;
        let said = call.webhook();
        let urls: Vec<String> = match said.urls.get(kind).or(said.url.as_ref()) {
            Some(url) => vec![url.clone()],
            None => {
                let (first, failover) = application.urls();
                first.into_iter().chain(failover).collect()
            }
        };
        let pause = self.world.config.retry_pause;
        let pauses = match said.policies.get(kind) {
            Some(delays) => [0].iter().chain(delays).map(|delay| Duration::from_millis(*delay)).collect(),
            None => (0..ATTEMPTS).map(|attempt| pause * ((1 << attempt) >> 1)).collect(),
        };
        let patience = application.patience().map_or(PATIENCE, Duration::from_secs);
        let patience = patience.min(self.world.config.answer_timeout);
        let is_version_1 = application.is_version_1();
        let (face, data) = (Arc::clone(self), data.clone());
        (!urls.is_empty()).then_some(Postman { face, urls, pauses, patience, data, is_version_1 })
    }
}

impl Postman {
    pub(super) fn url(&self) -> &str {
        self.urls.first().map_or("", String::as_str)
    }

    /// The message without what differs from attempt to attempt.
    pub(super) fn body(&self) -> Value {
        if self.is_version_1 {
            let mut payload = self.data["payload"].clone();
            payload["occurred_at"] = self.data["occurred_at"].clone();
            json!({
                "record_type": "event",
                "event_type": self.data["event_type"],
                "created_at": self.data["occurred_at"],
                "webhook_id": self.data["id"],
                "payload": payload,
            })
        } else {
            json!({ "data": self.data })
        }
    }

    fn request(&self, url: &str, mut body: Value, attempt: u32, signer: &Signer) -> RequestBuilder {
        if !self.is_version_1 {
            body["meta"] = json!({ "attempt": attempt, "delivered_to": url });
        }
        let bytes = body.to_string();
        let timestamp = Timestamp::now().as_second().to_string();
        let signature = signer.sign(&timestamp, bytes.as_bytes());
        let request = self.face.world.http.post(url).body(bytes);
        request
            .header("content-type", "application/json")
            .header("user-agent", "telnyx-webhooks")
            .header("telnyx-signature-ed25519", signature)
            .header("telnyx-timestamp", timestamp)
    }
}

impl Courier for Postman {
    async fn send(&self, record: &Record, index: usize) {
        let body = self.body();
        let mut attempt = 0;
        for url in &self.urls {
            for pause in &self.pauses {
                tokio::time::sleep(*pause).await;
                attempt += 1;
                let request = self.request(url, body.clone(), attempt, &self.face.signer);
                if is_settled(&record.attempt(index, request, self.patience).await) {
                    return;
                }
            }
        }
    }

    fn forge(&self) -> Forgery {
        let mut body = self.body();
        let event = if self.is_version_1 { &mut body } else { &mut body["data"] };
        event["event_type"] = json!("call.hangup");
        event["payload"]["hangup_cause"] = json!("normal_clearing");
        let stranger = Signer::new(&[0xf0; 32]);
        Forgery { request: self.request(self.url(), body.clone(), 1, &stranger), params: Vec::new(), json: Some(body) }
    }
}

/// 408, 429, 5xx and silence are worth another try; other refusals are final.
fn is_settled(outcome: &Result<Answer, Silence>) -> bool {
    outcome.as_ref().is_ok_and(|answer| !matches!(answer.status, 300..=399 | 408 | 429 | 500..))
}
