//! A call with what was said in it, and what its agent did: read from the journal.

use call_core::journal::{self, Entry};
use call_core::{Call, Fact, Gathered, Input, Signal, Speaker, Timestamp, ToolCall};
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use super::view::CallView;

/// A call, and what was said in it.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = CallInFull)]
pub(crate) struct CallInFull {
    #[serde(flatten)]
    call: CallView,
    /// What was said, in order.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    transcript: Vec<TurnView>,
    /// The keys that the caller was asked for, in order.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    gathered: Vec<GatheredView>,
    /// The functions that the agent invoked, in order.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    tool_calls: Vec<ToolCallView>,
}

/// One utterance.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Turn)]
pub(crate) struct TurnView {
    /// When it was told.
    #[schema(value_type = String, format = DateTime)]
    at: Timestamp,
    /// Who spoke: `agent` or `caller`.
    #[schema(value_type = String)]
    speaker: Speaker,
    /// The words.
    text: String,
}

/// What became of one wish for keys.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Gathered)]
pub(crate) struct GatheredView {
    /// When it was told.
    #[schema(value_type = String, format = DateTime)]
    at: Timestamp,
    /// The wish's name.
    operation: String,
    /// What was pressed, without the key that ends it.
    digits: String,
    /// Whether the caller had finished.
    complete: bool,
}

/// One function that the agent invoked.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ToolCall)]
pub(crate) struct ToolCallView {
    /// The invocation's name.
    id: String,
    /// The function's name.
    name: String,
    /// When it was begun.
    #[schema(value_type = String, format = DateTime)]
    at: Timestamp,
    /// What it was given.
    #[schema(value_type = Object)]
    arguments: Value,
    /// What it returned; absent if it failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    result: Option<Value>,
    /// Why it failed; absent if it returned.
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
    /// How long it took, in seconds.
    seconds: f64,
    /// Which look of the lookup found the call that it is about; 1 if it was known at once.
    looks: u32,
}

impl CallInFull {
    pub(crate) fn new(call: &Call, entries: &[Entry]) -> Self {
        let said = journal::transcript(entries).into_iter();
        let transcript = said.map(|(at, speaker, text)| TurnView { at, speaker, text: text.to_owned() }).collect();
        let applied = || entries.iter().filter(|entry| entry.ignored.is_none());
        let traces = applied().filter_map(|entry| match &entry.input {
            Input::Signal(Signal { fact: Fact::ToolCall(trace), at, .. }) => {
                Some(ToolCallView::new(trace, at.unwrap_or(entry.at)))
            }
            Input::Signal(_) | Input::Command(_) | Input::Tick => None,
        });
        let gathered = applied().filter_map(|entry| match &entry.input {
            Input::Signal(Signal { fact: Fact::Gathered(keys), .. }) => Some(GatheredView::new(keys, entry.at)),
            Input::Signal(_) | Input::Command(_) | Input::Tick => None,
        });
        Self { call: CallView::from(call), transcript, gathered: gathered.collect(), tool_calls: traces.collect() }
    }
}

impl GatheredView {
    fn new(keys: &Gathered, at: Timestamp) -> Self {
        Self { at, operation: keys.operation.clone(), digits: keys.digits.clone(), complete: keys.complete }
    }
}

impl ToolCallView {
    fn new(trace: &ToolCall, at: Timestamp) -> Self {
        let ToolCall { id, name, arguments, result, took, looks } = trace.clone();
        let (result, error) = match result {
            Ok(result) => (Some(json(result)), None),
            Err(why) => (None, Some(why)),
        };
        Self { id, name, at, arguments: json(arguments), result, error, seconds: took.as_secs_f64(), looks }
    }
}

/// JSON text as what it says; other text as itself.
fn json(text: String) -> Value {
    serde_json::from_str(&text).unwrap_or(Value::String(text))
}
