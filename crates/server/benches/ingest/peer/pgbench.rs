//! PostgreSQL's own load generator, with the statements of our store as the server heard them, so that they cannot
//! differ.

mod script;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use databases::Postgres;
use sqlx::{AssertSqlSafe, Connection as _, PgConnection};

use crate::database::Place;
use script::{LEG, Sample, UUID};

/// How many calls the statements are about. Each client has its own ones and takes them in turn.
const CALLS: usize = 20_480;
/// The store tells its connections the same: `schema.rs` there.
const PLANNER: &str = "-c plan_cache_mode=force_generic_plan -c enable_seqscan=off -c enable_hashjoin=off \
                       -c enable_mergejoin=off -c jit=off";

/// The program, and what it is to run.
pub(crate) struct Pgbench {
    program: PathBuf,
    place: Place,
    sample: Sample,
    ours: PathBuf,
    plain: PathBuf,
}

impl Pgbench {
    pub(crate) async fn prepare(server: &Postgres, place: Place, home: &Path) -> Self {
        let sample = Sample::take(&place).await;
        let (ours, plain) = (home.join("ours.sql"), home.join("plain.sql"));
        fs::write(&ours, sample.ours()).unwrap();
        fs::write(&plain, script::plain()).unwrap();
        let beside = server.psql().with_file_name("pgbench");
        let program = if beside.is_file() { beside } else { PathBuf::from("pgbench") };
        Self { program, place, sample, ours, plain }
    }

    /// Events per second with the store's own statements.
    pub(crate) async fn ours(&self, clients: usize, time: Duration) -> f64 {
        self.run(&self.ours, clients, time).await
    }

    /// Events per second with the least that could write the same rows.
    pub(crate) async fn plain(&self, clients: usize, time: Duration) -> f64 {
        self.run(&self.plain, clients, time).await
    }

    async fn run(&self, script: &Path, clients: usize, time: Duration) -> f64 {
        let mut connection = PgConnection::connect(&self.place.url).await.unwrap();
        self.fill(&mut connection).await;
        let mut command = Command::new(&self.program);
        command.args(["--no-vacuum", "--protocol=prepared", "--file"]).arg(script);
        command.args(["--client", &clients.to_string(), "--jobs", &clients.min(2).to_string()]);
        command.args(["--time", &time.as_secs().max(1).to_string()]);
        for (name, value) in self.sample.texts() {
            command.args(["-D", &format!("{name}={value}")]);
        }
        let own = CALLS / clients;
        let numbers = [("turn", -1), ("clients", clients.cast_signed()), ("own", own.cast_signed())];
        for (name, value) in numbers {
            command.args(["-D", &format!("{name}={value}")]);
        }
        let output = command.arg(&self.place.url).env("PGOPTIONS", PLANNER).output().unwrap();
        let said = String::from_utf8_lossy(&output.stdout);
        assert!(output.status.success(), "pgbench: {said}{}", String::from_utf8_lossy(&output.stderr));
        let number = |after: &str| {
            let rest = said.split_once(after).unwrap_or_else(|| panic!("pgbench says {said}")).1;
            rest.split_ascii_whitespace().next().unwrap().parse::<f64>().unwrap()
        };
        // Nobody lost a race, which would have been less work.
        let written: i64 = sqlx::query_scalar("SELECT count(*) FROM journal").fetch_one(&mut connection).await.unwrap();
        assert_eq!(written as f64, number("actually processed: "), "each transaction stored its event");
        connection.close().await.unwrap();
        number("tps = ")
    }

    /// Copies of the sample, and nothing else.
    async fn fill(&self, connection: &mut PgConnection) {
        let fill = format!(
            "TRUNCATE calls, births, legs, journal, outbox;
            INSERT INTO calls (id, version, phase, subject, deadline, born, state)
                SELECT {UUID}, c.version, c.phase, 'lead-' || n, c.deadline, c.born, c.state
                FROM generate_series(0, {CALLS} - 1) AS n, sample.calls AS c;
            INSERT INTO births (call, subject, birth)
                SELECT {UUID}, 'lead-' || n, b.birth FROM generate_series(0, {CALLS} - 1) AS n, sample.births AS b;
            INSERT INTO legs (provider, leg, call)
                SELECT l.provider, {LEG}, {UUID} FROM generate_series(0, {CALLS} - 1) AS n, sample.legs AS l;",
        );
        sqlx::raw_sql(AssertSqlSafe(fill)).execute(connection).await.unwrap();
    }
}
