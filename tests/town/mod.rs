//! A town: servers, a telephone network and a store between them, in a directory of their own.

mod account;
mod builder;
mod keepsake;
mod settings;

use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use futures::future::join_all;
use reqwest::Client;
use simulator::{CallRecord, Provider};
use tokio::process::Command;
use tokio::sync::SemaphorePermit;

use crate::laws::{self, Evidence};
use crate::process::Process;
use crate::server::{self, ACCOUNT, AUTH_TOKEN, Server};
use crate::{Api, Balancer, Ledger, Network, On, Store, Wish, sign, until};

pub use account::{AGENT, agent};
pub use builder::TownBuilder;
pub use keepsake::Keepsake;

/// Patience with whatever must happen within a few deadlines.
pub const PATIENCE: Duration = Duration::from_secs(45);

/// A living town.
#[derive(Debug)]
pub struct Town {
    /// The API of the server; of several, of whichever the balancer chooses.
    pub api: Api,
    /// The network's control API.
    pub network: Network,
    /// A client for anything else.
    pub http: Client,
    /// Where the provider reaches the servers.
    pub public_url: String,
    /// Whose telephone network it is.
    pub provider: Provider,
    /// The seed that decided everything.
    pub seed: u64,
    /// The servers.
    pub servers: Vec<Server>,
    /// What is in front of them, if they are several.
    pub balancer: Option<Balancer>,
    /// Where calls are kept.
    pub store: Store,
    network_url: String,
    simulator: Option<Process>,
    acknowledged: Mutex<Vec<String>>,
    keepsake: Option<Keepsake>,
    _lot: SemaphorePermit<'static>,
}

impl Town {
    /// A town to be built; its name shows in the paths of its logs.
    #[must_use]
    pub fn named(name: &str) -> TownBuilder {
        TownBuilder::new(name)
    }

    /// A healthy town.
    pub async fn new(name: &str) -> Self {
        Self::named(name).build().await
    }

    /// Where everything about it is: configuration, logs, and the store if that is a file.
    ///
    /// # Panics
    /// Never while it lives.
    #[must_use]
    pub fn path(&self) -> &Path {
        self.keepsake.as_ref().expect("it is given up last").path()
    }

    /// The servers' configuration.
    #[must_use]
    pub fn config(&self) -> PathBuf {
        server::config(self.path())
    }

    /// A `call-server` command with the secrets.
    #[must_use]
    pub fn command(&self, arguments: &[&str]) -> Command {
        server::command(self.path(), self.provider, arguments)
    }

    /// Starts every server that does not run, on the port and the store that it had before.
    ///
    /// # Panics
    /// When one does not start.
    pub async fn start(&self) {
        join_all(self.servers.iter().filter(|server| !server.is_started()).map(Server::start)).await;
    }

    /// `kill -9` for every server.
    ///
    /// # Panics
    /// When one does not run.
    pub async fn kill_nine(&self) {
        join_all(self.servers.iter().map(Server::kill_nine)).await;
    }

    /// SIGTERM for every server that runs; each must end well.
    ///
    /// # Panics
    /// When one does not.
    pub async fn terminate(&self) {
        join_all(self.servers.iter().filter(|server| server.is_started()).map(Server::terminate)).await;
    }

    /// What the servers have logged, over all their lives, one server after the other.
    ///
    /// # Panics
    /// When it cannot be read.
    #[must_use]
    pub fn log(&self) -> String {
        self.servers.iter().map(Server::log).collect()
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

    /// Places each call.
    pub async fn place_each(&self, wishes: &[Wish]) -> Vec<String> {
        let mut ids = Vec::with_capacity(wishes.len());
        for wish in wishes {
            ids.push(self.place(wish).await);
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
        Ledger::read(&*self.store.open().await).await
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

    /// Heals every fault, and waits until all is over.
    ///
    /// # Panics
    /// When that takes too long.
    pub async fn heal_and_rest(&self) {
        self.network.heal().await;
        self.rest().await;
    }

    /// Ends the town: heals every fault, waits until all is over, stops the servers, and checks the laws. Gives what is
    /// left to look at.
    ///
    /// # Panics
    /// When a law is broken.
    pub async fn close(self) -> (Ledger, Vec<CallRecord>) {
        self.heal_and_rest().await;
        self.terminate().await;
        self.judge().await
    }

    /// Checks the laws of a town that has come to rest and whose servers have stopped.
    ///
    /// # Panics
    /// When a law is broken.
    pub async fn judge(mut self) -> (Ledger, Vec<CallRecord>) {
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

    /// A file is made by the server itself; a database's tables and indexes by whoever runs the servers.
    async fn migrate(&self) {
        if self.store.on() == On::Sqlite {
            return;
        }
        let config = self.config();
        let run = self.command(&["migrate", "--config", &config.to_string_lossy()]).output().await;
        let run = run.expect("call-server can be run");
        assert!(run.status.success(), "migrate: {}", String::from_utf8_lossy(&run.stderr));
    }
}
