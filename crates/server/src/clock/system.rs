//! The machine's own clock.

use std::time::Duration;

use async_trait::async_trait;
use call_core::Timestamp;
use call_core::port::Clock;

/// The operating system's time and randomness.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

#[async_trait]
impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_millis(jiff::Timestamp::now().as_millisecond())
    }

    fn random(&self) -> [u8; 10] {
        rand::random()
    }

    async fn sleep(&self, duration: Duration) {
        tokio::time::sleep(duration).await;
    }
}
