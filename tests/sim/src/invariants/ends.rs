use super::{Invariant, Seen, Truth};
use crate::trace::short;

/// Every call ends, and is not removed before.
#[derive(Default)]
pub(super) struct Ends;

impl Invariant for Ends {
    fn name(&self) -> &'static str {
        "ends"
    }

    fn see(&mut self, seen: &Seen<'_>, _: &Truth<'_>) -> Result<(), String> {
        if let Seen::Pruned { calls } = seen
            && let Some((call, _)) = calls.iter().find(|(call, _)| !call.has_ended())
        {
            return Err(format!("call {} was removed while it was open", short(call.id())));
        }
        let Seen::Finished { calls, .. } = seen else { return Ok(()) };
        match calls.iter().find(|(call, _)| !call.has_ended()) {
            Some((call, _)) => Err(format!("call {} is {} for ever", short(call.id()), call.phase_name().as_str())),
            None => Ok(()),
        }
    }
}
