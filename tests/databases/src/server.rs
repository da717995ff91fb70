//! A database server that we started, and that does not outlive us.

use std::fmt::{self, Debug, Formatter};
use std::fs::{self, File};
use std::net::{Ipv4Addr, SocketAddr};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread::sleep;
use std::time::{Duration, Instant};

use tempfile::TempDir;

use crate::guard::Guard;
use crate::port;

/// How long a server may take to start, and to end when asked.
const PATIENCE: Duration = Duration::from_secs(30);

/// What a guard does to a server whose tests are gone.
const STOP: &str = r#"
if [ -n "$pid" ] && kill -s "$SIGNAL" "$pid"; then
  n=0; while kill -0 "$pid" && [ $n -lt 50 ]; do sleep 0.1; n=$((n + 1)); done
  kill -s KILL "$pid"
fi
rm -rf "$FOLDER"
"#;

/// A kind of database server.
pub(crate) trait Engine: Send + Sync + 'static {
    /// Its program's name.
    fn name(&self) -> &'static str;

    /// The signal on which it ends at once, whatever its clients do.
    fn quit(&self) -> &'static str;

    /// Makes what must be in `folder` before the first start.
    fn prepare(&mut self, folder: &Path);

    /// Runs it in the foreground, with its data in `folder`.
    fn command(&self, folder: &Path, port: u16) -> Command;

    /// Whether the process `pid` takes requests by now.
    fn is_ready(&self, folder: &Path, port: u16, pid: u32) -> bool;
}

/// The server. Dropping it stops it and removes its data.
pub(crate) struct Server {
    engine: Box<dyn Engine>,
    port: u16,
    child: Mutex<Option<Child>>,
    folder: TempDir,
    guard: Guard,
}

impl Server {
    /// Starts one on a free port, in a folder of its own.
    pub(crate) fn start(mut engine: impl Engine) -> Self {
        let folder = TempDir::with_prefix(format!("{}-", engine.name())).expect("a temporary folder can be made");
        let path = folder.path().to_string_lossy().into_owned();
        let guard = Guard::new(STOP, &[("FOLDER", &path), ("SIGNAL", engine.quit())]);
        engine.prepare(folder.path());
        let child = Mutex::default();
        let server = Self { engine: Box::new(engine), port: port::reserve(), child, folder, guard };
        server.run();
        server
    }

    /// Where it listens.
    pub(crate) fn address(&self) -> SocketAddr {
        (Ipv4Addr::LOCALHOST, self.port).into()
    }

    /// `kill -9`: nothing is written any more, nobody is told.
    pub(crate) fn kill_nine(&self) {
        let mut child = self.take();
        child.kill().expect("a child can be killed");
        self.bury(child);
    }

    /// Asks it by `signal` to end, and waits until it has.
    pub(crate) fn stop(&self, signal: &str) {
        let mut child = self.take();
        let sent = Command::new("sh").args(["-c", "kill -s \"$0\" \"$1\"", signal, &child.id().to_string()]).status();
        assert!(sent.is_ok_and(|status| status.success()), "{} cannot be sent {signal}", self.engine.name());
        let ended = within(PATIENCE, || child.try_wait().expect("a child can be asked").is_some());
        assert!(ended, "{} did not end on {signal}; {}", self.engine.name(), self.last_words());
        self.bury(child);
    }

    /// Starts it again on the same port and data, after it was killed or stopped.
    pub(crate) fn run(&self) {
        let deadline = Instant::now() + PATIENCE;
        // What a killed server leaves behind, such as processes of its own that learn of it a moment later, may keep
        // its successor from starting at first.
        while !self.attempt(deadline) {
            assert!(Instant::now() < deadline, "{} does not start; {}", self.engine.name(), self.last_words());
            sleep(Duration::from_millis(100));
        }
    }

    /// Whether it started and takes requests.
    fn attempt(&self, deadline: Instant) -> bool {
        let log = File::options().create(true).append(true).open(self.log()).expect("our folder can be written");
        let errors = log.try_clone().expect("a file can be shared");
        let mut command = self.engine.command(self.folder.path(), self.port);
        let spawned = command.stdin(Stdio::null()).stdout(log).stderr(errors).process_group(0).spawn();
        let mut child = spawned.unwrap_or_else(|error| panic!("{} cannot be started: {error}", self.engine.name()));
        self.guard.note(&format!("pid={}", child.id()));
        while Instant::now() < deadline {
            if child.try_wait().expect("a child can be asked").is_some() {
                break;
            }
            if self.engine.is_ready(self.folder.path(), self.port, child.id()) {
                *self.child() = Some(child);
                return true;
            }
            sleep(Duration::from_millis(10));
        }
        // Either it ended by itself, or it is of no use.
        let _ = child.kill();
        self.bury(child);
        false
    }

    /// The guard must forget the number, for the system may give it to a stranger.
    fn bury(&self, mut child: Child) {
        self.guard.note("pid=");
        child.wait().expect("a child can be waited for");
    }

    fn take(&self) -> Child {
        self.child().take().unwrap_or_else(|| panic!("{} does not run", self.engine.name()))
    }

    fn child(&self) -> MutexGuard<'_, Option<Child>> {
        self.child.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn log(&self) -> PathBuf {
        self.folder.path().join("log")
    }

    fn last_words(&self) -> String {
        let log = fs::read_to_string(self.log()).unwrap_or_default();
        let from = log.char_indices().rev().nth(2_000).map_or(0, |(at, _)| at);
        format!("its log ends with:\n{}", &log[from..])
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if self.child().is_some() {
            self.stop(self.engine.quit());
        }
    }
}

impl Debug for Server {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.debug_struct("Server").field("engine", &self.engine.name()).field("port", &self.port).finish_non_exhaustive()
    }
}

/// Whether `is_so` becomes true in time.
fn within(patience: Duration, mut is_so: impl FnMut() -> bool) -> bool {
    let deadline = Instant::now() + patience;
    loop {
        if is_so() {
            return true;
        }
        if Instant::now() > deadline {
            return false;
        }
        sleep(Duration::from_millis(10));
    }
}
