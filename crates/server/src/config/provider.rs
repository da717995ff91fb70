//! `[twilio]`, `[telnyx]`, `[retell]`: whose accounts, and how they are used.

use std::path::PathBuf;
use std::time::Duration;

use adapter_telnyx::MachineDetection;
use jiff::fmt::serde::unsigned_duration::friendly::compact::required as friendly;
use serde::Deserialize;
use url::Url;

use super::{Config, Secrets, path_if_any, url};

/// `[twilio]`
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(missing_docs, reason = "config.default.toml explains every key")]
pub struct Twilio {
    pub account_sid: String,
    #[serde(deserialize_with = "path_if_any")]
    pub auth_token_file: Option<PathBuf>,
    /// From the environment or the file, never from the configuration itself; the first one makes requests.
    #[serde(skip)]
    pub auth_tokens: Secrets,
    pub api_key_sid: String,
    #[serde(deserialize_with = "path_if_any")]
    pub api_key_secret_file: Option<PathBuf>,
    /// From the environment or the file, never from the configuration itself; one at most.
    #[serde(skip)]
    pub api_key_secret: Secrets,
    pub from: String,
    #[serde(deserialize_with = "url")]
    pub base_url: Url,
    #[serde(with = "friendly")]
    pub connect_timeout: Duration,
    #[serde(with = "friendly")]
    pub timeout: Duration,
}

impl Twilio {
    /// Whether the operator wants Twilio at all.
    #[must_use]
    pub const fn is_wanted(&self) -> bool {
        !self.account_sid.is_empty()
    }
}

/// `[telnyx]`
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(missing_docs, reason = "config.default.toml explains every key")]
pub struct Telnyx {
    pub connection_id: String,
    #[serde(deserialize_with = "path_if_any")]
    pub api_key_file: Option<PathBuf>,
    /// From the environment or the file, never from the configuration itself; one at most.
    #[serde(skip)]
    pub api_key: Secrets,
    pub public_keys: Vec<String>,
    pub from: String,
    pub voice: String,
    pub machine_detection: MachineDetection,
    #[serde(deserialize_with = "url")]
    pub base_url: Url,
    #[serde(with = "friendly")]
    pub replay_window: Duration,
    #[serde(with = "friendly")]
    pub connect_timeout: Duration,
    #[serde(with = "friendly")]
    pub timeout: Duration,
}

impl Telnyx {
    /// Whether the operator wants Telnyx at all.
    #[must_use]
    pub const fn is_wanted(&self) -> bool {
        !self.connection_id.is_empty()
    }
}

/// `[retell]`
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(missing_docs, reason = "config.default.toml explains every key")]
pub struct Retell {
    #[serde(deserialize_with = "path_if_any")]
    pub api_key_file: Option<PathBuf>,
    /// From the environment or the file, never from the configuration itself; the first one makes requests, webhooks
    /// signed with any of them are believed.
    #[serde(skip)]
    pub api_keys: Secrets,
    pub agent_id: String,
    pub from: String,
    #[serde(deserialize_with = "url")]
    pub base_url: Url,
    pub max_body: usize,
    #[serde(with = "friendly")]
    pub replay_window: Duration,
    #[serde(with = "friendly")]
    pub connect_timeout: Duration,
    #[serde(with = "friendly")]
    pub timeout: Duration,
}

impl Retell {
    /// Whether the operator wants Retell at all: an account has no other name than its key.
    #[must_use]
    pub const fn is_wanted(&self) -> bool {
        !self.api_keys.is_empty() || !self.agent_id.is_empty() || !self.from.is_empty()
    }
}

impl Config {
    /// The number that a provider's calls come from when a request names none, and its key. Providers that the
    /// configuration does not know have none.
    pub(crate) fn default_from(&self, provider: &str) -> Option<(&str, &'static str)> {
        match provider {
            "twilio" => Some((&self.twilio.from, "twilio.from")),
            "telnyx" => Some((&self.telnyx.from, "telnyx.from")),
            "retell" => Some((&self.retell.from, "retell.from")),
            _ => None,
        }
    }

    /// The largest webhook of a provider.
    pub(crate) fn max_body_of(&self, provider: &str) -> usize {
        if provider == "retell" { self.retell.max_body } else { self.server.max_body }
    }

    /// The longest that one request to a provider may take.
    pub(crate) fn slowest_answer(&self) -> Duration {
        self.twilio.timeout.max(self.telnyx.timeout).max(self.retell.timeout)
    }
}
