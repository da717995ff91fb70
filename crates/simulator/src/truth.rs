//! The record of truth: what really happened on the network, whatever anybody was told about it.
//!
//! Points in time are the wall clock's; lengths of calls are phone seconds.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{fault::Fault, person::Person, provider::Provider};

/// Where a call stands. `Initiated` appears in callbacks only; the REST API calls it `queued`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Status {
    /// Accepted, not dialled yet.
    Queued,
    /// Being dialled.
    Initiated,
    /// The phone rings.
    Ringing,
    /// Answered.
    InProgress,
    /// Answered and ended.
    Completed,
    /// The callee was on another call.
    Busy,
    /// Nobody answered, or the callee declined.
    NoAnswer,
    /// The call could not be put through.
    Failed,
    /// Given up before it was answered, by whoever called: over REST, or a caller whom Telnyx kept waiting.
    Canceled,
}

impl Status {
    /// The provider's word in callbacks.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Initiated => "initiated",
            Self::Ringing => "ringing",
            Self::InProgress => "in-progress",
            Self::Completed => "completed",
            Self::Busy => "busy",
            Self::NoAnswer => "no-answer",
            Self::Failed => "failed",
            Self::Canceled => "canceled",
        }
    }

    /// Whether the call is over.
    #[must_use]
    pub fn is_terminal(self) -> bool {
        match self {
            Self::Queued | Self::Initiated | Self::Ringing | Self::InProgress => false,
            Self::Completed | Self::Busy | Self::NoAnswer | Self::Failed | Self::Canceled => true,
        }
    }
}

/// Who called whom.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Direction {
    /// A person called one of our numbers.
    Inbound,
    /// Placed over REST.
    OutboundApi,
    /// A leg that another call placed: `<Dial>`, a transfer.
    OutboundDial,
}

impl Direction {
    /// The provider's word.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Inbound => "inbound",
            Self::OutboundApi => "outbound-api",
            Self::OutboundDial => "outbound-dial",
        }
    }
}

/// One change of status.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Change {
    /// When.
    pub at: Timestamp,
    /// To what.
    pub status: Status,
}

/// Why the network sent an HTTP request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Purpose {
    /// To fetch instructions (voice URL, redirect, `action`).
    Instructions,
    /// To fetch instructions after the first address failed.
    Fallback,
    /// To tell a call's progress.
    Status,
    /// To tell about a recording.
    Recording,
    /// To tell whether a person or a machine answered.
    Amd,
    /// To tell about a media stream.
    Stream,
    /// To call a function of the agent's (Retell).
    Function,
    /// A forgery or garbage: a fault, not the provider.
    Forgery,
}

/// One try at one HTTP request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Attempt {
    /// When it was sent.
    pub at: Timestamp,
    /// Milliseconds until the answer or the failure (wall clock).
    pub took_ms: u64,
    /// The HTTP status, if there was an answer.
    pub answer: Option<u16>,
    /// Why there was none.
    pub error: Option<String>,
}

/// One HTTP request that the network made, or (with no attempts) meant to make.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Sent {
    /// What for.
    pub purpose: Purpose,
    /// `POST` or `GET`.
    pub method: String,
    /// As configured, fragment included.
    pub url: String,
    /// Form or query parameters.
    pub params: Vec<(String, String)>,
    /// The JSON sent, where the provider speaks JSON.
    #[serde(default)]
    pub json: Option<Value>,
    /// When the event happened that it tells of.
    pub event_at: Timestamp,
    /// Every try, in order. Empty: never sent (lost), or not yet.
    pub attempts: Vec<Attempt>,
    /// Body of the last answer, the first 4096 bytes of it.
    pub body: String,
    /// Faults injected here.
    pub faults: Vec<Fault>,
}

impl Sent {
    /// A request not yet made, about something that happens now.
    pub(crate) fn new(purpose: Purpose, method: &str, url: &str) -> Self {
        Self {
            purpose,
            method: method.to_owned(),
            url: url.to_owned(),
            params: Vec::new(),
            json: None,
            event_at: Timestamp::now(),
            attempts: Vec::new(),
            body: String::new(),
            faults: Vec::new(),
        }
    }

    /// A parameter by name.
    #[must_use]
    pub fn param(&self, name: &str) -> Option<&str> {
        self.params.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// Whether some attempt was answered 2xx.
    #[must_use]
    pub fn delivered(&self) -> bool {
        self.attempts.iter().any(|attempt| attempt.answer.is_some_and(|status| (200..300).contains(&status)))
    }
}

/// A REST request to end the call.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct HangupRequest {
    /// When it arrived.
    pub at: Timestamp,
    /// The provider's word: `completed` or `canceled` at Twilio, `hangup` or `reject` at Telnyx.
    pub wish: String,
    /// Where the call stood when it arrived.
    pub found: Status,
}

/// An error or warning in the provider's debugger.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Notice {
    /// When.
    pub at: Timestamp,
    /// The provider's code, e.g. 11200.
    pub code: u32,
    /// Its text.
    pub text: String,
    /// The URL concerned, if any.
    pub url: String,
}

/// A function that the provider's agent called in the middle of a call.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Invocation {
    /// The provider's id of it (`tool_call_id`).
    pub id: String,
    /// The function.
    pub name: String,
    /// What the agent passed.
    pub arguments: Value,
    /// When it was called.
    pub at: Timestamp,
    /// Its request: the place in [`CallRecord::sent`].
    pub sent: Option<usize>,
    /// When the last answer came, or the last attempt failed. `None`: it has not yet.
    pub returned_at: Option<Timestamp>,
    /// What the agent got to read: the answer, or a sentence about why there was none.
    pub result: Option<String>,
    /// Whether it was answered 2xx.
    pub successful: Option<bool>,
}

impl Invocation {
    pub(crate) fn begin(id: &str, name: &str, arguments: Value) -> Self {
        Self {
            id: id.to_owned(),
            name: name.to_owned(),
            arguments,
            at: Timestamp::now(),
            sent: None,
            returned_at: None,
            result: None,
            successful: None,
        }
    }
}

/// Everything about one call.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct CallRecord {
    /// Whose call it is.
    #[serde(default)]
    pub provider: Provider,
    /// The provider's id: `CA…` at Twilio, the `call_control_id` at Telnyx, the `call_id` at Retell.
    pub sid: String,
    /// The leg that dialled this one.
    pub parent: Option<String>,
    /// Callee.
    pub to: String,
    /// Caller.
    pub from: String,
    /// Who called whom.
    pub direction: Direction,
    /// Form pairs of the create request, as received; empty for legs that no REST request made.
    pub form: Vec<(String, String)>,
    /// The JSON of the create request, where the provider speaks JSON.
    #[serde(default)]
    pub json: Option<Value>,
    /// Who is at the other end.
    pub person: Person,
    /// When the provider accepted or met the call.
    pub created_at: Timestamp,
    /// When it left the queue.
    pub dialed_at: Option<Timestamp>,
    /// When a real person's phone rang. `None`: it never did.
    pub rang_at: Option<Timestamp>,
    /// When it was answered.
    pub answered_at: Option<Timestamp>,
    /// When it ended.
    pub ended_at: Option<Timestamp>,
    /// Phone seconds from answer to end, once ended.
    pub duration: Option<u64>,
    /// SIP code of the ending.
    pub sip_code: Option<u16>,
    /// The provider's word for the ending, where it has one beside the status (Telnyx's `hangup_cause`, Retell's
    /// `disconnection_reason`).
    #[serde(default)]
    pub cause: Option<String>,
    /// The verdict of machine detection, when it ran, in the provider's word (`AnsweredBy`, `result`).
    pub answered_by: Option<String>,
    /// Where it stands.
    pub status: Status,
    /// Every status it had, the first included.
    pub history: Vec<Change>,
    /// Every HTTP request made on its behalf.
    pub sent: Vec<Sent>,
    /// Every REST request to end it.
    pub hangups: Vec<HangupRequest>,
    /// Every function that the agent called, in order.
    #[serde(default)]
    pub functions: Vec<Invocation>,
    /// The provider's debugger about it.
    pub notices: Vec<Notice>,
    /// Faults injected into the call itself, outside its requests.
    pub faults: Vec<Fault>,
    /// Whether it was deleted over REST (truth remembers it).
    pub deleted: bool,
}

impl CallRecord {
    /// A call that begins now.
    pub(crate) fn begin(provider: Provider, sid: String, direction: Direction, person: Person) -> Self {
        let now = Timestamp::now();
        let inbound = direction == Direction::Inbound;
        let status = if inbound { Status::Ringing } else { Status::Queued };
        Self {
            provider,
            sid,
            parent: None,
            to: String::new(),
            from: String::new(),
            direction,
            form: Vec::new(),
            json: None,
            person,
            created_at: now,
            dialed_at: inbound.then_some(now),
            rang_at: None,
            answered_at: None,
            ended_at: None,
            duration: None,
            sip_code: None,
            cause: None,
            answered_by: None,
            status,
            history: vec![Change { at: now, status }],
            sent: Vec::new(),
            hangups: Vec::new(),
            functions: Vec::new(),
            notices: Vec::new(),
            faults: Vec::new(),
            deleted: false,
        }
    }

    /// Requests made for one purpose, in the order of their events.
    pub fn sent_for(&self, purpose: Purpose) -> impl Iterator<Item = &Sent> {
        self.sent.iter().filter(move |sent| sent.purpose == purpose)
    }

    /// The statuses alone.
    #[must_use]
    pub fn statuses(&self) -> Vec<Status> {
        self.history.iter().map(|change| change.status).collect()
    }
}

/// A REST request that reached the network, and what its sender got to see.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct RestRequest {
    /// Whose API it was sent to.
    #[serde(default)]
    pub provider: Provider,
    /// When it arrived.
    pub at: Timestamp,
    /// HTTP method.
    pub method: String,
    /// Path and query.
    pub path: String,
    /// Form pairs.
    pub form: Vec<(String, String)>,
    /// The JSON body, where the provider speaks JSON.
    #[serde(default)]
    pub json: Option<Value>,
    /// The status sent. `None`: no answer left the network.
    pub answer: Option<u16>,
    /// The call concerned, if one was named or placed.
    pub call: Option<String>,
    /// The fault injected.
    pub fault: Option<Fault>,
}

impl RestRequest {
    /// A request that has just arrived and has no answer yet.
    pub(crate) fn arrived(provider: Provider, method: &str, path: &str) -> Self {
        Self {
            provider,
            at: Timestamp::now(),
            method: method.to_owned(),
            path: path.to_owned(),
            form: Vec::new(),
            json: None,
            answer: None,
            call: None,
            fault: None,
        }
    }
}

/// The network in one glance.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Summary {
    /// Calls by status.
    pub calls: BTreeMap<Status, usize>,
    /// Calls whose person's phone really rang.
    pub rang: usize,
    /// HTTP requests sent, retries and forgeries included.
    pub requests_sent: usize,
    /// REST requests received.
    pub requests_received: usize,
    /// Injected faults by kind.
    pub faults: BTreeMap<Fault, u64>,
}
