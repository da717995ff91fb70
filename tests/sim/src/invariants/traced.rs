use call_core::journal::Entry;
use call_core::port::{Store as _, ToolOutcome};
use call_core::{CallId, Fact, Input, ToolCall};

use super::{Invariant, Seen, Truth};
use crate::names::Map;
use crate::run::at_once;
use crate::trace::short;

/// Each function that an agent has invoked is traced once, with the outcome that the agent got; and it does not run
/// again once it is traced.
#[derive(Default)]
pub(super) struct Traced(Map<(CallId, String), ToolOutcome>);

impl Invariant for Traced {
    fn name(&self) -> &'static str {
        "traced"
    }

    fn see(&mut self, seen: &Seen<'_>, truth: &Truth<'_>) -> Result<(), String> {
        match seen {
            Seen::Invoked { call, request } => {
                let journal = at_once(truth.store.journal(*call)).unwrap_or_default();
                if traces(&journal).any(|trace| trace.id == request.id) {
                    return Err(format!("{} of {} runs again, and is traced", request.id, short(*call)));
                }
            }
            Seen::Returned { call, request, outcome } => {
                self.0.insert((*call, request.id.clone()), (*outcome).clone());
            }
            Seen::Pruned { calls } | Seen::Finished { calls, .. } => {
                for ((id, name), outcome) in &self.0 {
                    let Some((_, journal)) = calls.iter().find(|(call, _)| call.id() == *id) else { continue };
                    let mut traces = traces(journal).filter(|trace| trace.id == *name);
                    let (first, second) = (traces.next(), traces.next());
                    if second.is_some() || first.is_none_or(|trace| trace.result != *outcome) {
                        let id = short(*id);
                        return Err(format!("{name} of {id} returned {outcome:?}, and the trace is {first:?}, {second:?}"));
                    }
                }
            }
            _ => {}
        }
        Ok(())
    }
}

/// What a journal tells of functions.
pub(crate) fn traces(journal: &[Entry]) -> impl Iterator<Item = &ToolCall> {
    journal.iter().filter(|entry| entry.ignored.is_none()).filter_map(|entry| match &entry.input {
        Input::Signal(signal) => match &signal.fact {
            Fact::ToolCall(trace) => Some(trace),
            _ => None,
        },
        Input::Command(_) | Input::Tick => None,
    })
}
