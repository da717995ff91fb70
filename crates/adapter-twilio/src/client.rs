//! Performs effects at Twilio: the only file of the adapter that waits.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use call_core::port::{Answer, Inadmissible, Provider};
use call_core::{
    Call, Conduct, DialAnswer, Effect, EffectId, Fact, HangupAnswer, Leg, Plan, ProviderName, Recording, Report,
    Script, Signal,
};
use reqwest::header::{ACCEPT, CONTENT_TYPE, RETRY_AFTER};
use secrecy::{ExposeSecret, SecretString};
use serde::de::DeserializeOwned;

use crate::act::{Account, Act, Method, Request};
use crate::config::ConfigError;
use crate::error::{ApiError, Class, TwilioError};
use crate::resource::{CallResource, RecordingPage};
use crate::{NAME, TwilioConfig};

/// Twilio's REST API, as a [`Provider`]. Cheap to clone.
///
/// One [`perform`](Provider::perform) ends within [`TwilioConfig::timeout`], however many requests it needs. Nothing is
/// retried and no redirect is followed: the outbox decides what is safe to repeat.
#[derive(Clone)]
pub struct Twilio {
    pub(crate) account: Account,
    http: reqwest::Client,
    base_url: Arc<str>,
    user: Arc<str>,
    secret: SecretString,
    timeout: Duration,
}

impl std::fmt::Debug for Twilio {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Twilio")
            .field("account", &self.account)
            .field("base_url", &self.base_url)
            .finish_non_exhaustive()
    }
}

/// A call younger than this may be unknown to Twilio's reads, which lag behind (twilio.md §2.3).
const LAG: Duration = Duration::from_secs(60);
/// When to look again then.
const LOOK_AGAIN: Duration = Duration::from_secs(2);
/// How many pages of a list are read: 50 a page.
const MOST_PAGES: usize = 20;

impl Twilio {
    /// A client for one account.
    ///
    /// If the process has no default TLS provider of `rustls` yet, it gets `ring` here: without one, the first request
    /// would panic. A simulator on plain HTTP needs no certificates of the system.
    ///
    /// # Errors
    /// Names the configuration key that cannot work.
    pub fn new(config: &TwilioConfig) -> Result<Self, ConfigError> {
        config.check()?;
        let mut http = reqwest::Client::builder()
            .user_agent(concat!("call-lifecycle/", env!("CARGO_PKG_VERSION"), " (adapter-twilio)"))
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
        let (user, secret) = match (&config.api_key, config.auth_tokens.first()) {
            (Some(key), _) => (key.sid.as_str(), key.secret.clone()),
            (None, Some(token)) => (config.account_sid.as_str(), token.clone()),
            (None, None) => {
                return Err(ConfigError { key: "auth_tokens", problem: "at least one is needed".to_owned() });
            }
        };
        Ok(Self {
            account: Account::new(&config.account_sid, &config.public_url),
            http,
            base_url: config.base_url.trim_end_matches('/').into(),
            user: user.into(),
            secret,
            timeout: config.timeout,
        })
    }

    /// Reads a call.
    ///
    /// # Errors
    /// [`TwilioError::NotASid`] before anything is sent; or whatever became of the request.
    pub async fn call(&self, leg: &Leg) -> Result<CallResource, TwilioError> {
        self.read(&self.account.fetch(leg).ok_or_else(|| not_a_sid(&leg.id))?).await
    }

    /// Reads all recordings of a call. One whose state or name is missing is left out.
    ///
    /// # Errors
    /// [`TwilioError::NotASid`] before anything is sent; or whatever became of the request.
    pub async fn recordings(&self, leg: &Leg) -> Result<Vec<Recording>, TwilioError> {
        let first = self.account.recordings(leg).ok_or_else(|| not_a_sid(&leg.id))?;
        let mut page: RecordingPage = self.read(&first).await?;
        let mut found = Vec::new();
        for _ in 0..MOST_PAGES {
            found.extend(page.recordings.iter().filter_map(|recording| recording.recording(&self.base_url)));
            let Some(next) = next_page(page.next_page_uri) else { break };
            page = self.read(&next).await?;
        }
        Ok(found)
    }

    /// Reads one recording; `None` if Twilio gives it neither name nor state.
    ///
    /// # Errors
    /// [`TwilioError::NotASid`] before anything is sent; or whatever became of the request.
    pub async fn recording(&self, id: &str) -> Result<Option<Recording>, TwilioError> {
        let request = self.account.recording(id).ok_or_else(|| not_a_sid(id))?;
        let resource: crate::RecordingResource = self.read(&request).await?;
        Ok(resource.recording(&self.base_url))
    }

    /// Sends a request and reads the JSON of a success.
    pub(crate) async fn read<T: DeserializeOwned>(&self, request: &Request) -> Result<T, TwilioError> {
        let body = self.send(request).await?;
        serde_json::from_slice(&body).map_err(TwilioError::Unreadable)
    }

    async fn send(&self, request: &Request) -> Result<Vec<u8>, TwilioError> {
        let url = format!("{}{}", self.base_url, request.path);
        let builder = match request.method {
            Method::Get if request.pairs.is_empty() => self.http.get(url),
            Method::Get => self.http.get(url).query(&request.pairs),
            Method::Post => self.http.post(url).form(&request.pairs),
        };
        let response = builder
            .basic_auth(&self.user, Some(self.secret.expose_secret()))
            .header(ACCEPT, "application/json")
            .send()
            .await
            .map_err(TwilioError::send)?;
        let status = response.status();
        let header = |name| response.headers().get(name).and_then(|value| value.to_str().ok());
        let retry_after = header(RETRY_AFTER).and_then(|value| value.trim().parse().ok()).map(Duration::from_secs);
        let is_json = header(CONTENT_TYPE).is_none_or(|kind| kind.contains("json"));
        let body = response.bytes().await.map_err(|e| TwilioError::Lost(e.without_url()))?;
        if status.is_success() {
            return Ok(body.into());
        }
        let body: &[u8] = if is_json { &body } else { &[] };
        Err(ApiError::read(status.as_u16(), retry_after, body).into())
    }

    async fn act(&self, call: &Call, effect: &Effect) -> Answer {
        match self.account.act(call, effect) {
            Act::Dial(request) => self.dial(&request).await,
            Act::Hangup { leg, request } => self.hang_up(call, &leg, &request).await,
            Act::Change { request, done, moot } => match self.send(&request).await {
                Ok(_) => Answer::Done(done),
                Err(error) if matches!(error.class(), Class::Benign | Class::Missing) => Answer::Done(moot),
                Err(error) => error.answer(),
            },
            Act::Fetch(leg) => self.ask(call, &leg).await,
            Act::Find(request) => self.find(call, request).await,
            Act::Nothing(signals) => Answer::Done(signals),
            Act::Refuse { why } => Answer::Refused { why },
        }
    }

    async fn dial(&self, request: &Request) -> Answer {
        match self.read::<CallResource>(request).await {
            Ok(resource) => match resource.leg() {
                Some(leg) => Answer::Done(vec![Signal::new(Fact::Dialed(DialAnswer::Accepted)).on(leg)]),
                None => Answer::Unknown { why: "twilio took the call, and gave it no name".to_owned() },
            },
            Err(error) => error.answer(),
        }
    }

    async fn hang_up(&self, call: &Call, leg: &Leg, request: &Request) -> Answer {
        let said = |answer| Signal::new(Fact::HangupAnswer(answer)).on(leg.clone());
        match self.read::<CallResource>(request).await {
            Ok(resource) => {
                let mut signals = vec![said(HangupAnswer::Accepted)];
                signals.extend(resource.end(leg));
                Answer::Done(signals)
            }
            // It was taken, whatever the words.
            Err(TwilioError::Unreadable(_)) => Answer::Done(vec![said(HangupAnswer::Accepted)]),
            Err(error) => match error.class() {
                Class::Benign => Answer::Done(vec![said(HangupAnswer::AlreadyEnded)]),
                Class::Missing if is_young(call) => Answer::Later { after: Some(LOOK_AGAIN), why: error.to_string() },
                Class::Missing => Answer::Done(vec![said(HangupAnswer::AlreadyEnded)]),
                Class::Transient | Class::Permanent | Class::Unknown => error.answer(),
            },
        }
    }

    /// What is true of the call. If its script connects it to somebody, how that leg ended is told first, because it
    /// decides how the call ended.
    async fn ask(&self, call: &Call, leg: &Leg) -> Answer {
        match self.call(leg).await {
            Ok(resource) => {
                let mut signals = match self.target_end(call, leg).await {
                    Ok(signals) => signals,
                    Err(error) => return error.answer(),
                };
                signals.extend(resource.signals(leg));
                Answer::Done(signals)
            }
            Err(error) if error.class() == Class::Missing => {
                Answer::Done(vec![Signal::new(Fact::Report(Report::Gone)).on(leg.clone())])
            }
            Err(error) => error.answer(),
        }
    }
}

#[async_trait]
impl Provider for Twilio {
    fn name(&self) -> ProviderName {
        NAME
    }

    fn admit(&self, plan: &Plan) -> Result<Conduct, Inadmissible> {
        if matches!(plan.script, Script::Agent { .. }) {
            let why = "Twilio has no agent of its own: say, converse, connect, or stream to yours";
            return Err(Inadmissible(why.to_owned()));
        }
        Ok(Conduct::Asked)
    }

    async fn perform(&self, call: &Call, _id: &EffectId, effect: &Effect) -> Answer {
        match tokio::time::timeout(self.timeout, self.act(call, effect)).await {
            Ok(answer) => answer,
            Err(_) => TwilioError::TimedOut(self.timeout).answer(),
        }
    }
}

/// The next page of a list. Its address is relative, so it cannot lead to another host.
pub(crate) fn next_page(uri: Option<String>) -> Option<Request> {
    let path = uri.filter(|uri| uri.starts_with('/'))?;
    Some(Request { method: Method::Get, path, pairs: Vec::new() })
}

/// By the call's own time: the adapter reads no clock.
fn is_young(call: &Call) -> bool {
    call.state().now.since(call.birth().at) < LAG
}

fn not_a_sid(text: &str) -> TwilioError {
    TwilioError::NotASid(text.to_owned())
}
