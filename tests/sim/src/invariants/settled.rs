use super::{Invariant, Seen, Truth};

/// An act is settled only once it was done, refused for good, or is no longer wanted.
#[derive(Default)]
pub(super) struct Settled;

impl Invariant for Settled {
    fn name(&self) -> &'static str {
        "settled"
    }

    fn see(&mut self, _: &Seen<'_>, _: &Truth<'_>) -> Result<(), String> {
        Ok(())
    }
}
