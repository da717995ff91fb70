//! The network's time: phone seconds run `speed` times faster than the wall clock.

use std::time::Duration;

/// Turns phone time (what people and carriers live by) into real time, and back.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Scale {
    speed: f64,
}

impl Scale {
    pub(crate) fn new(speed: f64) -> Self {
        // A speed that is no positive number would stop or reverse the network.
        Self { speed: if speed.is_finite() && speed > 0.0 { speed } else { 1.0 } }
    }

    /// How long `seconds` on the phone last on the wall clock.
    pub(crate) fn real(self, seconds: f64) -> Duration {
        Duration::from_secs_f64((seconds.max(0.0) / self.speed).min(MAX_REAL_SECONDS))
    }

    /// How many phone seconds passed in `real`.
    pub(crate) fn phone(self, real: Duration) -> f64 {
        real.as_secs_f64() * self.speed
    }

    pub(crate) async fn sleep(self, seconds: f64) {
        tokio::time::sleep(self.real(seconds)).await;
    }
}

/// A year: beyond it a timer is never meant to fire, and tokio's arithmetic stays safe.
const MAX_REAL_SECONDS: f64 = 365.0 * 86_400.0;
