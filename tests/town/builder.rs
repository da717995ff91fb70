//! How a town is built.

use std::time::Duration;

use reqwest::Client;
use simulator::Provider;
use tokio::sync::Semaphore;

use super::account::Account;
use super::keepsake::Keepsake;
use super::{Town, settings};
use crate::process::{self, Process};
use crate::server::{self, ACCOUNT, API_TOKEN, AUTH_TOKEN, Server};
use crate::store::stage;
use crate::{Api, Balancer, Network, On, Store, port};

/// Towns that may live at once: each is some busy processes.
static LOTS: Semaphore = Semaphore::const_new(4);

/// A town to be built.
#[derive(Debug, Clone)]
pub struct TownBuilder {
    name: String,
    provider: Provider,
    seed: u64,
    speed: f64,
    hold: f64,
    on: On,
    own_store: bool,
    servers: usize,
    settings: Vec<(String, String)>,
    behind: Option<String>,
}

impl TownBuilder {
    pub(super) fn new(name: &str) -> Self {
        let (on, servers) = stage();
        Self {
            name: name.to_owned(),
            provider: Provider::Twilio,
            seed: 7,
            speed: 100.0,
            hold: 3.0,
            on,
            own_store: false,
            servers,
            settings: Vec::new(),
            behind: None,
        }
    }

    /// Whose telephone network it is. Twilio's, unless it is told.
    #[must_use]
    pub const fn by(mut self, provider: Provider) -> Self {
        self.provider = provider;
        self
    }

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

    /// How long the network holds a request that it never answers, in seconds of the wall clock.
    #[must_use]
    pub const fn hold(mut self, seconds: f64) -> Self {
        self.hold = seconds;
        self
    }

    /// Where calls are kept.
    #[must_use]
    pub const fn on(mut self, on: On) -> Self {
        self.on = on;
        self
    }

    /// On a database server of the town's own, which may be killed.
    #[must_use]
    pub const fn of_its_own(mut self) -> Self {
        self.own_store = true;
        self
    }

    /// So many servers on one store; behind a balancer, if there is more than one.
    #[must_use]
    pub const fn servers(mut self, count: usize) -> Self {
        self.servers = count;
        self
    }

    /// A setting of the servers, by its key, in TOML.
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

    /// Starts everything.
    ///
    /// # Panics
    /// When a process does not start.
    pub async fn build(self) -> Town {
        let town = self.prepare(None).await;
        town.start().await;
        town
    }

    /// Starts everything, the one server on this port.
    ///
    /// # Panics
    /// When a process does not start.
    pub async fn build_at(self, port: u16) -> Town {
        let town = self.prepare(Some(port)).await;
        town.start().await;
        town
    }

    /// Starts everything but the servers.
    ///
    /// # Panics
    /// When a process does not start.
    pub async fn build_without_servers(self) -> Town {
        self.prepare(None).await
    }

    async fn prepare(self, port: Option<u16>) -> Town {
        let lot = LOTS.acquire().await.expect("the semaphore is never closed");
        // Whoever was first chose the same one.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let http = Client::builder()
            .no_proxy()
            .timeout(Duration::from_secs(20))
            .build()
            .expect("an HTTP client needs nothing that may be missing");
        // From here on, whatever goes wrong can be looked at.
        let keepsake = Keepsake::new(&self.name, self.seed);
        let directory = keepsake.path();
        let store = Store::make(self.on, self.own_store, directory);
        let (simulator, network_url, network) = self.network(&keepsake, &http).await;

        let named = |n: usize| if self.servers == 1 { "server".to_owned() } else { format!("server-{n}") };
        let ports = (1..=self.servers).map(|n| (n, port.unwrap_or_else(port::reserve)));
        let servers: Vec<Server> =
            ports.map(|(n, port)| Server::new(named(n), port, directory, self.provider, &http)).collect();
        let ports: Vec<u16> = servers.iter().map(Server::port).collect();
        let balancer = if self.servers > 1 { Some(Balancer::open(&ports).await) } else { None };
        let base = balancer.as_ref().map_or_else(|| servers[0].api.base().to_owned(), Balancer::url);
        let public_url = self.behind.clone().unwrap_or_else(|| base.clone());
        let account = Account::of(self.provider, &network_url).await;
        account.point_to(&public_url, &http, &network).await;
        let settings = settings::of(&public_url, &account, store.url(), &self.settings);
        std::fs::write(server::config(directory), settings).expect("the configuration can be written");
        let town = Town {
            network,
            api: Api::new(http.clone(), base, API_TOKEN),
            http,
            public_url,
            provider: self.provider,
            seed: self.seed,
            servers,
            balancer,
            store,
            network_url,
            simulator: Some(simulator),
            acknowledged: std::sync::Mutex::default(),
            keepsake: Some(keepsake),
            _lot: lot,
        };
        town.migrate().await;
        town
    }

    async fn network(&self, keepsake: &Keepsake, http: &Client) -> (Process, String, Network) {
        let (port, control_port) = (port::reserve(), port::reserve());
        let mut command = process::command("simulator");
        command
            .args(["--port", &port.to_string(), "--control-port", &control_port.to_string()])
            .args(["--seed", &self.seed.to_string(), "--speed", &self.speed.to_string()])
            .args(["--hold", &self.hold.to_string()])
            .env("TWILIO_ACCOUNT_SID", ACCOUNT)
            .env("TWILIO_AUTH_TOKEN", AUTH_TOKEN);
        let log = keepsake.path().join("simulator.log");
        let (simulator, url) = Process::start("simulator", command, &log).await;
        (simulator, url, Network::new(http.clone(), format!("http://127.0.0.1:{control_port}")))
    }
}
