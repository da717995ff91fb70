//! The network seen from outside, over real sockets.
#![allow(clippy::unwrap_used, missing_docs, reason = "a test that fails may panic")]

mod backend;
mod control;
mod faults;
mod lives;
mod obedience;
mod outages;
mod process;
mod rest;
mod retell;
mod schema;
mod telnyx;
mod webhooks;
