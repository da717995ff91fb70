//! Processes: started, watched, killed.

use std::fs::{File, OpenOptions};
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::process::{Child, ChildStdout, Command};
use tokio::time::timeout;

/// How long a process may take to say that it listens, and to end when asked.
const PATIENCE: Duration = Duration::from_secs(20);

/// A running process whose output goes to files. Dropping it kills it.
#[derive(Debug)]
pub struct Process {
    name: String,
    child: Child,
    log: PathBuf,
}

/// The binary of this workspace that lies beside the test executable.
///
/// # Panics
/// When it was not built.
#[must_use]
pub fn binary(name: &str) -> PathBuf {
    let test = std::env::current_exe().expect("a running test has an executable");
    // target/debug/deps/e2e-… -> target/debug/NAME
    let path = test.ancestors().nth(2).expect("tests run in target/PROFILE/deps").join(name);
    let path = if cfg!(windows) { path.with_extension("exe") } else { path };
    assert!(
        path.exists(),
        "{} is missing: run `cargo build --workspace --bins` first, or use `cargo xtask test`",
        path.display()
    );
    path
}

/// A command on a binary of this workspace, with none of the variables that would change what it does.
#[must_use]
pub fn command(name: &str) -> Command {
    let mut command = Command::new(binary(name));
    for (key, _) in std::env::vars_os() {
        if key.to_string_lossy().starts_with("CALL_SERVER") || key.to_string_lossy().starts_with("TWILIO_") {
            command.env_remove(key);
        }
    }
    command.kill_on_drop(true).stdin(Stdio::null());
    command
}

impl Process {
    /// Starts `command`, with its error output appended to `log` and its output beside it, and waits for the line that
    /// says where it listens. Gives the address of that line too.
    ///
    /// # Panics
    /// When it cannot be started or ends before it listens; the message names the log.
    pub async fn start(name: &str, mut command: Command, log: &Path) -> (Self, String) {
        let errors = open(log);
        let mut child = command
            .stdout(Stdio::piped())
            .stderr(errors)
            .spawn()
            .unwrap_or_else(|error| panic!("{name} cannot be started: {error}"));
        let mut output = BufReader::new(child.stdout.take().expect("its output is piped"));
        let listening = timeout(PATIENCE, address(&mut output)).await.ok().flatten();
        let Some(address) = listening else {
            panic!("{name} did not say where it listens; its log is {}", log.display());
        };
        tokio::spawn(drain(output, log.with_extension("out")));
        (Self { name: name.to_owned(), child, log: log.to_owned() }, address)
    }

    /// Everything it wrote to its log so far, and those before it that had the same log.
    ///
    /// # Panics
    /// When the log cannot be read.
    #[must_use]
    pub fn log(&self) -> String {
        std::fs::read_to_string(&self.log).expect("the log is a text file")
    }

    /// `kill -9`: it learns nothing and writes nothing any more.
    ///
    /// # Panics
    /// When it had ended before.
    pub async fn kill_nine(mut self) {
        assert!(self.child.try_wait().expect("a child can be asked").is_none(), "{} had ended by itself", self.name);
        self.child.kill().await.expect("a child can be killed");
    }

    /// SIGTERM, and what it makes of it.
    ///
    /// # Panics
    /// When it does not end.
    pub async fn terminate(mut self) -> ExitStatus {
        let id = self.child.id().unwrap_or_else(|| panic!("{} had ended by itself", self.name));
        let sent = Command::new("sh").args(["-c", &format!("kill -TERM {id}")]).status().await;
        assert!(sent.is_ok_and(|status| status.success()), "{} cannot be sent SIGTERM", self.name);
        match timeout(PATIENCE, self.child.wait()).await {
            Ok(status) => status.expect("a child can be waited for"),
            Err(_) => panic!("{} did not end on SIGTERM; its log is {}", self.name, self.log.display()),
        }
    }

    /// Whether it still runs.
    ///
    /// # Panics
    /// When the system does not tell.
    pub fn is_running(&mut self) -> bool {
        self.child.try_wait().expect("a child can be asked").is_none()
    }
}

fn open(path: &Path) -> File {
    let file = OpenOptions::new().create(true).append(true).open(path);
    file.unwrap_or_else(|error| panic!("{} cannot be written: {error}", path.display()))
}

async fn address(output: &mut BufReader<ChildStdout>) -> Option<String> {
    let mut line = String::new();
    while output.read_line(&mut line).await.ok()? > 0 {
        if let Some((_, address)) = line.trim().split_once("listening on ") {
            return Some(address.to_owned());
        }
        line.clear();
    }
    None
}

/// A full pipe would stop the process.
async fn drain(mut output: BufReader<ChildStdout>, path: PathBuf) {
    let mut file = tokio::fs::File::from_std(open(&path));
    // Whether it is kept is of no matter; that it is read is.
    let _ = tokio::io::copy(&mut output, &mut file).await;
    let _ = file.flush().await;
}
