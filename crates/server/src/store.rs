//! The store that the configuration names. The only file that knows all kinds.

use std::error::Error;
use std::sync::Arc;

use call_core::port::Store;
use store_sqlite::SqliteStore;

use crate::config::{self, FORMS, StoreKind, StoreUrl};

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
        source: Box<dyn Error + Send + Sync>,
    },
}

/// Opens it to work with. A SQLite file is made and brought up to date; other stores are left to `migrate`, which an
/// operator runs once for all servers.
pub(crate) async fn open(config: &config::Store) -> Result<Arc<dyn Store>, OpenError> {
    let url = config.url.reveal();
    match kind(config)? {
        StoreKind::Sqlite => shared(SqliteStore::open(url).await),
        StoreKind::Postgres | StoreKind::Mongo => return Err(OpenError::Unknown(config.url.clone())),
    }
    .map_err(refused(config, "opened"))
}

/// Opens it to look at it, beside running servers. Nothing can be written.
pub(crate) async fn look(config: &config::Store) -> Result<Arc<dyn Store>, OpenError> {
    let url = config.url.reveal();
    match kind(config)? {
        StoreKind::Sqlite => shared(SqliteStore::open_read_only(url).await),
        StoreKind::Postgres | StoreKind::Mongo => return Err(OpenError::Unknown(config.url.clone())),
    }
    .map_err(refused(config, "read"))
}

/// Brings it up to the latest format, and says how many steps that took.
pub(crate) async fn migrate(config: &config::Store) -> Result<usize, OpenError> {
    let url = config.url.reveal();
    match kind(config)? {
        StoreKind::Sqlite => SqliteStore::migrate(url).await.map_err(Into::into),
        StoreKind::Postgres | StoreKind::Mongo => return Err(OpenError::Unknown(config.url.clone())),
    }
    .map_err(refused(config, "migrated"))
}

fn kind(config: &config::Store) -> Result<StoreKind, OpenError> {
    config.url.kind().ok_or_else(|| OpenError::Unknown(config.url.clone()))
}

type Cause = Box<dyn Error + Send + Sync>;

fn shared<S: Store, E: Error + Send + Sync + 'static>(opened: Result<S, E>) -> Result<Arc<dyn Store>, Cause> {
    opened.map(|store| Arc::new(store) as Arc<dyn Store>).map_err(Into::into)
}

fn refused(config: &config::Store, wish: &'static str) -> impl FnOnce(Cause) -> OpenError {
    let url = config.url.clone();
    move |source| OpenError::Refused { url, wish, source }
}
