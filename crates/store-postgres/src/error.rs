//! What PostgreSQL says, in the words of the port.

use std::io;
use std::sync::Arc;

use call_core::port::StoreError;

/// A store cannot be opened. No message shows a password.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OpenError {
    /// The URL cannot be understood.
    #[error("the URL of the database cannot be read: write postgres://USER:PASSWORD@HOST:PORT/DATABASE")]
    Url(#[source] sqlx::Error),
    /// Nobody answers there.
    #[error("no PostgreSQL server answers at {place}: check that it runs, and that this machine may reach its port")]
    Unreachable {
        /// Host, port and database.
        place: String,
        /// Why.
        #[source]
        source: sqlx::Error,
    },
    /// The server does not speak TLS, or not so that it can be trusted.
    #[error("{place} offers no TLS that can be trusted: check `sslmode` and `sslrootcert` in the URL")]
    Tls {
        /// Host, port and database.
        place: String,
        /// Why.
        #[source]
        source: sqlx::Error,
    },
    /// The server is there and does not let us in.
    #[error("{place} refuses the login: check user and password in the URL, and `pg_hba.conf` on the server")]
    Login {
        /// Host, port and database.
        place: String,
        /// Why.
        #[source]
        source: sqlx::Error,
    },
    /// There is no such database.
    #[error("{place} does not exist: create it, with `CREATE DATABASE ... ENCODING 'UTF8'`")]
    NoDatabase {
        /// Host, port and database.
        place: String,
        /// Why.
        #[source]
        source: sqlx::Error,
    },
    /// The user may not do what is needed.
    #[error("{place}: the user lacks a right; grant it what `docs/stores.md` lists")]
    Forbidden {
        /// Host, port and database.
        place: String,
        /// Which.
        #[source]
        source: sqlx::Error,
    },
    /// The server is older than what this store's statements need.
    #[error("{place} is PostgreSQL {found}, and version {needed} or later is needed: upgrade the server")]
    ServerTooOld {
        /// Host, port and database.
        place: String,
        /// What runs there.
        found: String,
        /// The oldest major version that will do.
        needed: u32,
    },
    /// Names and words in any language are stored.
    #[error("{place} is encoded in {found}, and UTF8 is needed: create it with `ENCODING 'UTF8' TEMPLATE template0`")]
    Encoding {
        /// Host, port and database.
        place: String,
        /// Its encoding.
        found: String,
    },
    /// The tables were made by an older version, or not yet.
    #[error("the database has an older format, or none yet: run `call-server migrate` first")]
    Older,
    /// A later version of this program has changed the tables.
    #[error(
        "the database has format {found}, and this version knows formats up to {known}: run the newer version of this \
         program, or restore the backup made before its upgrade"
    )]
    Newer {
        /// The database's format.
        found: i64,
        /// The latest format known here.
        known: i64,
    },
    /// Bringing the database up to date failed; it is as it was before the step that failed.
    #[error("the database cannot be brought up to date")]
    Migrate(#[source] sqlx::migrate::MigrateError),
    /// Anything else.
    #[error("{place} cannot be used")]
    Other {
        /// Host, port and database.
        place: String,
        /// Why.
        #[source]
        source: sqlx::Error,
    },
}

/// The SQLSTATE, if it was the server who failed.
pub(crate) fn code(error: &sqlx::Error) -> Option<String> {
    Some(error.as_database_error()?.code()?.into_owned())
}

pub(crate) fn open(place: &str, source: sqlx::Error) -> OpenError {
    let place = place.to_owned();
    match code(&source).as_deref() {
        Some("3D000") => OpenError::NoDatabase { place, source },
        Some("42501") => OpenError::Forbidden { place, source },
        Some(code) if code.starts_with("28") => OpenError::Login { place, source },
        Some(code) if is_passing(code) => OpenError::Unreachable { place, source },
        None if matches!(source, sqlx::Error::Tls(_)) => OpenError::Tls { place, source },
        None if is_lost(&source) => OpenError::Unreachable { place, source },
        Some(_) | None => OpenError::Other { place, source },
    }
}

/// Whether what the server says may pass by itself: connections (08), aborted transactions (40), resources (53), limits
/// and locks (55), operators and time-outs (57), the system (58); and a server that only reads, as after a fail-over.
fn is_passing(code: &str) -> bool {
    ["08", "40", "53", "55", "57", "58"].iter().any(|class| code.starts_with(class)) || code == READ_ONLY
}

const READ_ONLY: &str = "25006";

/// Whether the connection is gone, so that it is unknown what the server did.
pub(crate) const fn is_lost(error: &sqlx::Error) -> bool {
    matches!(error, sqlx::Error::Io(_) | sqlx::Error::Protocol(_) | sqlx::Error::Tls(_) | sqlx::Error::WorkerCrashed)
}

/// Whether a connection was cut, as by a restart of the database. Silence is not: asking again would wait as long again.
pub(crate) fn is_cut(error: &sqlx::Error) -> bool {
    is_lost(error) && !matches!(error, sqlx::Error::Io(io) if io.kind() == io::ErrorKind::TimedOut)
}

/// Whether the connection is of no use any more: it is gone, about to go, or leads to a server that only reads.
pub(crate) fn ends_connection(error: &sqlx::Error) -> bool {
    is_lost(error)
        || code(error).is_some_and(|code| code.starts_with("08") || code.starts_with("57P") || code == READ_ONLY)
}

/// Whether one request of a batch may be to blame, rather than the server or the line: then each gets a try of its own.
pub(crate) fn may_be_of_one(error: &sqlx::Error) -> bool {
    code(error)
        .is_some_and(|code| ["22", "23", "40", "54"].iter().any(|class| code.starts_with(class)) || code == LOCKED)
}

const LOCKED: &str = "55P03";
const TAKEN: &str = "23505";

/// Whether the same statement may succeed at once: another transaction was in the way, and has ended.
pub(crate) fn is_race(error: &sqlx::Error) -> bool {
    code(error).is_some_and(|code| code == TAKEN || code.starts_with("40"))
}

/// What a request learns of a failure.
pub(crate) fn store(error: Arc<sqlx::Error>) -> StoreError {
    match code(&error) {
        Some(code) if is_passing(&code) || code == TAKEN => StoreError::Unavailable(error),
        Some(_) => StoreError::Broken(error),
        None if matches!(*error, sqlx::Error::ColumnDecode { .. } | sqlx::Error::Decode(_)) => unreadable(error),
        None => StoreError::Unavailable(error),
    }
}

/// Nobody answered in time.
pub(crate) fn timed_out() -> sqlx::Error {
    io::Error::new(io::ErrorKind::TimedOut, "the database did not answer in time").into()
}

/// The store refuses by itself.
pub(crate) fn refused(error: Refused) -> StoreError {
    StoreError::Unavailable(Arc::new(error))
}

/// What is stored is not what this version writes.
pub(crate) fn unreadable(error: impl std::fmt::Display) -> StoreError {
    StoreError::Unreadable(error.to_string())
}

/// Why a request never reached the database.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Refused {
    #[error("the store is closed")]
    Closed,
    #[error("the store was opened for reading only")]
    ReadOnly,
    #[error("too many requests wait for the database")]
    Crowded,
    #[error("every connection was busy for too long")]
    Busy,
}
