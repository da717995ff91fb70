//! What a provider says, as data: recorded from it, or taken from its own documentation.
//!
//! ```json
//! {
//!   "documented": ["call_ended"],
//!   "messages": [{
//!     "name": "call_ended: busy",
//!     "path": "/events",
//!     "json": {"id": "e1", "event": "call_ended", "call": "{call}", "reason": "busy"},
//!     "signals": [{"fact": "ended", "of": {"disposition": "busy"}, "key": "e1"}]
//!   }],
//!   "lives": [{"of": ["call_ended: busy"], "ends": "busy"}],
//!   "errors": [{"status": 404, "proves": "missing"}, {"status": 422, "code": 7, "proves": "ended", "of": ["hangup"]}]
//! }
//! ```
//!
//! `{call}` is [our call](crate::id()). A message has a body of `json` or of `form` (pairs), and may have a `method`. Its
//! name begins with its event's, up to a colon. What it must say is written as the journal writes it; a message without
//! `signals` must be read, and may say anything.

use std::collections::BTreeMap;

use call_core::{Disposition, Signal};
use serde::Deserialize;
use serde_json::Value;

use crate::{Message, id};

/// Everything that is known of what a provider says.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Recordings {
    /// The names of all events that the provider documents.
    pub documented: Vec<String>,
    /// At least one message of each of them. No two of them are one event.
    pub messages: Vec<Recorded>,
    /// Calls from their dial to their end.
    pub lives: Vec<Life>,
    /// Events of which no unknown field is kept, such as those of payments.
    #[serde(default)]
    pub private: Vec<String>,
    /// All errors that the provider documents.
    pub errors: Vec<Refusal>,
}

/// One message, and what it says.
#[derive(Debug, Clone, Deserialize)]
#[serde(from = "Written")]
pub struct Recorded {
    /// `call.hangup`, or `call.hangup: busy` if there are several of its event.
    pub name: String,
    /// As it comes, not yet signed.
    pub message: Message,
    /// What it must say, if that is recorded.
    pub signals: Option<Vec<Signal>>,
}

/// A call, told by its messages.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Life {
    /// Their names, in the order in which things happened.
    pub of: Vec<String>,
    /// How it ends.
    pub ends: Disposition,
}

/// An error that the provider documents.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Refusal {
    /// The HTTP status.
    pub status: u16,
    /// The provider's own code, if it has one.
    #[serde(default)]
    pub code: Option<u32>,
    /// What it proves.
    pub proves: Proof,
    /// As an answer to which effects, by their words; empty for all that the laws try it with.
    #[serde(default)]
    pub of: Vec<String>,
}

/// What an error proves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Proof {
    /// The call has ended before, or is already as wished.
    Ended,
    /// The provider knows no such call, or cannot see it yet.
    Missing,
    /// Certainly not done, and it may work later.
    Later,
    /// Certainly not done, and it never will be.
    Never,
    /// Nothing: it may have been done.
    Nothing,
}

/// A message as the file writes it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    name: String,
    #[serde(default)]
    method: Option<String>,
    path: String,
    #[serde(default)]
    json: Option<Value>,
    #[serde(default)]
    form: Vec<(String, String)>,
    #[serde(default)]
    signals: Option<Vec<Signal>>,
}

impl From<Written> for Recorded {
    fn from(written: Written) -> Self {
        let mut message = match &written.json {
            Some(json) => Message::json(written.path, json),
            None => Message::form(written.path, &written.form),
        };
        message.method = written.method.unwrap_or(message.method);
        Self { name: written.name, message, signals: written.signals }
    }
}

impl Recorded {
    /// The event's name.
    #[must_use]
    pub fn event(&self) -> &str {
        self.name.split(": ").next().unwrap_or_default()
    }
}

impl Recordings {
    /// Reads a file. `words` are put in where the text has them in braces, as `{call}` is.
    ///
    /// # Panics
    /// If the file is not of that form.
    #[must_use]
    pub fn read(text: &str, words: &[(&str, String)]) -> Self {
        let ours = [("call", id().to_string())];
        let mut text = text.to_owned();
        for (name, word) in ours.iter().chain(words) {
            text = text.replace(&format!("{{{name}}}"), word);
        }
        serde_json::from_str(&text).expect("a file of recordings")
    }

    /// The message of that name.
    ///
    /// # Panics
    /// If there is none.
    #[must_use]
    pub fn named(&self, name: &str) -> &Message {
        let found = self.messages.iter().find(|recorded| recorded.name == name);
        &found.unwrap_or_else(|| panic!("no message is recorded as {name:?}")).message
    }

    /// Which kinds of facts the messages tell, by the words of the journal.
    #[must_use]
    pub fn facts(&self) -> BTreeMap<String, usize> {
        let mut facts = BTreeMap::new();
        for signal in self.messages.iter().filter_map(|recorded| recorded.signals.as_ref()).flatten() {
            let written = serde_json::to_value(signal).unwrap_or_default();
            *facts.entry(written["fact"].as_str().unwrap_or_default().to_owned()).or_default() += 1;
        }
        facts
    }
}
