//! Whatever comes in, an answer goes out.

use std::collections::BTreeSet;
use std::path::PathBuf;

use call_core::Input;
use call_core::port::Hook as _;
use proptest::prelude::*;
use proptest::sample::Index;
use serde_json::Value;

use super::{all, told};
use crate::{Adapter, Message, born, stage};

/// A message may bring this many fields that nobody knows.
const MOST_EXTRAS: usize = 64;
/// And this much of each of them.
const MOST_CHARS: usize = 1000;

/// Reads a message, signed and unsigned; what it says is told to a call, and what it asks is answered. Whether it tells
/// that a leg is over.
fn answer<A: Adapter>(message: &Message) -> bool {
    let hook = A::hook();
    let _ = message.tell(&hook, born());
    let Ok(received) = told::<A>(message.clone()) else { return false };
    let ends = received.signals.iter().any(|signal| signal.fact.ending().is_some());
    let keys: Vec<_> = received.signals.iter().filter_map(|signal| signal.key.as_deref()).collect();
    let different: BTreeSet<_> = keys.iter().collect();
    assert_eq!(keys.len(), different.len(), "signals of one message swallow each other: {received:?}");
    for signal in &received.signals {
        assert!(signal.extra.len() <= MOST_EXTRAS, "{} fields are kept", signal.extra.len());
        let long = signal.extra.iter().find(|(name, value)| name.len().max(value.len()) > 4 * MOST_CHARS);
        assert_eq!(long, None);
    }
    let stage = stage::<A>();
    let mut call = stage.live(stage.plan(A::script()));
    for signal in received.signals {
        call.handle(&Input::Signal(signal), born());
    }
    if let Some(question) = &received.question {
        hook.reply(question, Some(&call));
        hook.reply(question, None);
    }
    ends
}

/// Bytes that an attacker chose, or a fuzzer: a path up to the first line's end, then a body.
pub fn any_bytes<A: Adapter>(bytes: &[u8]) {
    let mut parts = bytes.splitn(2, |byte| *byte == b'\n');
    let path = String::from_utf8_lossy(parts.next().unwrap_or_default()).into_owned();
    let body = parts.next().unwrap_or_default();
    for content_type in ["application/json", "application/x-www-form-urlencoded"] {
        answer::<A>(&Message::post(path.clone(), content_type, body));
    }
}

/// Any method, path, headers and body.
pub fn any_message_has_an_answer<A: Adapter>() {
    let paths: Vec<String> = A::recordings().messages.into_iter().map(|recorded| recorded.message.path).collect();
    let path = prop_oneof![prop::sample::select(paths), ".{0,60}"];
    let method = prop_oneof![Just("POST".to_owned()), Just("GET".to_owned()), ".{0,12}"];
    let kind = prop_oneof![Just("application/json".to_owned()), "[ -~]{0,40}"];
    let mut names: Vec<&str> = A::SIGNING.headers.to_vec();
    names.push("content-type");
    let headers = prop::collection::vec((prop::sample::select(names), ".{0,80}"), 0..4);
    let body = prop_oneof![
        prop::collection::vec(any::<u8>(), 0..400),
        a_value().prop_map(|value| value.to_string().into_bytes()),
    ];
    all(256, &(method, path, kind, headers, body), |(method, path, kind, headers, body)| {
        let mut message = Message { method, ..Message::post(path, &kind, body) };
        answer::<A>(&message);
        for (name, value) in headers {
            message = message.with_header(name, value);
        }
        let _ = message.tell(&A::hook(), born());
    });
}

/// Messages in which some values are others, some are missing and some come twice. None of them ends a call by chance.
pub fn any_garbled_message_has_an_answer<A: Adapter>() {
    let messages = A::recordings().messages;
    let ends: Vec<bool> = messages.iter().map(|recorded| answer::<A>(&recorded.message)).collect();
    let edits = prop::collection::vec((any::<Index>(), an_edit()), 1..4);
    all(768, &(any::<Index>(), edits), |(which, edits)| {
        let at = which.index(messages.len());
        let mut message = messages[at].message.clone();
        let is_form = serde_json::from_slice::<Value>(&message.body).is_err();
        for (place, edit) in edits {
            message = if is_form { garbled_form(message, place, edit) } else { garbled_json(message, place, edit) };
        }
        let is_over = answer::<A>(&message);
        assert!(ends[at] || !is_over, "{}, garbled, ends the call: {message:?}", messages[at].name);
    });
}

#[derive(Debug, Clone)]
enum Edit {
    Replace(Value),
    Remove,
    Repeat,
}

fn an_edit() -> impl Strategy<Value = Edit> {
    prop_oneof![5 => a_value().prop_map(Edit::Replace), 2 => Just(Edit::Remove), 1 => Just(Edit::Repeat)]
}

/// Words that mean something to somebody, numbers at the edges, and anything.
fn a_value() -> impl Strategy<Value = Value> {
    let words = [
        "",
        "-1",
        "0",
        "18446744073709551616",
        "NaN",
        "1e999",
        "null",
        "9999-12-31T23:59:59.999999Z",
        "-009999-01-01T00:00:00Z",
        "Sat, 21 Nov 2026 08:00:02 +0000",
        "../..",
        "+15550000002",
        "\u{0}",
        "\u{202e}",
    ];
    let leaf = prop_oneof![
        3 => prop::sample::select(words.map(Value::from).to_vec()),
        3 => ".{0,30}".prop_map(Value::from),
        1 => ".{900,1200}".prop_map(Value::from),
        1 => any::<bool>().prop_map(Value::from),
        2 => prop_oneof![any::<i64>(), Just(i64::MAX), Just(i64::MIN), Just(-1), Just(0)].prop_map(Value::from),
        1 => any::<f64>().prop_map(Value::from),
        1 => Just(Value::Null),
    ];
    leaf.prop_recursive(3, 12, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::Array),
            prop::collection::vec(("[a-z_]{1,12}", inner), 0..4)
                .prop_map(|fields| fields.into_iter().collect::<Value>()),
        ]
    })
}

fn garbled_form(message: Message, place: Index, edit: Edit) -> Message {
    let mut pairs = message.pairs();
    if pairs.is_empty() {
        return message;
    }
    let at = place.index(pairs.len());
    match edit {
        Edit::Replace(value) => pairs[at].1 = value.as_str().map_or_else(|| value.to_string(), str::to_owned),
        Edit::Remove => drop(pairs.remove(at)),
        Edit::Repeat => pairs.push(pairs[at].clone()),
    }
    Message { body: Message::form("", &pairs).body, ..message }
}

fn garbled_json(message: Message, place: Index, edit: Edit) -> Message {
    message.with_json(|json| {
        let mut places = Vec::new();
        pointers(json, &mut String::new(), &mut places);
        if places.is_empty() {
            return;
        }
        let pointer = &places[place.index(places.len())];
        let (parent, name) = pointer.rsplit_once('/').expect("a pointer begins with a slash");
        let name = name.replace("~1", "/").replace("~0", "~");
        let value = json.pointer(pointer).cloned().unwrap_or_default();
        match (json.pointer_mut(parent), edit) {
            (Some(parent), Edit::Replace(value)) if parent.is_object() => parent[&name] = value,
            (Some(Value::Object(fields)), Edit::Remove) => drop(fields.remove(&name)),
            (Some(Value::Object(fields)), Edit::Repeat) => drop(fields.insert(format!("{name}_2"), value)),
            (Some(Value::Array(all)), Edit::Remove) => drop(all.pop()),
            (Some(Value::Array(all)), Edit::Repeat) => all.push(value),
            (Some(Value::Array(all)), Edit::Replace(value)) => all.push(value),
            _ => {}
        }
    })
}

/// Every place in a value.
fn pointers(value: &Value, at: &mut String, places: &mut Vec<String>) {
    let mut go = |name: String, value: &Value| {
        let before = at.len();
        at.push('/');
        at.push_str(&name);
        places.push(at.clone());
        pointers(value, at, places);
        at.truncate(before);
    };
    match value {
        Value::Object(fields) => {
            fields.iter().for_each(|(name, value)| go(name.replace('~', "~0").replace('/', "~1"), value));
        }
        Value::Array(all) => all.iter().enumerate().for_each(|(at, value)| go(at.to_string(), value)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// The corpus that a fuzzer begins with, beside the test's file: every recorded message is in it. It is written by
/// `UPDATE_CORPUS=1`.
pub fn corpus<A: Adapter>(mut files: impl Iterator<Item = PathBuf>, module: &str) {
    let file = files.find(|file| file.exists()).expect("the test's own file");
    let module: Vec<&str> = module.split("::").skip(1).chain(["any_bytes_have_an_answer"]).collect();
    let folder = file.with_file_name("__fuzz__").join(module.join("__")).join("corpus");
    if std::env::var_os("UPDATE_CORPUS").is_some() {
        std::fs::create_dir_all(&folder).expect("the corpus can be written");
    }
    for recorded in A::recordings().messages {
        let name: String = recorded.name.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '-' }).collect();
        let bytes = [recorded.message.path.as_bytes(), b"\n", &recorded.message.body].concat();
        let path = folder.join(name);
        if std::env::var_os("UPDATE_CORPUS").is_some() {
            std::fs::write(&path, &bytes).expect("the corpus can be written");
        }
        let kept = std::fs::read(&path).unwrap_or_default();
        assert!(kept == bytes, "{} is out of date: run this test with UPDATE_CORPUS=1", path.display());
    }
}
