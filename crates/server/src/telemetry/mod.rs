//! What the server tells about itself: one log line per step of a call, and metrics.

mod ears;
mod heard;
mod log;
mod mask;
mod metrics;
mod trail;

pub(crate) use ears::Ears;
pub use log::{background, filter, init, init_in_background, init_to_file};
pub use mask::mask;
pub use metrics::{Metrics, Webhook};
pub use trail::Trail;
pub(crate) use trail::word as fact_word;
