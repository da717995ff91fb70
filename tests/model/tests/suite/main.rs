//! Every order of events within bounds, and the proof that the check can see.

#![allow(clippy::unwrap_used, reason = "a test may fail loudly")]

mod check;
mod ends;
mod flaws;
mod lives;
mod store;
