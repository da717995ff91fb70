#![doc = include_str!("../README.md")]

mod batch;
mod calls;
mod checkpoint;
mod error;
mod loader;
mod mailbox;
mod outbox;
#[cfg(test)]
mod plans;
mod prune;
mod rows;
mod schema;
mod writer;

use std::time::Duration;

use async_trait::async_trait;
use call_core::journal::Entry;
use call_core::port::{Commit, Counts, Filter, Job, Lane, Page, Parked, ParkedSignal, Settle, Store, StoreError};
use call_core::{Call, CallId, Leg, Signal, Timestamp};
use sqlx::SqlitePool;

pub use error::OpenError;

use error::{Refused, unavailable};
use loader::Loader;
use mailbox::Parking;
use outbox::Claim;
use prune::Prune;
use schema::File;
use writer::{Answer, Work, Writer};

/// Calls in one SQLite file.
///
/// Several processes may share the file (a server and its command line, even two servers): every write looks and
/// writes in one transaction of its own, so they are as safe as tasks of one process, only slower. The file must be on
/// a local disk.
#[derive(Debug)]
pub struct SqliteStore {
    reads: SqlitePool,
    loader: Loader,
    writer: Option<Writer>,
}

impl SqliteStore {
    /// Opens the file, makes it if it is not there, and brings it up to the latest format. `location` is a path, or
    /// `sqlite:` and a path. Must be called within a Tokio runtime, which then runs the store's writer.
    ///
    /// # Errors
    /// [`OpenError`], which says what to do.
    pub async fn open(location: &str) -> Result<Self, OpenError> {
        let file = File::at(location)?;
        file.migrate().await?;
        let connection = file.writer().await.map_err(|error| error::open(location, error))?;
        let reads = file.readers().await?;
        let loader = Loader::start(reads.clone());
        Ok(Self { reads, loader, writer: Some(Writer::start(file, connection)) })
    }

    /// Opens a file to look at it, also while a server writes it. Every write is refused as unavailable.
    ///
    /// # Errors
    /// [`OpenError`]; the file must be there and have the latest format.
    pub async fn open_read_only(location: &str) -> Result<Self, OpenError> {
        let file = File::at(location)?;
        let reads = file.readers().await?;
        file.check(&reads).await?;
        let loader = Loader::start(reads.clone());
        Ok(Self { reads, loader, writer: None })
    }

    /// Makes the file if it is not there, brings it up to the latest format, and says how many steps that took. Safe
    /// beside a running server of the version before.
    ///
    /// # Errors
    /// [`OpenError`], which says what to do. The file is then as it was.
    pub async fn migrate(location: &str) -> Result<usize, OpenError> {
        File::at(location)?.migrate().await
    }

    async fn write(&self, work: Work) -> Result<Answer, StoreError> {
        match &self.writer {
            Some(writer) => writer.ask(work).await,
            None => Err(unavailable(Refused::ReadOnly)),
        }
    }
}

#[async_trait]
impl Store for SqliteStore {
    async fn load(&self, id: CallId) -> Result<Option<Call>, StoreError> {
        self.loader.load(id).await
    }

    async fn find(&self, leg: &Leg) -> Result<Option<CallId>, StoreError> {
        calls::find(&self.reads, leg).await
    }

    async fn find_key(&self, key: &str) -> Result<Option<(CallId, String)>, StoreError> {
        calls::find_key(&self.reads, key).await
    }

    async fn commit(&self, commit: Commit) -> Result<(), StoreError> {
        let step = calls::Step::new(commit)?;
        self.write(Work::Step(Box::new(step))).await.map(drop)
    }

    async fn due(&self, now: Timestamp, limit: usize) -> Result<Vec<CallId>, StoreError> {
        calls::due(&self.reads, now, limit).await
    }

    async fn park(
        &self,
        leg: &Leg,
        signals: &[Signal],
        now: Timestamp,
        until: Timestamp,
    ) -> Result<Parked, StoreError> {
        let answer = self.write(Work::Park(Parking::new(leg, signals, now, until)?)).await?;
        Ok(answer.bound.map_or(Parked::Kept, Parked::Bound))
    }

    async fn parked(&self, leg: &Leg) -> Result<Vec<ParkedSignal>, StoreError> {
        mailbox::parked(&self.reads, leg).await
    }

    async fn stranded(&self, limit: usize) -> Result<Vec<(CallId, Leg)>, StoreError> {
        mailbox::stranded(&self.reads, limit).await
    }

    async fn mailbox(&self, limit: usize) -> Result<Vec<ParkedSignal>, StoreError> {
        mailbox::all(&self.reads, limit).await
    }

    async fn expire(&self, now: Timestamp) -> Result<u64, StoreError> {
        Ok(self.write(Work::Expire(now)).await?.gone)
    }

    async fn claim(&self, lane: Lane, now: Timestamp, lease: Duration, limit: usize) -> Result<Vec<Job>, StoreError> {
        let claim = Claim { lane, now, lease: now + lease, limit };
        if !outbox::any(&self.reads, &claim).await? {
            return Ok(Vec::new());
        }
        Ok(self.write(Work::Claim(claim)).await?.jobs)
    }

    async fn settle(&self, settlements: &[Settle]) -> Result<(), StoreError> {
        if settlements.is_empty() {
            return Ok(());
        }
        self.write(Work::Settle(settlements.to_vec())).await.map(drop)
    }

    async fn journal(&self, id: CallId) -> Result<Vec<Entry>, StoreError> {
        calls::journal(&self.reads, id).await
    }

    async fn list(&self, filter: &Filter, page: &Page) -> Result<Vec<Call>, StoreError> {
        calls::list(&self.reads, filter, page).await
    }

    async fn counts(&self, now: Timestamp) -> Result<Counts, StoreError> {
        calls::counts(&self.reads, now).await
    }

    async fn prune(&self, born_before: Timestamp, limit: usize) -> Result<u64, StoreError> {
        Ok(self.write(Work::Prune(Prune { born_before, limit })).await?.gone)
    }

    async fn ping(&self) -> Result<(), StoreError> {
        sqlx::query("SELECT 1").execute(&self.reads).await.map(drop).map_err(unavailable)
    }

    /// Leaves a file that is complete by itself. Without this, the log beside the file is read when it is opened again.
    async fn close(&self) {
        if let Some(writer) = &self.writer {
            // Closed before: nothing to do.
            let _ = writer.ask(Work::Close).await;
            writer.ended().await;
        }
        self.reads.close().await;
    }
}
