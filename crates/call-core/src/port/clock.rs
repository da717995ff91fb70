//! The world's time.

use std::time::Duration;

use async_trait::async_trait;

use crate::Timestamp;

/// Tells the time, waits, and draws the random part of names. A simulation has its own.
#[async_trait]
pub trait Clock: Send + Sync + 'static {
    /// Now.
    fn now(&self) -> Timestamp;

    /// Ten random bytes, for a [`crate::CallId`].
    fn random(&self) -> [u8; 10];

    /// Returns after `duration`.
    async fn sleep(&self, duration: Duration);
}
