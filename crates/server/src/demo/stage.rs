//! Sets the stage: a telephone network and the server beside it, wired to each other on loopback.

use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use call_core::port::{Clock, Filter, Page, Store};
use call_core::{Policy, Script, Timestamp};
use simulator::{Faults, Network, Provider};
use url::Url;

use super::office::Office;
use super::{Demo, carrier};
use crate::config::{self, Config, Log, LogFormat, StoreUrl};
use crate::store;
use crate::{App, Overrides, RunningApp, SystemClock};

pub(super) struct Stage {
    pub(super) network: Network,
    app: RunningApp,
    place: StoreUrl,
    folder: Folder,
    names: String,
}

enum Folder {
    Temporary(tempfile::TempDir),
    Kept(PathBuf),
}

impl Folder {
    fn path(&self) -> &Path {
        match self {
            Self::Temporary(folder) => folder.path(),
            Self::Kept(path) => path,
        }
    }
}

impl Stage {
    pub(super) async fn set(demo: &Demo) -> Result<Self> {
        let folder = match &demo.keep {
            Some(path) => {
                std::fs::create_dir_all(path).with_context(|| format!("cannot make {}", path.display()))?;
                Folder::Kept(path.clone())
            }
            None => Folder::Temporary(tempfile::tempdir().context("cannot make a temporary folder")?),
        };
        log_to(&folder.path().join("demo.log"))?;
        let listen = match demo.listen {
            Some(listen) => listen,
            None => free_port()?,
        };
        let public = format!("http://{listen}");
        let network = Network::start(network(demo, &public)).await?;
        let config = server(demo, &network, listen, &public, folder.path())?;
        if demo.store.is_some() {
            prepare(&config.store).await?;
        }
        let place = config.store.url.clone();
        let functions = Some(Arc::new(Office) as _);
        let app = App::start(config, Overrides { open_api: true, functions, ..Overrides::default() }).await?;
        let names: Vec<&str> = demo.provider.providers().iter().map(|provider| provider.name()).collect();
        Ok(Self { network, app, place, folder, names: names.join(", ") })
    }

    pub(super) fn store(&self) -> Arc<dyn Store> {
        self.app.store()
    }

    pub(super) fn url(&self) -> String {
        self.app.url()
    }

    pub(super) fn now(&self) -> Timestamp {
        SystemClock.now()
    }

    pub(super) fn metrics(&self) -> String {
        self.app.metrics()
    }

    pub(super) fn opening(&self) -> String {
        format!(
            "server     {}\nnetwork    {} (simulated: {})\ndatabase   {}\nlog        {}\n",
            self.url(),
            self.network.base_url(),
            self.names,
            self.place,
            self.folder.path().join("demo.log").display(),
        )
    }

    pub(super) fn closing(&self) -> String {
        let url = self.url();
        format!(
            "Look next:\n  \
             curl {url}/v1/calls?limit=3            the newest calls\n  \
             curl {url}/v1/calls/CALL/journal       everything that reached a call, and what it did\n  \
             curl -N {url}/v1/events                events as they happen\n  \
             curl {url}/metrics                     for Prometheus\n  \
             curl {}/control/calls          what really happened on the network\n\n\
             Serving on {url}; Ctrl-C ends it.",
            self.network.control_url(),
        )
    }

    pub(super) async fn strike(self) {
        self.app.shutdown().await;
        self.network.shutdown().await;
    }
}

/// Makes the store ready. Calls that are in it are somebody's, and would meet a network that does not know them.
async fn prepare(config: &config::Store) -> Result<()> {
    store::migrate(config).await?;
    let store = store::look(config).await?;
    let found = store.list(&Filter::default(), &Page { before: None, limit: 1 }).await?;
    store.close().await;
    ensure!(found.is_empty(), "{} holds calls: the demo needs an empty database", config.url);
    Ok(())
}

fn network(demo: &Demo, public: &str) -> simulator::Config {
    let mut network = simulator::Config {
        seed: demo.seed,
        speed: demo.speed,
        faults: if demo.calm { Faults::none() } else { Faults::demo() },
        // Long enough for the server to give up first.
        hold: Duration::from_secs(5),
        ..simulator::Config::default()
    };
    for provider in demo.provider.providers() {
        carrier::set_up(&mut network, *provider, public);
    }
    network
}

fn server(demo: &Demo, network: &Network, listen: SocketAddr, public: &str, folder: &Path) -> Result<Config> {
    let mut config = Config::default();
    config.server.listen = listen;
    config.server.public_url = Some(Url::parse(public)?);
    // Nobody balances load here.
    config.server.linger = Duration::ZERO;
    let file = || format!("sqlite:{}", folder.join("calls.db").display()).into();
    config.store.url = demo.store.clone().unwrap_or_else(file);
    config.policy = hurried(&config.policy, demo.speed);
    config.sweep.every = Duration::from_millis(100);
    config.inbound.script = Script::Say { text: "Hello. This is a demonstration. Goodbye.".to_owned() };
    for provider in demo.provider.providers() {
        carrier::configure(&mut config, *provider, network)?;
        let connect = Script::Connect { to: "+12025550103".to_owned(), caller_id: None };
        config.inbound.numbers.extend(carrier::connects(*provider).map(|number| (number, connect)));
        if *provider == Provider::Retell {
            config.inbound.numbers.insert(carrier::ours(*provider), Script::Agent { id: None });
        }
    }
    Ok(config)
}

/// The default policy on a network where time runs faster.
fn hurried(policy: &Policy, speed: f64) -> Policy {
    let fast = |d: Duration| d.div_f64(speed).max(Duration::from_millis(50));
    let mut policy = policy.clone();
    for limit in [
        &mut policy.dial_answer,
        &mut policy.dial_limit,
        &mut policy.queue_limit,
        &mut policy.ring_limit,
        &mut policy.live_limit,
        &mut policy.quiet_limit,
        &mut policy.response_limit,
        &mut policy.prompt_limit,
        &mut policy.stream_limit,
        &mut policy.gather_limit,
        &mut policy.confirm_limit,
        &mut policy.drain_limit,
        &mut policy.farewell_limit,
        &mut policy.ask_again,
        &mut policy.stale.quiet,
        &mut policy.stale.outer,
    ] {
        *limit = fast(*limit);
    }
    // A request that is never answered takes its full time on any network.
    policy.dial_limit = policy.dial_limit.max(Duration::from_secs(6));
    policy
}

/// A port that nobody uses: asked of the system, and given back a moment before the server takes it.
fn free_port() -> Result<SocketAddr> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).context("no port is free on loopback")?;
    Ok(listener.local_addr()?)
}

/// The screen belongs to the table; the log goes to a file.
fn log_to(path: &Path) -> Result<()> {
    let file = std::fs::File::create(path).with_context(|| format!("cannot write {}", path.display()))?;
    let log = Log { format: LogFormat::Json, ..Config::default().log };
    Ok(crate::telemetry::init_to_file(&log, file)?)
}
