//! How an account at Retell is set up: its key, its agents, their functions.

use std::{collections::BTreeMap, time::Duration};

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::config::Secret;

/// The Retell account. Its numbers are among [`Config::numbers`](crate::Config::numbers): `connection` names the agent that
/// takes and makes their calls (`None`: the first one).
#[derive(Debug, Clone)]
pub struct RetellConfig {
    /// The API key: bearer token of the REST API, and key of every signature.
    pub api_key: Secret,
    /// Where call events go that belong to an agent without an address of its own.
    pub webhook_url: Option<String>,
    /// Its agents; the first one serves whoever names none.
    pub agents: Vec<Agent>,
    /// Phone seconds from a call's end to `call_analyzed`.
    pub analysis_after: f64,
    /// Share of webhooks (0 to 1) whose `call_status` is still `registered`, as in the documentation's own sample.
    pub stale_status: f64,
    /// Whether the inbound webhook carries `call_id`: the newest SDK says so, the documentation denies it.
    pub inbound_call_id: bool,
    /// Calls that may be open at once; the next is answered 429.
    pub concurrency: usize,
}

impl Default for RetellConfig {
    fn default() -> Self {
        Self {
            api_key: Secret::new("key_simulated"),
            webhook_url: None,
            agents: vec![Agent::new("agent_5100a7ed5100a7ed5100a7ed51")],
            analysis_after: 3.0,
            stale_status: 0.25,
            inbound_call_id: true,
            concurrency: usize::MAX,
        }
    }
}

/// An agent: what it says, which functions it calls, and where its events go.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Agent {
    /// `agent_…`
    pub agent_id: String,
    /// For people.
    #[serde(default = "name")]
    pub agent_name: String,
    /// Counts its published versions.
    #[serde(default)]
    pub version: u32,
    /// Where its events go; with one, the account's address hears nothing of it.
    #[serde(default)]
    pub webhook_url: Option<String>,
    /// The events it tells.
    #[serde(default = "events")]
    pub webhook_events: Vec<String>,
    /// How long an answer to an event may take, by the wall clock.
    #[serde(default = "webhook_timeout")]
    pub webhook_timeout: Duration,
    /// Phone seconds that it lets a phone ring.
    #[serde(default = "ring")]
    pub ring: f64,
    /// Phone seconds that a call may last.
    #[serde(default = "longest")]
    pub longest: f64,
    /// What is said: the agent begins, then agent and person take turns. A person with a speech of their own says
    /// that in the place of every line of theirs.
    #[serde(default = "lines")]
    pub lines: Vec<String>,
    /// What it calls meanwhile.
    #[serde(default)]
    pub functions: Vec<Function>,
    /// Whether it stays on the line after the last line; otherwise it hangs up.
    #[serde(default)]
    pub stays: bool,
    /// Whether it hangs up on an answering machine (`voicemail_reached`).
    #[serde(default = "yes")]
    pub shuns_voicemail: bool,
}

impl Agent {
    /// An agent that asks how it can help, says goodbye and hangs up.
    #[must_use]
    pub fn new(agent_id: impl Into<String>) -> Self {
        Self {
            agent_id: agent_id.into(),
            agent_name: name(),
            version: 0,
            webhook_url: None,
            webhook_events: events(),
            webhook_timeout: webhook_timeout(),
            ring: ring(),
            longest: longest(),
            lines: lines(),
            functions: Vec::new(),
            stays: false,
            shuns_voicemail: true,
        }
    }

    /// The same agent, which tells `url` of its calls.
    #[must_use]
    pub fn webhook(mut self, url: impl Into<String>) -> Self {
        self.webhook_url = Some(url.into());
        self
    }

    /// The same agent with one more function.
    #[must_use]
    pub fn function(mut self, function: Function) -> Self {
        self.functions.push(function);
        self
    }

    /// The same agent, which says other things.
    #[must_use]
    pub fn saying(mut self, lines: impl IntoIterator<Item = impl Into<String>>) -> Self {
        self.lines = lines.into_iter().map(Into::into).collect();
        self
    }

    /// The same agent with the settings of an `agent_override`, for one call. `None`: one of them is out of its range.
    /// Settings without a meaning on this network are accepted.
    pub(crate) fn overridden(mut self, settings: &Value) -> Option<Self> {
        let seconds = |name: &str, from: u64, to: u64| match settings.get(name) {
            Some(value) => {
                let millis = value.as_u64().filter(|millis| (from..=to).contains(millis))?;
                Some(Some(Duration::from_millis(millis)))
            }
            None => Some(None),
        };
        if let Some(ring) = seconds("ring_duration_ms", 5_000, 300_000)? {
            self.ring = ring.as_secs_f64();
        }
        if let Some(longest) = seconds("max_call_duration_ms", 60_000, 7_200_000)? {
            self.longest = longest.as_secs_f64();
        }
        if let Some(timeout) = seconds("webhook_timeout_ms", 1, 60_000)? {
            self.webhook_timeout = timeout;
        }
        if let Some(url) = settings.get("webhook_url") {
            self.webhook_url = url.as_str().map(str::to_owned);
        }
        Some(self)
    }

    /// The same agent, which never hangs up by itself.
    #[must_use]
    pub fn staying(mut self) -> Self {
        self.stays = true;
        self
    }
}

/// A custom function: an HTTP request in the middle of a call.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Function {
    /// Its name.
    pub name: String,
    /// Where it is sent; `{{call_id}}` and dynamic variables are filled in.
    pub url: String,
    /// What the model passes.
    #[serde(default)]
    pub arguments: Map<String, Value>,
    /// How many lines are said before it is called; 0: as soon as the call is connected.
    #[serde(default)]
    pub after: usize,
    /// "Payload: args only": the body is the arguments alone and names no call.
    #[serde(default)]
    pub args_at_root: bool,
    /// How long one attempt may take, by the wall clock.
    #[serde(default = "function_timeout")]
    pub timeout: Duration,
    /// Attempts after the first (0 to 5).
    #[serde(default)]
    pub max_retry: u32,
    /// Headers beside the standard ones.
    #[serde(default)]
    pub headers: BTreeMap<String, String>,
}

impl Function {
    /// A function that is called as soon as the call is connected, with no arguments and no repetition.
    #[must_use]
    pub fn new(name: impl Into<String>, url: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            url: url.into(),
            arguments: Map::new(),
            after: 0,
            args_at_root: false,
            timeout: function_timeout(),
            max_retry: 0,
            headers: BTreeMap::new(),
        }
    }

    /// The same with one more argument.
    #[must_use]
    pub fn argument(mut self, name: impl Into<String>, value: impl Into<Value>) -> Self {
        self.arguments.insert(name.into(), value.into());
        self
    }

    /// The same, called when this many lines have been said.
    #[must_use]
    pub fn after(mut self, lines: usize) -> Self {
        self.after = lines;
        self
    }

    /// The same, tried this many times more when it fails.
    #[must_use]
    pub fn retrying(mut self, times: u32) -> Self {
        self.max_retry = times.min(MOST_RETRIES);
        self
    }

    /// The same with this time-out, by the wall clock.
    #[must_use]
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// The same with "Payload: args only".
    #[must_use]
    pub fn args_only(mut self) -> Self {
        self.args_at_root = true;
        self
    }
}

/// Retell's limit of `max_retry`.
const MOST_RETRIES: u32 = 5;

fn name() -> String {
    "Simulated agent".into()
}

fn events() -> Vec<String> {
    ["call_started", "call_ended", "call_analyzed"].map(String::from).to_vec()
}

fn webhook_timeout() -> Duration {
    Duration::from_secs(10)
}

fn function_timeout() -> Duration {
    Duration::from_secs(120)
}

fn ring() -> f64 {
    30.0
}

fn longest() -> f64 {
    3600.0
}

fn yes() -> bool {
    true
}

fn lines() -> Vec<String> {
    [
        "Hello, how can I help you?",
        "I would like to know when you are open.",
        "We are open from nine to five. Anything else?",
        "No, thank you.",
        "Thank you for calling. Goodbye.",
    ]
    .map(String::from)
    .to_vec()
}
