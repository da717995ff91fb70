//! A custom function that the agent invokes, and what it is told (retell.md §6).

use call_core::port::{HookError, Reply, ToolOutcome, ToolRequest};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use crate::callback::is_name;
use crate::message::{call_of, malformed, missing};
use crate::resource::{CallObject, text};
use crate::{act, extra};

/// Retell's limit for what a function returns, in characters.
pub const MOST_RESULT: usize = 15_000;

/// A function that is invoked by its standard body, which brings the call along.
pub(crate) fn read(body: &Value) -> Result<(ToolRequest, CallObject<'_>), HookError> {
    let body = body.as_object().ok_or_else(|| malformed("it is not an object"))?;
    // Only if the function sends its arguments alone: then its URL must say what it is.
    if !body.contains_key("call") && !body.contains_key("args") {
        return Err(malformed(
            "call is missing: a function that sends its arguments only needs the path /functions/NAME",
        ));
    }
    let call = call_of(body)?;
    let name = text(body, "name").filter(|name| is_name(name)).ok_or_else(|| missing("name"))?;
    let arguments = body.get("args").map_or_else(|| "{}".to_owned(), Value::to_string);
    let id =
        call.invocation(name).map_or_else(|| invocation(call.id(), name, &arguments, call.results()), extra::short);
    Ok((ToolRequest { id, name: name.to_owned(), arguments }, call))
}

/// A function that sends its arguments only: its name is in the path, Retell's name for the call in the query.
pub(crate) fn read_arguments(name: &str, url: &str, body: &Value) -> Result<(ToolRequest, String), HookError> {
    let query = url.split_once('?').map_or("", |(_, query)| query);
    let mut fields = form_urlencoded::parse(query.as_bytes());
    let call = fields.find(|(name, _)| name == "call_id").ok_or_else(|| missing("the query's call_id"))?.1.into_owned();
    if !act::is_call_id(&call) {
        return Err(malformed(
            "the query's call_id is not the name of a call: it must be {{call_id}} in the dashboard",
        ));
    }
    if !body.is_object() {
        return Err(malformed("the arguments are not an object"));
    }
    let arguments = body.to_string();
    let id = invocation(&call, name, &arguments, 0);
    Ok((ToolRequest { id, name: name.to_owned(), arguments }, call))
}

/// A name for an invocation that has none: the same function with the same arguments is the same one, sent again, until the
/// call has seen another result.
fn invocation(call: &str, name: &str, arguments: &str, results: usize) -> String {
    let mut hash = Sha256::new();
    for part in [call, name, arguments, &results.to_string()] {
        hash.update((part.len() as u64).to_be_bytes());
        hash.update(part);
    }
    hash.finalize().iter().take(16).map(|byte| format!("{byte:02x}")).collect()
}

/// What the agent is told. A failure is no success to Retell either, whose own trace then says so; it may ask again, and
/// is told the same.
pub(crate) fn returned(outcome: &ToolOutcome) -> Reply {
    match outcome {
        Ok(result) if result.chars().count() <= MOST_RESULT => {
            let is_json = serde_json::from_str::<Value>(result).is_ok();
            Reply { status: 200, content_type: if is_json { JSON } else { TEXT }, body: result.clone() }
        }
        // Cut by us at a character, and not by Retell wherever it likes.
        Ok(result) => Reply { status: 200, content_type: TEXT, body: result.chars().take(MOST_RESULT).collect() },
        Err(why) => failed(500, why),
    }
}

pub(crate) fn failed(status: u16, why: &str) -> Reply {
    let why: String = why.chars().take(MOST_RESULT / 2).collect();
    Reply { status, content_type: JSON, body: json!({"error": why}).to_string() }
}

pub(crate) const JSON: &str = "application/json";
const TEXT: &str = "text/plain; charset=utf-8";
