//! The disk itself: how long one sync takes, and the same rows written by hand.

use std::fs::File;
use std::io::Write as _;
use std::path::Path;
use std::time::{Duration, Instant};

use call_core::port::Commit;
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqliteSynchronous};
use sqlx::{ConnectOptions as _, SqliteConnection};

use crate::production::{bear, hook};
use crate::report::{Table, quantile};
use crate::workload::Workload;

/// Prints both.
pub(crate) async fn measure(home: &Path, messages: usize) {
    let syncs = syncs(&home.join("syncs"), 500);
    let micros = |q| quantile(&syncs, q).as_micros();
    println!("append 4 KiB and sync: p50 {} µs, p99 {} µs", micros(0.50), micros(0.99));

    println!("\nThe same rows by hand: one connection, one transaction for so many messages, synchronous=FULL");
    let table = Table::new(&["batch", "messages/s", "µs each"]);
    for batch in [1, 10, 100] {
        let file = home.join(format!("raw-{batch}.db"));
        let took = by_hand(&file, messages, batch).await.as_secs_f64();
        let messages = messages as f64;
        table.row(&[batch.to_string(), format!("{:.0}", messages / took), format!("{:.0}", took * 1e6 / messages)]);
    }
}

fn syncs(file: &Path, count: usize) -> Vec<Duration> {
    let mut file = File::create(file).unwrap();
    let sync = |_| {
        let start = Instant::now();
        file.write_all(&[7; 4096]).unwrap();
        file.sync_data().unwrap();
        start.elapsed()
    };
    let mut took: Vec<Duration> = (0..count).map(sync).collect();
    took.sort_unstable();
    took
}

async fn by_hand(file: &Path, messages: usize, batch: usize) -> Duration {
    let workload = Workload::new(messages.div_ceil(3));
    let steps = workload.steps(&hook());
    // The store makes the tables and the calls, and is gone before the clock starts.
    bear(&*crate::store(file).await, &workload).await;
    let options = SqliteConnectOptions::new()
        .filename(file)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Full);
    let mut connection = options.connect().await.unwrap();

    let rows: Vec<Rows> = steps.iter().take(messages).map(Rows::of).collect();
    let start = Instant::now();
    for batch in rows.chunks(batch) {
        sqlx::query("BEGIN IMMEDIATE").execute(&mut connection).await.unwrap();
        for rows in batch {
            rows.write(&mut connection).await;
        }
        sqlx::query("COMMIT").execute(&mut connection).await.unwrap();
    }
    start.elapsed()
}

/// One message's rows, made beforehand.
struct Rows {
    call: String,
    base: i64,
    version: i64,
    phase: &'static str,
    disposition: Option<&'static str>,
    deadline: Option<i64>,
    at: i64,
    state: String,
    entry: String,
    effects: Vec<(i64, &'static str, String)>,
}

impl Rows {
    fn of(commit: &Commit) -> Self {
        let call = &commit.call;
        let number = |n: u64| i64::try_from(n).unwrap();
        Self {
            call: call.id().to_string(),
            base: number(commit.base),
            version: number(call.version()),
            phase: call.phase_name().as_str(),
            disposition: call.outcome().map(|outcome| outcome.disposition.as_str()),
            deadline: call.next_deadline().map(|at| at.as_millis()),
            at: commit.at().as_millis(),
            state: commit.to_json().unwrap().1,
            entry: serde_json::to_string(&commit.entries[0]).unwrap(),
            effects: commit
                .effects
                .iter()
                .map(|(id, effect)| (id.index.into(), effect.as_str(), serde_json::to_string(effect).unwrap()))
                .collect(),
        }
    }

    async fn write(&self, connection: &mut SqliteConnection) {
        sqlx::query(
            "UPDATE calls SET version = ?, phase = ?, disposition = ?, deadline = ?, state = ? \
             WHERE id = ? AND version = ?",
        )
        .bind(self.version)
        .bind(self.phase)
        .bind(self.disposition)
        .bind(self.deadline)
        .bind(&self.state)
        .bind(&self.call)
        .bind(self.base)
        .execute(&mut *connection)
        .await
        .unwrap();
        sqlx::query("INSERT INTO journal (call, version, at, entry) VALUES (?, ?, ?, ?)")
            .bind(&self.call)
            .bind(self.base)
            .bind(self.at)
            .bind(&self.entry)
            .execute(&mut *connection)
            .await
            .unwrap();
        for (place, kind, effect) in &self.effects {
            sqlx::query(
                "INSERT INTO outbox (call, version, place, kind, effect, since, visible) VALUES (?, ?, ?, ?, ?, ?, ?)",
            )
            .bind(&self.call)
            .bind(self.version)
            .bind(place)
            .bind(kind)
            .bind(effect)
            .bind(self.at)
            .bind(self.at)
            .execute(&mut *connection)
            .await
            .unwrap();
        }
    }
}
