//! The store as its users meet it: laws, files, kills.
#![allow(clippy::unwrap_used, reason = "tests")]

mod batches;
mod files;
mod kill;
mod laws;
