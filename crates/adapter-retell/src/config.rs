//! What the adapter must know: whose account, how to know its messages, where Retell is and where we are.

use std::time::Duration;

use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use url::Url;

use crate::sign::Key;

/// The configuration of one Retell workspace. `Debug` shows no secret.
///
/// ```
/// use adapter_retell::RetellConfig;
///
/// let config = RetellConfig::new("key_0123", "https://calls.example.com");
/// assert!(config.check().is_ok());
/// assert!(!format!("{config:?}").contains("key_0123"));
/// ```
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RetellConfig {
    /// Authenticates requests.
    pub api_key: SecretString,
    /// The keys that webhooks may be signed with: of a workspace's API keys, Retell signs with the one that has the
    /// webhook badge. A message signed with any of them is believed, so a key can be changed without a gap. Default:
    /// `api_key` alone.
    #[serde(default)]
    pub webhook_keys: Vec<SecretString>,
    /// The agent that talks, unless a plan names another. Without one, the agent that Retell has bound to the number.
    #[serde(default)]
    pub agent_id: Option<String>,
    /// Where Retell's API is: `https://api.retellai.com` by default, a simulator in tests.
    #[serde(default = "default_base_url")]
    pub base_url: String,
    /// Where Retell reaches us: webhook URLs are made from it. `https` except against a simulator.
    pub public_url: String,
    /// How far a webhook's time may be from ours, in either direction. Default 5 min, as in Retell's own libraries.
    #[serde(
        default = "default_replay_window",
        with = "jiff::fmt::serde::unsigned_duration::friendly::compact::required"
    )]
    pub replay_window: Duration,
    /// How long connecting to the API may take. Default 3 s.
    #[serde(
        default = "default_connect_timeout",
        with = "jiff::fmt::serde::unsigned_duration::friendly::compact::required"
    )]
    pub connect_timeout: Duration,
    /// How long one [`perform`](call_core::port::Provider::perform) may take in all, with every request that it needs.
    /// Default 10 s.
    #[serde(default = "default_timeout", with = "jiff::fmt::serde::unsigned_duration::friendly::compact::required")]
    pub timeout: Duration,
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

impl RetellConfig {
    /// The smallest configuration: everything else has a default.
    #[must_use]
    pub fn new(api_key: &str, public_url: impl Into<String>) -> Self {
        Self {
            api_key: SecretString::from(api_key),
            webhook_keys: Vec::new(),
            agent_id: None,
            base_url: default_base_url(),
            public_url: public_url.into(),
            replay_window: default_replay_window(),
            connect_timeout: default_connect_timeout(),
            timeout: default_timeout(),
        }
    }

    /// Whether the adapter can work with it.
    ///
    /// # Errors
    /// Names the first key that cannot work, and why.
    pub fn check(&self) -> Result<(), ConfigError> {
        if !is_secret(&self.api_key) {
            return Err(wrong("api_key", NOT_A_KEY));
        }
        if !self.webhook_keys.iter().all(is_secret) {
            return Err(wrong("webhook_keys", NOT_A_KEY));
        }
        if self.agent_id.as_deref().is_some_and(|id| id.trim().is_empty()) {
            return Err(wrong("agent_id", "is empty: leave it out, and the number's own agent talks"));
        }
        let base = check_url("base_url", &self.base_url)?;
        if base.scheme() == "http" && base.host_str().is_some_and(|host| host.ends_with("retellai.com")) {
            return Err(wrong("base_url", "must be https, or the account's key travels in the clear"));
        }
        check_url("public_url", &self.public_url)?;
        for (key, value) in [
            ("replay_window", self.replay_window),
            ("connect_timeout", self.connect_timeout),
            ("timeout", self.timeout),
        ] {
            if value.is_zero() {
                return Err(wrong(key, "must be more than zero"));
            }
        }
        Ok(())
    }

    /// The keys that webhooks may be signed with.
    pub(crate) fn keys(&self) -> Vec<Key> {
        let given = self.webhook_keys.as_slice();
        let keys = if given.is_empty() { std::slice::from_ref(&self.api_key) } else { given };
        keys.iter().map(|key| Key::new(key.expose_secret())).collect()
    }

    /// Whether the API is a simulator: the real one is never plain HTTP.
    pub(crate) fn is_simulated(&self) -> bool {
        self.base_url.starts_with("http:")
    }
}

const NOT_A_KEY: &str = "must not be empty and cannot contain spaces or control characters";

fn is_secret(key: &SecretString) -> bool {
    let key = key.expose_secret();
    !key.is_empty() && key.bytes().all(|byte| byte.is_ascii_graphic())
}

fn check_url(key: &'static str, text: &str) -> Result<Url, ConfigError> {
    let url = Url::parse(text).map_err(|e| wrong(key, &format!("is not a URL: {e}")))?;
    if !matches!(url.scheme(), "http" | "https") {
        return Err(wrong(key, "must begin with https:// (or http://)"));
    }
    if url.host_str().is_none_or(str::is_empty) {
        return Err(wrong(key, "needs a host name"));
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
    "https://api.retellai.com".to_owned()
}

const fn default_replay_window() -> Duration {
    Duration::from_secs(300)
}

const fn default_connect_timeout() -> Duration {
    Duration::from_secs(3)
}

const fn default_timeout() -> Duration {
    Duration::from_secs(10)
}
