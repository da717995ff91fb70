//! The operator's functions, which a provider's agent invokes: one HTTP address for all of them.

use std::time::Duration;

use async_trait::async_trait;
use call_core::port::{Functions, ToolOutcome, ToolRequest};
use call_core::{Call, CallId};
use reqwest::StatusCode;
use secrecy::{ExposeSecret, SecretString};
use serde::Serialize;
use serde_json::Value;
use url::Url;

use crate::config;

/// The pause before the first retry; each later one is as much longer.
const PAUSE: Duration = Duration::from_millis(100);
/// The largest result that is read.
const MOST_BYTES: usize = 256 * 1024;
/// How much of a refusal the agent is told, in characters.
const MOST_WORDS: usize = 500;

/// No functions are configured.
pub(crate) struct NoFunctions;

#[async_trait]
impl Functions for NoFunctions {
    async fn invoke(&self, _: &Call, request: &ToolRequest) -> ToolOutcome {
        Err(format!("{}: no functions are configured here; an operator must set functions.url", request.name))
    }
}

/// Functions behind an HTTP address. What they return goes to the agent as it is.
pub(crate) struct HttpFunctions {
    http: reqwest::Client,
    url: Url,
    token: Option<SecretString>,
    timeout: Duration,
    retries: u32,
}

/// What is sent there.
#[derive(Serialize)]
struct Invocation<'a> {
    call_id: CallId,
    subject: Option<&'a str>,
    name: &'a str,
    arguments: Value,
    context: &'a std::collections::BTreeMap<String, String>,
}

/// What one try came to.
enum Tried {
    Over(ToolOutcome),
    /// It may work the next time.
    Failed(String),
}

impl HttpFunctions {
    /// The configured ones, if there are any.
    pub(crate) fn new(config: &config::Functions) -> Result<Option<Self>, reqwest::Error> {
        let Some(url) = config.url.clone() else { return Ok(None) };
        let http = reqwest::Client::builder()
            .user_agent(concat!("call-server/", env!("CARGO_PKG_VERSION")))
            .redirect(reqwest::redirect::Policy::none())
            .retry(reqwest::retry::never());
        // Plain HTTP is on this machine or in its own network.
        let http = if url.scheme() == "http" { http.tls_certs_only([]).no_proxy() } else { http };
        let token = config.token.all().first().cloned();
        let (timeout, retries) = (config.timeout, config.retries);
        Ok(Some(Self { http: http.build()?, url, token, timeout, retries }))
    }

    /// Tries until it is over: the invocation's id travels with each try, so a function that has run can tell.
    async fn pursue(&self, id: &str, body: &Invocation<'_>) -> ToolOutcome {
        let mut tries = 0;
        loop {
            match self.attempt(id, body).await {
                Tried::Over(outcome) => return outcome,
                Tried::Failed(why) if tries == self.retries => return Err(why),
                Tried::Failed(_) => tries += 1,
            }
            tokio::time::sleep(PAUSE * tries).await;
        }
    }

    async fn attempt(&self, id: &str, body: &Invocation<'_>) -> Tried {
        let mut request = self.http.post(self.url.clone()).header("Idempotency-Key", id).json(body);
        if let Some(token) = &self.token {
            request = request.bearer_auth(token.expose_secret());
        }
        let mut response = match request.send().await {
            Ok(response) => response,
            Err(error) => return Tried::Failed(format!("the function cannot be reached: {}", error.without_url())),
        };
        let status = response.status();
        let mut bytes = Vec::new();
        loop {
            match response.chunk().await {
                Ok(Some(chunk)) if bytes.len() + chunk.len() > MOST_BYTES => {
                    return Tried::Over(Err(format!("the function's result is larger than {MOST_BYTES} bytes")));
                }
                Ok(Some(chunk)) => bytes.extend_from_slice(&chunk),
                Ok(None) => break,
                Err(error) => return Tried::Failed(format!("the function broke off: {}", error.without_url())),
            }
        }
        concluded(status, &bytes)
    }
}

fn concluded(status: StatusCode, body: &[u8]) -> Tried {
    let text = String::from_utf8_lossy(body);
    if status.is_success() {
        let result = if text.is_empty() { "null".to_owned() } else { text.into_owned() };
        return Tried::Over(Ok(result));
    }
    let words: String = text.trim().chars().take(MOST_WORDS).collect();
    let why = if words.is_empty() { String::new() } else { format!(": {words}") };
    let why = format!("the function answered {}{why}", status.as_u16());
    if status.is_server_error() { Tried::Failed(why) } else { Tried::Over(Err(why)) }
}

#[async_trait]
impl Functions for HttpFunctions {
    async fn invoke(&self, call: &Call, request: &ToolRequest) -> ToolOutcome {
        let arguments = &request.arguments;
        let body = Invocation {
            call_id: call.id(),
            subject: call.subject().map(|subject| subject.0.as_str()),
            name: &request.name,
            arguments: serde_json::from_str(arguments).unwrap_or_else(|_| Value::from(arguments.as_str())),
            context: &call.plan().context,
        };
        match tokio::time::timeout(self.timeout, self.pursue(&request.id, &body)).await {
            Ok(outcome) => outcome,
            Err(_) => Err(format!("the function took longer than {} s", self.timeout.as_secs_f32())),
        }
    }
}
