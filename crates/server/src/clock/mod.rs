//! The world's clock.

mod shared;
mod system;

pub(crate) use shared::SharedClock;
pub use system::SystemClock;
