//! The database: where it is, how its connections are set up, and how it is brought up to date.

use std::str::FromStr as _;
use std::time::Duration;

use sqlx::migrate::{MigrateError, Migrator};
use sqlx::postgres::{PgConnectOptions, PgConnection};
use sqlx::{ConnectOptions as _, Connection as _};
use tokio::time::timeout;

use crate::Options;
use crate::error::{OpenError, code, open, timed_out};

static MIGRATIONS: Migrator = sqlx::migrate!();

/// The oldest major version with multiranges, and the oldest that its makers still mend.
const OLDEST_SERVER: u32 = 14;

/// How long after the server's own time-out an answer is still waited for: past it, the line is dead.
const GRACE: Duration = Duration::from_millis(500);

/// How the planner is told that every row has a name: statements are planned once per connection, for any number of
/// rows, and find them by index even while the tables are new, empty and without statistics.
const PLANNER: [(&str, &str); 8] = [
    ("plan_cache_mode", "force_generic_plan"),
    ("enable_seqscan", "off"),
    ("enable_bitmapscan", "off"),
    ("enable_hashjoin", "off"),
    ("enable_mergejoin", "off"),
    ("enable_material", "off"),
    ("enable_memoize", "off"),
    ("jit", "off"),
];

/// How every connection to one database is made.
#[derive(Debug)]
pub(crate) struct Server {
    options: PgConnectOptions,
    timeout: Duration,
    /// Where it is, in words that may be shown.
    place: String,
}

impl Server {
    pub(crate) fn at(url: &str, wanted: &Options) -> Result<Self, OpenError> {
        if !["postgres:", "postgresql:"].iter().any(|scheme| url.starts_with(scheme)) {
            return Err(OpenError::Url(sqlx::Error::Configuration("it must begin with postgres://".into())));
        }
        let mut options = PgConnectOptions::from_str(url).map_err(OpenError::Url)?.disable_statement_logging();
        if options.get_application_name().is_none() {
            options = options.application_name("call-server");
        }
        let host = match options.get_socket() {
            Some(socket) => socket.display().to_string(),
            None => format!("{}:{}", options.get_host(), options.get_port()),
        };
        let database = options.get_database().unwrap_or_else(|| options.get_username());
        let place = format!("database `{database}` at {host}");
        Ok(Self { options, timeout: wanted.timeout, place })
    }

    /// The same, and every write is refused by the server.
    pub(crate) fn read_only(mut self) -> Self {
        self.options = self.options.options([("default_transaction_read_only", "on")]);
        self
    }

    /// How long any answer is waited for.
    pub(crate) fn patience(&self) -> Duration {
        self.timeout + GRACE
    }

    pub(crate) const fn options(&self) -> &PgConnectOptions {
        &self.options
    }

    /// A connection for the store's statements.
    pub(crate) async fn connect(&self) -> Result<PgConnection, sqlx::Error> {
        let all = self.timeout.as_millis().max(1);
        let seconds = self.timeout.as_secs().max(1);
        // Server and store give up a statement at about the same time, and the server soon notices a store that has died
        // and lets go of its locks.
        let limits = [
            ("statement_timeout", all),
            ("lock_timeout", (all / 2).max(1)),
            ("idle_in_transaction_session_timeout", all),
            ("tcp_user_timeout", all),
            ("tcp_keepalives_idle", seconds.into()),
            ("tcp_keepalives_interval", seconds.into()),
            ("tcp_keepalives_count", 2),
        ];
        let options = self.options.clone().options(PLANNER).options(limits);
        timeout(self.patience(), options.connect()).await.unwrap_or_else(|_| Err(timed_out()))
    }

    /// Whether the store can work with this database as it is.
    pub(crate) async fn check(&self) -> Result<(), OpenError> {
        let mut connection = self.connect().await.map_err(|error| open(&self.place, error))?;
        self.suits(&mut connection).await?;
        let found = self.formats(&mut connection).await?;
        let known: Vec<i64> = MIGRATIONS.iter().map(|migration| migration.version).collect();
        let answer = match found.iter().find(|version| !known.contains(version)) {
            Some(&found) => Err(newer(found)),
            None if found.len() < known.len() => Err(OpenError::Older),
            None => Ok(()),
        };
        let _ = connection.close().await;
        answer
    }

    /// Brings the database up to the latest format, and says how many steps that took.
    pub(crate) async fn migrate(&self) -> Result<usize, OpenError> {
        let connecting = timeout(self.patience(), self.options.connect()).await;
        let connection = connecting.unwrap_or_else(|_| Err(timed_out()));
        let mut connection = connection.map_err(|error| open(&self.place, error))?;
        self.suits(&mut connection).await?;
        let before = self.formats(&mut connection).await?.len();
        // `run` would do the same, but its future is not `Send` for a single connection.
        let answer = MIGRATIONS.run_direct(None, &mut connection, false).await;
        answer.map_err(|error| self.stuck(error))?;
        let after = self.formats(&mut connection).await?.len();
        let _ = connection.close().await;
        Ok(after - before)
    }

    /// Whether the server and the database are of a kind that can be worked with.
    async fn suits(&self, connection: &mut PgConnection) -> Result<(), OpenError> {
        const KIND: &str = "SELECT current_setting('server_version_num')::int, current_setting('server_version'),
            current_setting('server_encoding')";
        let kind = sqlx::query_as::<_, (i32, String, String)>(KIND).fetch_one(connection).await;
        let (number, found, encoding) = kind.map_err(|error| open(&self.place, error))?;
        let place = self.place.clone();
        if number.unsigned_abs() / 10_000 < OLDEST_SERVER {
            return Err(OpenError::ServerTooOld { place, found, needed: OLDEST_SERVER });
        }
        match encoding.as_str() {
            "UTF8" => Ok(()),
            _ => Err(OpenError::Encoding { place, found: encoding }),
        }
    }

    async fn formats(&self, connection: &mut PgConnection) -> Result<Vec<i64>, OpenError> {
        const FORMATS: &str = "SELECT version FROM _sqlx_migrations WHERE success";
        match sqlx::query_scalar(FORMATS).fetch_all(connection).await {
            Err(error) if code(&error).as_deref() == Some(NO_TABLE) => Ok(Vec::new()),
            found => found.map_err(|error| open(&self.place, error)),
        }
    }

    fn stuck(&self, error: MigrateError) -> OpenError {
        if let MigrateError::VersionMissing(found) = error {
            return newer(found);
        }
        if let MigrateError::Execute(source) | MigrateError::ExecuteMigration(source, _) = error {
            return match code(&source).as_deref() {
                Some(NO_RIGHT) => open(&self.place, source),
                Some(_) | None => OpenError::Migrate(MigrateError::Execute(source)),
            };
        }
        OpenError::Migrate(error)
    }
}

const NO_TABLE: &str = "42P01";
const NO_RIGHT: &str = "42501";

fn newer(found: i64) -> OpenError {
    let known = MIGRATIONS.iter().map(|migration| migration.version).max().unwrap_or(0);
    OpenError::Newer { found, known }
}
