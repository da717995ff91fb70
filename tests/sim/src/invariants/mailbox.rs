use std::time::Duration;

use super::{Invariant, Seen, Truth};
use crate::time::when;

/// The mailbox empties: into calls, or after the time that a message is kept, but not before.
#[derive(Default)]
pub(super) struct Mailbox;

impl Invariant for Mailbox {
    fn name(&self) -> &'static str {
        "mailbox"
    }

    fn see(&mut self, seen: &Seen<'_>, truth: &Truth<'_>) -> Result<(), String> {
        match seen {
            Seen::Finished { mailbox, .. } if !mailbox.is_empty() => {
                Err(format!("{} messages stay parked, one of them for {}", mailbox.len(), mailbox[0].leg))
            }
            Seen::Expired { gone } => {
                for parked in *gone {
                    let skew = Duration::from_micros(truth.skew);
                    if truth.now < when(parked.until - skew - Duration::from_secs(1), 0) {
                        return Err(format!("a message for {} was given up before its time", parked.leg));
                    }
                }
                Ok(())
            }
            _ => Ok(()),
        }
    }
}
