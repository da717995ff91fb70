//! PostgreSQL.

use std::collections::HashMap;
use std::env;
use std::fs;
use std::net::{SocketAddr, ToSocketAddrs};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::thread;

use crate::account::Account;
use crate::database::{Database, unique};
use crate::guard::Guard;
use crate::server::{Engine, Server};
use crate::{announce, program};

const INSTALL: &str = "PostgreSQL is needed for this test, and no `initdb` was found on PATH or below \
    /usr/lib/postgresql. Run `scripts/test-databases` (or `apt-get install postgresql`), or name a server in \
    TEST_DATABASE_URL, such as postgres://postgres@127.0.0.1:5432/postgres, whose user may create databases";

/// A PostgreSQL server.
#[derive(Debug)]
pub struct Postgres {
    admin: Arc<Admin>,
    server: Option<Server>,
    version: String,
    prepared: Mutex<HashMap<String, Arc<OnceLock<Database>>>>,
    /// Removes what was prepared from a server that outlives us.
    guard: Option<Guard>,
}

impl Postgres {
    /// The server of this test run: that of `TEST_DATABASE_URL`, else one of this process, which does not survive a
    /// power loss (`fsync` is off) and need not.
    ///
    /// # Panics
    /// When there is none and none can be started; the message says how to install it.
    #[must_use]
    pub fn shared() -> &'static Self {
        static SHARED: OnceLock<Postgres> = OnceLock::new();
        SHARED.get_or_init(|| match env::var("TEST_DATABASE_URL") {
            Ok(url) => Self::at(url),
            Err(_) => Self::started(false),
        })
    }

    /// A server of one's own, to be killed and restarted. What it acknowledged is on the disk (`fsync` is on).
    ///
    /// # Panics
    /// When none can be started; the message says how to install it.
    #[must_use]
    pub fn own() -> Self {
        Self::started(true)
    }

    /// A URL of the server's own database, for whoever may create others.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.admin.url
    }

    /// Where it listens.
    ///
    /// # Panics
    /// When the URL given names no host that can be found.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        if let Some(server) = &self.server {
            return server.address();
        }
        let rest = self.admin.url.split_once("://").map_or(&*self.admin.url, |(_, rest)| rest);
        let authority = rest.split(['/', '?']).next().unwrap_or_default();
        let host = authority.rsplit('@').next().unwrap_or_default();
        let host = if host.contains(':') { host.to_owned() } else { format!("{host}:5432") };
        let found = host.to_socket_addrs().ok().and_then(|mut found| found.next());
        found.unwrap_or_else(|| panic!("TEST_DATABASE_URL names a host that cannot be found"))
    }

    /// The program `psql`.
    #[must_use]
    pub fn psql(&self) -> &Path {
        &self.admin.psql
    }

    /// What it says of its version.
    #[must_use]
    pub fn version(&self) -> &str {
        &self.version
    }

    /// An empty database.
    ///
    /// # Panics
    /// When the server refuses.
    #[must_use]
    pub fn fresh(&self) -> Database {
        self.create("")
    }

    /// A copy of what `prepare` makes of an empty database, once per `name` and process: such as a migrated schema,
    /// which is copied faster than it is made. `prepare` gets the database's URL, must leave no connection open, and runs on a
    /// thread of its own, so that it may block on a runtime of its own.
    ///
    /// # Panics
    /// When `prepare` does, or the server refuses.
    #[must_use]
    pub fn fresh_prepared(&self, name: &str, prepare: impl FnOnce(&str) + Send) -> Database {
        let slot = {
            let mut prepared = self.prepared.lock().unwrap_or_else(PoisonError::into_inner);
            Arc::clone(prepared.entry(name.to_owned()).or_default())
        };
        let template = slot.get_or_init(|| {
            let template = self.fresh();
            if let Some(guard) = &self.guard {
                guard.note(&format!("names=\"$names {}\"", template.name()));
            }
            let ended = thread::scope(|scope| scope.spawn(|| prepare(template.url())).join());
            assert!(ended.is_ok(), "{name:?} could not be prepared");
            template
        });
        self.create(&format!("template {}", template.name()))
    }

    /// `kill -9`: for a server of one's [own](Self::own).
    ///
    /// # Panics
    /// When it does not run, or is shared.
    pub fn kill_nine(&self) {
        self.mine().kill_nine();
    }

    /// Ends it in order, cutting every connection (a fast shutdown): for a server of one's [own](Self::own).
    ///
    /// # Panics
    /// When it does not run, does not end, or is shared.
    pub fn terminate(&self) {
        self.mine().stop("INT");
    }

    /// Starts it again on the same port and data, after it was killed or terminated.
    ///
    /// # Panics
    /// When it does not start.
    pub fn restart(&self) {
        self.mine().run();
    }

    fn at(url: String) -> Self {
        let psql = program::on_path("psql").or_else(|| program::of_debian("psql"));
        let psql = psql.expect("TEST_DATABASE_URL is given, but no `psql` was found to create databases there with");
        let guard = Guard::new(FORGET, &[("PSQL", &psql.to_string_lossy()), ("URL", &url)]);
        let admin = Admin { url, psql };
        Self::new(admin, None, Some(guard), "TEST_DATABASE_URL")
    }

    fn started(durable: bool) -> Self {
        let initdb = program::on_path("initdb").or_else(|| program::of_debian("initdb"));
        let initdb = initdb.unwrap_or_else(|| panic!("{INSTALL}"));
        // Behind a link of the system's, the tools lie together.
        let tools = fs::canonicalize(&initdb).unwrap_or(initdb).with_file_name("");
        let psql = Some(tools.join("psql")).filter(|psql| psql.is_file()).or_else(|| program::on_path("psql"));
        let server = Server::start(Cluster { tools, durable, account: None });
        let url = format!("postgres://postgres@{}/postgres", server.address());
        let admin = Admin { url, psql: psql.unwrap_or_else(|| panic!("{INSTALL}")) };
        Self::new(admin, Some(server), None, if durable { "of one test" } else { "of this run" })
    }

    fn new(admin: Admin, server: Option<Server>, guard: Option<Guard>, whose: &str) -> Self {
        let version = admin.run("show server_version");
        announce(&format!("PostgreSQL {version} ({whose})"));
        Self { admin: Arc::new(admin), server, version, prepared: Mutex::default(), guard }
    }

    fn create(&self, options: &str) -> Database {
        let name = unique("test");
        self.admin.run(&format!("create database {name} {options}"));
        let (admin, gone) = (Arc::clone(&self.admin), name.clone());
        Database::new(&self.admin.url, name, move || {
            // The server may have been killed by its test, and is then removed as a whole.
            let _ = admin.ask(&format!("drop database if exists {gone} with (force)"));
        })
    }

    fn mine(&self) -> &Server {
        self.server.as_ref().expect("only a server that this process started may be killed")
    }
}

/// What a guard does to the databases that were prepared, on a server that goes on.
const FORGET: &str = r#"
for name in $names; do "$PSQL" -X -q -d "$URL" -c "drop database if exists $name with (force)"; done
"#;

/// Speaks SQL to the server through `psql`, so that this crate needs no driver.
#[derive(Debug)]
struct Admin {
    url: String,
    psql: PathBuf,
}

impl Admin {
    fn run(&self, sql: &str) -> String {
        self.ask(sql).unwrap_or_else(|error| panic!("`{sql}` failed: {error}"))
    }

    fn ask(&self, sql: &str) -> Result<String, String> {
        let output = Command::new(&self.psql)
            .args(["-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-d", &self.url, "-c", sql])
            .env("PGCONNECT_TIMEOUT", "10")
            .stdin(Stdio::null())
            .output()
            .map_err(|error| format!("{} cannot be run: {error}", self.psql.display()))?;
        if !output.status.success() {
            return Err(String::from_utf8_lossy(&output.stderr).into_owned());
        }
        Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
    }
}

/// PostgreSQL as a program.
struct Cluster {
    tools: PathBuf,
    durable: bool,
    account: Option<Account>,
}

impl Cluster {
    fn tool(&self, name: &str, folder: &Path) -> Command {
        let mut command = Command::new(self.tools.join(name));
        // Ours may be closed to the account that it runs under.
        command.current_dir(folder);
        if let Some(account) = self.account {
            account.run(&mut command);
        }
        command
    }
}

impl Engine for Cluster {
    fn name(&self) -> &'static str {
        "postgres"
    }

    fn quit(&self) -> &'static str {
        "QUIT"
    }

    fn prepare(&mut self, folder: &Path) {
        self.account = Account::below_root(folder);
        if let Some(account) = self.account {
            account.give(folder);
        }
        let mut initdb = self.tool("initdb", folder);
        initdb.args(["-D", "data", "-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C.UTF-8"]);
        let output = initdb.args(["--no-sync", "--no-instructions"]).stdin(Stdio::null()).output();
        let output = output.unwrap_or_else(|error| panic!("initdb cannot be run: {error}"));
        assert!(output.status.success(), "initdb failed: {}", String::from_utf8_lossy(&output.stderr));
    }

    fn command(&self, folder: &Path, port: u16) -> Command {
        let mut command = self.tool("postgres", folder);
        command.args(["-D", "data", "-p", &port.to_string()]);
        // No socket file, whose path may be too long.
        let mut settings = vec!["listen_addresses=127.0.0.1", "unix_socket_directories=", "max_connections=300"];
        if !self.durable {
            settings.extend(["fsync=off", "full_page_writes=off"]);
        }
        for setting in settings {
            command.args(["-c", setting]);
        }
        command
    }

    fn is_ready(&self, folder: &Path, _port: u16, pid: u32) -> bool {
        // What `pg_ctl` looks at too: the first line says whose file it is, the eighth how far it has come.
        let file = fs::read_to_string(folder.join("data/postmaster.pid")).unwrap_or_default();
        let mut lines = file.lines().map(str::trim);
        lines.next() == Some(&pid.to_string()) && lines.nth(6) == Some("ready")
    }
}
