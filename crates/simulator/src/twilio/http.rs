//! Sending one signed request, as often as its address asks for.

use std::time::Duration;

use bytes::Bytes;
use jiff::Timestamp;
use reqwest::{
    Method, Response,
    header::{CONTENT_TYPE, HeaderMap},
};
use tokio::time::{Instant, sleep, timeout};

use super::{
    Face,
    call::Call,
    hook::{Effort, Hook},
    sign::{signature, signed_url},
};
use crate::truth::{Attempt, Purpose, Sent};

/// What came back.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) content_type: String,
    pub(crate) body: String,
}

/// Why nothing did.
#[derive(Debug)]
enum Silence {
    NotConnected(String),
    TooLate(String),
    Broken(String),
}

/// How much of an answer is kept in the record.
const KEPT_BYTES: usize = 4096;

impl Face {
    /// Files the request and sends it.
    pub(crate) async fn ask(
        &self,
        call: &Call,
        purpose: Purpose,
        hook: &Hook,
        params: Vec<(String, String)>,
    ) -> Option<Answer> {
        let index = call.file(Sent {
            purpose,
            method: hook.method.to_string(),
            url: hook.url.clone(),
            params: params.clone(),
            event_at: Timestamp::now(),
            attempts: Vec::new(),
            body: String::new(),
            faults: Vec::new(),
        });
        self.send(call, index, hook, &params).await
    }

    /// Sends a filed request, repeating it as its URL's overrides allow, and keeps the record of every attempt.
    pub(crate) async fn send(
        &self,
        call: &Call,
        index: usize,
        hook: &Hook,
        params: &[(String, String)],
    ) -> Option<Answer> {
        let effort = Effort::for_url(&self.world.config, &hook.url);
        let deadline = Instant::now() + effort.total;
        let token = self.sids.make("");
        let mut pause = self.world.config.retry_pause;
        for retry in 0..=effort.retries {
            let at = Timestamp::now();
            let started = Instant::now();
            let mut headers = HeaderMap::new();
            if retry > 0
                && let Ok(value) = token.parse()
            {
                headers.insert("I-Twilio-Idempotency-Token", value);
            }
            let patience = effort.answer.min(deadline.saturating_duration_since(started));
            let outcome = self.once(hook, params, headers, patience).await;
            let again = match &outcome {
                Ok(answer) => {
                    (effort.on.client_error && (400..500).contains(&answer.status))
                        || (effort.on.server_error && answer.status >= 500)
                }
                Err(Silence::NotConnected(_)) => effort.on.connect,
                Err(Silence::TooLate(_)) => effort.on.timeout,
                Err(Silence::Broken(_)) => effort.on.connect && effort.on.timeout,
            };
            self.remember(call, index, at, started.elapsed(), &outcome);
            if !again || Instant::now() + pause >= deadline {
                return outcome.ok();
            }
            if retry < effort.retries {
                sleep(pause).await;
                pause *= 2;
            } else {
                return outcome.ok();
            }
        }
        None
    }

    /// One attempt with the account's true signature.
    async fn once(
        &self,
        hook: &Hook,
        params: &[(String, String)],
        mut headers: HeaderMap,
        patience: Duration,
    ) -> Result<Answer, Silence> {
        let token = self.world.config.auth_token.reveal();
        let (url, signature) = if hook.method == Method::GET {
            let url = with_query(&hook.url, params);
            let signature = signature(token, &signed_url(&url), &[]);
            (url, signature)
        } else {
            (hook.url.clone(), signature(token, &signed_url(&hook.url), params))
        };
        if let Ok(value) = signature.parse() {
            headers.insert("X-Twilio-Signature", value);
        }
        let request = self.world.http.request(hook.method.clone(), url).headers(headers).timeout(patience);
        let request = if hook.method == Method::GET { request } else { request.form(params) };
        let exchange = async {
            let response = request.send().await.map_err(silence)?;
            let (status, content_type) = (response.status().as_u16(), content_type(&response));
            let body: Bytes = response.bytes().await.map_err(silence)?;
            let body = String::from_utf8_lossy(&body).into_owned();
            Ok(Answer { status, content_type, body })
        };
        timeout(patience, exchange).await.unwrap_or_else(|_| Err(Silence::TooLate("no answer in time".into())))
    }

    fn remember(&self, call: &Call, index: usize, at: Timestamp, took: Duration, outcome: &Result<Answer, Silence>) {
        let (answer, error, body) = match outcome {
            Ok(answer) => (Some(answer.status), None, answer.body.as_str()),
            Err(Silence::NotConnected(why) | Silence::TooLate(why) | Silence::Broken(why)) => {
                (None, Some(why.clone()), "")
            }
        };
        call.note(|record| {
            let Some(sent) = record.sent.get_mut(index) else { return };
            sent.body = body.chars().take(KEPT_BYTES).collect();
            sent.attempts.push(Attempt { at, took_ms: took.as_millis() as u64, answer, error });
        });
    }
}

/// The parameters of a GET go into the query, in front of the fragment.
fn with_query(url: &str, params: &[(String, String)]) -> String {
    let base = url.split_once('#').map_or(url, |(before, _)| before);
    let joint = if base.contains('?') { '&' } else { '?' };
    let query = form_urlencoded::Serializer::new(String::new()).extend_pairs(params).finish();
    format!("{base}{joint}{query}")
}

fn content_type(response: &Response) -> String {
    let header = response.headers().get(CONTENT_TYPE);
    header.and_then(|value| value.to_str().ok()).unwrap_or_default().to_owned()
}

fn silence(error: reqwest::Error) -> Silence {
    // The outer message repeats the URL; the cause is what says something.
    let cause = std::iter::successors(Some(&error as &dyn std::error::Error), |error| error.source()).last();
    let why = cause.map_or_else(String::new, ToString::to_string);
    if error.is_timeout() && !error.is_connect() {
        Silence::TooLate(why)
    } else if error.is_connect() {
        Silence::NotConnected(why)
    } else {
        Silence::Broken(why)
    }
}
