//! Processor time, by what it is spent for.
//!
//! Threads of this process are told apart by name; the database's processes are children of ours, and theirs.

use std::fs;
use std::ops::Sub;
use std::process;
use std::time::Duration;

/// Processor time since the process began.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Cpu {
    /// The server: HTTP, signatures, the machine, JSON, log, and the database's driver.
    pub(crate) server: Duration,
    /// The database.
    pub(crate) database: Duration,
    /// The generator.
    pub(crate) generator: Duration,
}

impl Cpu {
    pub(crate) fn now() -> Self {
        let mut sum = Self::default();
        for task in stats("/proc/self/task") {
            if task.name.starts_with("server") || task.name == "log" {
                sum.server += task.own;
            } else if task.name.starts_with("sqlx") {
                // SQLite's threads.
                sum.database += task.own;
            } else {
                sum.generator += task.own;
            }
        }
        let all = stats("/proc");
        let servers: Vec<&Stat> =
            all.iter().filter(|one| one.parent == process::id() && is_database(&one.name)).collect();
        for server in servers {
            // With the time of those that have ended.
            sum.database += server.own + server.children;
            let children = all.iter().filter(|one| one.parent == server.id);
            sum.database += children.map(|child| child.own).sum::<Duration>();
        }
        sum
    }
}

fn is_database(name: &str) -> bool {
    ["postgres", "mongod", "secantusd"].iter().any(|known| name.starts_with(known))
}

impl Sub for Cpu {
    type Output = Self;

    fn sub(self, before: Self) -> Self {
        Self {
            server: self.server.saturating_sub(before.server),
            database: self.database.saturating_sub(before.database),
            generator: self.generator.saturating_sub(before.generator),
        }
    }
}

/// A process or thread, and its processor time.
struct Stat {
    id: u32,
    name: String,
    parent: u32,
    own: Duration,
    children: Duration,
}

/// Those in a folder of `/proc`. One may end while we look.
fn stats(folder: &str) -> Vec<Stat> {
    let entries = fs::read_dir(folder).unwrap().filter_map(Result::ok);
    entries.filter_map(|entry| parse(&fs::read_to_string(entry.path().join("stat")).ok()?)).collect()
}

/// A line of `/proc/…/stat` (proc(5)); its ticks are 10 ms on every Linux.
fn parse(stat: &str) -> Option<Stat> {
    let (head, tail) = stat.rsplit_once(')')?;
    let (id, name) = head.split_once(" (")?;
    let fields: Vec<u64> = tail.split_ascii_whitespace().skip(1).map(|field| field.parse().unwrap_or(0)).collect();
    let time = |at: usize| Some(Duration::from_millis((fields.get(at)? + fields.get(at + 1)?) * 10));
    Some(Stat {
        id: id.parse().ok()?,
        name: name.to_owned(),
        parent: u32::try_from(*fields.first()?).ok()?,
        own: time(10)?,
        children: time(12)?,
    })
}
