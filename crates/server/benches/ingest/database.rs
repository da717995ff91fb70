//! The databases that the server is measured on, each as it comes: with its default configuration, and durable.

use std::env;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use call_core::port::Store;
use databases::{Mongo, Postgres};
use store_mongo::MongoStore;
use store_postgres::PostgresStore;
use store_sqlite::SqliteStore;

/// Names the databases to measure, such as `sqlite,postgres`; all of them if it is not set.
const ASKED: &str = "INGEST_STORE";

/// A kind of database.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Sqlite,
    Postgres,
    Mongo,
}

impl Kind {
    const ALL: [Self; 3] = [Self::Sqlite, Self::Postgres, Self::Mongo];

    /// Those to measure.
    pub(crate) fn asked() -> Vec<Self> {
        let Ok(names) = env::var(ASKED) else {
            return Self::ALL.into_iter().filter(|kind| *kind != Self::Mongo || !Mongo::is_skipped()).collect();
        };
        let find = |name: &str| Self::ALL.into_iter().find(|kind| kind.word() == name.trim());
        names.split(',').map(|name| find(name).unwrap_or_else(|| panic!("{ASKED}: no store `{name}`"))).collect()
    }

    pub(crate) const fn word(self) -> &'static str {
        match self {
            Self::Sqlite => "sqlite",
            Self::Postgres => "postgres",
            Self::Mongo => "mongo",
        }
    }
}

/// A database server of this run's own, or a folder for SQLite's files.
pub(crate) enum Server {
    Sqlite(PathBuf),
    Postgres(Postgres),
    Mongo(Mongo),
}

/// One empty database, ready for calls. It is gone when this is dropped.
pub(crate) struct Place {
    pub(crate) url: String,
    _kept: Option<databases::Database>,
}

impl Server {
    /// Starts one, and says what it is.
    pub(crate) fn start(kind: Kind, home: &Path) -> Self {
        match kind {
            Kind::Sqlite => {
                println!("\n# SQLite\n\nsynchronous=FULL");
                Self::Sqlite(home.to_owned())
            }
            Kind::Postgres => {
                let server = Postgres::own();
                println!(
                    "\n# PostgreSQL {}\n\nfsync=on, synchronous_commit=on, all else as it comes",
                    server.version()
                );
                Self::Postgres(server)
            }
            Kind::Mongo => {
                let server = Mongo::own();
                println!("\n# {}\n\nwhat it acknowledges is on the disk", server.version());
                Self::Mongo(server)
            }
        }
    }

    pub(crate) const fn kind(&self) -> Kind {
        match self {
            Self::Sqlite(_) => Kind::Sqlite,
            Self::Postgres(_) => Kind::Postgres,
            Self::Mongo(_) => Kind::Mongo,
        }
    }

    /// An empty database; `name` tells files apart.
    pub(crate) async fn place(&self, name: &str) -> Place {
        let (url, kept) = match self {
            Self::Sqlite(home) => (format!("sqlite:{}", home.join(name).display()), None),
            Self::Postgres(server) => kept(server.fresh()),
            Self::Mongo(server) => kept(server.fresh()),
        };
        match self {
            Self::Sqlite(_) => SqliteStore::migrate(&url).await.map(drop).unwrap(),
            Self::Postgres(_) => PostgresStore::migrate(&url).await.map(drop).unwrap(),
            Self::Mongo(_) => MongoStore::migrate(&url).await.map(drop).unwrap(),
        }
        Place { url, _kept: kept }
    }
}

/// The store of a place, without a server around it.
pub(crate) async fn open(kind: Kind, url: String) -> Arc<dyn Store> {
    match kind {
        Kind::Sqlite => Arc::new(SqliteStore::open(&url).await.unwrap()),
        Kind::Postgres => Arc::new(PostgresStore::open(&url, &store_postgres::Options::default()).await.unwrap()),
        Kind::Mongo => Arc::new(MongoStore::open(&url, store_mongo::Options::default()).await.unwrap()),
    }
}

fn kept(database: databases::Database) -> (String, Option<databases::Database>) {
    (database.url().to_owned(), Some(database))
}
