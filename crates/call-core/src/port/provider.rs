//! A telephone provider: two small traits. [`Hook`] is pure (bytes to signals, questions to replies), [`Provider`]
//! performs effects.

use std::time::Duration;

use async_trait::async_trait;

use super::ToolOutcome;
use crate::{Address, Call, Conduct, Effect, EffectId, Plan, ProviderName, Signal, Timestamp};

/// Reads a provider's messages. Pure and synchronous: verify, then parse.
pub trait Hook: Send + Sync + 'static {
    /// The provider's name; also the first part of its webhook paths.
    fn name(&self) -> ProviderName;

    /// Verifies and parses one message.
    ///
    /// # Errors
    /// [`HookError::Unsigned`] before anything of an unverified body is believed.
    fn receive(&self, request: &HookRequest<'_>) -> Result<Received, HookError>;

    /// The provider's form of the answer to a question; `call` is `None` if it could not be found in time, which gets
    /// the polite fallback.
    fn reply(&self, question: &Question, call: Option<&Call>) -> Reply;

    /// The answer to a message that asks nothing: its signals are stored.
    fn acknowledge(&self) -> Reply;

    /// The answer to a [`Question::Tool`]: what the function returned, or why it failed. Only providers with agents of
    /// their own ask; the result goes out as it is, an error as JSON with status 500.
    fn returned(&self, _request: &ToolRequest, outcome: &ToolOutcome) -> Reply {
        match outcome {
            Ok(result) => Reply { status: 200, content_type: "application/json", body: result.clone() },
            Err(why) => {
                let body = serde_json::json!({ "error": why }).to_string();
                Reply { status: 500, content_type: "application/json", body }
            }
        }
    }
}

/// One HTTP request from a provider, as it came.
#[derive(Clone, Copy)]
pub struct HookRequest<'a> {
    /// `GET` or `POST`.
    pub method: &'a str,
    /// The URL that the provider was given: the configured public URL with the raw path and query of the request.
    pub url: &'a str,
    /// The raw path below `/hooks/{provider}`, such as `/0192…/status`; empty or beginning with `/`.
    pub path: &'a str,
    /// Looks up a header by its lower-case name.
    pub header: &'a (dyn Fn(&str) -> Option<&'a str> + Sync),
    /// The raw body.
    pub body: &'a [u8],
    /// When the message came, by the server's clock: a signature that carries its own time is believed only around it.
    pub now: Timestamp,
}

/// What a message says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Received {
    /// Where it belongs.
    pub address: Address,
    /// Its facts, in order; they are handled one by one, and stored before the answer is sent.
    pub signals: Vec<Signal>,
    /// What the provider waits to be told, if it asks anything.
    pub question: Option<Question>,
    /// Who rings whom, if the message may begin a call.
    pub inbound: Option<Inbound>,
}

/// A call that begins elsewhere.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Inbound {
    /// Who rings.
    pub from: String,
    /// The number that was rung.
    pub to: String,
    /// Who will carry the script out.
    pub conduct: Conduct,
}

impl Inbound {
    /// The plan of a call that begins so; whoever owns the number says what happens on answer.
    #[must_use]
    pub fn plan(&self, provider: ProviderName) -> Plan {
        let conduct = if planted!(ConductIsForgotten) { Conduct::Asked } else { self.conduct };
        Plan { conduct, ..Plan::new(provider, self.from.clone(), self.to.clone()) }
    }
}

/// What a provider waits to be told.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Question {
    /// What to do with an answered call (Twilio's voice URL, Retell's inbound webhook).
    WhatNow,
    /// What to do after the caller's input or after a connected leg has ended (a TwiML `action`).
    WhatNext {
        /// Which action asks, in the adapter's own naming.
        action: String,
    },
    /// What a function returns that the provider's agent has invoked (Retell's custom functions).
    Tool(ToolRequest),
}

/// A function that a provider's agent invokes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ToolRequest {
    /// The invocation's own name: the same one means the same invocation, sent again.
    pub id: String,
    /// The function's name.
    pub name: String,
    /// Its arguments, as JSON text.
    pub arguments: String,
}

/// An answer over HTTP.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reply {
    /// The HTTP status.
    pub status: u16,
    /// The `Content-Type`.
    pub content_type: &'static str,
    /// The body.
    pub body: String,
}

/// A message that is not taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum HookError {
    /// The signature is missing or wrong: 403.
    #[error("the signature is missing or does not match; check the public URL and the provider's secret")]
    Unsigned,
    /// No such webhook path: 404.
    #[error("no webhook has this path")]
    UnknownPath,
    /// Signed, but not a message that can be read: 400.
    #[error("the message cannot be read: {0}")]
    Malformed(String),
}

impl HookError {
    /// The HTTP status for it.
    #[must_use]
    pub const fn status(&self) -> u16 {
        match self {
            Self::Unsigned => 403,
            Self::UnknownPath => 404,
            Self::Malformed(_) => 400,
        }
    }
}

/// Performs effects at a provider.
#[async_trait]
pub trait Provider: Send + Sync + 'static {
    /// The provider's name.
    fn name(&self) -> ProviderName;

    /// Whether this provider can carry the plan out, and who will: settles [`Plan::conduct`](crate::Plan::conduct). Asked
    /// before a call is stored, and again before it is dialled.
    ///
    /// # Errors
    /// What it cannot do, and what to wish for instead.
    fn admit(&self, plan: &Plan) -> Result<Conduct, Inadmissible>;

    /// Performs one effect of a call. Never called with [`Effect::Publish`].
    ///
    /// Answers within the adapter's own time-outs; never retries by itself.
    async fn perform(&self, call: &Call, id: &EffectId, effect: &Effect) -> Answer;
}

/// A provider cannot carry a plan out: one sentence for whoever wished it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Inadmissible(pub String);

/// What became of an effect.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// Done; these facts were learned.
    Done(Vec<Signal>),
    /// Certainly not done, and it may work later (429, connection refused).
    Later {
        /// When the provider wants to be asked again, if it says.
        after: Option<Duration>,
        /// The provider's error, for people.
        why: String,
    },
    /// Certainly not done, and it never will be (4xx).
    Refused {
        /// The provider's error, for people.
        why: String,
    },
    /// Nobody knows whether it was done (time-out, reset, 5xx after the request was sent).
    Unknown {
        /// What happened.
        why: String,
    },
}
