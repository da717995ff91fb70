//! One binary: the laws of all providers, and what is Retell's alone.
#![allow(clippy::unwrap_used, missing_docs, reason = "a test that cannot unwrap has failed; its name documents it")]

mod client;
mod config;
mod endings;
mod events;
mod find;
mod functions;
mod inbound;
mod kit;
mod laws;
mod llm;
mod network;
mod races;
mod sign;
