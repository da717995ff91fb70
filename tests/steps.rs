//! The structured log of a server, read as people would read it (post-mortem 1.5).

use serde_json::Value;

/// One line of the log about a call.
#[derive(Debug, Clone)]
pub struct Line {
    /// Which step of the call's life it tells.
    pub step: String,
    /// All of it.
    pub json: Value,
}

impl Line {
    /// A field, wherever the formatter put it.
    #[must_use]
    pub fn field(&self, name: &str) -> Option<&Value> {
        self.json.get(name).or_else(|| self.json.get("fields").and_then(|fields| fields.get(name)))
    }
}

/// The lines about one call, in order. Every line of the log must be JSON.
///
/// # Panics
/// On a line that is not.
#[must_use]
pub fn of_call(log: &str, call: &str) -> Vec<Line> {
    let lines = log.lines().filter(|line| !line.trim().is_empty()).map(|line| {
        let json: Value = serde_json::from_str(line).unwrap_or_else(|e| panic!("not JSON ({e}): {line}"));
        Line { step: String::new(), json }
    });
    lines
        .filter(|line| line.field("call_id").is_some_and(|id| id == call))
        .filter_map(|line| {
            let step = line.field("step").and_then(Value::as_str)?.to_owned();
            Some(Line { step, ..line })
        })
        .collect()
}

/// Whether `steps` come in this order in `lines`, with anything between them.
#[must_use]
pub fn in_order(lines: &[Line], steps: &[&str]) -> bool {
    let mut rest = lines.iter();
    steps.iter().all(|step| rest.any(|line| line.step == *step))
}
