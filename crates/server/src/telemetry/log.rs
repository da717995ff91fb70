//! The log's form and filter.

use std::fs::File;
use std::io::IsTerminal;

use anyhow::Context as _;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::ParseError;
use tracing_subscriber::fmt::writer::BoxMakeWriter;
use tracing_subscriber::util::SubscriberInitExt;

use super::{Background, Flush};
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
    write_to(BoxMakeWriter::new(std::io::stderr), std::io::stderr().is_terminal(), log)
}

/// Like [`init`], for a server: lines are [written in the background](Background), all of them once the value returned
/// is dropped.
///
/// # Errors
/// The level is not one, or there is no thread to be had.
pub fn init_in_background(log: &Log) -> anyhow::Result<Flush> {
    let (background, flush) = Background::start(std::io::stderr()).context("the log needs a thread")?;
    write_to(BoxMakeWriter::new(background), std::io::stderr().is_terminal(), log)?;
    Ok(flush)
}

/// Sends this process's log to a file, for commands that need the whole terminal. Once a process, as [`init`].
///
/// # Errors
/// The level is not one.
pub fn init_to_file(log: &Log, file: File) -> Result<(), ParseError> {
    write_to(BoxMakeWriter::new(file), false, log)
}

fn write_to(writer: BoxMakeWriter, colours: bool, log: &Log) -> Result<(), ParseError> {
    let builder = tracing_subscriber::fmt().with_env_filter(filter(&log.level)?).with_target(false).with_writer(writer);
    let _already_set = match log.format {
        LogFormat::Text => builder.with_ansi(colours).finish().try_init(),
        LogFormat::Json => {
            builder.json().flatten_event(true).with_current_span(false).with_span_list(false).finish().try_init()
        }
    };
    Ok(())
}
