#![doc = include_str!("../README.md")]

mod app;
pub mod cli;
mod clock;
pub mod config;
mod demo;
mod functions;
mod http;
mod store;
pub mod telemetry;
mod workers;

pub use app::{App, Overrides, Pair, RunningApp, StartError};
pub use clock::SystemClock;
pub use config::Config;
pub use http::events::Notice;
pub use http::openapi::document as openapi;
pub use store::OpenError;
