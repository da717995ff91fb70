//! What SQLite says, in the words of the port.

use std::sync::Arc;

use call_core::port::StoreError;

/// A store cannot be opened.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OpenError {
    /// Every connection would see a database of its own.
    #[error("a store needs a file: `{0}` is in memory only")]
    InMemory(String),
    /// The location cannot be understood.
    #[error("`{location}` is no location of a SQLite file: write a path, or `sqlite:` and a path")]
    Location {
        /// What was given.
        location: String,
        /// Why.
        #[source]
        source: sqlx::Error,
    },
    /// There is no such file, its directory is missing, or permissions are.
    #[error("cannot open `{location}`: check that its directory exists and may be written by this user")]
    Unreachable {
        /// What was to be opened.
        location: String,
        /// Why.
        #[source]
        source: sqlx::Error,
    },
    /// Somebody else holds the file, for longer than a write takes.
    #[error("`{location}` is locked by another program: end it (a shell with an open transaction, a backup) and retry")]
    Locked {
        /// What was to be opened.
        location: String,
        /// Why.
        #[source]
        source: sqlx::Error,
    },
    /// A later version of this program has changed the file's format.
    #[error(
        "the file has format {found}, and this version knows formats up to {known}: run the newer version of this \
         program, or restore the backup made before its upgrade"
    )]
    Newer {
        /// The file's format.
        found: i64,
        /// The latest format known here.
        known: i64,
    },
    /// The file was made by an older version, and was opened for reading only.
    #[error("the file has an older format: run `migrate` first")]
    Older,
    /// The file is not a database of calls, or is damaged.
    #[error("`{location}` is not a call store, or is damaged")]
    Damaged {
        /// What was to be opened.
        location: String,
        /// Why.
        #[source]
        source: sqlx::Error,
    },
    /// Bringing the file up to date failed; it is as it was.
    #[error("the file cannot be brought up to date")]
    Migrate(#[source] sqlx::migrate::MigrateError),
}

/// The primary result code of SQLite, if it was SQLite who failed.
pub(crate) fn code(error: &sqlx::Error) -> Option<i32> {
    let code: i32 = error.as_database_error()?.code()?.parse().ok()?;
    Some(code & 0xff)
}

const SQLITE_ERROR: i32 = 1;
const SQLITE_BUSY: i32 = 5;
const SQLITE_LOCKED: i32 = 6;
const SQLITE_READONLY: i32 = 8;
const SQLITE_CANTOPEN: i32 = 14;
const SQLITE_TOOBIG: i32 = 18;
const SQLITE_CONSTRAINT: i32 = 19;
const SQLITE_MISMATCH: i32 = 20;

pub(crate) fn open(location: &str, source: sqlx::Error) -> OpenError {
    let location = location.to_owned();
    match code(&source) {
        Some(SQLITE_CANTOPEN | SQLITE_READONLY) => OpenError::Unreachable { location, source },
        Some(SQLITE_BUSY | SQLITE_LOCKED) => OpenError::Locked { location, source },
        _ => OpenError::Damaged { location, source },
    }
}

/// Whether another process has the file at this moment.
pub(crate) fn is_locked(error: &sqlx::Error) -> bool {
    matches!(code(error), Some(SQLITE_BUSY | SQLITE_LOCKED))
}

/// The store may work later: locked, full, read-only, broken.
pub(crate) fn unavailable(error: impl std::error::Error + Send + Sync + 'static) -> StoreError {
    StoreError::Unavailable(Arc::new(error))
}

/// Whether one request of a batch may be to blame, rather than the disk or another process.
pub(crate) fn may_be_of_one(error: &sqlx::Error) -> bool {
    matches!(code(error), Some(SQLITE_ERROR | SQLITE_TOOBIG | SQLITE_CONSTRAINT | SQLITE_MISMATCH))
}

/// What is stored is not what this version writes.
pub(crate) fn unreadable(error: impl std::fmt::Display) -> StoreError {
    StoreError::Unreadable(error.to_string())
}

/// The store takes no more requests.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Refused {
    #[error("the store is closed")]
    Closed,
    #[error("the store was opened for reading only")]
    ReadOnly,
}
