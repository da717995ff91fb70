//! Composition: everything that runs, and how it is stopped.

mod answering;
mod dials;
mod door;
mod observers;
pub(crate) mod parts;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::ServiceExt as _;
use axum::serve::ListenerExt;
use call_core::ProviderName;
use call_core::port::{Clock, Functions, Hook, Outbox, Provider, Store, StoreError, Sweep, Switchboard, Tools};
use tokio::sync::broadcast;
use tokio::task::JoinHandle;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use crate::clock::{SharedClock, SystemClock};
use crate::config::{Config, Problems, StoreKind};
use crate::http::events::{Events, Notice};
use crate::http::{self, Front, Shared};
use crate::store::{self, OpenError};
use crate::telemetry::{Ears, Metrics, Trail};
use crate::workers::{Bell, OutboxWorker, PruneWorker, Pulse, SweepWorker};

use answering::ByNumber;
use dials::NoneWhileDraining;
use door::Door;
use observers::Observers;

/// A provider: the half that reads its messages, and the half that acts.
pub type Pair = (Arc<dyn Hook>, Arc<dyn Provider>);

/// The server as a value.
#[derive(Debug)]
pub struct App;

/// What to use in place of what the configuration names.
#[derive(Default)]
pub struct Overrides {
    /// A store that is open already. It is closed with the server, as one that the server opens.
    pub store: Option<Arc<dyn Store>>,
    /// In place of the machine's clock. If the store has a clock that its servers share, that one counts all the same.
    pub clock: Option<Arc<dyn Clock>>,
    /// Providers besides the configured ones.
    pub providers: Vec<Pair>,
    /// What the agents of providers may invoke, in place of `functions.url`.
    pub functions: Option<Arc<dyn Functions>>,
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
    #[error(transparent)]
    Store(#[from] OpenError),
    /// The store was opened, but does not tell the time that its servers share.
    #[error("store.url: the store does not tell its time")]
    Clock(#[source] StoreError),
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
    stop: Stop,
    tasks: Tasks,
}

/// The order of an orderly end: first no new work, then no new connections.
#[derive(Default, Clone)]
struct Stop {
    draining: CancellationToken,
    closing: CancellationToken,
}

struct Tasks {
    http: JoinHandle<()>,
    workers: Vec<JoinHandle<()>>,
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
        let kind = if overrides.store.is_some() { None } else { config.store.url.kind() };
        let store = match overrides.store {
            Some(store) => store,
            None => store::await_open(&config.store).await?,
        };
        let machine = overrides.clock.unwrap_or_else(|| Arc::new(SystemClock));
        let common = SharedClock::of(store.clone(), machine.clone()).await.map_err(StartError::Clock)?.map(Arc::new);
        let clock = common.clone().map_or(machine, |common| common as Arc<dyn Clock>);
        let stop = Stop::default();
        let pairs = overrides.providers.into_iter().chain(parts::providers(&config)?);
        let (hooks, providers) = gather(pairs, &stop.draining);

        let metrics = Arc::new(Metrics::of(kind));
        let bell = Bell::default();
        let ears = Arc::new(Ears::default());
        let observer =
            Arc::new(Observers(vec![Arc::new(Trail), metrics.clone(), ears.clone(), Arc::new(bell.clone())]));
        let answering = Arc::new(ByNumber::new(config.inbound.clone(), config.policy.clone(), providers.clone()));
        let switchboard = Switchboard::new(
            store.clone(),
            clock.clone(),
            observer.clone(),
            answering,
            config.lookup.clone(),
            config.mailbox.keep,
        );
        let functions = match overrides.functions {
            Some(functions) => functions,
            None => parts::functions(&config)?,
        };
        let tools = Tools::new(store.clone(), clock.clone(), switchboard.clone(), functions);
        let sweep = Sweep::new(store.clone(), clock.clone(), switchboard.clone());
        let events = Events::new(config.server.max_listeners);
        let subscriber = Arc::new(events.clone());
        let lease = config.outbox.lease;
        let outbox = Outbox::new(
            store.clone(),
            clock.clone(),
            observer,
            switchboard.clone(),
            providers.clone(),
            subscriber,
            lease,
        );

        let slowest = |round: Duration| round * 3 + Duration::from_secs(30);
        let outbox = OutboxWorker {
            outbox,
            bell,
            pulse: Pulse::new("outbox worker", slowest(config.slowest_answer())),
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
        let pruner = config.retention.keep.map(|keep| PruneWorker {
            store: store.clone(),
            clock: clock.clone(),
            metrics: metrics.clone(),
            keep,
        });

        let wished = config.server.listen;
        let refused = |source| StartError::Listen { address: wished, source };
        let door = Door::open(wished, stop.closing.clone()).await.map_err(refused)?;
        let address = door.address();
        let shared = Shared::new(http::Inner {
            public_url: config.server.public_url.clone().unwrap_or_else(|| parts::loopback_url(address)),
            open_api: overrides.open_api,
            draining: stop.draining.clone(),
            pulses: [outbox.pulse.clone(), sweeper.pulse.clone()],
            config,
            store,
            clock,
            switchboard,
            sweep,
            hooks,
            providers,
            tools,
            metrics: metrics.clone(),
            ears,
            events,
        });
        let draining = || stop.draining.clone();
        let mut workers = vec![tokio::spawn(outbox.run(draining())), tokio::spawn(sweeper.run(draining()))];
        workers.extend(pruner.map(|pruner| tokio::spawn(pruner.run(draining()))));
        workers.extend(common.map(|common| tokio::spawn(common.keep(metrics, draining()))));
        let tasks = Tasks { workers, http: tokio::spawn(serve(door, shared.clone())) };
        info!(%address, store = kind.map_or("given", StoreKind::as_str), "accepting requests");
        Ok(RunningApp { address, shared, stop, tasks })
    }
}

async fn serve(door: Door, shared: Shared) {
    let shut = door.shut();
    // Webhooks are small and answered at once; waiting to fill a packet only delays them.
    let door = door.tap_io(|stream| {
        if let Err(error) = stream.set_nodelay(true) {
            warn!(%error, "cannot send packets at once");
        }
    });
    let served =
        axum::serve(door, Front::new(shared).into_make_service()).with_graceful_shutdown(shut.cancelled_owned()).await;
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
        self.shared.metrics.render(None, self.shared.clock.now())
    }

    /// Stops in good order: begins no new work, and says so in `/readyz`; still serves for `server.linger`, so that a
    /// balancer sees it; takes no more connections, answers what was asked, finishes the effects in hand, closes the
    /// store. After the linger it waits up to `server.drain`; whatever is cut off then is in the store and goes on with
    /// the next start, or with another server.
    pub async fn shutdown(self) {
        let server = &self.shared.config.server;
        self.stop.draining.cancel();
        tokio::time::sleep(server.linger).await;
        self.stop.closing.cancel();
        let until = Instant::now() + server.drain;
        let Tasks { http, workers } = self.tasks;
        finish(http, until, "requests").await;
        for worker in workers {
            finish(worker, until, "effects").await;
        }
        self.shared.store.close().await;
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

fn gather(pairs: impl IntoIterator<Item = Pair>, draining: &CancellationToken) -> (Hooks, Providers) {
    let named = |(hook, provider): Pair| {
        let provider = NoneWhileDraining { provider, draining: draining.clone() };
        ((hook.name().to_string(), hook), (provider.name(), Arc::new(provider) as Arc<dyn Provider>))
    };
    pairs.into_iter().map(named).unzip()
}

/// Chooses the process's TLS implementation; a choice made before stays.
pub(crate) fn install_tls() {
    let _already = rustls::crypto::ring::default_provider().install_default();
}
