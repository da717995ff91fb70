use std::collections::BTreeMap;

use call_core::{CallId, Subject};

use super::{Invariant, Seen, Truth};
use crate::trace::short;

/// At most one open call per subject, at any moment.
#[derive(Default)]
pub(super) struct Subjects(BTreeMap<Subject, CallId>);

impl Invariant for Subjects {
    fn name(&self) -> &'static str {
        "subjects"
    }

    fn see(&mut self, seen: &Seen<'_>, truth: &Truth<'_>) -> Result<(), String> {
        let Seen::Committed { commit, .. } = seen else { return Ok(()) };
        if !commit.moves() {
            return Ok(());
        }
        let call = &commit.call;
        let Some(subject) = call.subject() else { return Ok(()) };
        match self.0.get(subject) {
            Some(open) if *open != call.id() => {
                let still = truth.look(*open, |open| open.is_some_and(|open| !open.has_ended()));
                if still && !call.has_ended() {
                    return Err(format!("{subject} has two open calls: {} and {}", short(*open), short(call.id())));
                }
            }
            Some(_) | None => {}
        }
        if call.has_ended() {
            if self.0.get(subject) == Some(&call.id()) {
                self.0.remove(subject);
            }
        } else {
            self.0.insert(subject.clone(), call.id());
        }
        Ok(())
    }
}
