use super::{Invariant, Seen, Truth};

/// Every outbox drains.
#[derive(Default)]
pub(super) struct Drained;

impl Invariant for Drained {
    fn name(&self) -> &'static str {
        "drained"
    }

    fn see(&mut self, seen: &Seen<'_>, _: &Truth<'_>) -> Result<(), String> {
        match seen {
            Seen::Finished { outbox, .. } if *outbox > 0 => Err(format!("{outbox} effects stay in the outbox")),
            _ => Ok(()),
        }
    }
}
