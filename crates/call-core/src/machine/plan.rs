//! What was wished for: everything about a call that is settled at its birth and never changes.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::time::friendly;
use super::{CallId, Leg, Policy, ProviderName, Subject, Timestamp};

/// The plan of a call: whom to ring, from where, and what to do when somebody answers. Saved before the dial, so
/// prompts and context can never miss their call (post-mortem 1.3).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Plan {
    /// Which provider carries the call.
    pub provider: ProviderName,
    /// The caller's number (E.164), SIP address or client name.
    pub from: String,
    /// The callee's number (E.164), SIP address or client name.
    pub to: String,
    /// Whom the call concerns; guards against a second open call.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subject: Option<Subject>,
    /// What happens when the call is answered.
    #[serde(default)]
    pub script: Script,
    /// Who carries the script out. Settled before the call is stored, by `Provider::admit` or by the message that begins
    /// the call.
    #[serde(default, skip_serializing_if = "Conduct::is_asked")]
    pub conduct: Conduct,
    /// How long the phone rings before the provider gives up; the provider's default if absent.
    #[serde(default, skip_serializing_if = "Option::is_none", with = "friendly::optional")]
    pub ring_for: Option<Duration>,
    /// Whether the provider records the call.
    #[serde(default)]
    pub record: bool,
    /// Whether the provider tells people from answering machines, without delaying the call.
    #[serde(default)]
    pub detect_machine: bool,
    /// Prompts, context and references of the embedder. Kept, handed to the agent, never interpreted.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub context: BTreeMap<String, String>,
}

impl Plan {
    /// A plan to ring `to` from `from`, with everything else at its default.
    #[must_use]
    pub fn new(provider: ProviderName, from: impl Into<String>, to: impl Into<String>) -> Self {
        Self {
            provider,
            from: from.into(),
            to: to.into(),
            subject: None,
            script: Script::default(),
            conduct: Conduct::Asked,
            ring_for: None,
            record: false,
            detect_machine: false,
            context: BTreeMap::new(),
        }
    }

    /// The same plan, concerning `subject`.
    #[must_use]
    pub fn about(mut self, subject: impl Into<String>) -> Self {
        self.subject = Some(Subject(subject.into()));
        self
    }

    /// The same plan, with what to do on answer.
    #[must_use]
    pub fn with_script(mut self, script: Script) -> Self {
        self.script = script;
        self
    }
}

/// What happens when the call is answered. Which of them a provider can carry out, and how, its adapter says
/// (`Provider::admit`).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "do", rename_all = "kebab-case", deny_unknown_fields)]
#[non_exhaustive]
pub enum Script {
    /// Say these words, then hang up.
    Say {
        /// The words.
        text: String,
    },
    /// Say these words (if any), then listen to the caller, for as long as the call lives.
    Converse {
        /// The first words; none to listen at once.
        #[serde(default)]
        greeting: String,
    },
    /// Connect the caller to another number, client or SIP address: a dialler's `<Dial>` (post-mortem 3.1). How that
    /// leg ends is how the call ends.
    Connect {
        /// Number (E.164), `client:name` or `sip:address`.
        to: String,
        /// The number to show; the provider's default if absent.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        caller_id: Option<String>,
    },
    /// Open a two-way audio stream to our media socket (an AI agent speaks there).
    Stream,
    /// Let the provider's own agent talk (Retell).
    Agent {
        /// The provider's name for the agent; the number's or the configured one if absent.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        id: Option<String>,
    },
}

/// Who carries the script out once the call is answered: what kind of provider it is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Conduct {
    /// The provider, which asks what to do and is replied (Twilio's TwiML).
    #[default]
    Asked,
    /// We, step by step: every act is a command (Telnyx Call Control).
    Commanded,
    /// The provider's own agent, which calls us back (Retell).
    Agent,
}

impl Conduct {
    const fn is_asked(&self) -> bool {
        matches!(self, Self::Asked)
    }
}

impl Default for Script {
    fn default() -> Self {
        Self::Converse { greeting: String::new() }
    }
}

/// Which way the first leg goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Direction {
    /// We ring somebody.
    Outbound,
    /// Somebody rings us.
    Inbound,
}

/// How a call came to be: with the journal's inputs, all that is needed to live it again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Birth {
    /// Our name for the call.
    pub id: CallId,
    /// When it was born.
    pub at: Timestamp,
    /// Which way it goes.
    pub direction: Direction,
    /// The leg that rang us (inbound only).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub leg: Option<Leg>,
    /// What was wished for.
    pub plan: Plan,
    /// Every duration and limit that this call lives by, copied here so that a later change of configuration does
    /// not change a call's past.
    pub policy: Policy,
}
