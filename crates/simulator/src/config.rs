//! How a network is set up.

use std::{fmt, time::Duration};

use serde::{Deserialize, Serialize};

use crate::{fault::Faults, provider::Provider, retell::RetellConfig, telnyx::TelnyxConfig};

/// A value that never shows in logs or `Debug`.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Hides `value`.
    #[must_use]
    pub fn new(value: impl Into<String>) -> Self {
        Self(value.into())
    }

    /// The value itself.
    #[must_use]
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(..)")
    }
}

impl<T: Into<String>> From<T> for Secret {
    fn from(value: T) -> Self {
        Self::new(value)
    }
}

/// One network. Start from [`Config::default`] and set what matters.
#[derive(Debug, Clone)]
pub struct Config {
    /// Port on 127.0.0.1; 0 takes a free one.
    pub port: u16,
    /// A second port for the control API alone, which stays reachable when an outage refuses connections. 0 takes a free one.
    pub control_port: Option<u16>,
    /// Decides every person and every fault drawn by chance.
    pub seed: u64,
    /// Phone seconds per second of the wall clock.
    pub speed: f64,
    /// Faults by chance.
    pub faults: Faults,
    /// Twilio account.
    pub account_sid: String,
    /// Its primary auth token: password of the REST API and key of every signature.
    pub auth_token: Secret,
    /// An API key (SID and secret) that the REST API accepts beside the account's own.
    pub api_key: Option<(String, Secret)>,
    /// The Telnyx account.
    pub telnyx: TelnyxConfig,
    /// The Retell account.
    pub retell: RetellConfig,
    /// Numbers that Twilio calls may come from. Empty: any number.
    pub verified: Vec<String>,
    /// Our numbers, which people can call.
    pub numbers: Vec<Number>,
    /// REST-made calls that may leave the queue per *phone* second. `None`: all at once.
    pub calls_per_second: Option<f64>,
    /// How far reads of calls lag behind the truth, in phone seconds.
    pub read_lag: f64,
    /// Wall-clock time that a REST request struck by a time-out fault is held before its connection is cut.
    pub hold: Duration,
    /// Wall-clock time to wait for the TCP connection of a callback.
    pub connect_timeout: Duration,
    /// Wall-clock time to wait for the answer to a callback (`rt` overrides it per URL, downwards or up to 15 s).
    pub answer_timeout: Duration,
    /// Wall-clock pause before the first repetition of a callback; it doubles each time.
    pub retry_pause: Duration,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            port: 0,
            control_port: None,
            seed: 1,
            speed: 100.0,
            faults: Faults::none(),
            account_sid: "AC5100a7ed5100a7ed5100a7ed5100a7ed".into(),
            auth_token: Secret::new("simulated-auth-token"),
            api_key: None,
            telnyx: TelnyxConfig::default(),
            retell: RetellConfig::default(),
            verified: Vec::new(),
            numbers: Vec::new(),
            calls_per_second: None,
            read_lag: 0.0,
            hold: Duration::from_secs(30),
            connect_timeout: Duration::from_secs(5),
            answer_timeout: Duration::from_secs(15),
            retry_pause: Duration::from_millis(250),
        }
    }
}

/// One of our numbers: what happens when a person calls it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Number {
    /// E.164.
    pub number: String,
    /// Who owns it: an inbound call is this provider's.
    #[serde(default)]
    pub provider: Provider,
    /// What answers there: a Telnyx application or a Retell agent, by id. `None`: the configured one.
    #[serde(default)]
    pub connection: Option<String>,
    /// Where instructions come from (Twilio), or who is asked about every caller (Retell's inbound webhook).
    #[serde(default)]
    pub voice_url: String,
    /// `POST` (default) or `GET`.
    #[serde(default)]
    pub voice_method: Option<String>,
    /// Where instructions come from when the voice URL fails.
    #[serde(default)]
    pub voice_fallback_url: Option<String>,
    /// Told when a call to the number has ended.
    #[serde(default)]
    pub status_callback: Option<String>,
    /// `POST` (default) or `GET`.
    #[serde(default)]
    pub status_callback_method: Option<String>,
}

impl Number {
    /// A Twilio number with a voice URL and nothing else.
    #[must_use]
    pub fn new(number: impl Into<String>, voice_url: impl Into<String>) -> Self {
        Self {
            number: number.into(),
            provider: Provider::Twilio,
            connection: None,
            voice_url: voice_url.into(),
            voice_method: None,
            voice_fallback_url: None,
            status_callback: None,
            status_callback_method: None,
        }
    }

    /// A number of another provider, answered by the application or agent of that account.
    #[must_use]
    pub fn at(provider: Provider, number: impl Into<String>) -> Self {
        Self { provider, ..Self::new(number, "") }
    }

    /// The same number, answered by this application (Telnyx) or agent (Retell).
    #[must_use]
    pub fn connection(mut self, id: impl Into<String>) -> Self {
        self.connection = Some(id.into());
        self
    }

    /// The same number, which asks `url` about every caller while it rings (Retell).
    #[must_use]
    pub fn inbound_webhook(mut self, url: impl Into<String>) -> Self {
        self.voice_url = url.into();
        self
    }

    /// The same number, which tells `url` when a call has ended.
    #[must_use]
    pub fn status_callback(mut self, url: impl Into<String>) -> Self {
        self.status_callback = Some(url.into());
        self
    }
}
