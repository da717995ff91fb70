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

/// Every line, in order; one that tells no step has an empty one. Every line of the log must be JSON.
///
/// # Panics
/// On a line that is not.
pub fn lines(log: &str) -> impl Iterator<Item = Line> {
    log.lines().filter(|line| !line.trim().is_empty()).map(|line| {
        let json: Value = serde_json::from_str(line).unwrap_or_else(|e| panic!("not JSON ({e}): {line}"));
        let line = Line { step: String::new(), json };
        let step = line.field("step").and_then(Value::as_str).unwrap_or_default().to_owned();
        Line { step, ..line }
    })
}

/// The steps of one call, in order. Every line of the log must be JSON.
///
/// # Panics
/// On a line that is not.
#[must_use]
pub fn of_call(log: &str, call: &str) -> Vec<Line> {
    lines(log).filter(|line| !line.step.is_empty() && line.field("call_id").is_some_and(|id| id == call)).collect()
}

/// Whether `steps` come in this order in `lines`, with anything between them.
#[must_use]
pub fn in_order(lines: &[Line], steps: &[&str]) -> bool {
    let mut rest = lines.iter();
    steps.iter().all(|step| rest.any(|line| line.step == *step))
}
