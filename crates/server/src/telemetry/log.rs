//! The log's form and filter.

use std::io::IsTerminal;

use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::ParseError;
use tracing_subscriber::util::SubscriberInitExt;

use crate::config::{Log, LogFormat};

/// The filter that a level or directive means.
///
/// # Errors
/// It is neither.
pub fn filter(level: &str) -> Result<EnvFilter, ParseError> {
    EnvFilter::builder().parse(level)
}

/// Sends this process's log to stderr, so that stdout is left to what a command prints. Once a process; later calls
/// change nothing.
///
/// # Errors
/// The level is not one.
pub fn init(log: &Log) -> Result<(), ParseError> {
    let builder =
        tracing_subscriber::fmt().with_env_filter(filter(&log.level)?).with_target(false).with_writer(std::io::stderr);
    let _already_set = match log.format {
        LogFormat::Text => builder.with_ansi(std::io::stderr().is_terminal()).finish().try_init(),
        LogFormat::Json => {
            builder.json().flatten_event(true).with_current_span(false).with_span_list(false).finish().try_init()
        }
    };
    Ok(())
}
