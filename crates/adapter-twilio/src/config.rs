//! What the adapter must know: whose account, how to prove it, where Twilio is and where we are.

use std::time::Duration;

use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use url::Url;

use crate::sid;

/// The configuration of one Twilio account. `Debug` shows no secret.
///
/// ```
/// use adapter_twilio::TwilioConfig;
///
/// let config = TwilioConfig::new("AC0123456789abcdef0123456789abcdef", "token", "https://calls.example.com");
/// assert!(config.check().is_ok());
/// assert!(!format!("{config:?}").contains("token\""));
/// ```
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TwilioConfig {
    /// The account, `AC` and 32 hexadecimal digits.
    pub account_sid: String,
    /// The account's auth tokens. A webhook signed with any of them is believed, so a token can be rotated without a
    /// gap; the first one also authenticates requests if there is no API key.
    pub auth_tokens: Vec<SecretString>,
    /// Authenticates requests instead of the first auth token. Never signs webhooks.
    #[serde(default)]
    pub api_key: Option<ApiKey>,
    /// Where Twilio's API is: `https://api.twilio.com` by default, `https://api.{edge}.{region}.twilio.com` for another
    /// region, a simulator in tests.
    #[serde(default = "default_base_url")]
    pub base_url: String,
    /// Where Twilio reaches us. Signatures are checked against it and callback URLs are made from it, so it must be
    /// what Twilio sees in front of every proxy. `https` except against a simulator.
    pub public_url: String,
    /// How long connecting to the API may take. Default 3 s.
    #[serde(
        default = "default_connect_timeout",
        with = "jiff::fmt::serde::unsigned_duration::friendly::compact::required"
    )]
    pub connect_timeout: Duration,
    /// How long one [`perform`](call_core::port::Provider::perform) may take in all, with every request that it needs.
    /// The outbox's lease must be longer. Default 10 s.
    #[serde(default = "default_timeout", with = "jiff::fmt::serde::unsigned_duration::friendly::compact::required")]
    pub timeout: Duration,
}

/// An API key of the account: authenticates requests, and can be revoked alone.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ApiKey {
    /// The key's SID, `SK` and 32 hexadecimal digits.
    pub sid: String,
    /// Its secret.
    pub secret: SecretString,
}

/// A configuration that cannot work.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{key}: {problem}")]
pub struct ConfigError {
    /// The key to change.
    pub key: &'static str,
    /// What is wrong with its value.
    pub problem: String,
}

/// The smallest configuration: everything else has a default.
impl TwilioConfig {
    /// The account, its auth token and our public URL.
    #[must_use]
    pub fn new(account_sid: impl Into<String>, auth_token: &str, public_url: impl Into<String>) -> Self {
        Self {
            account_sid: account_sid.into(),
            auth_tokens: vec![SecretString::from(auth_token)],
            api_key: None,
            base_url: default_base_url(),
            public_url: public_url.into(),
            connect_timeout: default_connect_timeout(),
            timeout: default_timeout(),
        }
    }

    /// Whether the adapter can work with it.
    ///
    /// # Errors
    /// Names the first key that cannot work, and why.
    pub fn check(&self) -> Result<(), ConfigError> {
        if !sid::is(sid::ACCOUNT, &self.account_sid) {
            return Err(wrong("account_sid", "must be AC and 32 hexadecimal digits"));
        }
        if self.auth_tokens.is_empty() {
            return Err(wrong("auth_tokens", "at least one is needed to check webhook signatures"));
        }
        if self.auth_tokens.iter().any(|token| token.expose_secret().trim().is_empty()) {
            return Err(wrong("auth_tokens", "a token is empty"));
        }
        if let Some(key) = &self.api_key {
            if !sid::is(sid::API_KEY, &key.sid) {
                return Err(wrong("api_key.sid", "must be SK and 32 hexadecimal digits"));
            }
            if key.secret.expose_secret().trim().is_empty() {
                return Err(wrong("api_key.secret", "is empty"));
            }
        }
        let base = check_url("base_url", &self.base_url)?;
        if base.scheme() == "http" && base.host_str().is_some_and(|host| host.ends_with("twilio.com")) {
            return Err(wrong("base_url", "must be https, or the account's secret travels in the clear"));
        }
        check_url("public_url", &self.public_url)?;
        for (key, value) in [("connect_timeout", self.connect_timeout), ("timeout", self.timeout)] {
            if value.is_zero() {
                return Err(wrong(key, "must be more than zero"));
            }
        }
        Ok(())
    }

    /// Whether the API is a simulator: the real one is never plain HTTP.
    pub(crate) fn is_simulated(&self) -> bool {
        self.base_url.starts_with("http:")
    }
}

fn check_url(key: &'static str, text: &str) -> Result<Url, ConfigError> {
    let url = Url::parse(text).map_err(|e| wrong(key, &format!("is not a URL: {e}")))?;
    if !matches!(url.scheme(), "http" | "https") {
        return Err(wrong(key, "must begin with https:// (or http://)"));
    }
    // Twilio refuses callback hosts with an underscore.
    if url.host_str().is_none_or(|host| host.is_empty() || host.contains('_')) {
        return Err(wrong(key, "needs a host name without an underscore"));
    }
    if url.query().is_some() || url.fragment().is_some() {
        return Err(wrong(key, "must have neither a query nor a fragment"));
    }
    Ok(url)
}

fn wrong(key: &'static str, problem: &str) -> ConfigError {
    ConfigError { key, problem: problem.to_owned() }
}

fn default_base_url() -> String {
    "https://api.twilio.com".to_owned()
}

const fn default_connect_timeout() -> Duration {
    Duration::from_secs(3)
}

const fn default_timeout() -> Duration {
    Duration::from_secs(10)
}
