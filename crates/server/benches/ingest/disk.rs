//! The disk itself: how long a write takes that must be on it.

use std::fs::File;
use std::io::Write as _;
use std::path::Path;
use std::time::{Duration, Instant};

use crate::report::quantile;

/// Appends and syncs some hundred times.
pub(crate) fn syncs(file: &Path) -> String {
    let mut file = File::create(file).unwrap();
    let sync = |_| {
        let start = Instant::now();
        file.write_all(&[7; 4096]).unwrap();
        file.sync_data().unwrap();
        start.elapsed()
    };
    let mut took: Vec<Duration> = (0..500).map(sync).collect();
    took.sort_unstable();
    let micros = |q| quantile(&took, q).as_micros();
    format!("append 4 KiB and sync: p50 {} µs, p99 {} µs", micros(0.50), micros(0.99))
}
