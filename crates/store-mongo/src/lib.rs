#![doc = include_str!("../README.md")]

mod calls;
mod commit;
mod connection;
mod error;
mod journal;
mod mailbox;
mod outbox;
#[cfg(test)]
mod plans;
mod prune;
mod schema;

use std::time::Duration;

use async_trait::async_trait;
use call_core::journal::Entry;
use call_core::port::{Commit, Counts, Filter, Job, Lane, Page, Parked, ParkedSignal, Settle, Store, StoreError};
use call_core::{Call, CallId, Leg, Signal, Timestamp};
use mongodb::bson::doc;

pub use connection::Options;
pub use error::OpenError;

use connection::Link;
use error::failed;
use outbox::{Claim, Crowd};

/// Calls in one MongoDB database.
///
/// Any number of servers may share it. Nothing that matters is kept in this process.
#[derive(Debug)]
pub struct MongoStore {
    link: Link,
    crowd: Crowd,
}

impl MongoStore {
    /// Opens a database that [`MongoStore::migrate`] has made ready. `url` is MongoDB's own:
    /// `mongodb://USER:PASSWORD@HOST:PORT/DATABASE?…`. Write concern, read concern and read preference in it are
    /// overruled, for the guarantees rest on them. Must be called within a Tokio runtime.
    ///
    /// # Errors
    /// [`OpenError`], which says what to do.
    pub async fn open(url: &str, options: Options) -> Result<Self, OpenError> {
        let link = Link::to(url, &options, true).await?;
        schema::check(&link).await?;
        Ok(Self { link, crowd: Crowd::default() })
    }

    /// Opens a database to look at it, beside running servers. Every write is refused as unavailable.
    ///
    /// # Errors
    /// [`OpenError`], which says what to do.
    pub async fn open_read_only(url: &str) -> Result<Self, OpenError> {
        let link = Link::to(url, &Options::default(), false).await?;
        schema::check(&link).await?;
        Ok(Self { link, crowd: Crowd::default() })
    }

    /// Makes the indexes that are missing and brings the database up to the latest format; says how many formats higher
    /// it is now. Changes and removes nothing, so it is safe beside running servers of the version before, and may be
    /// cut short and repeated.
    ///
    /// # Errors
    /// [`OpenError`], which says what to do.
    pub async fn migrate(url: &str) -> Result<usize, OpenError> {
        // An index on many calls takes its time.
        let options = Options { patience: Duration::from_secs(3600), ..Options::default() };
        let link = Link::to(url, &options, true).await?;
        let steps = schema::migrate(&link).await;
        link.close().await;
        steps
    }
}

#[async_trait]
impl Store for MongoStore {
    async fn load(&self, id: CallId) -> Result<Option<Call>, StoreError> {
        calls::load(&self.link.read().await?, id).await
    }

    async fn find(&self, leg: &Leg) -> Result<Option<CallId>, StoreError> {
        calls::find(&self.link.read().await?, leg).await
    }

    async fn find_key(&self, key: &str) -> Result<Option<(CallId, String)>, StoreError> {
        calls::find_key(&self.link.read().await?, key).await
    }

    async fn commit(&self, commit: Commit) -> Result<(), StoreError> {
        commit::commit(&self.link.write().await?, commit).await
    }

    async fn due(&self, now: Timestamp, limit: usize) -> Result<Vec<CallId>, StoreError> {
        calls::due(&self.link.read().await?, now, limit).await
    }

    async fn park(
        &self,
        leg: &Leg,
        signals: &[Signal],
        now: Timestamp,
        until: Timestamp,
    ) -> Result<Parked, StoreError> {
        mailbox::park(&self.link.write().await?, leg, signals, now, until).await
    }

    async fn parked(&self, leg: &Leg) -> Result<Vec<ParkedSignal>, StoreError> {
        mailbox::parked(&self.link.read().await?, leg).await
    }

    async fn stranded(&self, limit: usize) -> Result<Vec<(CallId, Leg)>, StoreError> {
        mailbox::stranded(&self.link.read().await?, limit).await
    }

    async fn mailbox(&self, limit: usize) -> Result<Vec<ParkedSignal>, StoreError> {
        mailbox::all(&self.link.read().await?, limit).await
    }

    async fn expire(&self, now: Timestamp) -> Result<u64, StoreError> {
        mailbox::expire(&self.link.write().await?, now).await
    }

    async fn claim(&self, lane: Lane, now: Timestamp, lease: Duration, limit: usize) -> Result<Vec<Job>, StoreError> {
        let claim = Claim { lane, now, lease: now + lease, limit };
        outbox::claim(&self.link.write().await?, &claim, &self.crowd).await
    }

    async fn settle(&self, settlements: &[Settle]) -> Result<(), StoreError> {
        outbox::settle(&self.link.write().await?, settlements).await
    }

    async fn journal(&self, id: CallId) -> Result<Vec<Entry>, StoreError> {
        journal::read(&self.link.read().await?, id).await
    }

    async fn list(&self, filter: &Filter, page: &Page) -> Result<Vec<Call>, StoreError> {
        calls::list(&self.link.read().await?, filter, page).await
    }

    async fn counts(&self, now: Timestamp) -> Result<Counts, StoreError> {
        calls::counts(&self.link.read().await?, now).await
    }

    async fn prune(&self, born_before: Timestamp, limit: usize) -> Result<u64, StoreError> {
        prune::prune(&self.link.write().await?, born_before, limit).await
    }

    /// The primary's clock.
    async fn time(&self) -> Result<Option<Timestamp>, StoreError> {
        let _work = self.link.read().await?;
        self.link.time().await.map(|time| Some(calls::moment(time))).map_err(failed)
    }

    async fn ping(&self) -> Result<(), StoreError> {
        let work = self.link.read().await?;
        work.ask(self.link.database().run_command(doc! { "ping": 1 })).await.map(drop)
    }

    async fn close(&self) {
        self.link.close().await;
    }
}
