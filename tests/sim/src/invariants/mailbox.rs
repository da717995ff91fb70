use std::collections::BTreeMap;
use std::time::Duration;

use super::{Invariant, Seen, Truth};
use crate::time::when;

/// The mailbox empties: into calls, each message once, or after the time that a message is kept, but not before.
#[derive(Default)]
pub(super) struct Mailbox {
    /// What was taken, and whether it changed its call.
    adopted: BTreeMap<i64, bool>,
}

impl Invariant for Mailbox {
    fn name(&self) -> &'static str {
        "mailbox"
    }

    fn see(&mut self, seen: &Seen<'_>, truth: &Truth<'_>) -> Result<(), String> {
        match seen {
            Seen::Committed { commit, .. } => {
                let moves = commit.entries.iter().any(|entry| entry.ignored.is_none());
                for id in &commit.adopts {
                    // What changes nothing may be read by two servers, and change nothing twice.
                    if self.adopted.insert(*id, moves) == Some(true) {
                        return Err(format!("message {id} of the mailbox was taken twice"));
                    }
                }
                Ok(())
            }
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
