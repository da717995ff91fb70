//! The store as its users meet it: laws, opening, crashes, faults, kills.
#![allow(clippy::unwrap_used, reason = "tests")]

mod crash;
mod faults;
mod kill;
mod laws;
mod opening;
mod stage;
