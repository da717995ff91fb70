//! The messages of both directions.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// What Retell sends. Fields that this version does not know are left out.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(tag = "interaction_type", rename_all = "snake_case")]
#[non_exhaustive]
pub enum FromRetell {
    /// A sign of life, every 2 s if [`Settings::auto_reconnect`]; wants to be echoed.
    PingPong {
        /// When it was sent, in milliseconds since the epoch.
        timestamp: i64,
    },
    /// The call, once, if [`Settings::call_details`].
    CallDetails {
        /// The call object (retell.md §3).
        call: Map<String, Value>,
    },
    /// What has been said; no answer is wanted.
    UpdateOnly {
        /// All that has been said so far.
        #[serde(default)]
        transcript: Vec<Utterance>,
        /// Whose turn has begun.
        #[serde(default)]
        turntaking: Option<TurnTaking>,
    },
    /// The caller has spoken: an answer is wanted.
    ResponseRequired {
        /// Names the wanted answer; rises.
        response_id: u64,
        /// All that has been said so far.
        #[serde(default)]
        transcript: Vec<Utterance>,
        /// The same, with the functions that were invoked; if [`Settings::transcript_with_tool_calls`].
        #[serde(default)]
        transcript_with_tool_calls: Option<Vec<Value>>,
    },
    /// The caller has been silent: words are wanted.
    ReminderRequired {
        /// Names the wanted answer; rises.
        response_id: u64,
        /// All that has been said so far.
        #[serde(default)]
        transcript: Vec<Utterance>,
        /// The same, with the functions that were invoked; if [`Settings::transcript_with_tool_calls`].
        #[serde(default)]
        transcript_with_tool_calls: Option<Vec<Value>>,
    },
    /// A message that this version does not know.
    #[serde(other)]
    Unknown,
}

/// Whose turn has begun.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TurnTaking {
    /// The agent's.
    AgentTurn,
    /// The caller's.
    UserTurn,
    /// One that this version does not know.
    #[serde(other)]
    Unknown,
}

/// What somebody said.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Utterance {
    /// Who.
    pub role: Role,
    /// The words. `(unintelligible audio)` is a voice without words.
    #[serde(default)]
    pub content: String,
}

/// Who speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// The AI agent.
    Agent,
    /// The person on the phone.
    User,
    /// Whoever the person was handed to, or another that this version does not know.
    #[serde(other)]
    Other,
}

/// What we send.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(tag = "response_type", rename_all = "snake_case")]
#[non_exhaustive]
pub enum ToRetell {
    /// What we want to be told; comes first.
    Config {
        /// What.
        config: Settings,
    },
    /// Changes how the agent listens, from here on.
    UpdateAgent {
        /// How.
        agent_config: AgentSettings,
    },
    /// The echo of a sign of life.
    PingPong {
        /// As it came.
        timestamp: i64,
    },
    /// Words that were asked for.
    Response(Response),
    /// Words that were not asked for: the agent begins to speak.
    AgentInterrupt(Interrupt),
    /// A function was invoked; for Retell's transcript.
    ToolCallInvocation {
        /// Names the invocation.
        tool_call_id: String,
        /// The function's name.
        name: String,
        /// Its arguments, as JSON text.
        arguments: String,
    },
    /// What a function returned; for Retell's transcript.
    ToolCallResult {
        /// Names the invocation.
        tool_call_id: String,
        /// What it returned.
        content: String,
        /// Whether it did what it should.
        #[serde(skip_serializing_if = "Option::is_none")]
        successful: Option<bool>,
    },
    /// Handed on to the page of a web call.
    Metadata {
        /// What.
        metadata: Map<String, Value>,
    },
}

/// What we want to be told. All are off unless asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Settings {
    /// Signs of life both ways, and a new connection when they stop.
    pub auto_reconnect: bool,
    /// The call object at the beginning.
    pub call_details: bool,
    /// Functions among the words.
    pub transcript_with_tool_calls: bool,
}

impl Default for Settings {
    /// A connection that is kept, and the call.
    fn default() -> Self {
        Self { auto_reconnect: true, call_details: true, transcript_with_tool_calls: false }
    }
}

/// How the agent listens. What is absent stays.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize)]
pub struct AgentSettings {
    /// How soon it responds, 0 to 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub responsiveness: Option<f32>,
    /// How easily it is interrupted, 0 to 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub interruption_sensitivity: Option<f32>,
    /// After how many milliseconds of silence it asks for a reminder; more than zero.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reminder_trigger_ms: Option<u32>,
    /// How often it does so.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reminder_max_count: Option<u32>,
}

/// A piece of an answer. A [`Session`](super::Session) makes them: a field of another type, or a piece of an old answer,
/// would be dropped by Retell without a word.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Response {
    /// Which answer.
    pub response_id: u64,
    /// The words of this piece.
    pub content: String,
    /// Whether it is the last piece. Without one, the agent is silent until the caller speaks.
    pub content_complete: bool,
    /// Whether the caller cannot interrupt it.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub no_interruption_allowed: bool,
    /// What is done after the last word.
    #[serde(flatten)]
    pub(super) action: Action,
}

/// Words that nobody asked for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Interrupt {
    /// Names them.
    pub interrupt_id: u64,
    /// The words of this piece.
    pub content: String,
    /// Whether it is the last piece.
    pub content_complete: bool,
    /// What is done after the last word.
    #[serde(flatten)]
    pub(super) action: Action,
}

/// At most one of them is heeded, so at most one is ever set.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub(super) struct Action {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) end_call: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) transfer_number: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) digit_to_press: Option<String>,
}
