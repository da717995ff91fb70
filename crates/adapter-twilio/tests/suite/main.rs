//! One binary: the adapter's promises, kept before Twilio's own vectors, documents and specification.
#![allow(clippy::unwrap_used, missing_docs, reason = "a test that cannot unwrap has failed; its name documents it")]

mod answers;
mod client;
mod config;
mod errors;
mod find;
mod hook;
mod kit;
mod laws;
mod requests;
mod sign;
mod total;
