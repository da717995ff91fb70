//! Virtual time: microseconds since the world began.

use std::time::Duration;

use call_core::Timestamp;

pub(crate) const MS: u64 = 1_000;
pub(crate) const SEC: u64 = 1_000_000;

/// When worlds begin by a right clock: 2026-11-21T08:00:00Z.
const START: i64 = 1_795_248_000_000;

/// A moment as a clock shows it that is `skew` milliseconds ahead.
pub(crate) fn shown(now: u64, skew: i64) -> Timestamp {
    Timestamp::from_millis(START + i64::try_from(now / MS).unwrap_or(i64::MAX / 2) + skew)
}

/// The moment at which a clock that is `skew` milliseconds ahead shows `at`; 0 if that was before the world began.
pub(crate) fn when(at: Timestamp, skew: i64) -> u64 {
    u64::try_from(at.as_millis() - START - skew).unwrap_or(0).saturating_mul(MS)
}

pub(crate) fn micros(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX / 4)
}
