use super::{Invariant, Seen, Truth};
use crate::time::{SEC, when};
use crate::trace::short;

/// How long an answer may be on its way that was true when it was given.
const ON_ITS_WAY: u64 = 60 * SEC;

/// A subject is free as soon as its call has ended: nobody is refused because of a call that is over.
#[derive(Default)]
pub(super) struct Freed;

impl Invariant for Freed {
    fn name(&self) -> &'static str {
        "freed"
    }

    fn see(&mut self, seen: &Seen<'_>, truth: &Truth<'_>) -> Result<(), String> {
        let Seen::Refused { open } = seen else { return Ok(()) };
        let since = truth.look(*open, |call| call.filter(|call| call.has_ended()).map(|call| call.state().now));
        match since.map(|since| when(since, 0)) {
            Some(since) if truth.now > since + ON_ITS_WAY + 2 * truth.skew => {
                Err(format!("a call was refused because of {}, which ended {} s ago", short(*open), (truth.now - since) / SEC))
            }
            Some(_) | None => Ok(()),
        }
    }
}
