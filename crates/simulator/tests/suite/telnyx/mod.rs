//! Telnyx's face of the network.

mod bench;
mod bridges;
mod commands;
mod faults;
mod lives;
mod rest;
mod schema;
mod webhooks;
