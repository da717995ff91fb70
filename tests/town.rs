//! A town: a server, a telephone network and a store between them, in a directory of their own.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use reqwest::Client;
use simulator::CallRecord;
use tempfile::TempDir;
use tokio::process::Command;
use tokio::sync::{Semaphore, SemaphorePermit};

use crate::laws::{self, Evidence};
use crate::process::{self, Process};
use crate::{Api, Ledger, Network, Wish, port, sign, until};

/// Towns that may live at once: each is three busy processes.
static LOTS: Semaphore = Semaphore::const_new(4);

const ACCOUNT: &str = "AC5100a7ed5100a7ed5100a7ed5100a7ed";
const AUTH_TOKEN: &str = "0123456789abcdef0123456789abcdef";
const API_TOKEN: &str = "e2e-token-that-is-long-enough";

/// Patience with whatever must happen within a few deadlines.
pub const PATIENCE: Duration = Duration::from_secs(45);

/// A town to be built.
#[derive(Debug, Clone)]
pub struct TownBuilder {
    name: String,
    seed: u64,
    speed: f64,
    hold: f64,
    settings: Vec<(String, String)>,
    behind: Option<String>,
}

impl TownBuilder {
    /// The seed that decides people and faults.
    #[must_use]
    pub const fn seed(mut self, seed: u64) -> Self {
        self.seed = seed;
        self
    }

    /// Phone seconds in a second of the wall clock.
    #[must_use]
    pub const fn speed(mut self, speed: f64) -> Self {
        self.speed = speed;
        self
    }

    /// A setting of the server, by its key, in TOML.
    #[must_use]
    pub fn set(mut self, key: &str, value: &str) -> Self {
        self.settings.push((key.to_owned(), value.to_owned()));
        self
    }

    /// The server is reached under another URL than its own.
    #[must_use]
    pub fn behind(mut self, public_url: impl Into<String>) -> Self {
        self.behind = Some(public_url.into());
        self
    }

    /// Starts both processes.
    ///
    /// # Panics
    /// When one does not start.
    pub async fn build(self) -> Town {
        self.build_at(port::reserve()).await
    }

    /// Starts both processes, the server on this port.
    ///
    /// # Panics
    /// When one does not start.
    pub async fn build_at(self, port: u16) -> Town {
        let lot = LOTS.acquire().await.expect("the semaphore is never closed");
        // Whoever was first chose the same one.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let http = Client::builder()
            .no_proxy()
            .timeout(Duration::from_secs(20))
            .build()
            .expect("an HTTP client needs nothing that may be missing");
        let directory = TempDir::with_prefix(format!("e2e-{}-", self.name)).expect("a directory can be made");
        // From here on, whatever goes wrong can be looked at.
        let keepsake = Keepsake { seed: self.seed, directory: Some(directory) };
        let (network_port, control_port) = (port::reserve(), port::reserve());
        let mut command = process::command("simulator");
        command
            .args(["--port", &network_port.to_string(), "--control-port", &control_port.to_string()])
            .args(["--seed", &self.seed.to_string(), "--speed", &self.speed.to_string()])
            .args(["--hold", &self.hold.to_string()])
            .env("TWILIO_ACCOUNT_SID", ACCOUNT)
            .env("TWILIO_AUTH_TOKEN", AUTH_TOKEN);
        let (simulator, network_url) =
            Process::start("simulator", command, &keepsake.path().join("simulator.log")).await;
        let base = format!("http://127.0.0.1:{port}");
        let town = Town {
            network: Network::new(http.clone(), format!("http://127.0.0.1:{control_port}")),
            api: Api::new(http.clone(), &base, API_TOKEN),
            http,
            public_url: self.behind.clone().unwrap_or(base),
            network_url,
            seed: self.seed,
            server: Mutex::new(None),
            acknowledged: Arc::default(),
            port,
            simulator: Some(simulator),
            keepsake: Some(keepsake),
            _lot: lot,
        };
        std::fs::write(town.config(), town.settings(&self.settings)).expect("the configuration can be written");
        town.start().await;
        town
    }
}

/// A living town.
#[derive(Debug)]
pub struct Town {
    /// The server's API.
    pub api: Api,
    /// The network's control API.
    pub network: Network,
    /// A client for anything else.
    pub http: Client,
    /// Where the provider reaches the server.
    pub public_url: String,
    /// The seed that decided everything.
    pub seed: u64,
    network_url: String,
    port: u16,
    server: Mutex<Option<Process>>,
    simulator: Option<Process>,
    acknowledged: Arc<Mutex<Vec<String>>>,
    keepsake: Option<Keepsake>,
    _lot: SemaphorePermit<'static>,
}

impl Town {
    /// A town to be built; its name shows in the paths of its logs.
    #[must_use]
    pub fn named(name: &str) -> TownBuilder {
        TownBuilder { name: name.to_owned(), seed: 7, speed: 100.0, hold: 3.0, settings: Vec::new(), behind: None }
    }

    /// A healthy town.
    pub async fn new(name: &str) -> Self {
        Self::named(name).build().await
    }

    /// Where everything about it is: configuration, store, logs.
    ///
    /// # Panics
    /// Never while it lives.
    #[must_use]
    pub fn path(&self) -> &Path {
        self.keepsake.as_ref().expect("it is given up last").path()
    }

    /// The server's configuration.
    #[must_use]
    pub fn config(&self) -> PathBuf {
        self.path().join("call-server.toml")
    }

    /// The store's file.
    #[must_use]
    pub fn store(&self) -> PathBuf {
        self.path().join("calls.db")
    }

    /// A `call-server` command with the server's configuration and secrets.
    #[must_use]
    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = process::command("call-server");
        command
            .current_dir(self.path())
            .args(arguments)
            .env("CALL_SERVER__API__TOKENS", API_TOKEN)
            .env("CALL_SERVER__TWILIO__AUTH_TOKEN", AUTH_TOKEN);
        command
    }

    /// Starts the server, on the port and the file that it had before.
    ///
    /// # Panics
    /// When it does not start.
    pub async fn start(&self) {
        let config = self.config();
        let command = self.command(&["serve", "--config", &config.to_string_lossy()]);
        let (server, _) = Process::start("call-server", command, &self.path().join("server.log")).await;
        *self.server.lock().unwrap_or_else(PoisonError::into_inner) = Some(server);
        self.api.until_ready().await;
    }

    /// The server's log, over all its lives.
    ///
    /// # Panics
    /// When it cannot be read.
    #[must_use]
    pub fn log(&self) -> String {
        std::fs::read_to_string(self.path().join("server.log")).expect("the log is a text file")
    }

    /// `kill -9` for the server.
    pub async fn kill_nine(&self) {
        self.take_server().kill_nine().await;
    }

    /// SIGTERM for the server; it must end well.
    ///
    /// # Panics
    /// When it does not.
    pub async fn terminate(&self) {
        let server = self.take_server();
        let status = server.terminate().await;
        assert!(status.success(), "the server ended with {status}");
    }

    /// Places a call and remembers that it was acknowledged.
    pub async fn place(&self, wish: &Wish) -> String {
        let id = self.api.place(wish).await;
        self.acknowledge(&id);
        id
    }

    /// Places a call to each number.
    pub async fn place_all(&self, numbers: &[&str]) -> Vec<String> {
        let mut ids = Vec::with_capacity(numbers.len());
        for number in numbers {
            ids.push(self.place(&Wish::to(*number)).await);
        }
        ids
    }

    /// Remembers that a call was acknowledged, so that its absence breaks a law.
    pub fn acknowledge(&self, id: &str) {
        self.acknowledged.lock().unwrap_or_else(PoisonError::into_inner).push(id.to_owned());
    }

    /// A webhook by hand: a form signed with the account's token, posted to a path below `/hooks/twilio`.
    pub fn webhook(&self, path: &str, form: &[(&str, &str)]) -> reqwest::RequestBuilder {
        sign::signed(&self.http, AUTH_TOKEN, &format!("{}/hooks/twilio{path}", self.public_url), form)
    }

    /// Ends an account's record of a call over REST, as somebody may do in the provider's console.
    ///
    /// # Panics
    /// When the network refuses.
    pub async fn delete(&self, sid: &str) {
        let url = format!("{}/2010-04-01/Accounts/{ACCOUNT}/Calls/{sid}.json", self.network_url);
        let answer = self.http.delete(url).basic_auth(ACCOUNT, Some(AUTH_TOKEN)).send().await;
        assert_eq!(answer.expect("the simulator answers").status(), 204, "{sid} is deleted");
    }

    /// What the store holds now.
    pub async fn ledger(&self) -> Ledger {
        Ledger::read(&self.store()).await
    }

    /// Waits until every call has ended and nothing is left to do, on both sides.
    ///
    /// # Panics
    /// When that takes too long.
    pub async fn rest(&self) {
        self.network.until_quiet(PATIENCE).await;
        let open = async || {
            let open = self.api.get("/v1/calls?phase=dialing,ringing,live,ending&limit=5").await.body["calls"].clone();
            let waiting = self.api.metric("call_outbox_depth", &[]).await;
            (open, waiting, self.api.metric("call_parked_signals", &[]).await)
        };
        until("every call has ended; outbox and mailbox are empty", PATIENCE, open, |(open, waiting, parked)| {
            open.as_array().is_some_and(Vec::is_empty) && *waiting == 0.0 && *parked == 0.0
        })
        .await;
        // What was just done may have moved the network again.
        self.network.until_quiet(PATIENCE).await;
    }

    /// Ends the town: heals every fault, waits until all is over, stops the server, and checks the laws. Gives what is
    /// left to look at.
    ///
    /// # Panics
    /// When a law is broken.
    pub async fn close(mut self) -> (Ledger, Vec<CallRecord>) {
        self.network.heal().await;
        self.rest().await;
        self.terminate().await;
        let (mut ledger, truth) = (self.ledger().await, self.network.calls().await);
        let acknowledged = self.acknowledged.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let broken = laws::check(&Evidence { ledger: &ledger, truth: &truth, acknowledged: &acknowledged });
        assert!(broken.is_empty(), "{} laws are broken:\n{}", broken.len(), broken.join("\n"));
        if let Some(simulator) = self.simulator.take() {
            let status = simulator.terminate().await;
            assert!(status.success(), "the simulator ended with {status}");
        }
        ledger.keepsake = self.keepsake.take();
        (ledger, truth)
    }

    fn take_server(&self) -> Process {
        let mut server = self.server.lock().unwrap_or_else(PoisonError::into_inner);
        server.take().expect("the server was started")
    }

    /// Deadlines of hundreds of milliseconds, so that everything that a call may wait for happens within seconds.
    fn settings(&self, more: &[(String, String)]) -> String {
        let quoted = |text: &str| format!("{text:?}");
        let mut settings: Vec<(String, String)> = [
            ("server.listen", quoted(&format!("127.0.0.1:{}", self.port))),
            ("server.public_url", quoted(&self.public_url)),
            ("server.drain", quoted("2s")),
            ("store.url", quoted(&format!("sqlite:{}", self.store().display()))),
            ("twilio.account_sid", quoted(ACCOUNT)),
            ("twilio.base_url", quoted(&self.network_url)),
            ("twilio.connect_timeout", quoted("500ms")),
            ("twilio.timeout", quoted("1s")),
            ("sweep.every", quoted("50ms")),
            ("outbox.lease", quoted("2s")),
            ("outbox.poll", quoted("50ms")),
            ("mailbox.keep", quoted("1s")),
            ("log.format", quoted("json")),
            ("log.level", quoted("info")),
            ("policy.dial_answer", quoted("1500ms")),
            ("policy.dial_limit", quoted("3s")),
            ("policy.queue_limit", quoted("2s")),
            ("policy.ring_limit", quoted("1500ms")),
            ("policy.live_limit", quoted("4h")),
            ("policy.quiet_limit", quoted("800ms")),
            ("policy.stream_limit", quoted("1s")),
            ("policy.confirm_limit", quoted("700ms")),
            ("policy.drain_limit", quoted("300ms")),
            ("policy.ask_again", quoted("400ms")),
            ("policy.stale.quiet", quoted("800ms")),
            ("policy.stale.outer", quoted("20s")),
        ]
        .map(|(key, value)| (key.to_owned(), value))
        .into();
        for (key, value) in more {
            settings.retain(|(known, _)| known != key);
            settings.push((key.clone(), value.clone()));
        }
        settings.iter().map(|(key, value)| format!("{key} = {value}\n")).collect()
    }
}

/// The directory of a town: gone when it is no longer needed, kept for people when a test has failed.
#[derive(Debug)]
pub struct Keepsake {
    seed: u64,
    directory: Option<TempDir>,
}

impl Keepsake {
    fn path(&self) -> &Path {
        self.directory.as_ref().expect("the directory is there until it is dropped").path()
    }
}

impl Drop for Keepsake {
    fn drop(&mut self) {
        if std::thread::panicking()
            && let Some(directory) = self.directory.take()
        {
            eprintln!("seed {}; logs and store are in {}", self.seed, directory.keep().display());
        }
    }
}
