#![doc = include_str!("../README.md")]

mod batch;
mod calls;
mod desk;
mod error;
mod hearing;
mod line;
mod loader;
mod mailbox;
mod outbox;
mod parts;
#[cfg(test)]
mod plans;
mod prune;
mod rows;
mod schema;
mod statement;
mod writer;

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use call_core::journal::Entry;
use call_core::port::{Commit, Counts, Filter, Job, Lane, Page, Parked, ParkedSignal, Settle, Store, StoreError};
use call_core::{Call, CallId, Leg, Signal, Timestamp};

pub use error::OpenError;

use calls::Step;
use error::{Refused, refused};
use hearing::Hearing;
use line::Lines;
use loader::Loader;
use rows::LegName;
use schema::Server;
use writer::Writer;

/// How a store uses its database.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Options {
    /// How many connections at most, four at least: one writes, two load calls, and the others do all the rest. One more
    /// listens once somebody waits for a leg. Since what queues is stored and loaded together, more than a few make
    /// nothing faster.
    pub connections: u32,
    /// How long any answer of the database is waited for, and how long the database works on it.
    pub timeout: Duration,
}

impl Default for Options {
    fn default() -> Self {
        Self { connections: 8, timeout: Duration::from_secs(5) }
    }
}

/// How many connections write. One: what queues meanwhile is written together, which is worth more than a second one.
const PENS: u32 = 1;

/// How many connections load.
const LOADERS: u32 = 2;

/// Calls in a PostgreSQL database, shared by any number of servers.
#[derive(Debug)]
pub struct PostgresStore {
    lines: Lines,
    loader: Loader,
    /// None if the store was opened for reading only.
    writer: Option<Writer>,
    hearing: Hearing,
}

impl PostgresStore {
    /// Opens a database that has the format of this version. Must be called within a Tokio runtime, which then runs the
    /// store's statements.
    ///
    /// # Errors
    /// [`OpenError`], which says what to do.
    pub async fn open(url: &str, options: &Options) -> Result<Self, OpenError> {
        let server = Server::at(url, options)?;
        server.check().await?;
        let server = Arc::new(server);
        let writer = Writer::start(&server, PENS as usize);
        Ok(Self { writer: Some(writer), ..Self::reader(server, options) })
    }

    /// Opens a database to look at it. Every write is refused as unavailable.
    ///
    /// # Errors
    /// [`OpenError`], which says what to do.
    pub async fn open_read_only(url: &str, options: &Options) -> Result<Self, OpenError> {
        let server = Server::at(url, options)?.read_only();
        server.check().await?;
        Ok(Self::reader(Arc::new(server), options))
    }

    fn reader(server: Arc<Server>, options: &Options) -> Self {
        Self {
            lines: Lines::new(Arc::clone(&server), options.connections.saturating_sub(PENS + LOADERS).max(1)),
            loader: Loader::start(&server, LOADERS as usize),
            writer: None,
            hearing: Hearing::new(server),
        }
    }

    /// Makes the tables or brings them up to the latest format, and says how many steps that took. Safe beside running
    /// servers of the version before; several that migrate at once wait for each other. The database itself must exist.
    ///
    /// # Errors
    /// [`OpenError`], which says what to do.
    pub async fn migrate(url: &str) -> Result<usize, OpenError> {
        Server::at(url, &Options::default())?.migrate().await
    }

    fn writer(&self) -> Result<&Writer, StoreError> {
        self.writer.as_ref().ok_or_else(|| refused(Refused::ReadOnly))
    }

    /// The lines, for a change.
    fn pens(&self) -> Result<&Lines, StoreError> {
        self.writer().map(|_| &self.lines)
    }
}

#[async_trait]
impl Store for PostgresStore {
    async fn load(&self, id: CallId) -> Result<Option<Call>, StoreError> {
        self.loader.load(id).await
    }

    async fn find(&self, leg: &Leg) -> Result<Option<CallId>, StoreError> {
        calls::find(&self.lines, leg).await
    }

    async fn find_key(&self, key: &str) -> Result<Option<(CallId, String)>, StoreError> {
        calls::find_key(&self.lines, key).await
    }

    async fn commit(&self, commit: Commit) -> Result<(), StoreError> {
        self.writer()?.commit(Step::new(commit)?).await
    }

    async fn due(&self, now: Timestamp, limit: usize) -> Result<Vec<CallId>, StoreError> {
        calls::due(&self.lines, now, limit).await
    }

    async fn park(
        &self,
        leg: &Leg,
        signals: &[Signal],
        now: Timestamp,
        until: Timestamp,
    ) -> Result<Parked, StoreError> {
        mailbox::park(self.pens()?, leg, signals, now, until).await
    }

    async fn parked(&self, leg: &Leg) -> Result<Vec<ParkedSignal>, StoreError> {
        mailbox::parked(&self.lines, leg).await
    }

    async fn stranded(&self, limit: usize) -> Result<Vec<(CallId, Leg)>, StoreError> {
        mailbox::stranded(&self.lines, limit).await
    }

    async fn mailbox(&self, limit: usize) -> Result<Vec<ParkedSignal>, StoreError> {
        mailbox::all(&self.lines, limit).await
    }

    async fn expire(&self, now: Timestamp) -> Result<u64, StoreError> {
        mailbox::expire(self.pens()?, now).await
    }

    async fn claim(&self, lane: Lane, now: Timestamp, lease: Duration, limit: usize) -> Result<Vec<Job>, StoreError> {
        outbox::claim(self.pens()?, lane, now, lease, limit).await
    }

    async fn settle(&self, settlements: &[Settle]) -> Result<(), StoreError> {
        self.writer()?.settle(settlements.to_vec()).await
    }

    async fn prune(&self, born_before: Timestamp, limit: usize) -> Result<u64, StoreError> {
        prune::prune(self.pens()?, born_before, limit).await
    }

    /// Hears of every server's commits, once it listens. While the connection is down, nothing is heard; when it is back,
    /// everybody who waits is told to look.
    async fn bound(&self, leg: &Leg) {
        self.hearing.bound(LegName::new(leg).lock()).await;
    }

    /// The database's clock.
    async fn time(&self) -> Result<Option<Timestamp>, StoreError> {
        const TIME: &str = "SELECT (extract(epoch FROM clock_timestamp()) * 1000)::int8";
        let time = self.lines.read(|| sqlx::query_as::<_, (i64,)>(TIME)).await?;
        Ok(time.first().map(|(millis,)| Timestamp::from_millis(*millis)))
    }

    async fn journal(&self, id: CallId) -> Result<Vec<Entry>, StoreError> {
        calls::journal(&self.lines, id).await
    }

    async fn list(&self, filter: &Filter, page: &Page) -> Result<Vec<Call>, StoreError> {
        calls::list(&self.lines, filter, page).await
    }

    async fn counts(&self, now: Timestamp) -> Result<Counts, StoreError> {
        calls::counts(&self.lines, now).await
    }

    async fn ping(&self) -> Result<(), StoreError> {
        self.lines.read(|| sqlx::query_as::<_, (i32,)>("SELECT 1")).await.map(drop)
    }

    async fn close(&self) {
        if let Some(writer) = &self.writer {
            writer.close().await;
        }
        self.loader.close().await;
        self.lines.close().await;
        self.hearing.close();
    }
}
