//! Processor time of this process's threads, by what they work for.

use std::fs;
use std::ops::Sub;
use std::time::Duration;

/// Processor time since the process began.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Cpu {
    /// The server: HTTP, signatures, the machine, JSON, log.
    pub(crate) server: Duration,
    /// SQLite.
    pub(crate) sqlite: Duration,
    /// The generator.
    pub(crate) generator: Duration,
}

impl Cpu {
    pub(crate) fn now() -> Self {
        let mut sum = Self::default();
        for task in fs::read_dir("/proc/self/task").unwrap() {
            // A thread may end between the two reads.
            let Ok(stat) = fs::read_to_string(task.unwrap().path().join("stat")) else { continue };
            let (name, time) = parse(&stat).unwrap();
            if name.starts_with("server") {
                sum.server += time;
            } else if name.starts_with("sqlx") {
                sum.sqlite += time;
            } else {
                sum.generator += time;
            }
        }
        sum
    }
}

impl Sub for Cpu {
    type Output = Self;

    fn sub(self, before: Self) -> Self {
        Self {
            server: self.server.saturating_sub(before.server),
            sqlite: self.sqlite.saturating_sub(before.sqlite),
            generator: self.generator.saturating_sub(before.generator),
        }
    }
}

/// Name, and user and system time, of a line of `/proc/…/stat` (proc(5)); its ticks are 10 ms on every Linux.
fn parse(stat: &str) -> Option<(&str, Duration)> {
    let (head, tail) = stat.rsplit_once(')')?;
    let name = head.split_once('(')?.1;
    let mut fields = tail.split_ascii_whitespace().skip(11);
    let mut ticks = || fields.next()?.parse::<u64>().ok();
    Some((name, Duration::from_millis((ticks()? + ticks()?) * 10)))
}
