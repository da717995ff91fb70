use super::{Invariant, Seen, Truth};
use crate::time::SEC;
use crate::trace::short;

/// No phone that we know of is left off the hook until the carrier itself ends it.
#[derive(Default)]
pub(super) struct Outlived;

impl Invariant for Outlived {
    fn name(&self) -> &'static str {
        "outlived"
    }

    fn see(&mut self, seen: &Seen<'_>, truth: &Truth<'_>) -> Result<(), String> {
        let Seen::Outlived { phone } = seen else { return Ok(()) };
        let state = &truth.network.phones[*phone];
        match state.known {
            Some(known) if state.parent.is_none() && truth.pruned.is_empty() => {
                let call = state.call.map(|call| short(call).to_string()).unwrap_or_default();
                Err(format!("P{phone} of call {call} was known for {} s, and left open", (truth.now - known) / SEC))
            }
            Some(_) | None => Ok(()),
        }
    }
}
