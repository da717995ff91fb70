//! Performs effects at Telnyx: the only file of the adapter that waits.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use call_core::port::{Answer, Inadmissible, Provider};
use call_core::{Call, Conduct, DialAnswer, Effect, EffectId, Fact, HangupAnswer, Leg, Plan, ProviderName, Signal};
use reqwest::header::{ACCEPT, CONTENT_TYPE, RETRY_AFTER};
use secrecy::{ExposeSecret, SecretString};
use serde::de::DeserializeOwned;

use crate::act::{Act, Connection, Method, Request};
use crate::config::ConfigError;
use crate::error::{ApiError, Class, TelnyxError};
use crate::resource::{Application, CallResource, Data};
use crate::{NAME, TelnyxConfig};

/// Telnyx's Call Control API, as a [`Provider`]. Cheap to clone.
///
/// One [`perform`](Provider::perform) ends within [`TelnyxConfig::timeout`], however many requests it needs. Nothing is
/// retried and no redirect is followed: the outbox decides what is safe to repeat.
#[derive(Clone)]
pub struct Telnyx {
    pub(crate) connection: Connection,
    http: reqwest::Client,
    base_url: Arc<str>,
    api_key: SecretString,
    timeout: Duration,
}

impl std::fmt::Debug for Telnyx {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Telnyx")
            .field("connection", &self.connection)
            .field("base_url", &self.base_url)
            .finish_non_exhaustive()
    }
}

impl Telnyx {
    /// A client for one application.
    ///
    /// If the process has no default TLS provider of `rustls` yet, it gets `ring` here: without one, the first request
    /// would panic. A simulator on plain HTTP needs no certificates of the system.
    ///
    /// # Errors
    /// Names the configuration key that cannot work.
    pub fn new(config: &TelnyxConfig) -> Result<Self, ConfigError> {
        config.check()?;
        let mut http = reqwest::Client::builder()
            .user_agent(concat!("call-lifecycle/", env!("CARGO_PKG_VERSION"), " (adapter-telnyx)"))
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
            connection: Connection::new(config),
            http,
            base_url: config.base_url.trim_end_matches('/').into(),
            api_key: config.api_key.clone(),
            timeout: config.timeout,
        })
    }

    /// Reads a call. Telnyx forgets it ten minutes after its end.
    ///
    /// # Errors
    /// [`TelnyxError::NotALeg`] before anything is sent; or whatever became of the request.
    pub async fn call(&self, leg: &Leg) -> Result<CallResource, TelnyxError> {
        let request = self.connection.fetch(leg).ok_or_else(|| TelnyxError::NotALeg(leg.id.clone()))?;
        self.read_data(&request).await
    }

    /// Reads the application: where its webhooks go, and in which version.
    ///
    /// # Errors
    /// Whatever became of the request.
    pub async fn application(&self) -> Result<Application, TelnyxError> {
        self.read_data(&self.connection.application()).await
    }

    /// Sends the application's webhooks to us, in version 2. Everything else of the application stays as it is.
    ///
    /// # Errors
    /// Whatever became of either request.
    pub async fn set_webhooks(&self) -> Result<Application, TelnyxError> {
        let name = self.application().await?.application_name.unwrap_or_default();
        self.read_data(&self.connection.set_webhooks(&name)).await
    }

    async fn read_data<T: DeserializeOwned>(&self, request: &Request) -> Result<T, TelnyxError> {
        Ok(self.read::<Data<T>>(request).await?.data)
    }

    /// Sends a request and reads the JSON of a success.
    pub(crate) async fn read<T: DeserializeOwned>(&self, request: &Request) -> Result<T, TelnyxError> {
        let body = self.send(request).await?;
        serde_json::from_slice(&body).map_err(TelnyxError::Unreadable)
    }

    async fn send(&self, request: &Request) -> Result<Vec<u8>, TelnyxError> {
        let url = format!("{}{}", self.base_url, request.path);
        let mut builder = match request.method {
            Method::Get => self.http.get(url),
            Method::Post => self.http.post(url),
            Method::Patch => self.http.patch(url),
        };
        if !request.query.is_empty() {
            builder = builder.query(&request.query);
        }
        if let Some(body) = &request.body {
            builder = builder.json(body);
        }
        let response = builder
            .bearer_auth(self.api_key.expose_secret())
            .header(ACCEPT, "application/json")
            .send()
            .await
            .map_err(TelnyxError::send)?;
        let status = response.status();
        let header = |name: &str| response.headers().get(name).and_then(|value| value.to_str().ok());
        let seconds = |name| header(name).and_then(|value| value.trim().parse().ok()).map(Duration::from_secs);
        let retry_after = seconds(RETRY_AFTER.as_str()).or_else(|| seconds("x-ratelimit-reset"));
        let is_json = header(CONTENT_TYPE.as_str()).is_none_or(|kind| kind.contains("json"));
        let body = response.bytes().await.map_err(|e| TelnyxError::Lost(e.without_url()))?;
        if status.is_success() {
            return Ok(body.into());
        }
        let body: &[u8] = if is_json { &body } else { &[] };
        Err(ApiError::read(status.as_u16(), retry_after, body).into())
    }

    async fn act(&self, call: &Call, id: &EffectId, effect: &Effect) -> Answer {
        match self.connection.act(call, id, effect) {
            Act::Dial(request) => self.dial(&request).await,
            Act::Hangup { leg, request } => self.hang_up(&leg, &request).await,
            Act::Command { request, done, moot } => match self.send(&request).await {
                Ok(_) => Answer::Done(done),
                Err(error) if matches!(error.class(), Class::Benign | Class::Missing) => Answer::Done(moot),
                Err(error) => error.answer(),
            },
            Act::Fetch(leg) => self.ask(call, &leg).await,
            Act::Find => self.find(call).await,
            Act::Nothing(signals) => Answer::Done(signals),
            Act::Refuse { why } => Answer::Refused { why },
        }
    }

    /// The answer says that the call is not alive; that is not its end.
    async fn dial(&self, request: &Request) -> Answer {
        match self.read_data::<CallResource>(request).await {
            Ok(resource) => match resource.leg() {
                Some(leg) => Answer::Done(vec![Signal::new(Fact::Dialed(DialAnswer::Accepted)).on(leg)]),
                None => Answer::Unknown { why: "telnyx took the call, and gave it no name".to_owned() },
            },
            Err(error) => error.answer(),
        }
    }

    async fn hang_up(&self, leg: &Leg, request: &Request) -> Answer {
        let said = |answer| Answer::Done(vec![Signal::new(Fact::HangupAnswer(answer)).on(leg.clone())]);
        match self.send(request).await {
            Ok(_) => said(HangupAnswer::Accepted),
            Err(error) if matches!(error.class(), Class::Benign | Class::Missing) => said(HangupAnswer::AlreadyEnded),
            Err(error) => error.answer(),
        }
    }
}

#[async_trait]
impl Provider for Telnyx {
    fn name(&self) -> ProviderName {
        NAME
    }

    fn admit(&self, plan: &Plan) -> Result<Conduct, Inadmissible> {
        crate::act::admit(plan)
    }

    async fn perform(&self, call: &Call, id: &EffectId, effect: &Effect) -> Answer {
        match tokio::time::timeout(self.timeout, self.act(call, id, effect)).await {
            Ok(answer) => answer,
            Err(_) => TelnyxError::TimedOut(self.timeout).answer(),
        }
    }
}
