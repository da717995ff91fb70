//! The composition root: configuration, HTTP, workers, command line and telemetry around `call-core`.
//!
//! [`App::start`] starts the whole server inside this process; the command `serve`, the demo, tests and benchmarks all
//! start the very same app.

mod app;
pub mod cli;
mod clock;
pub mod config;
mod demo;
mod http;
pub mod telemetry;
mod workers;

pub use app::{App, Overrides, Pair, RunningApp, StartError};
pub use clock::SystemClock;
pub use config::Config;
pub use http::events::Notice;
pub use http::openapi::document as openapi;
