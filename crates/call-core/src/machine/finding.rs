//! What becomes known of a call beside its movement.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::time::friendly;

/// Person or machine (answering machine detection).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum AnsweredBy {
    /// A person.
    Human,
    /// An answering machine.
    Machine,
    /// A fax.
    Fax,
    /// It could not be told.
    Unknown,
}

/// A recording, or news of one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Recording {
    /// The provider's id of it.
    pub id: String,
    /// Where it can be fetched.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// The provider's word for its state, such as `in-progress`, `completed` or `absent`.
    pub status: String,
    /// How long it is.
    #[serde(default, skip_serializing_if = "Option::is_none", with = "friendly::optional")]
    pub duration: Option<Duration>,
}

/// What the call cost.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cost {
    /// The amount as a decimal number in text, so that no cent is lost.
    pub amount: String,
    /// ISO 4217 code, such as `USD`.
    pub currency: String,
}

/// A verdict on the conversation.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Analysis {
    /// Whether it reached its goal (Retell's `call_successful`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub successful: Option<bool>,
    /// What was said, in short.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub summary: Option<String>,
    /// How the caller felt.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sentiment: Option<String>,
    /// Whether a voicemail took the call.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub voicemail: Option<bool>,
    /// What else the provider was told to find out, as JSON text by name (Retell's `custom_analysis_data`).
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub custom: BTreeMap<String, String>,
}

/// How long the caller waited for the agent's responses, as the provider measured it from end to end.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Latency {
    /// Half of them took no longer.
    #[serde(skip_serializing_if = "Option::is_none", with = "friendly::optional")]
    pub p50: Option<Duration>,
    /// Nine of ten took no longer.
    #[serde(skip_serializing_if = "Option::is_none", with = "friendly::optional")]
    pub p90: Option<Duration>,
    /// All but one in a hundred took no longer.
    #[serde(skip_serializing_if = "Option::is_none", with = "friendly::optional")]
    pub p99: Option<Duration>,
}

/// The trace of one function that the agent invoked (post-mortem 4.2).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ToolCall {
    /// The agent's id of the invocation.
    pub id: String,
    /// The function's name.
    pub name: String,
    /// Its arguments, as JSON text.
    pub arguments: String,
    /// Its result as JSON text, or why it failed.
    pub result: Result<String, String>,
    /// How long it took.
    #[serde(with = "friendly::required")]
    pub took: Duration,
    /// Which look of the lookup found the call that it is about; 1 if it was known at once (post-mortem 4.1).
    #[serde(default = "first")]
    pub looks: u32,
}

const fn first() -> u32 {
    1
}
