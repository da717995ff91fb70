//! A shell that does what is left to do when this process is gone, however it went.

use std::io::Write;
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Stdio};

/// Reads notes until the pipe to us closes, which the system does even for a process that was killed, and acts.
/// What the keyboard or a closing terminal sends is meant for the tests, not for it.
const WATCH: &str = r#"trap '' INT TERM HUP; notes=$(cat); eval "$notes"; eval "$LAST""#;

/// The shell. Dropping it makes it act, and waits until it has.
#[derive(Debug)]
pub(crate) struct Guard(Child);

impl Guard {
    /// Runs the shell commands `last` when this process has gone, with what was [noted](Self::note) and `environment`.
    pub(crate) fn new(last: &str, environment: &[(&str, &str)]) -> Self {
        let shell = Command::new("sh")
            .args(["-c", WATCH])
            .env("LAST", last)
            .envs(environment.iter().copied())
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .process_group(0)
            .spawn();
        Self(shell.expect("every system has a shell"))
    }

    /// A line of shell, such as `pid=17`, to be run before the last commands.
    pub(crate) fn note(&self, line: &str) {
        let mut pipe = self.0.stdin.as_ref().expect("it is closed only on drop");
        writeln!(pipe, "{line}").expect("the guard listens as long as we live");
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        drop(self.0.stdin.take());
        // A shell that is gone has nothing to wait for.
        let _ = self.0.wait();
    }
}
