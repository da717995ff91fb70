//! One binary: the adapter's promises, kept before Telnyx's own specification and the signature vectors.
#![allow(clippy::unwrap_used, missing_docs, reason = "a test that cannot unwrap has failed; its name documents it")]

mod client;
mod config;
mod errors;
mod events;
mod find;
mod hook;
mod kit;
mod laws;
mod requests;
mod sign;
mod total;
