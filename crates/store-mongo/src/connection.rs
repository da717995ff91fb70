//! The way to the server: where it is, how long anybody waits for it, and when nobody may ask any more.

use std::fmt::{self, Debug, Formatter};
use std::future::IntoFuture;
use std::io;
use std::time::Duration;

use call_core::port::StoreError;
use futures::TryStreamExt as _;
use mongodb::action::Find;
use mongodb::bson::{DateTime, doc};
use mongodb::error::{Error, ErrorKind, Result};
use mongodb::options::{Acknowledgment, ClientOptions, ReadConcern, ReadPreference, SelectionCriteria, WriteConcern};
use mongodb::{Client, Collection, Database};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use tokio::sync::{Semaphore, SemaphorePermit};

use crate::error::{OpenError, Refused, failed, open, unavailable};

/// How a store uses its server.
#[derive(Debug, Clone)]
pub struct Options {
    /// How many connections at most. Beyond them, requests wait for one; 32 keep two cores of a server busy.
    pub connections: u32,
    /// How long a connection may take to be made, login included; 3 s.
    pub connect: Duration,
    /// How long one request to the server may take, waiting for a connection and for a primary included; 8 s. The driver
    /// itself would wait for ever on a connection whose other end is gone without a word.
    pub patience: Duration,
}

impl Default for Options {
    fn default() -> Self {
        Self { connections: 32, connect: Duration::from_secs(3), patience: Duration::from_secs(8) }
    }
}

/// How often the driver looks after the server: a restarted one is found within this time.
const HEARTBEAT: Duration = Duration::from_secs(1);

/// How long anybody waits for a primary, also with more patience for its work: longer than an election of few members
/// usually takes.
const SELECTION: Duration = Duration::from_secs(8);

/// How many requests may be under way; more wait their turn, the first come first.
const MOST: u32 = 4096;

/// One database on one deployment.
pub(crate) struct Link {
    client: Client,
    database: Database,
    location: String,
    patience: Duration,
    writes: bool,
    gate: Semaphore,
}

impl Link {
    /// Makes ready to connect; the first request does.
    pub(crate) async fn to(url: &str, options: &Options, writes: bool) -> std::result::Result<Self, OpenError> {
        let mut settings = ClientOptions::parse(url).await.map_err(|source| {
            // Only a name that cannot be resolved is about the world rather than the text.
            if let ErrorKind::DnsResolve { .. } = &*source.kind {
                OpenError::Unreachable { location: "the host of the URL".to_owned(), source }
            } else {
                OpenError::Location
            }
        })?;
        let hosts: Vec<String> = settings.hosts.iter().map(ToString::to_string).collect();
        let location = format!("mongodb://{}", hosts.join(","));
        let Some(name) = settings.default_database.clone() else {
            return Err(OpenError::NoDatabase { location });
        };
        let location = format!("{location}/{name}");

        // What the guarantees rest on is not left to the URL.
        let durable = WriteConcern::builder().w(Acknowledgment::Majority).journal(true).w_timeout(options.patience);
        settings.write_concern = Some(durable.build());
        settings.read_concern = Some(ReadConcern::local());
        settings.selection_criteria = Some(SelectionCriteria::ReadPreference(ReadPreference::Primary));
        settings.max_pool_size = Some(options.connections);
        settings.connect_timeout = Some(options.connect);
        settings.server_selection_timeout = Some(options.patience.min(SELECTION));
        settings.heartbeat_freq = Some(HEARTBEAT);
        settings.app_name.get_or_insert_with(|| "call-lifecycle".to_owned());

        let client = Client::with_options(settings).map_err(|source| open(&location, source))?;
        let database = client.database(&name);
        let gate = Semaphore::new(MOST as usize);
        Ok(Self { client, database, location, patience: options.patience, writes, gate })
    }

    /// Where it leads, for people: without user and password.
    pub(crate) fn location(&self) -> &str {
        &self.location
    }

    pub(crate) const fn database(&self) -> &Database {
        &self.database
    }

    /// One request to the server, and no longer than we have patience.
    pub(crate) async fn ask<T>(&self, question: impl IntoFuture<Output = Result<T>>) -> Result<T> {
        // Dropping a question that runs closes its connection, so that its late answer is not taken for another's.
        match tokio::time::timeout(self.patience, question.into_future()).await {
            Ok(answer) => answer,
            Err(_) => Err(Error::from(io::Error::new(io::ErrorKind::TimedOut, "no answer in time"))),
        }
    }

    /// Begins a request that only reads.
    pub(crate) async fn read(&self) -> std::result::Result<Work<'_>, StoreError> {
        let permit = self.gate.acquire().await.map_err(|_| unavailable(Refused::Closed))?;
        Ok(Work { link: self, _permit: permit })
    }

    /// Begins a request that writes.
    pub(crate) async fn write(&self) -> std::result::Result<Work<'_>, StoreError> {
        if self.writes { self.read().await } else { Err(unavailable(Refused::ReadOnly)) }
    }

    /// Whether it may be written.
    pub(crate) const fn writes(&self) -> bool {
        self.writes
    }

    /// Takes no more requests, waits for those that have begun, and hangs up.
    pub(crate) async fn close(&self) {
        // Whoever asks from now on waits behind us, and is refused.
        let Ok(_all) = self.gate.acquire_many(MOST).await else { return };
        self.gate.close();
        self.client.clone().shutdown().await;
    }

    /// The server's clock.
    pub(crate) async fn time(&self) -> Result<DateTime> {
        #[derive(Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct Hello {
            local_time: DateTime,
        }
        let answer = self.ask(self.database.run_command(doc! { "hello": 1 })).await?;
        Ok(mongodb::bson::deserialize_from_document::<Hello>(answer)?.local_time)
    }
}

impl Debug for Link {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.debug_struct("Link").field("location", &self.location).field("writes", &self.writes).finish_non_exhaustive()
    }
}

/// A request to the store that has begun: while it lasts, the link stays open.
pub(crate) struct Work<'l> {
    link: &'l Link,
    _permit: SemaphorePermit<'l>,
}

impl Work<'_> {
    /// One question to the server.
    pub(crate) async fn ask<T>(
        &self,
        question: impl IntoFuture<Output = Result<T>>,
    ) -> std::result::Result<T, StoreError> {
        self.link.ask(question).await.map_err(failed)
    }

    /// Everything that is found.
    pub(crate) async fn all<T: DeserializeOwned + Send + Sync>(
        &self,
        find: Find<'_, T>,
    ) -> std::result::Result<Vec<T>, StoreError> {
        self.ask(async { find.await?.try_collect().await }).await
    }

    /// The driver's own words for a failure, where they matter.
    pub(crate) async fn try_ask<T>(&self, question: impl IntoFuture<Output = Result<T>>) -> Result<T> {
        self.link.ask(question).await
    }

    pub(crate) const fn writes(&self) -> bool {
        self.link.writes()
    }

    pub(crate) fn collection<T: Send + Sync>(&self, name: &str) -> Collection<T> {
        self.link.database.collection(name)
    }
}
