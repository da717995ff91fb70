//! Everything that can be set. What each key does is said once, in `config.default.toml`.

mod check;
mod load;
mod other;
mod place;
mod provider;
mod secret;
mod span;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use call_core::{Lookup, Policy, Script};
use jiff::fmt::serde::unsigned_duration::friendly::compact::required as friendly;
use serde::{Deserialize, Deserializer};
use url::Url;

pub use check::is_dialable;
pub use load::{Problem, Problems, Source};
pub(crate) use other::other_policy;
pub(crate) use place::FORMS;
pub use place::{StoreKind, StoreUrl};
pub use provider::{Retell, Telnyx, Twilio};
pub use secret::Secrets;
pub(crate) use span::{Since, span};

/// The embedded defaults: the documentation of every key.
pub const DEFAULTS: &str = include_str!("../../../../config.default.toml");

/// The configuration, read and layered. [`Config::check`] says whether a server can run on it.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// The HTTP server.
    pub server: Server,
    /// Where calls are kept.
    pub store: Store,
    /// The JSON API.
    pub api: Api,
    /// Twilio.
    pub twilio: Twilio,
    /// Telnyx.
    pub telnyx: Telnyx,
    /// Retell.
    pub retell: Retell,
    /// What the agents of providers may invoke.
    pub functions: Functions,
    /// What new calls live by.
    pub policy: Policy,
    /// How questions wait for their call.
    pub lookup: Lookup,
    /// Signals without a call.
    pub mailbox: Mailbox,
    /// The deadline sweep.
    pub sweep: Sweep,
    /// The outbox worker.
    pub outbox: Outbox,
    /// How long calls are kept.
    pub retention: Retention,
    /// People who ring us.
    #[serde(default)]
    pub inbound: Inbound,
    /// When to worry.
    pub health: Health,
    /// What is logged, and how.
    pub log: Log,
}

/// `[server]`
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(missing_docs, reason = "config.default.toml explains every key")]
pub struct Server {
    pub listen: SocketAddr,
    #[serde(deserialize_with = "url_if_any")]
    pub public_url: Option<Url>,
    pub provider: String,
    #[serde(with = "friendly")]
    pub request_timeout: Duration,
    pub max_requests: usize,
    pub max_body: usize,
    pub max_listeners: usize,
    #[serde(with = "friendly")]
    pub linger: Duration,
    #[serde(with = "friendly")]
    pub drain: Duration,
}

/// `[store]`
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(missing_docs, reason = "config.default.toml explains every key")]
pub struct Store {
    /// From the environment, the file named by `url_file`, or the configuration itself; with a password, not from there.
    pub url: StoreUrl,
    #[serde(deserialize_with = "path_if_any")]
    pub url_file: Option<PathBuf>,
    pub connections: u32,
    #[serde(with = "friendly")]
    pub timeout: Duration,
}

/// `[api]`
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(missing_docs, reason = "config.default.toml explains every key")]
pub struct Api {
    #[serde(deserialize_with = "path_if_any")]
    pub tokens_file: Option<PathBuf>,
    /// From the environment or the file, never from the configuration itself.
    #[serde(skip)]
    pub tokens: Secrets,
}

/// `[functions]`
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(missing_docs, reason = "config.default.toml explains every key")]
pub struct Functions {
    #[serde(deserialize_with = "url_if_any")]
    pub url: Option<Url>,
    #[serde(deserialize_with = "path_if_any")]
    pub token_file: Option<PathBuf>,
    /// From the environment or the file, never from the configuration itself; one at most.
    #[serde(skip)]
    pub token: Secrets,
    #[serde(with = "friendly")]
    pub timeout: Duration,
    pub retries: u32,
}

/// `[mailbox]`
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(missing_docs, reason = "config.default.toml explains every key")]
pub struct Mailbox {
    #[serde(with = "friendly")]
    pub keep: Duration,
}

/// `[sweep]`
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(missing_docs, reason = "config.default.toml explains every key")]
pub struct Sweep {
    #[serde(with = "friendly")]
    pub every: Duration,
    pub batch: usize,
}

/// `[outbox]`
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(missing_docs, reason = "config.default.toml explains every key")]
pub struct Outbox {
    pub workers: usize,
    #[serde(with = "friendly")]
    pub lease: Duration,
    #[serde(with = "friendly")]
    pub poll: Duration,
}

/// `[retention]`
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(missing_docs, reason = "config.default.toml explains every key")]
pub struct Retention {
    #[serde(deserialize_with = "span_if_any")]
    pub keep: Option<Duration>,
}

/// `[inbound]`
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[expect(missing_docs, reason = "config.default.toml explains every key")]
pub struct Inbound {
    pub script: Script,
    pub numbers: BTreeMap<String, Script>,
}

/// `[health]`
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(missing_docs, reason = "config.default.toml explains every key")]
pub struct Health {
    pub stuck_count: usize,
    #[serde(with = "friendly")]
    pub stuck_after: Duration,
}

/// `[log]`
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(missing_docs, reason = "config.default.toml explains every key")]
pub struct Log {
    pub format: LogFormat,
    pub level: String,
}

/// How log lines look.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum LogFormat {
    /// For people.
    Text,
    /// For machines: one JSON object a line.
    Json,
}

impl Default for Config {
    fn default() -> Self {
        Source::default().read().expect("the embedded defaults are complete, which a test shows")
    }
}

fn url_if_any<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Url>, D::Error> {
    let text = String::deserialize(deserializer)?;
    if text.is_empty() { Ok(None) } else { Url::parse(&text).map(Some).map_err(serde::de::Error::custom) }
}

fn url<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Url, D::Error> {
    Url::parse(&String::deserialize(deserializer)?).map_err(serde::de::Error::custom)
}

fn span_if_any<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Duration>, D::Error> {
    let text = String::deserialize(deserializer)?;
    if text.is_empty() { Ok(None) } else { span(&text).map(Some).map_err(serde::de::Error::custom) }
}

fn path_if_any<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<PathBuf>, D::Error> {
    let text = String::deserialize(deserializer)?;
    Ok(if text.is_empty() { None } else { Some(text.into()) })
}
