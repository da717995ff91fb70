//! The server as its users meet it: over real sockets, started by the very function that `serve` uses.
#![allow(clippy::unwrap_used, missing_docs, reason = "tests")]

mod api;
mod bounds;
mod client;
mod command;
mod configuration;
mod drain;
mod functions;
mod hooks;
mod life;
mod openapi;
mod retention;
mod skew;
mod stores;
