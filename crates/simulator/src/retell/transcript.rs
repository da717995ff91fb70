//! What was said and done on a call, in the forms in which Retell tells it.

use serde_json::{Value, json};

/// One entry of the transcript.
#[derive(Debug, Clone)]
pub(crate) enum Entry {
    /// Somebody said something, from `start` to `end` in phone seconds since the answer.
    Said { agent: bool, text: String, start: f64, end: f64 },
    /// The agent called a function.
    Invoked { id: String, name: String, arguments: String },
    /// It got this back.
    Returned { id: String, content: String, successful: bool },
}

impl Entry {
    fn json(&self) -> Value {
        match self {
            Self::Said { agent, text, start, end } => json!({
                "role": if *agent { "agent" } else { "user" },
                "content": text,
                "words": words(text, *start, *end),
            }),
            Self::Invoked { id, name, arguments } => json!({
                "role": "tool_call_invocation",
                "tool_call_id": id,
                "name": name,
                "arguments": arguments,
            }),
            Self::Returned { id, content, successful } => json!({
                "role": "tool_call_result",
                "tool_call_id": id,
                "content": content,
                "successful": successful,
            }),
        }
    }
}

/// `transcript`: one line for each utterance.
pub(crate) fn text(entries: &[Entry]) -> String {
    let mut text = String::new();
    for entry in entries {
        if let Entry::Said { agent, text: said, .. } = entry {
            text.push_str(if *agent { "Agent: " } else { "User: " });
            text.push_str(said);
            text.push('\n');
        }
    }
    text
}

/// `transcript_object`: utterances alone.
pub(crate) fn utterances(entries: &[Entry]) -> Vec<Value> {
    entries.iter().filter(|entry| matches!(entry, Entry::Said { .. })).map(Entry::json).collect()
}

/// `transcript_with_tool_calls`: functions in between.
pub(crate) fn everything(entries: &[Entry]) -> Vec<Value> {
    entries.iter().map(Entry::json).collect()
}

/// Every word with its share of the time, in seconds of audio.
fn words(text: &str, start: f64, end: f64) -> Vec<Value> {
    let words: Vec<&str> = text.split_whitespace().collect();
    let each = (end - start) / words.len().max(1) as f64;
    let at = |index: usize| ((start + each * index as f64) * 1000.0).round() / 1000.0;
    let word = |(index, word): (usize, &&str)| json!({ "word": word, "start": at(index), "end": at(index + 1) });
    words.iter().enumerate().map(word).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn functions_stand_between_the_lines_and_only_there() {
        let entries = [
            Entry::Said { agent: true, text: "One moment.".into(), start: 0.0, end: 2.0 },
            Entry::Invoked { id: "t1".into(), name: "look".into(), arguments: "{}".into() },
            Entry::Returned { id: "t1".into(), content: "seen".into(), successful: true },
            Entry::Said { agent: false, text: "Fine.".into(), start: 2.0, end: 3.0 },
        ];
        assert_eq!(text(&entries), "Agent: One moment.\nUser: Fine.\n");
        assert_eq!(utterances(&entries).len(), 2);
        let all = everything(&entries);
        let roles: Vec<&str> = all.iter().map(|entry| entry["role"].as_str().unwrap()).collect();
        assert_eq!(roles, ["agent", "tool_call_invocation", "tool_call_result", "user"]);
        assert_eq!(all[0]["words"][1], json!({ "word": "moment.", "start": 1.0, "end": 2.0 }));
    }
}
