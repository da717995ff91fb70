//! Identifiers: a prefix and 32 hexadecimal digits, as Twilio and Retell have them, or UUIDs.

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

    /// The same digits in the form of a UUID.
    pub(crate) fn uuid(&self) -> String {
        let digits = self.make("");
        let part = |from: usize, to: usize| digits.get(from..to).unwrap_or_default();
        // Version and variant take the place of two digits: one far up in the era, one that is always zero.
        format!("{}-{}-4{}-8{}-{}", part(0, 8), part(8, 12), part(13, 16), part(17, 20), part(20, 32))
    }
}
