//! Where a town keeps its calls.

use std::cell::Cell;
use std::env;
use std::path::Path;
use std::sync::Arc;

use call_core::port;
use databases::{Database, Mongo, Postgres};
use store_mongo::MongoStore;
use store_postgres::PostgresStore;
use store_sqlite::SqliteStore;

/// A kind of store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum On {
    /// A file.
    Sqlite,
    /// A database on a PostgreSQL server.
    Postgres,
    /// A database on a MongoDB server.
    Mongo,
}

/// The store of one town.
#[derive(Debug)]
pub struct Store {
    on: On,
    url: String,
    // Dropped before the machine that it is on.
    _database: Option<Database>,
    machine: Option<Machine>,
}

/// A database server that belongs to one town.
#[derive(Debug, Clone)]
enum Machine {
    Postgres(Arc<Postgres>),
    Mongo(Arc<Mongo>),
}

thread_local! {
    /// What the scenario of this thread is staged on.
    static STAGE: Cell<Option<(On, usize)>> = const { Cell::new(None) };
}

/// Runs a scenario (a `#[tokio::test]`) once more: its towns are built on another store, with so many servers.
pub fn stage_on(on: On, servers: usize, scenario: fn()) {
    if !on.is_skipped() {
        STAGE.set(Some((on, servers)));
        scenario();
        STAGE.set(None);
    }
}

/// The store and the number of servers that a town has unless it is told. `E2E_STORE` runs the whole suite on another
/// store than a file.
///
/// # Panics
/// When `E2E_STORE` names none.
pub(crate) fn stage() -> (On, usize) {
    let chosen = || match env::var("E2E_STORE").as_deref() {
        Err(_) | Ok("sqlite") => On::Sqlite,
        Ok("postgres") => On::Postgres,
        Ok("mongo") => On::Mongo,
        Ok(other) => panic!("E2E_STORE={other}: it must be sqlite, postgres or mongo"),
    };
    STAGE.get().unwrap_or_else(|| (chosen(), 1))
}

impl On {
    /// Whether somebody has chosen not to test on it.
    #[must_use]
    pub fn is_skipped(self) -> bool {
        self == Self::Mongo && Mongo::is_skipped()
    }
}

impl Store {
    /// A new and empty one. On a server of the town's `own`, that server can [crash](Self::crash).
    pub(crate) fn make(on: On, own: bool, directory: &Path) -> Self {
        let (url, database, machine) = match (on, own) {
            (On::Sqlite, _) => (format!("sqlite:{}", directory.join("calls.db").display()), None, None),
            (On::Postgres, false) => given(Postgres::shared().fresh(), None),
            (On::Mongo, false) => given(Mongo::shared().fresh(), None),
            (On::Postgres, true) => {
                let server = Postgres::own();
                given(server.fresh(), Some(Machine::Postgres(Arc::new(server))))
            }
            (On::Mongo, true) => {
                let server = Mongo::own();
                given(server.fresh(), Some(Machine::Mongo(Arc::new(server))))
            }
        };
        Self { on, url, _database: database, machine }
    }

    /// What kind it is.
    #[must_use]
    pub const fn on(&self) -> On {
        self.on
    }

    /// Its URL, as the server takes it.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Opens it, to look at what is in it beside the servers that use it.
    ///
    /// # Panics
    /// When it cannot be opened.
    pub async fn open(&self) -> Arc<dyn port::Store> {
        let url = &self.url;
        match self.on {
            On::Sqlite => Arc::new(SqliteStore::open_read_only(url).await.expect("the file can be read")),
            On::Postgres => {
                let options = store_postgres::Options::default();
                Arc::new(PostgresStore::open_read_only(url, &options).await.expect("PostgreSQL can be read"))
            }
            On::Mongo => Arc::new(MongoStore::open_read_only(url).await.expect("MongoDB can be read")),
        }
    }

    /// `kill -9` for its database server, which is started again at once.
    ///
    /// # Panics
    /// When it is not a server of the town's own.
    pub async fn crash(&self) {
        let machine = self.machine.clone().expect("only a town's own database server may be killed");
        let crash = move || match machine {
            Machine::Postgres(server) => {
                server.kill_nine();
                server.restart();
            }
            Machine::Mongo(server) => {
                server.kill_nine();
                server.restart();
            }
        };
        tokio::task::spawn_blocking(crash).await.expect("it starts again");
    }
}

fn given(database: Database, machine: Option<Machine>) -> (String, Option<Database>, Option<Machine>) {
    (database.url().to_owned(), Some(database), machine)
}
