//! What the adapter must know: whose account, how to know its messages, where Telnyx is and where we are.

use std::time::Duration;

use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use url::Url;

use crate::sign::PublicKey;

/// The configuration of one Call Control application. `Debug` shows no secret.
///
/// ```
/// use adapter_telnyx::TelnyxConfig;
///
/// let public_key = "A6EHv/POEL4dcN0Y50vAmWfk1jCbpQ1fHdyGZBJVMbg=";
/// let config = TelnyxConfig::new("KEY0123", public_key, "2481632640128256512", "https://calls.example.com");
/// assert!(config.check().is_ok());
/// assert!(!format!("{config:?}").contains("KEY0123"));
/// ```
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TelnyxConfig {
    /// Authenticates requests.
    pub api_key: SecretString,
    /// The account's public keys, 32 bytes in base64 each. A webhook signed with any of them is believed, so a key can
    /// be changed without a gap.
    pub public_keys: Vec<String>,
    /// The Call Control application, a decimal number. Its `webhook_api_version` must be `2`; Telnyx's own default is
    /// `1`. See [`Telnyx::set_webhooks`](crate::Telnyx::set_webhooks).
    pub connection_id: String,
    /// Where Telnyx's API is: `https://api.telnyx.com/v2` by default, a simulator in tests.
    #[serde(default = "default_base_url")]
    pub base_url: String,
    /// Where Telnyx reaches us: webhook URLs are made from it. `https` except against a simulator.
    pub public_url: String,
    /// The voice that speaks, as `<Provider>.<Model>.<VoiceId>`.
    #[serde(default = "default_voice")]
    pub voice: String,
    /// How machines are told from people, in calls whose plan asks for it.
    #[serde(default)]
    pub machine_detection: MachineDetection,
    /// How far a webhook's time may be from ours, in either direction. Default 5 min, as in Telnyx's own libraries.
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

/// How machines are told from people (telnyx.md §6.5).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum MachineDetection {
    /// By the length of what is said first.
    #[default]
    Detect,
    /// By a trained model; costs more.
    Premium,
}

impl MachineDetection {
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Detect => "detect",
            Self::Premium => "premium",
        }
    }
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

impl TelnyxConfig {
    /// The smallest configuration: everything else has a default.
    #[must_use]
    pub fn new(
        api_key: &str,
        public_key: impl Into<String>,
        connection_id: impl Into<String>,
        public_url: impl Into<String>,
    ) -> Self {
        Self {
            api_key: SecretString::from(api_key),
            public_keys: vec![public_key.into()],
            connection_id: connection_id.into(),
            base_url: default_base_url(),
            public_url: public_url.into(),
            voice: default_voice(),
            machine_detection: MachineDetection::default(),
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
        let key = self.api_key.expose_secret();
        if key.trim().is_empty() || !key.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(wrong("api_key", "must not be empty and cannot contain spaces or control characters"));
        }
        self.keys()?;
        if self.connection_id.is_empty() || !self.connection_id.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(wrong("connection_id", "must be the application's number, decimal digits only"));
        }
        let base = check_url("base_url", &self.base_url)?;
        if base.scheme() == "http" && base.host_str().is_some_and(|host| host.ends_with("telnyx.com")) {
            return Err(wrong("base_url", "must be https, or the account's key travels in the clear"));
        }
        check_url("public_url", &self.public_url)?;
        if self.voice.trim().is_empty() {
            return Err(wrong("voice", "is empty"));
        }
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

    /// The public keys, decoded.
    pub(crate) fn keys(&self) -> Result<Vec<PublicKey>, ConfigError> {
        if self.public_keys.is_empty() {
            return Err(wrong("public_keys", "at least one is needed to check webhook signatures"));
        }
        let parse = |text: &String| text.parse().map_err(|e| wrong("public_keys", &format!("{e}")));
        self.public_keys.iter().map(parse).collect()
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
    "https://api.telnyx.com/v2".to_owned()
}

fn default_voice() -> String {
    "Telnyx.KokoroTTS.af".to_owned()
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
