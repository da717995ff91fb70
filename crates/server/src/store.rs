//! The store that the configuration names. The only file that knows all kinds.

use std::sync::Arc;
use std::time::Duration;

use call_core::port::Store;
use store_mongo::MongoStore;
use store_postgres::PostgresStore;
use store_sqlite::SqliteStore;
use tokio::time::Instant;
use tracing::warn;

use crate::config::{self, FORMS, StoreKind, StoreUrl};

/// How long a server that starts waits for a database that does not answer (yet): it may be starting too.
const PATIENCE: Duration = Duration::from_secs(10);
/// How often it looks.
const AGAIN: Duration = Duration::from_millis(500);

/// The configured store cannot be used. Names the key to look at; the source says what to do.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OpenError {
    /// No store has such a URL.
    #[error("store.url: `{0}` names no store; must be {FORMS}")]
    Unknown(StoreUrl),
    /// There is such a store, but not for this.
    #[error("store.url: {url} cannot be {wish}")]
    Refused {
        /// Which one.
        url: StoreUrl,
        /// What was to be done with it.
        wish: &'static str,
        /// Why not, and what to do.
        #[source]
        source: Box<Cause>,
    },
}

/// What a store says when it cannot be opened.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Cause {
    /// A SQLite file.
    #[error(transparent)]
    Sqlite(#[from] store_sqlite::OpenError),
    /// A PostgreSQL database.
    #[error(transparent)]
    Postgres(#[from] store_postgres::OpenError),
    /// A MongoDB database.
    #[error(transparent)]
    Mongo(#[from] store_mongo::OpenError),
}

impl Cause {
    /// Whether nobody answered, which may pass.
    const fn may_pass(&self) -> bool {
        matches!(
            self,
            Self::Postgres(store_postgres::OpenError::Unreachable { .. })
                | Self::Mongo(store_mongo::OpenError::Unreachable { .. })
        )
    }
}

/// Opens it to serve from, waiting a while for a database that does not answer.
pub(crate) async fn await_open(config: &config::Store) -> Result<Arc<dyn Store>, OpenError> {
    let until = Instant::now() + PATIENCE;
    loop {
        match open(config).await {
            Err(OpenError::Refused { source, .. }) if source.may_pass() && Instant::now() < until => {
                warn!(store = %config.url, error = crate::workers::chain(&source), "waiting for the store");
                tokio::time::sleep(AGAIN).await;
            }
            opened => return opened,
        }
    }
}

/// Opens it to work with. A SQLite file is made and brought up to date; other stores are left to `migrate`, which an
/// operator runs once for all servers.
pub(crate) async fn open(config: &config::Store) -> Result<Arc<dyn Store>, OpenError> {
    let url = config.url.reveal();
    match kind(config)? {
        StoreKind::Sqlite => shared(SqliteStore::open(url).await),
        StoreKind::Postgres => shared(PostgresStore::open(url, &postgres(config)).await),
        StoreKind::Mongo => shared(MongoStore::open(url, mongo(config)).await),
    }
    .map_err(refused(config, "opened"))
}

/// Opens it to look at it, beside running servers. Nothing can be written.
pub(crate) async fn look(config: &config::Store) -> Result<Arc<dyn Store>, OpenError> {
    let url = config.url.reveal();
    match kind(config)? {
        StoreKind::Sqlite => shared(SqliteStore::open_read_only(url).await),
        StoreKind::Postgres => shared(PostgresStore::open_read_only(url, &postgres(config)).await),
        StoreKind::Mongo => shared(MongoStore::open_read_only(url).await),
    }
    .map_err(refused(config, "read"))
}

/// Brings it up to the latest format, and says how many steps that took.
pub(crate) async fn migrate(config: &config::Store) -> Result<usize, OpenError> {
    let url = config.url.reveal();
    match kind(config)? {
        StoreKind::Sqlite => SqliteStore::migrate(url).await.map_err(Cause::from),
        StoreKind::Postgres => PostgresStore::migrate(url).await.map_err(Cause::from),
        StoreKind::Mongo => MongoStore::migrate(url).await.map_err(Cause::from),
    }
    .map_err(refused(config, "migrated"))
}

fn kind(config: &config::Store) -> Result<StoreKind, OpenError> {
    config.url.kind().ok_or_else(|| OpenError::Unknown(config.url.clone()))
}

fn postgres(config: &config::Store) -> store_postgres::Options {
    let defaults = store_postgres::Options::default();
    let connections = if config.connections == 0 { defaults.connections } else { config.connections };
    store_postgres::Options { connections, timeout: config.timeout }
}

fn mongo(config: &config::Store) -> store_mongo::Options {
    let defaults = store_mongo::Options::default();
    let connections = if config.connections == 0 { defaults.connections } else { config.connections };
    store_mongo::Options { connections, connect: defaults.connect.min(config.timeout), patience: config.timeout }
}

fn shared<S: Store, E: Into<Cause>>(opened: Result<S, E>) -> Result<Arc<dyn Store>, Cause> {
    opened.map(|store| Arc::new(store) as Arc<dyn Store>).map_err(Into::into)
}

fn refused(config: &config::Store, wish: &'static str) -> impl FnOnce(Cause) -> OpenError {
    let url = config.url.clone();
    move |cause| OpenError::Refused { url, wish, source: Box::new(cause) }
}
