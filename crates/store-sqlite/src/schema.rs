//! The file: where it is, how its connections are set up, and how it is brought up to date.

use std::str::FromStr;
use std::time::Duration;

use sqlx::migrate::{MigrateError, Migrator};
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous};
use sqlx::{ConnectOptions as _, Connection as _, SqliteConnection, SqlitePool};
use tokio::time::{Instant, sleep};

use crate::error::{OpenError, is_locked, open};

static MIGRATIONS: Migrator = sqlx::migrate!();

/// How long a connection waits for another process's write before it gives up.
const PATIENCE: Duration = Duration::from_secs(5);

/// Reads run beside each other and beside the writer; more connections than this only fight for cores.
const READERS: u32 = 4;

/// How every connection to one file is made.
#[derive(Debug, Clone)]
pub(crate) struct File {
    location: String,
    options: SqliteConnectOptions,
}

impl File {
    pub(crate) fn at(location: &str) -> Result<Self, OpenError> {
        if location.contains(":memory:") || location.contains("mode=memory") {
            return Err(OpenError::InMemory(location.to_owned()));
        }
        let options = match location.strip_prefix("sqlite:") {
            Some(_) => SqliteConnectOptions::from_str(location)
                .map_err(|source| OpenError::Location { location: location.to_owned(), source })?,
            None => SqliteConnectOptions::new().filename(location),
        };
        let options = options
            .busy_timeout(PATIENCE)
            .pragma("cache_size", "-32768")
            .pragma("temp_store", "memory")
            .disable_statement_logging();
        Ok(Self { location: location.to_owned(), options })
    }

    /// A connection that writes. The file is made if it is not there.
    pub(crate) async fn writer(&self) -> Result<SqliteConnection, sqlx::Error> {
        // FULL: a commit returns when the log is on disk. Checkpoints have a task of their own, off the commit path.
        let options = self.options.clone().create_if_missing(true).journal_mode(SqliteJournalMode::Wal);
        let options = options.synchronous(SqliteSynchronous::Full);
        let options = options.pragma("wal_autocheckpoint", "0").pragma("journal_size_limit", "67108864");
        // While another process makes the log or removes it, SQLite does not wait by itself.
        let until = Instant::now() + PATIENCE;
        loop {
            match options.connect().await {
                Err(error) if is_locked(&error) && Instant::now() < until => sleep(Duration::from_millis(10)).await,
                answer => return answer,
            }
        }
    }

    pub(crate) async fn readers(&self) -> Result<SqlitePool, OpenError> {
        let options = self.options.clone().read_only(true);
        let pool = SqlitePoolOptions::new()
            .max_connections(READERS)
            .min_connections(1)
            .test_before_acquire(false)
            .idle_timeout(None)
            .max_lifetime(None);
        pool.connect_with(options).await.map_err(|error| open(&self.location, error))
    }

    /// Makes the file if it is not there, and brings it up to the latest format. Says how many steps that took.
    pub(crate) async fn migrate(&self) -> Result<usize, OpenError> {
        let mut connection = self.writer().await.map_err(|error| open(&self.location, error))?;
        let before = self.formats(&mut connection).await?.len();
        // `run` would do the same, but its future is not `Send` for a single connection.
        let mut answer = MIGRATIONS.run_direct(None, &mut connection, false).await;
        for _ in MIGRATIONS.iter() {
            if matches!(answer, Err(MigrateError::Execute(_) | MigrateError::ExecuteMigration(..))) {
                // Another process that starts on the same file may have been faster with this step.
                answer = MIGRATIONS.run_direct(None, &mut connection, false).await;
            }
        }
        answer.map_err(newer)?;
        let after = self.formats(&mut connection).await?.len();
        connection.close().await.map_err(|error| open(&self.location, error))?;
        Ok(after - before)
    }

    /// Whether the file, which is opened for reading only, has the latest format.
    pub(crate) async fn check(&self, readers: &SqlitePool) -> Result<(), OpenError> {
        let mut connection = readers.acquire().await.map_err(|error| open(&self.location, error))?;
        let found = self.formats(&mut connection).await?;
        let known: Vec<i64> = MIGRATIONS.iter().map(|migration| migration.version).collect();
        match found.iter().find(|version| !known.contains(version)) {
            Some(&found) => Err(OpenError::Newer { found, known: known.into_iter().max().unwrap_or(0) }),
            None if found.len() < known.len() => Err(OpenError::Older),
            None => Ok(()),
        }
    }

    async fn formats(&self, connection: &mut SqliteConnection) -> Result<Vec<i64>, OpenError> {
        const TABLE: &str = "SELECT count(*) FROM sqlite_schema WHERE name = '_sqlx_migrations'";
        let found = async {
            match sqlx::query_scalar::<_, i64>(TABLE).fetch_one(&mut *connection).await? {
                0 => Ok(Vec::new()),
                _ => sqlx::query_scalar("SELECT version FROM _sqlx_migrations").fetch_all(connection).await,
            }
        };
        found.await.map_err(|error| open(&self.location, error))
    }
}

fn newer(error: MigrateError) -> OpenError {
    if let MigrateError::VersionMissing(found) = error {
        let known = MIGRATIONS.iter().map(|migration| migration.version).max().unwrap_or(0);
        OpenError::Newer { found, known }
    } else {
        OpenError::Migrate(error)
    }
}
