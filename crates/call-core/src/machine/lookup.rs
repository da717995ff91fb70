//! Race-tolerant lookup as a pure schedule (post-mortem 4.1).

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::time::friendly;

/// When to look for a call that somebody is waiting for: at once, then after 50, 100, 150 and 200 ms, 500 ms in all.
///
/// Only synchronous questions wait (a TwiML fetch, a tool call, the start of a media stream). A store's change
/// notification may wake the waiter earlier; the schedule is the fallback.
///
/// ```
/// let waits: Vec<u64> = call_core::Lookup::default().waits().map(|w| w.as_millis() as u64).collect();
/// assert_eq!(waits, [0, 50, 100, 150, 200]);
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Lookup {
    /// How many looks are taken, the first one at once. Default 5.
    pub looks: u32,
    /// How much longer each wait is than the one before. Default 50 ms.
    #[serde(with = "friendly::required")]
    pub step: Duration,
}

impl Default for Lookup {
    fn default() -> Self {
        Self { looks: 5, step: Duration::from_millis(50) }
    }
}

impl Lookup {
    /// How long to wait before each look.
    pub fn waits(&self) -> impl Iterator<Item = Duration> + use<> {
        let step = self.step;
        let looks = if planted!(LooksOnlyOnce) { 1 } else { self.looks };
        (0..looks).map(move |look| step.saturating_mul(look))
    }

    /// How long the whole schedule waits.
    #[must_use]
    pub fn total(&self) -> Duration {
        self.waits().fold(Duration::ZERO, Duration::saturating_add)
    }
}
