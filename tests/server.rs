//! One `call-server` process.

use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use reqwest::Client;
use tokio::process::Command;

use simulator::Provider;

use crate::Api;
use crate::process::{self, Process};

pub(crate) const ACCOUNT: &str = "AC5100a7ed5100a7ed5100a7ed5100a7ed";
pub(crate) const AUTH_TOKEN: &str = "0123456789abcdef0123456789abcdef";
pub(crate) const API_TOKEN: &str = "e2e-token-that-is-long-enough";

/// A server that may be killed and started again, on the same port.
#[derive(Debug)]
pub struct Server {
    /// Its own API, past any balancer.
    pub api: Api,
    name: String,
    port: u16,
    directory: PathBuf,
    provider: Provider,
    process: Mutex<Option<Process>>,
}

impl Server {
    pub(crate) fn new(name: String, port: u16, directory: &Path, provider: Provider, http: &Client) -> Self {
        let api = Api::new(http.clone(), format!("http://127.0.0.1:{port}"), API_TOKEN);
        Self { api, name, port, directory: directory.to_owned(), provider, process: Mutex::new(None) }
    }

    /// Where it listens, on loopback.
    #[must_use]
    pub const fn port(&self) -> u16 {
        self.port
    }

    /// What it needs to know besides the configuration of the town.
    #[must_use]
    pub fn environment(&self) -> Vec<(String, String)> {
        let listen = ("CALL_SERVER__SERVER__LISTEN".to_owned(), format!("127.0.0.1:{}", self.port));
        secrets(self.provider).into_iter().chain([listen]).collect()
    }

    /// Starts it, and waits until it is ready.
    ///
    /// # Panics
    /// When it does not start.
    pub async fn start(&self) {
        let config = config(&self.directory);
        let mut command = command(&self.directory, self.provider, &["serve", "--config", &config.to_string_lossy()]);
        command.envs(self.environment());
        let (process, _) = Process::start(&self.name, command, &self.log_file()).await;
        *self.process() = Some(process);
        self.api.until_ready().await;
    }

    /// Whether it was started, and not stopped since.
    #[must_use]
    pub fn is_started(&self) -> bool {
        self.process().is_some()
    }

    /// `kill -9`.
    ///
    /// # Panics
    /// When it does not run.
    pub async fn kill_nine(&self) {
        self.take().kill_nine().await;
    }

    /// SIGTERM; it must end well.
    ///
    /// # Panics
    /// When it does not.
    pub async fn terminate(&self) {
        let status = self.take().terminate().await;
        assert!(status.success(), "{} ended with {status}", self.name);
    }

    /// Its log, over all its lives.
    ///
    /// # Panics
    /// When it cannot be read.
    #[must_use]
    pub fn log(&self) -> String {
        std::fs::read_to_string(self.log_file()).expect("the log is a text file")
    }

    fn log_file(&self) -> PathBuf {
        self.directory.join(format!("{}.log", self.name))
    }

    fn take(&self) -> Process {
        self.process().take().unwrap_or_else(|| panic!("{} was not started", self.name))
    }

    fn process(&self) -> MutexGuard<'_, Option<Process>> {
        self.process.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The configuration of every server in a directory.
pub(crate) fn config(directory: &Path) -> PathBuf {
    directory.join("call-server.toml")
}

/// A `call-server` command with the secrets.
pub(crate) fn command(directory: &Path, provider: Provider, arguments: &[&str]) -> Command {
    let mut command = process::command("call-server");
    command.current_dir(directory).args(arguments).envs(secrets(provider));
    command
}

/// Only what this provider needs: one whose secret is known is used.
fn secrets(provider: Provider) -> [(String, String); 2] {
    let network = simulator::Config::default();
    let (name, secret) = match provider {
        Provider::Telnyx => ("TELNYX__API_KEY", network.telnyx.api_key.reveal().to_owned()),
        Provider::Retell => ("RETELL__API_KEY", network.retell.api_key.reveal().to_owned()),
        _ => ("TWILIO__AUTH_TOKEN", AUTH_TOKEN.to_owned()),
    };
    let of = |name: &str, secret: String| (format!("CALL_SERVER__{name}"), secret);
    [of("API__TOKENS", API_TOKEN.to_owned()), of(name, secret)]
}
