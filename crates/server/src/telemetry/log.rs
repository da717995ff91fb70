//! The log's form and filter.

use std::fs::File;
use std::io::{self, BufWriter, IsTerminal, Write};
use std::thread;
use std::time::Duration;

use tracing_appender::non_blocking::{NonBlocking, NonBlockingBuilder, WorkerGuard};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::ParseError;
use tracing_subscriber::fmt::writer::BoxMakeWriter;
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
    write_to(BoxMakeWriter::new(std::io::stderr), std::io::stderr().is_terminal(), log)
}

/// Like [`init`], for a server: lines are written in the [background], all of them once the guard is dropped.
///
/// # Errors
/// The level is not one.
pub fn init_in_background(log: &Log) -> Result<WorkerGuard, ParseError> {
    let (lines, guard) = background(std::io::stderr());
    write_to(BoxMakeWriter::new(lines), std::io::stderr().is_terminal(), log)?;
    Ok(guard)
}

/// Writes by a thread of its own: whoever logs leaves a line and goes on, and what gathers meanwhile goes out in one write.
/// When more waits than is good, whoever logs waits too: slow is better than silent. A process that is killed loses what it
/// logged in its last moment.
pub fn background(out: impl Write + Send + 'static) -> (NonBlocking, WorkerGuard) {
    let out = Gathering(BufWriter::with_capacity(1 << 16, out));
    NonBlockingBuilder::default().lossy(false).thread_name("log").finish(out)
}

/// How long lines gather.
const GATHER: Duration = Duration::from_millis(10);

/// Rests after each flush, which comes when no line is left: on a busy server the thread would else be woken for every
/// other line, which costs whoever logs more than the line does.
struct Gathering<W: Write>(BufWriter<W>);

impl<W: Write> Write for Gathering<W> {
    fn write(&mut self, lines: &[u8]) -> io::Result<usize> {
        self.0.write(lines)
    }

    fn flush(&mut self) -> io::Result<()> {
        let flushed = self.0.flush();
        thread::sleep(GATHER);
        flushed
    }
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

#[cfg(test)]
mod tests {
    use std::io::Result;
    use std::sync::mpsc::{Sender, channel};

    use super::*;

    /// Tells what is written, one message a write.
    struct Told(Sender<Vec<u8>>);

    impl Write for Told {
        fn write(&mut self, lines: &[u8]) -> Result<usize> {
            self.0.send(lines.to_vec()).unwrap();
            Ok(lines.len())
        }

        fn flush(&mut self) -> Result<()> {
            Ok(())
        }
    }

    #[test]
    fn every_line_is_written_once_and_whole_whoever_logs_and_however_much() {
        // More than may wait.
        const EACH: usize = 50_000;
        let (told, written) = channel();
        let (lines, guard) = background(Told(told));
        thread::scope(|scope| {
            for who in 0..4 {
                let mut lines = lines.clone();
                scope.spawn(move || {
                    (0..EACH).for_each(|n| lines.write_all(format!("{who} {n:05}\n").as_bytes()).unwrap())
                });
            }
        });
        drop(guard);
        let all: Vec<u8> = written.try_iter().flatten().collect();
        let mut all: Vec<&str> = std::str::from_utf8(&all).unwrap().lines().collect();
        all.sort_unstable();
        all.dedup();
        assert_eq!(all.len(), 4 * EACH);
        assert!(all.iter().all(|line| line.len() == 7), "no line is mixed with another one");
    }
}
