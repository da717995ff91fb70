//! Twilio's identifiers: two letters and 32 hexadecimal digits.

use std::sync::atomic::{AtomicU64, Ordering};

use jiff::Timestamp;

/// Makes identifiers that no earlier network made: a client may remember those of the process before this one.
#[derive(Debug)]
pub(crate) struct Sids {
    era: u64,
    next: AtomicU64,
}

impl Sids {
    pub(crate) fn new() -> Self {
        Self { era: Timestamp::now().as_nanosecond() as u64, next: AtomicU64::new(1) }
    }

    pub(crate) fn make(&self, prefix: &str) -> String {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        format!("{prefix}{:016x}{number:016x}", self.era)
    }
}
