//! Performs effects at Retell: with `find`, the only file of the adapter that waits.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use call_core::port::{Answer, Inadmissible, Provider};
use call_core::{Call, Conduct, DialAnswer, Effect, EffectId, Fact, HangupAnswer, Leg, Plan, ProviderName, Signal};
use reqwest::header::{ACCEPT, CONTENT_TYPE, RETRY_AFTER};
use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;

use crate::act::{self, Act, Method, Request, Workspace};
use crate::config::ConfigError;
use crate::error::{ApiError, Class, RetellError};
use crate::resource::CallObject;
use crate::{NAME, RetellConfig};

/// How soon a call is stopped again that Retell could not stop because it was not connected yet.
const STOP_AGAIN: Duration = Duration::from_secs(1);

/// Retell's API, as a [`Provider`]. Cheap to clone.
///
/// One [`perform`](Provider::perform) ends within [`RetellConfig::timeout`], however many requests it needs. Nothing is
/// retried and no redirect is followed: the outbox decides what is safe to repeat.
#[derive(Clone)]
pub struct Retell {
    workspace: Workspace,
    http: reqwest::Client,
    base_url: Arc<str>,
    api_key: SecretString,
    timeout: Duration,
}

impl std::fmt::Debug for Retell {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Retell")
            .field("workspace", &self.workspace)
            .field("base_url", &self.base_url)
            .finish_non_exhaustive()
    }
}

impl Retell {
    /// A client for one workspace.
    ///
    /// If the process has no default TLS provider of `rustls` yet, it gets `ring` here: without one, the first request
    /// would panic. A simulator on plain HTTP needs no certificates of the system.
    ///
    /// # Errors
    /// Names the configuration key that cannot work.
    pub fn new(config: &RetellConfig) -> Result<Self, ConfigError> {
        config.check()?;
        let mut http = reqwest::Client::builder()
            .user_agent(concat!("call-lifecycle/", env!("CARGO_PKG_VERSION"), " (adapter-retell)"))
            .redirect(reqwest::redirect::Policy::none())
            .retry(reqwest::retry::never())
            .connect_timeout(config.connect_timeout)
            .timeout(config.timeout);
        if config.is_simulated() {
            http = http.tls_certs_only([]).no_proxy();
        }
        // Whoever came first has chosen a provider, which is as good.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let http = http
            .build()
            .map_err(|e| ConfigError { key: "base_url", problem: format!("no HTTP client can be made for it: {e}") })?;
        Ok(Self {
            workspace: Workspace::new(config),
            http,
            base_url: config.base_url.trim_end_matches('/').into(),
            api_key: config.api_key.clone(),
            timeout: config.timeout,
        })
    }

    /// Reads a call, as Retell keeps it: the call object of retell.md §3.
    ///
    /// # Errors
    /// [`RetellError::NotALeg`] before anything is sent; or whatever became of the request.
    pub async fn call(&self, leg: &Leg) -> Result<Value, RetellError> {
        let request = act::fetch(leg).ok_or_else(|| RetellError::NotALeg(leg.id.clone()))?;
        self.read(&request).await
    }

    /// Sends a request and reads the JSON of a success.
    pub(crate) async fn read(&self, request: &Request) -> Result<Value, RetellError> {
        let body = self.send(request).await?;
        serde_json::from_slice(&body).map_err(RetellError::Unreadable)
    }

    pub(crate) async fn send(&self, request: &Request) -> Result<Vec<u8>, RetellError> {
        let url = format!("{}{}", self.base_url, request.path);
        let mut builder = match request.method {
            Method::Get => self.http.get(url),
            Method::Post => self.http.post(url),
            Method::Patch => self.http.patch(url),
        };
        if let Some(body) = &request.body {
            builder = builder.json(body);
        }
        let response = builder
            .bearer_auth(self.api_key.expose_secret())
            .header(ACCEPT, "application/json")
            .send()
            .await
            .map_err(RetellError::send)?;
        let status = response.status();
        let header = |name: &str| response.headers().get(name).and_then(|value| value.to_str().ok());
        let retry_after = header(RETRY_AFTER.as_str()).and_then(|value| value.trim().parse().ok());
        let is_json = header(CONTENT_TYPE.as_str()).is_none_or(|kind| kind.contains("json"));
        let body = response.bytes().await.map_err(|e| RetellError::Lost(e.without_url()))?;
        if status.is_success() {
            return Ok(body.into());
        }
        let body: &[u8] = if is_json { &body } else { &[] };
        Err(ApiError::read(status.as_u16(), retry_after.map(Duration::from_secs), body).into())
    }

    async fn act(&self, call: &Call, id: &EffectId, effect: &Effect) -> Answer {
        match self.workspace.act(call, id, effect) {
            Act::Dial(request) => self.dial(&request).await,
            Act::Hangup { leg, request } => self.hang_up(&leg, &request).await,
            Act::Fetch(leg) => self.ask(&leg).await,
            Act::Find => self.find(call).await,
            Act::Refuse { why } => Answer::Refused { why },
        }
    }

    async fn dial(&self, request: &Request) -> Answer {
        match self.read(request).await {
            Ok(body) => match CallObject::read(&body) {
                Some(call) => Answer::Done(vec![Signal::new(Fact::Dialed(DialAnswer::Accepted)).on(call.leg())]),
                None => Answer::Unknown { why: "retell took the call, and gave it no name".to_owned() },
            },
            Err(error) => error.answer(),
        }
    }

    /// Retell says the same of a call that is over, of one that rings and of one that it does not know. Only the first is
    /// "already ended": a phone that rings must not be left ringing.
    async fn hang_up(&self, leg: &Leg, request: &Request) -> Answer {
        let said = |answer| Answer::Done(vec![Signal::new(Fact::HangupAnswer(answer)).on(leg.clone())]);
        let refusal = match self.send(request).await {
            Ok(_) => return said(HangupAnswer::Accepted),
            Err(error) if error.class() == Class::Missing => error,
            Err(error) => return error.answer(),
        };
        match self.call(leg).await {
            Ok(body) if CallObject::read(&body).is_some_and(|call| call.is_open()) => {
                Answer::Later { after: Some(STOP_AGAIN), why: format!("{refusal}; and the call is not over yet") }
            }
            Ok(_) => said(HangupAnswer::AlreadyEnded),
            Err(error) if error.class() == Class::Missing => said(HangupAnswer::AlreadyEnded),
            Err(error) => error.answer(),
        }
    }
}

#[async_trait]
impl Provider for Retell {
    fn name(&self) -> ProviderName {
        NAME
    }

    fn admit(&self, plan: &Plan) -> Result<Conduct, Inadmissible> {
        act::admit(plan)
    }

    async fn perform(&self, call: &Call, id: &EffectId, effect: &Effect) -> Answer {
        match tokio::time::timeout(self.timeout, self.act(call, id, effect)).await {
            Ok(answer) => answer,
            Err(_) => RetellError::TimedOut(self.timeout).answer(),
        }
    }
}
