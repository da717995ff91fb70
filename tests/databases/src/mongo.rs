//! A server that speaks MongoDB's protocol: a `mongod`, or where there is none, SecantusDB (WiredTiger under the same
//! protocol, built from source by `scripts/test-databases`).

use std::env;
use std::fs;
use std::net::{SocketAddr, ToSocketAddrs};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use crate::database::{Database, unique};
use crate::server::{Engine, Server};
use crate::wire::command;
use crate::{announce, program};

/// Which SecantusDB the tests are known to pass on: its every release is a beta.
const SECANTUS: &str = include_str!("../secantus-version");

/// A MongoDB server.
#[derive(Debug)]
pub struct Mongo {
    url: String,
    server: Option<Server>,
    version: String,
}

impl Mongo {
    /// The server of this test run: that of `TEST_MONGODB_URI`, else one of this process, which does not survive a
    /// power loss and need not.
    ///
    /// # Panics
    /// When there is none and none can be started; the message says how to install it.
    #[must_use]
    pub fn shared() -> &'static Self {
        static SHARED: OnceLock<Mongo> = OnceLock::new();
        SHARED.get_or_init(|| match env::var("TEST_MONGODB_URI") {
            Ok(url) => Self::at(url),
            Err(_) => Self::started(false),
        })
    }

    /// A server of one's own, to be killed and restarted. What it acknowledged is on the disk.
    ///
    /// # Panics
    /// When none can be started; the message says how to install it.
    #[must_use]
    pub fn own() -> Self {
        Self::started(true)
    }

    /// Whether somebody has said `SKIP_MONGODB_TESTS=1`, which is told each time: the only way to do without.
    #[must_use]
    pub fn is_skipped() -> bool {
        let skipped = env::var("SKIP_MONGODB_TESTS").is_ok_and(|value| value == "1");
        if skipped {
            announce("SKIP_MONGODB_TESTS=1: a test on MongoDB is SKIPPED");
        }
        skipped
    }

    /// A URL of the server, without a database.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Where it listens; of several members, the first.
    ///
    /// # Panics
    /// When the URL given names no host that can be found.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        address(&self.url).expect("TEST_MONGODB_URI names a host that cannot be found")
    }

    /// What it is and says of its version.
    #[must_use]
    pub fn version(&self) -> &str {
        &self.version
    }

    /// An empty database. It is dropped with its handle, except on a server of `TEST_MONGODB_URI` that asks for a
    /// password or TLS, where databases called `test_…` stay.
    #[must_use]
    pub fn fresh(&self) -> Database {
        let (name, server) = (unique("test"), address(&self.url));
        let gone = name.clone();
        Database::new(&self.url, name, move || {
            // The server may have been killed by its test, and is then removed as a whole.
            let _ = server.map(|server| command(server, &gone, "dropDatabase"));
        })
    }

    /// `kill -9`: for a server of one's [own](Self::own).
    ///
    /// # Panics
    /// When it does not run, or is shared.
    pub fn kill_nine(&self) {
        self.mine().kill_nine();
    }

    /// Ends it in order: for a server of one's [own](Self::own).
    ///
    /// # Panics
    /// When it does not run, does not end, or is shared.
    pub fn terminate(&self) {
        self.mine().stop("TERM");
    }

    /// Starts it again on the same port and data, after it was killed or terminated.
    ///
    /// # Panics
    /// When it does not start.
    pub fn restart(&self) {
        self.mine().run();
    }

    fn at(url: String) -> Self {
        // One that asks for a password first does not tell a stranger its version.
        let version = address(&url).and_then(version).unwrap_or_else(|| "MongoDB of unknown version".to_owned());
        announce(&format!("{version} (TEST_MONGODB_URI)"));
        Self { url, server: None, version }
    }

    fn started(durable: bool) -> Self {
        let server = match program::on_path("mongod") {
            Some(program) => Server::start(Mongod { program }),
            None => Server::start(Secantus { program: secantus(), durable }),
        };
        let version = version(server.address()).expect("a server that is ready tells its version");
        announce(&format!("{version} ({})", if durable { "of one test" } else { "of this run" }));
        let url = format!("mongodb://{}/?directConnection=true", server.address());
        Self { url, server: Some(server), version }
    }

    fn mine(&self) -> &Server {
        self.server.as_ref().expect("only a server that this process started may be killed")
    }
}

/// Where a URL of the plain kind leads.
fn address(url: &str) -> Option<SocketAddr> {
    let authority = url.strip_prefix("mongodb://")?.split(['/', '?']).next()?;
    let host = authority.rsplit('@').next()?.split(',').next()?;
    let host = if host.contains(':') { host.to_owned() } else { format!("{host}:27017") };
    host.to_socket_addrs().ok()?.next()
}

fn version(server: SocketAddr) -> Option<String> {
    let answer = command(server, "admin", "buildInfo").ok().filter(|answer| answer.is_ok())?;
    let version = answer.text("version")?;
    Some(match answer.text("secantusVersion") {
        Some(secantus) => format!("SecantusDB {secantus} (as MongoDB {version})"),
        None => format!("MongoDB {version}"),
    })
}

fn is_primary(port: u16) -> bool {
    command(([127, 0, 0, 1], port).into(), "admin", "hello").is_ok_and(|answer| answer.is_true("isWritablePrimary"))
}

/// `SECANTUSD`, else the program on `PATH`, else the one that `scripts/test-databases` has built.
fn secantus() -> PathBuf {
    let version = SECANTUS.trim();
    let cache = env::var_os("XDG_CACHE_HOME")
        .map(PathBuf::from)
        .or_else(|| Some(PathBuf::from(env::var_os("HOME")?).join(".cache")))
        .unwrap_or_default();
    let root = cache.join(format!("call-lifecycle/secantus-{version}-mended"));
    let built = root.join("bin/secantusd-rs");
    env::var_os("SECANTUSD")
        .map(PathBuf::from)
        .or_else(|| program::on_path("secantusd-rs"))
        .or_else(|| built.is_file().then_some(built))
        .unwrap_or_else(|| {
            panic!(
                "a MongoDB server is needed for this test. Name one in TEST_MONGODB_URI, or put `mongod` on PATH, or \
                 run `scripts/test-databases`, which builds a server for tests (needs cmake, make and a C++ compiler; \
                 about 4 minutes, once) into {}. SKIP_MONGODB_TESTS=1 skips these tests",
                root.display()
            )
        })
}

/// MongoDB's own server, as a replica set of one member: only that acknowledges a majority's writes.
struct Mongod {
    program: PathBuf,
}

impl Engine for Mongod {
    fn name(&self) -> &'static str {
        "mongod"
    }

    fn quit(&self) -> &'static str {
        "TERM"
    }

    fn prepare(&mut self, folder: &Path) {
        fs::create_dir(folder.join("data")).expect("our folder can be written");
    }

    fn command(&self, folder: &Path, port: u16) -> Command {
        let mut command = Command::new(&self.program);
        command.current_dir(folder).args(["--dbpath", "data", "--bind_ip", "127.0.0.1", "--port", &port.to_string()]);
        command.args(["--replSet", "rs0", "--wiredTigerCacheSizeGB", "0.25"]);
        command
    }

    fn is_ready(&self, _folder: &Path, port: u16, _pid: u32) -> bool {
        // Refused while it starts, and once it knows its members.
        let _ = command(([127, 0, 0, 1], port).into(), "admin", "replSetInitiate");
        is_primary(port)
    }
}

/// SecantusDB.
struct Secantus {
    program: PathBuf,
    durable: bool,
}

impl Engine for Secantus {
    fn name(&self) -> &'static str {
        "secantusd"
    }

    fn quit(&self) -> &'static str {
        "TERM"
    }

    fn prepare(&mut self, folder: &Path) {
        // Given by name too, so that no file of this kind that lies about is taken instead.
        fs::write(folder.join("secantusd.toml"), "[storage]\nttl_sweep_seconds = 1\n")
            .expect("our folder can be written");
    }

    fn command(&self, folder: &Path, port: u16) -> Command {
        let mut command = Command::new(&self.program);
        command.current_dir(folder).args(["--config", "secantusd.toml", "--storage-path", "data"]);
        command.args(["--host", "127.0.0.1", "--port", &port.to_string(), "--log-level", "WARNING"]);
        command.args(["--cache-size", "256M", "--log-file-max", "8MB"]);
        if self.durable {
            // It acknowledges `j: true` before its log is on the disk otherwise.
            command.arg("--sync-on-commit");
        }
        command
    }

    fn is_ready(&self, _folder: &Path, port: u16, _pid: u32) -> bool {
        is_primary(port)
    }
}
