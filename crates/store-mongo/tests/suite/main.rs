//! The store as its users meet it: laws.
#![allow(clippy::unwrap_used, reason = "tests")]

mod laws;
