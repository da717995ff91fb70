//! Composition: everything that runs, and how it is stopped.

mod answering;
mod observers;
mod parts;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::serve::ListenerExt;
use call_core::ProviderName;
use call_core::port::{Clock, Hook, Outbox, Provider, Store, Sweep, Switchboard};
use store_sqlite::{OpenError, SqliteStore};
use tokio::net::TcpListener;
use tokio::sync::broadcast;
use tokio::task::JoinHandle;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use crate::clock::SystemClock;
use crate::config::{Config, Problems};
use crate::http::events::{Events, Notice};
use crate::http::{self, Shared};
use crate::telemetry::{Ears, Metrics, Trail};
use crate::workers::{Bell, OutboxWorker, Pulse, SweepWorker};

use answering::ByNumber;
use observers::Observers;

/// A provider: the half that reads its messages, and the half that acts.
pub type Pair = (Arc<dyn Hook>, Arc<dyn Provider>);

/// The server as a value.
#[derive(Debug)]
pub struct App;

/// What to use in place of what the configuration names.
#[derive(Default)]
pub struct Overrides {
    /// A store that is open already.
    pub store: Option<Arc<dyn Store>>,
    /// Another clock.
    pub clock: Option<Arc<dyn Clock>>,
    /// Providers besides the configured ones.
    pub providers: Vec<Pair>,
    /// Whether the API asks for no token. Only where nobody but this machine can reach it: refused unless the server
    /// listens on loopback.
    pub open_api: bool,
}

/// The server cannot start.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StartError {
    /// The configuration cannot work.
    #[error(transparent)]
    Config(#[from] Problems),
    /// A part cannot be built from it.
    #[error("{0}")]
    Part(String),
    /// The store cannot be opened.
    #[error("store.url: the store cannot be opened")]
    Store(#[from] OpenError),
    /// The address cannot be listened on.
    #[error("server.listen: cannot listen on {address}")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// An API without a token would be open to others.
    #[error("server.listen: an API without tokens may only listen on loopback, not on {0}")]
    Exposed(SocketAddr),
}

/// A server that runs in this process.
pub struct RunningApp {
    address: SocketAddr,
    shared: Shared,
    /// The store, if it was opened here and is to be closed here.
    opened: Option<Arc<SqliteStore>>,
    drain: Duration,
    stop: Stop,
    tasks: Tasks,
}

/// The order of an orderly end: first no new requests, then no new work.
#[derive(Default, Clone)]
struct Stop {
    accepting: CancellationToken,
    working: CancellationToken,
}

struct Tasks {
    http: JoinHandle<()>,
    workers: [JoinHandle<()>; 2],
}

impl App {
    /// Starts a server. When this returns, it accepts requests and works.
    ///
    /// What cannot work is refused by [`Config::check`], which the command `serve` asks first; here only what is needed
    /// to build the parts.
    ///
    /// # Errors
    /// A part of it cannot be built, or the address is taken.
    pub async fn start(config: Config, overrides: Overrides) -> Result<RunningApp, StartError> {
        install_tls();
        if overrides.open_api && !config.server.listen.ip().is_loopback() {
            return Err(StartError::Exposed(config.server.listen));
        }
        let (store, opened) = open(overrides.store, &config.store.url).await?;
        let clock = overrides.clock.unwrap_or_else(|| Arc::new(SystemClock));
        let (hooks, providers) = gather(overrides.providers.into_iter().chain(parts::providers(&config)?));

        let metrics = Arc::new(Metrics::default());
        let bell = Bell::default();
        let ears = Arc::new(Ears::default());
        let observer =
            Arc::new(Observers(vec![Arc::new(Trail), metrics.clone(), ears.clone(), Arc::new(bell.clone())]));
        let answering = Arc::new(ByNumber::new(config.inbound.clone(), config.policy.clone()));
        let switchboard = Switchboard::new(
            store.clone(),
            clock.clone(),
            observer.clone(),
            answering,
            config.lookup.clone(),
            config.mailbox.keep,
        );
        let sweep = Sweep::new(store.clone(), clock.clone(), switchboard.clone());
        let events = Events::new(config.server.max_listeners);
        let subscriber = Arc::new(events.clone());
        let lease = config.outbox.lease;
        let outbox =
            Outbox::new(store.clone(), clock.clone(), observer, switchboard.clone(), providers, subscriber, lease);

        let slowest = |round: Duration| round * 3 + Duration::from_secs(30);
        let outbox = OutboxWorker {
            outbox,
            bell,
            pulse: Pulse::new("outbox worker", slowest(config.twilio.timeout)),
            workers: config.outbox.workers,
            poll: config.outbox.poll,
        };
        let sweeper = SweepWorker {
            sweep: sweep.clone(),
            metrics: metrics.clone(),
            pulse: Pulse::new("sweeper", slowest(config.sweep.every)),
            every: config.sweep.every,
            batch: config.sweep.batch,
        };

        let (listener, address) = listen(config.server.listen).await?;
        let stop = Stop::default();
        let drain = config.server.drain;
        let shared = Shared::new(http::Inner {
            public_url: config.server.public_url.clone().unwrap_or_else(|| parts::loopback_url(address)),
            open_api: overrides.open_api,
            draining: stop.accepting.clone(),
            pulses: [outbox.pulse.clone(), sweeper.pulse.clone()],
            config,
            store,
            clock,
            switchboard,
            sweep,
            hooks,
            metrics,
            ears,
            events,
        });
        let tasks = Tasks {
            workers: [tokio::spawn(outbox.run(stop.working.clone())), tokio::spawn(sweeper.run(stop.working.clone()))],
            http: tokio::spawn(serve(listener, shared.clone(), stop.accepting.clone())),
        };
        info!(%address, "accepting requests");
        Ok(RunningApp { address, shared, opened, drain, stop, tasks })
    }
}

async fn open(
    given: Option<Arc<dyn Store>>,
    url: &str,
) -> Result<(Arc<dyn Store>, Option<Arc<SqliteStore>>), OpenError> {
    if let Some(store) = given {
        return Ok((store, None));
    }
    let store = Arc::new(SqliteStore::open(url).await?);
    Ok((store.clone(), Some(store)))
}

async fn listen(address: SocketAddr) -> Result<(TcpListener, SocketAddr), StartError> {
    let refused = |source| StartError::Listen { address, source };
    let listener = TcpListener::bind(address).await.map_err(refused)?;
    let address = listener.local_addr().map_err(refused)?;
    Ok((listener, address))
}

async fn serve(listener: TcpListener, shared: Shared, stop: CancellationToken) {
    // Webhooks are small and answered at once; waiting to fill a packet only delays them.
    let listener = listener.tap_io(|stream| {
        if let Err(error) = stream.set_nodelay(true) {
            warn!(%error, "cannot send packets at once");
        }
    });
    let served = axum::serve(listener, http::router(shared)).with_graceful_shutdown(stop.cancelled_owned()).await;
    if let Err(error) = served {
        warn!(%error, "the HTTP server has stopped");
    }
}

impl RunningApp {
    /// Where it listens.
    #[must_use]
    pub const fn local_addr(&self) -> SocketAddr {
        self.address
    }

    /// Its root URL, as seen from this machine.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Its store.
    #[must_use]
    pub fn store(&self) -> Arc<dyn Store> {
        self.shared.store.clone()
    }

    /// Its switchboard.
    #[must_use]
    pub fn switchboard(&self) -> &Switchboard {
        &self.shared.switchboard
    }

    /// What happens from now on, as `/v1/events` tells it. A listener that falls too far behind is told that it did.
    #[must_use]
    pub fn subscribe(&self) -> broadcast::Receiver<Notice> {
        self.shared.events.subscribe()
    }

    /// Its metrics as Prometheus reads them, without what the store knows.
    #[must_use]
    pub fn metrics(&self) -> String {
        self.shared.metrics.render(None)
    }

    /// Stops in good order: accepts nothing more, answers what it has accepted, claims nothing more, finishes the
    /// effects in hand, closes the store. Waits up to `server.drain`; whatever is cut off then is in the store and goes on with
    /// the next start.
    pub async fn shutdown(self) {
        let until = Instant::now() + self.drain;
        self.stop.accepting.cancel();
        let Tasks { http, workers } = self.tasks;
        finish(http, until, "requests").await;
        self.stop.working.cancel();
        for worker in workers {
            finish(worker, until, "effects").await;
        }
        if let Some(store) = self.opened {
            store.close().await;
        }
        info!("stopped");
    }
}

async fn finish(task: JoinHandle<()>, until: Instant, what: &str) {
    let abort = task.abort_handle();
    match tokio::time::timeout_at(until, task).await {
        Ok(Ok(())) => {}
        Ok(Err(error)) => warn!(%error, "a task has failed"),
        Err(_) => {
            abort.abort();
            warn!(what, "some were not finished in time; the store has them");
        }
    }
}

type Hooks = BTreeMap<String, Arc<dyn Hook>>;
type Providers = BTreeMap<ProviderName, Arc<dyn Provider>>;

fn gather(pairs: impl IntoIterator<Item = Pair>) -> (Hooks, Providers) {
    pairs.into_iter().map(|(hook, provider)| ((hook.name().to_string(), hook), (provider.name(), provider))).unzip()
}

/// Chooses the process's TLS implementation; a choice made before stays.
pub(crate) fn install_tls() {
    let _already = rustls::crypto::ring::default_provider().install_default();
}
