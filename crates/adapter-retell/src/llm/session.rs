//! The rules of one connection, without the connection.

use std::time::Duration;

use call_core::Timestamp;
use serde_json::{Map, Value};

use super::wire::{Action, FromRetell, Interrupt, Response, Role, Settings, ToRetell, Utterance};

/// Retell's signs of life come every 2 s; after this long without one, the other side is gone.
const PATIENCE: Duration = Duration::from_secs(5);

/// One connection: what Retell has asked for, and which answer still counts.
///
/// Rules that it keeps: the settings are sent first; a sign of life is echoed; only the newest answer that was asked for
/// may be given, and only until it is complete; at most one action follows an answer.
#[derive(Debug, Clone)]
pub struct Session {
    settings: Settings,
    /// The newest answer that was asked for, until it is complete.
    owed: Option<u64>,
    newest: Option<u64>,
    interrupts: u64,
    last_ping: Timestamp,
}

/// What a message means to us.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Heard {
    /// Send this at once.
    Send(ToRetell),
    /// Words are wanted. Whatever answer is still being given is not wanted any more.
    Asked(Asked),
    /// What has been said so far; no words are wanted.
    Told(Vec<Utterance>),
    /// The call object.
    Call(Map<String, Value>),
    /// A message that this version does not know, or one that a newer one has overtaken.
    Nothing,
}

/// Words are wanted.
#[derive(Debug, Clone, PartialEq)]
pub struct Asked {
    /// Names the answer.
    pub response_id: u64,
    /// Why.
    pub why: Why,
    /// All that has been said so far.
    pub transcript: Vec<Utterance>,
    /// The same, with the functions that were invoked; if [`Settings::transcript_with_tool_calls`].
    pub with_tool_calls: Vec<Value>,
}

impl Asked {
    /// What the caller said last, if the agent has not spoken since.
    #[must_use]
    pub fn last_words(&self) -> Option<&str> {
        let last = self.transcript.last().filter(|last| last.role == Role::User)?;
        Some(last.content.as_str())
    }
}

/// Why words are wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Why {
    /// The call begins.
    Greeting,
    /// The caller has spoken.
    Spoken,
    /// The caller is silent.
    Silence,
}

/// What is done after the last word of an answer. It is dropped if the caller interrupts.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum After {
    /// The caller's turn.
    #[default]
    Listen,
    /// The call is ended.
    HangUp,
    /// The caller is handed to this number (E.164), unannounced.
    Transfer(String),
    /// A key is pressed: one of `0`-`9`, `*`, `#`.
    Press(char),
}

impl After {
    fn action(&self) -> Action {
        match self {
            Self::Listen => Action::default(),
            Self::HangUp => Action { end_call: Some(true), ..Action::default() },
            Self::Transfer(number) => Action { transfer_number: Some(number.clone()), ..Action::default() },
            Self::Press(digit) => Action { digit_to_press: Some(digit.to_string()), ..Action::default() },
        }
    }
}

/// The answer does not count any more, so its words must not be sent (nor its functions run).
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Stale {
    /// A newer one was asked for.
    #[error("answer {0} is not wanted any more: a newer one was asked for")]
    Superseded(u64),
    /// Its last piece was given.
    #[error("answer {0} is complete")]
    Complete(u64),
    /// Nobody asked for it.
    #[error("answer {0} was not asked for")]
    Unasked(u64),
}

/// Not a message of Retell's. The connection goes on.
#[derive(Debug, thiserror::Error)]
#[error("not a message of the LLM protocol")]
pub struct Unreadable(#[source] serde_json::Error);

impl Session {
    /// A call begins: what to send first, and the greeting that is wanted. A greeting without words lets the caller
    /// begin.
    #[must_use]
    pub fn begin(settings: Settings, now: Timestamp) -> (Self, ToRetell, Asked) {
        let (mut session, config) = Self::resume(settings, now);
        let (transcript, with_tool_calls) = (Vec::new(), Vec::new());
        let greeting = Asked { response_id: 0, why: Why::Greeting, transcript, with_tool_calls };
        (session.owed, session.newest) = (Some(0), Some(0));
        (session, config, greeting)
    }

    /// Retell has connected again for a call that has been greeted. What it asks for next comes with all that was said.
    #[must_use]
    pub const fn resume(settings: Settings, now: Timestamp) -> (Self, ToRetell) {
        let session = Self { settings, owed: None, newest: None, interrupts: 0, last_ping: now };
        (session, ToRetell::Config { config: settings })
    }

    /// Takes one text frame.
    ///
    /// # Errors
    /// It is not JSON, or a message of a known kind in an unknown shape.
    pub fn hear(&mut self, text: &str, now: Timestamp) -> Result<Heard, Unreadable> {
        Ok(match serde_json::from_str(text).map_err(Unreadable)? {
            FromRetell::PingPong { timestamp } => {
                self.last_ping = now;
                Heard::Send(ToRetell::PingPong { timestamp })
            }
            FromRetell::CallDetails { call } => Heard::Call(call),
            FromRetell::UpdateOnly { transcript, .. } => Heard::Told(transcript),
            FromRetell::ResponseRequired { response_id, transcript, transcript_with_tool_calls: all } => self
                .asked(Asked { response_id, why: Why::Spoken, transcript, with_tool_calls: all.unwrap_or_default() }),
            FromRetell::ReminderRequired { response_id, transcript, transcript_with_tool_calls: all } => self
                .asked(Asked { response_id, why: Why::Silence, transcript, with_tool_calls: all.unwrap_or_default() }),
            FromRetell::Unknown => Heard::Nothing,
        })
    }

    fn asked(&mut self, asked: Asked) -> Heard {
        if self.newest.is_some_and(|newest| asked.response_id <= newest) {
            return Heard::Nothing;
        }
        (self.owed, self.newest) = (Some(asked.response_id), Some(asked.response_id));
        Heard::Asked(asked)
    }

    /// A piece of an answer, more of which follows.
    ///
    /// # Errors
    /// The answer does not count any more.
    pub fn say(&mut self, response_id: u64, words: impl Into<String>) -> Result<ToRetell, Stale> {
        self.check(response_id)?;
        Ok(response(response_id, words.into(), None))
    }

    /// The last piece of an answer, which may be empty, and what follows it.
    ///
    /// # Errors
    /// The answer does not count any more.
    pub fn finish(&mut self, response_id: u64, words: impl Into<String>, after: &After) -> Result<ToRetell, Stale> {
        self.check(response_id)?;
        self.owed = None;
        Ok(response(response_id, words.into(), Some(after)))
    }

    /// Words that nobody asked for: the agent begins to speak.
    pub fn interrupt(&mut self, words: impl Into<String>, after: &After) -> ToRetell {
        self.interrupts += 1;
        ToRetell::AgentInterrupt(Interrupt {
            interrupt_id: self.interrupts,
            content: words.into(),
            content_complete: true,
            action: after.action(),
        })
    }

    /// The answer that is still owed: while there is one, the caller hears silence.
    #[must_use]
    pub const fn owed(&self) -> Option<u64> {
        self.owed
    }

    /// Whether Retell's signs of life have stopped: it is connecting anew, if at all.
    #[must_use]
    pub fn is_lost(&self, now: Timestamp) -> bool {
        self.settings.auto_reconnect && now.since(self.last_ping) > PATIENCE
    }

    const fn check(&self, response_id: u64) -> Result<(), Stale> {
        match (self.owed, self.newest) {
            (Some(owed), _) if owed == response_id => Ok(()),
            (_, Some(newest)) if newest == response_id => Err(Stale::Complete(response_id)),
            (_, Some(newest)) if newest > response_id => Err(Stale::Superseded(response_id)),
            _ => Err(Stale::Unasked(response_id)),
        }
    }
}

fn response(response_id: u64, content: String, last: Option<&After>) -> ToRetell {
    ToRetell::Response(Response {
        response_id,
        content,
        content_complete: last.is_some(),
        no_interruption_allowed: false,
        action: last.map(After::action).unwrap_or_default(),
    })
}
