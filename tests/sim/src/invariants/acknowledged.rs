use call_core::Input;
use call_core::port::Store as _;

use super::{Invariant, Seen, Truth};
use crate::names::Set;
use crate::run::at_once;

/// Acknowledged is present: a message that got its 2xx is in the journal of its call, or waits in the mailbox; it is
/// given up only if its leg never became known.
#[derive(Default)]
pub(super) struct Acknowledged {
    stored: Vec<String>,
    given_up: Set<String>,
}

impl Invariant for Acknowledged {
    fn name(&self) -> &'static str {
        "acknowledged"
    }

    fn see(&mut self, seen: &Seen<'_>, truth: &Truth<'_>) -> Result<(), String> {
        match seen {
            Seen::Acknowledged { received } => {
                self.stored.extend(received.signals.iter().filter_map(|signal| signal.key.clone()));
            }
            Seen::Reported { signal, .. } => self.stored.extend(signal.key.clone()),
            Seen::Expired { gone } => {
                for parked in *gone {
                    if let Ok(Some(_)) = at_once(truth.store.find(&parked.leg)) {
                        return Err(format!("a message for {} was given up though its call is known", parked.leg));
                    }
                    self.given_up.extend(parked.signal.key.clone());
                }
            }
            Seen::Pruned { calls } => {
                let entries = calls.iter().flat_map(|(_, journal)| journal);
                self.given_up.extend(entries.filter_map(|entry| match &entry.input {
                    Input::Signal(signal) => signal.key.clone(),
                    Input::Command(_) | Input::Tick => None,
                }));
            }
            Seen::Finished { calls, mailbox, .. } => {
                let journals = calls.iter().flat_map(|(_, journal)| journal);
                let journaled = journals.filter_map(|entry| match &entry.input {
                    Input::Signal(signal) => signal.key.as_deref(),
                    Input::Command(_) | Input::Tick => None,
                });
                let mut there: Set<&str> = journaled.collect();
                there.extend(mailbox.iter().filter_map(|parked| parked.signal.key.as_deref()));
                there.extend(self.given_up.iter().map(String::as_str));
                if let Some(lost) = self.stored.iter().find(|key| !there.contains(key.as_str())) {
                    return Err(format!("message {lost} was acknowledged, and is nowhere"));
                }
            }
            _ => {}
        }
        Ok(())
    }
}
