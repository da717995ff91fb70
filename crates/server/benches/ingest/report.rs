//! What was measured, as tables.

use std::fs;
use std::sync::Arc;
use std::time::{Duration, Instant};

use call_core::port::Store;

use crate::cpu::Cpu;
use crate::production::now;

/// One run.
pub(crate) struct Measured {
    what: &'static str,
    concurrency: usize,
    /// Sorted.
    took: Vec<Duration>,
    /// From the first message to the last answer.
    elapsed: Duration,
    /// From the last answer until the outbox was empty.
    behind: Option<Duration>,
    cpu: Cpu,
}

impl Measured {
    pub(crate) const COLUMNS: [&str; 9] = [
        "what",
        "at once",
        "per second",
        "p50 ms",
        "p99 ms",
        "outbox behind ms",
        "server µs",
        "database µs",
        "generator µs",
    ];

    /// Does the work, and waits until its effects have left the outbox.
    pub(crate) async fn of(
        what: &'static str,
        concurrency: usize,
        store: Arc<dyn Store>,
        work: impl Future<Output = Vec<Duration>>,
    ) -> Self {
        let before = Cpu::now();
        let mut measured = Self::without_outbox(what, concurrency, work).await;
        let end = Instant::now();
        while store.counts(now()).await.unwrap().outbox > 0 {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        measured.behind = Some(end.elapsed());
        measured.cpu = Cpu::now() - before;
        measured
    }

    pub(crate) async fn without_outbox(
        what: &'static str,
        concurrency: usize,
        work: impl Future<Output = Vec<Duration>>,
    ) -> Self {
        let (before, start) = (Cpu::now(), Instant::now());
        let mut took = work.await;
        let elapsed = start.elapsed();
        took.sort_unstable();
        Self { what, concurrency, took, elapsed, behind: None, cpu: Cpu::now() - before }
    }

    /// Messages per second.
    pub(crate) fn rate(&self) -> f64 {
        self.took.len() as f64 / self.elapsed.as_secs_f64()
    }

    /// Messages per second, counting the time until their effects had left the outbox: what can go on for ever.
    pub(crate) fn carried(&self) -> f64 {
        self.took.len() as f64 / (self.elapsed + self.behind.unwrap_or_default()).as_secs_f64()
    }

    /// Processor time of the server for each message, in µs.
    pub(crate) fn server_micros(&self) -> f64 {
        self.cpu.server.as_secs_f64() * 1e6 / self.took.len() as f64
    }

    /// In ms.
    pub(crate) fn p99(&self) -> f64 {
        quantile(&self.took, 0.99).as_secs_f64() * 1e3
    }

    pub(crate) fn cells(&self) -> Vec<String> {
        let millis = |time: Duration| format!("{:.2}", time.as_secs_f64() * 1e3);
        let each = |time: Duration| format!("{:.0}", time.as_secs_f64() * 1e6 / self.took.len() as f64);
        vec![
            self.what.to_owned(),
            self.concurrency.to_string(),
            format!("{:.0}", self.rate()),
            millis(quantile(&self.took, 0.50)),
            millis(quantile(&self.took, 0.99)),
            self.behind.map_or_else(|| "-".to_owned(), |time| format!("{:.0}", time.as_secs_f64() * 1e3)),
            each(self.cpu.server),
            each(self.cpu.database),
            each(self.cpu.generator),
        ]
    }
}

/// Of sorted times.
pub(crate) fn quantile(sorted: &[Duration], q: f64) -> Duration {
    sorted[((sorted.len() - 1) as f64 * q).round() as usize]
}

/// A Markdown table that is printed row by row.
pub(crate) struct Table(Vec<usize>);

impl Table {
    pub(crate) fn new(columns: &[&str]) -> Self {
        let widths: Vec<usize> = columns.iter().map(|name| name.chars().count().max(8)).collect();
        let mut widths = widths;
        widths[0] = widths[0].max(15);
        let table = Self(widths);
        table.row(&columns.iter().map(ToString::to_string).collect::<Vec<_>>());
        let rules: Vec<String> = table.0.iter().map(|width| "-".repeat(*width)).collect();
        println!("|-{}-|", rules.join("-|-"));
        table
    }

    /// Cells that are left out at the end stay empty.
    pub(crate) fn row(&self, cells: &[String]) {
        let cells = cells.iter().map(String::as_str).chain(std::iter::repeat("-"));
        let padded: Vec<String> = cells.zip(&self.0).map(|(cell, width)| format!("{cell:>width$}")).collect();
        println!("| {} |", padded.join(" | "));
    }
}

/// What the figures were measured on, and how busy it was with other things.
pub(crate) fn machine() {
    let read = |path: &str| fs::read_to_string(path).unwrap_or_default();
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    println!(
        "{cores} cores, Linux {}, load {}",
        read("/proc/sys/kernel/osrelease").trim(),
        read("/proc/loadavg").trim()
    );
}
