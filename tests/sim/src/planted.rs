//! The simulation's own test: plants one bug after the other in the core and hunts it. What was found, and by what, is in
//! `PLANTED.md`.

use std::fmt::Write as _;
use std::path::Path;
use std::process::ExitCode;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use call_core::planted::{Bug, plant};

use crate::{Options, run};

/// How many calls are lived in the hunt for one bug before it counts as not found.
const BUDGET: u64 = 200_000;

/// Where the table is kept. Written anew with `UPDATE_DOCS=1`.
const TABLE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/PLANTED.md");

/// What became of a hunt.
struct Hunt {
    /// What was hunted; `None`: nothing was planted, and nothing may be found.
    bug: Option<Bug>,
    lives: u64,
    took: Duration,
    found: Option<Found>,
}

/// What gave a bug away.
struct Found {
    seed: u64,
    invariant: &'static str,
    what: String,
}

/// Hunts one bug, or every one and nothing. Fails unless each is found by an invariant, and nothing where nothing is.
pub(crate) fn main(only: Option<&str>) -> ExitCode {
    let Some(bugs) = chosen(only) else {
        println!("no such bug: {}", only.unwrap_or_default());
        return ExitCode::FAILURE;
    };
    let began = Instant::now();
    let mut hunts = hunt_all(&bugs);
    hunts.sort_by_key(|hunt| hunt.bug);
    let good = hunts.iter().filter(|hunt| hunt.bug.is_some() && hunt.is_good()).count();
    let sound = hunts.iter().all(|hunt| hunt.bug.is_some() || hunt.is_good());
    let seconds = began.elapsed().as_secs();
    println!("{good} of {} planted bugs were found in {seconds} s", bugs.iter().flatten().count());
    if !sound {
        println!("something was found where nothing is planted");
    }
    if only.is_none() && std::env::var_os("UPDATE_DOCS").is_some() {
        std::fs::write(TABLE, table(&hunts)).expect("the table of planted bugs can be written");
    }
    let told = only.is_some() || is_told(&std::fs::read_to_string(TABLE).unwrap_or_default());
    if !told {
        println!("{} is out of date: run again with UPDATE_DOCS=1", Path::new(TABLE).display());
    }
    if told && hunts.iter().all(Hunt::is_good) { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Plants the bug of a name, to replay a seed with it; `false` if there is none.
pub(crate) fn plant_by_name(name: &str) -> bool {
    let bug = Bug::named(name);
    plant(bug);
    bug.is_some()
}

/// What to hunt; first of all nothing, for that takes longest.
fn chosen(only: Option<&str>) -> Option<Vec<Option<Bug>>> {
    match only {
        Some(name) => Bug::named(name).map(|bug| vec![Some(bug)]),
        None => Some(std::iter::once(None).chain(Bug::ALL.iter().copied().map(Some)).collect()),
    }
}

/// On all cores, each hunt told as it ends.
fn hunt_all(bugs: &[Option<Bug>]) -> Vec<Hunt> {
    let next = AtomicUsize::new(0);
    let hunts = Mutex::new(Vec::new());
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    std::thread::scope(|scope| {
        for _ in 0..cores {
            scope.spawn(|| {
                while let Some(bug) = bugs.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let hunt = Hunt::of(*bug);
                    println!("{hunt}");
                    lock(&hunts).push(hunt);
                }
            });
        }
    });
    hunts.into_inner().unwrap_or_else(PoisonError::into_inner)
}

impl Hunt {
    /// Plants a bug (or nothing) and lives through seeds until it is found or the budget is used up.
    fn of(bug: Option<Bug>) -> Self {
        let began = Instant::now();
        let (mut lives, mut found) = (0, None);
        plant(bug);
        for seed in 0.. {
            match run(seed, &Options::default()) {
                Ok(report) => lives += report.lives,
                Err(failure) => {
                    lives += failure.lives;
                    found = Some(Found { seed, invariant: failure.invariant, what: failure.what });
                }
            }
            if found.is_some() || lives >= BUDGET {
                break;
            }
        }
        plant(None);
        Self { bug, lives, took: began.elapsed(), found }
    }

    /// Whether it went as it must. A panic is a sign too, but none that says what is wrong.
    fn is_good(&self) -> bool {
        match &self.found {
            Some(found) => self.bug.is_some() && found.invariant != "panics",
            None => self.bug.is_none(),
        }
    }
}

impl std::fmt::Display for Hunt {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let name = self.bug.map_or_else(|| "(nothing)".to_owned(), Bug::name);
        let by = self.found.as_ref().map_or("-", |found| found.invariant);
        let what =
            self.found.as_ref().map_or_else(String::new, |Found { seed, what, .. }| format!("seed {seed}: {what}"));
        let mark = if self.is_good() { "  " } else { "! " };
        let (lives, seconds) = (self.lives, self.took.as_secs_f64());
        write!(f, "{mark}{name:<36} {lives:>7} lives {seconds:>6.1} s  {by:<12} {what:.120}")
    }
}

/// `PLANTED.md` as it would be now.
fn table(hunts: &[Hunt]) -> String {
    let mut table = include_str!("planted/head.md").to_owned();
    for hunt in hunts {
        let (Some(bug), Some(found)) = (hunt.bug, &hunt.found) else { continue };
        let _ = writeln!(table, "{} `{}` | {} | {} |", row(bug), found.invariant, hunt.lives, found.seed);
    }
    for Hunt { lives, .. } in hunts.iter().filter(|hunt| hunt.bug.is_none() && hunt.is_good()) {
        let _ = writeln!(table, "| (nothing) | The core as it is. | | nothing is found | {lives} | |");
    }
    table
}

/// The part of a row that no change of the simulation changes.
fn row(bug: Bug) -> String {
    format!("| `{}` | {} | {} |", bug.name(), bug.what(), bug.seen())
}

/// Whether the table names every bug, and says of it what is said here.
fn is_told(table: &str) -> bool {
    Bug::ALL.iter().all(|bug| table.contains(&row(*bug)))
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
