use call_core::journal::fold;

use super::{Invariant, Seen, Truth};
use crate::trace::short;

/// The journal explains everything: folding it gives the stored call again, exactly.
#[derive(Default)]
pub(super) struct Journal;

impl Invariant for Journal {
    fn name(&self) -> &'static str {
        "journal"
    }

    fn see(&mut self, seen: &Seen<'_>, _: &Truth<'_>) -> Result<(), String> {
        let Seen::Finished { calls, .. } = seen else { return Ok(()) };
        for (call, journal) in *calls {
            match fold(call.birth(), journal) {
                Ok(lived) if lived == *call => {}
                Ok(lived) => {
                    return Err(format!("{} was {:?}, its journal says {:?}", short(call.id()), call.state(), lived.state()));
                }
                Err(error) => return Err(format!("{}: {error}", short(call.id()))),
            }
        }
        Ok(())
    }
}
