//! The network as a whole: start it, direct it, ask it what really happened.

use std::{collections::BTreeMap, io, net::SocketAddr, sync::Arc, time::Duration};

use axum::Router;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tokio::{net::TcpListener, task::JoinHandle};
use tokio_util::sync::CancellationToken;

use crate::{
    book::FaultReport,
    config::{Config, Number},
    control,
    fault::{Faults, Rule},
    line::{Exchange, Line},
    misconfiguration::Misconfiguration,
    outage::Down,
    person::Person,
    provider::Provider,
    retell::{self, Agent},
    telnyx,
    truth::{CallRecord, RestRequest, Status, Summary},
    twilio,
    world::World,
};

/// Why a network could not be started.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StartError {
    /// A port could not be opened.
    #[error("cannot listen on port {port}")]
    Bind {
        /// The port asked for.
        port: u16,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// The HTTP client for callbacks could not be made.
    #[error("cannot make an HTTP client")]
    Client(#[source] reqwest::Error),
}

/// Why a person could not call.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum InboundError {
    /// Nobody configured the number.
    #[error("{0} is not one of our numbers")]
    UnknownNumber(String),
}

/// A person who calls one of our numbers.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Inbound {
    /// The caller's number.
    pub from: String,
    /// One of our numbers.
    pub to: String,
    /// How the caller behaves; by default whoever lives at `from`.
    #[serde(default)]
    pub person: Option<Person>,
}

impl Inbound {
    /// `from` calls `to`.
    #[must_use]
    pub fn new(from: impl Into<String>, to: impl Into<String>) -> Self {
        Self { from: from.into(), to: to.into(), person: None }
    }

    /// The same, with this person calling.
    #[must_use]
    pub fn by(mut self, person: Person) -> Self {
        self.person = Some(person);
        self
    }
}

/// A running telephone network. Dropping it stops it at once; [`Network::shutdown`] waits until it has stopped.
#[derive(Debug)]
pub struct Network {
    desk: Desk,
    address: SocketAddr,
    control: SocketAddr,
    servers: Vec<JoinHandle<()>>,
    stop: CancellationToken,
}

/// The control functions, shared by the library and the control API.
#[derive(Debug, Clone)]
pub(crate) struct Desk {
    pub(crate) world: Arc<World>,
    twilio: Arc<twilio::Face>,
    telnyx: Arc<telnyx::Face>,
    retell: Arc<retell::Face>,
}

/// A person who dials one of our numbers.
pub(crate) struct Caller {
    pub(crate) from: String,
    pub(crate) person: Option<Person>,
    pub(crate) number: Number,
}

impl Network {
    /// Opens the ports and starts serving.
    ///
    /// # Errors
    /// When a port is taken.
    ///
    /// # Panics
    /// Outside a tokio runtime.
    pub async fn start(config: Config) -> Result<Self, StartError> {
        // Whoever embeds the network may have chosen a TLS provider already; theirs stays.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let http = reqwest::Client::builder()
            .user_agent("TwilioProxy/1.1")
            .connect_timeout(config.connect_timeout)
            .redirect(reqwest::redirect::Policy::none())
            // Nothing on loopback is behind a proxy, whatever the environment says.
            .no_proxy()
            .build()
            .map_err(StartError::Client)?;
        let (port, control_port) = (config.port, config.control_port);
        let world = World::new(config, http);
        let bind = |port| move |source| StartError::Bind { port, source };
        let exchange = Exchange::open(port, Arc::clone(&world.outage)).await.map_err(bind(port))?;
        let address = exchange.address();
        let desk = Desk::new(world, &format!("http://{address}"));
        let stop = desk.world.stopping();

        let app = desk.router().merge(control::router(desk.clone()));
        let service = app.into_make_service_with_connect_info::<Line>();
        let mut servers =
            vec![serve(axum::serve(exchange, service).with_graceful_shutdown(stop.clone().cancelled_owned()))];
        let mut control = address;
        if let Some(port) = control_port {
            let listener = TcpListener::bind(("127.0.0.1", port)).await.map_err(bind(port))?;
            control = listener.local_addr().map_err(bind(port))?;
            let server = axum::serve(listener, control::router(desk.clone()));
            servers.push(serve(server.with_graceful_shutdown(stop.clone().cancelled_owned())));
        }
        Ok(Self { desk, address, control, servers, stop })
    }

    /// Where Twilio's REST API lives, without a trailing slash: what stands in the place of `https://api.twilio.com`.
    #[must_use]
    pub fn base_url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Where Telnyx's API lives, without a trailing slash: what stands in the place of `https://api.telnyx.com/v2`.
    #[must_use]
    pub fn telnyx_url(&self) -> String {
        format!("http://{}/telnyx/v2", self.address)
    }

    /// Where Retell's API lives, without a trailing slash: what stands in the place of `https://api.retellai.com`.
    #[must_use]
    pub fn retell_url(&self) -> String {
        format!("http://{}/retell", self.address)
    }

    /// The public key that verifies Telnyx's webhooks: base64 of 32 bytes, as the portal shows it.
    #[must_use]
    pub fn telnyx_public_key(&self) -> String {
        self.desk.telnyx.public_key()
    }

    /// Where the control API lives, without a trailing slash and without `/control`.
    #[must_use]
    pub fn control_url(&self) -> String {
        format!("http://{}", self.control)
    }

    /// Every call so far, oldest first.
    #[must_use]
    pub fn calls(&self) -> Vec<CallRecord> {
        self.desk.world.ledger.records()
    }

    /// The calls to one number, oldest first.
    #[must_use]
    pub fn calls_to(&self, number: &str) -> Vec<CallRecord> {
        self.desk.world.ledger.records_to(number)
    }

    /// One call.
    #[must_use]
    pub fn call(&self, sid: &str) -> Option<CallRecord> {
        Some(self.desk.world.ledger.find(sid)?.look(CallRecord::clone))
    }

    /// Every REST request that reached the network, oldest first.
    #[must_use]
    pub fn requests(&self) -> Vec<RestRequest> {
        self.desk.world.ledger.requests()
    }

    /// Counts of everything.
    #[must_use]
    pub fn summary(&self) -> Summary {
        self.desk.summary()
    }

    /// Says who lives at a number: exact, a prefix ending in `*`, or `*`. The latest matching rule wins.
    pub fn set_person(&self, pattern: impl Into<String>, person: Person) {
        self.desk.world.people.settle(pattern.into(), person);
    }

    /// Adds or replaces one of our numbers.
    pub fn set_number(&self, number: Number) {
        self.desk.world.ledger.set_number(number);
    }

    /// Adds or replaces one of Retell's agents.
    pub fn set_agent(&self, agent: Agent) {
        self.desk.set_agent(agent);
    }

    /// Says where Retell tells events of agents without an address of their own.
    pub fn set_retell_webhook(&self, url: Option<String>) {
        self.desk.retell.set_webhook_url(url);
    }

    /// Sets one of the accounts up wrong. `doctor` must find it.
    pub fn misconfigure(&self, misconfiguration: Misconfiguration) {
        match misconfiguration {
            Misconfiguration::Twilio(mistake) => self.desk.twilio.misconfigure(mistake),
            Misconfiguration::Telnyx(mistake) => self.desk.telnyx.misconfigure(mistake),
            Misconfiguration::Retell(mistake) => self.desk.retell.misconfigure(mistake),
        }
    }

    /// Replaces the faults by chance.
    pub fn set_faults(&self, faults: Faults) {
        self.desk.world.faults.set(faults);
    }

    /// Adds a fault on demand.
    pub fn inject(&self, rule: Rule) {
        self.desk.world.faults.add(rule);
    }

    /// Faults in force, and how often each was injected.
    #[must_use]
    pub fn faults(&self) -> FaultReport {
        self.desk.world.faults.report()
    }

    /// Takes the provider down for a while.
    pub fn down(&self, down: Down) {
        self.desk.down(down);
    }

    /// Makes a person call one of our numbers, and returns the call's SID (see [`CallRecord::sid`]).
    ///
    /// # Errors
    /// When the number is not one of ours.
    pub fn inbound(&self, inbound: Inbound) -> Result<String, InboundError> {
        self.desk.inbound(inbound)
    }

    /// Ends every fault and outage; what waited because of one is sent now.
    pub fn heal(&self) {
        self.desk.world.heal();
    }

    /// Whether no call is open and nothing is left to send.
    #[must_use]
    pub fn is_quiet(&self) -> bool {
        self.desk.world.is_quiet()
    }

    /// Waits until the network is quiet, at most `patience` on the wall clock; tells whether it is.
    pub async fn until_quiet(&self, patience: Duration) -> bool {
        tokio::time::timeout(patience, self.desk.world.until_quiet()).await.is_ok()
    }

    /// Stops serving and ends every call where it stands; nothing is sent any more.
    pub async fn shutdown(mut self) {
        self.desk.world.stop().await;
        for server in self.servers.drain(..) {
            // A server that panicked has stopped too.
            let _ = server.await;
        }
    }
}

impl Drop for Network {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

impl Desk {
    fn new(world: Arc<World>, base: &str) -> Self {
        Self {
            twilio: twilio::Face::new(Arc::clone(&world), base.to_owned()),
            telnyx: telnyx::Face::new(Arc::clone(&world), format!("{base}/telnyx")),
            retell: retell::Face::new(Arc::clone(&world), format!("{base}/retell")),
            world,
        }
    }

    /// All faces at one port: Twilio's at the root, the others each below its own name, so that no two paths can clash.
    fn router(&self) -> Router {
        twilio::rest::router(Arc::clone(&self.twilio))
            .nest("/telnyx", telnyx::router(Arc::clone(&self.telnyx)))
            .nest("/retell", retell::router(Arc::clone(&self.retell)))
    }

    /// What a client must know of each provider's account, but for its secrets.
    pub(crate) fn providers(&self) -> Value {
        let (base, config) = (&self.twilio.base_url, &self.world.config);
        json!({
            "twilio": { "url": base, "account_sid": config.account_sid },
            "telnyx": {
                "url": format!("{base}/telnyx/v2"),
                "connection_id": config.telnyx.connection_id,
                "public_key": self.telnyx.public_key(),
            },
            "retell": { "url": format!("{base}/retell") },
        })
    }

    pub(crate) fn set_agent(&self, agent: Agent) {
        self.retell.set_agent(agent);
    }

    pub(crate) fn down(&self, down: Down) {
        self.world.outage.begin(down.mode, down.callbacks, self.world.scale.real(down.seconds));
    }

    pub(crate) fn inbound(&self, inbound: Inbound) -> Result<String, InboundError> {
        let Some(number) = self.world.ledger.number(&inbound.to) else {
            return Err(InboundError::UnknownNumber(inbound.to));
        };
        let provider = number.provider;
        let caller = Caller { from: inbound.from, person: inbound.person, number };
        Ok(match provider {
            Provider::Twilio => self.twilio.ring(caller),
            Provider::Telnyx => self.telnyx.ring(caller),
            Provider::Retell => self.retell.ring(caller),
        })
    }

    pub(crate) fn summary(&self) -> Summary {
        let records = self.world.ledger.records();
        let mut calls: BTreeMap<Status, usize> = BTreeMap::new();
        for record in &records {
            *calls.entry(record.status).or_default() += 1;
        }
        Summary {
            calls,
            rang: records.iter().filter(|record| record.rang_at.is_some()).count(),
            requests_sent: records.iter().flat_map(|record| &record.sent).map(|sent| sent.attempts.len()).sum(),
            requests_received: self.world.ledger.requests().len(),
            faults: self.world.faults.report().counts,
        }
    }
}

fn serve(server: impl IntoFuture<Output = io::Result<()>, IntoFuture: Send> + Send + 'static) -> JoinHandle<()> {
    let server = server.into_future();
    tokio::spawn(async move {
        if let Err(error) = server.await {
            tracing::error!(%error, "the network stopped serving");
        }
    })
}
