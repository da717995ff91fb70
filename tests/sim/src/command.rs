//! The command line: runs many seeds on all cores, replays one, and says what was never seen.

use std::process::ExitCode;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use clap::Parser;

use crate::{Failure, Options, Tally, kept, run};

/// From how many lives on every seldom path must have been taken.
const ENOUGH: u64 = 200_000;

/// Deterministic simulation of the call lifecycle engine: one seed decides everything.
#[derive(Debug, Parser)]
#[command(name = "sim")]
struct Arguments {
    /// How many call lives to simulate.
    #[arg(long, default_value_t = 1_000_000)]
    calls: u64,
    /// Replay one seed, with its trace.
    #[arg(long)]
    seed: Option<u64>,
    /// The first seed.
    #[arg(long, default_value_t = 1)]
    from: u64,
    /// How many calls are placed in each world; drawn from the seed if absent.
    #[arg(long)]
    lives: Option<usize>,
    /// Worlds in which nothing goes wrong.
    #[arg(long)]
    calm: bool,
    /// How many threads; all cores if absent.
    #[arg(long)]
    threads: Option<usize>,
    /// Plant one bug after the other in the core, and see that each is found.
    #[cfg(feature = "planted")]
    #[arg(long)]
    planted: bool,
    /// Plant this bug only: hunt it, or replay a seed with it.
    #[cfg(feature = "planted")]
    #[arg(long)]
    bug: Option<String>,
}

/// Runs the command line.
#[must_use]
pub fn main() -> ExitCode {
    let arguments = Arguments::parse();
    std::panic::set_hook(Box::new(|_| {}));
    let options = Options { lives: arguments.lives, calm: arguments.calm, trace: false };
    #[cfg(feature = "planted")]
    match (&arguments.bug, arguments.seed) {
        (Some(bug), Some(_)) if crate::planted::plant_by_name(bug) => {}
        (Some(bug), _) => return crate::planted::main(Some(bug)),
        (None, _) if arguments.planted => return crate::planted::main(None),
        (None, _) => {}
    }
    match arguments.seed {
        Some(seed) => replay(seed, &options),
        None => many(&arguments, &options),
    }
}

/// One seed with its trace.
fn replay(seed: u64, options: &Options) -> ExitCode {
    let options = Options { trace: true, ..options.clone() };
    match run(seed, &options) {
        Ok(report) => {
            report.trace.iter().for_each(|line| println!("{line}"));
            println!(
                "seed {seed} breaks nothing: {} lives, {} s, hash {:016x}",
                report.lives, report.seconds, report.hash
            );
            ExitCode::SUCCESS
        }
        Err(failure) => {
            failure.trace.iter().for_each(|line| println!("{line}"));
            println!("{failure}");
            ExitCode::FAILURE
        }
    }
}

/// What all threads share.
struct Hunt {
    next: AtomicU64,
    lives: AtomicU64,
    steps: AtomicU64,
    stop: AtomicBool,
    tally: Mutex<Tally>,
    failure: Mutex<Option<Failure>>,
}

fn many(arguments: &Arguments, options: &Options) -> ExitCode {
    for (seed, why) in kept() {
        if let Err(failure) = run(seed, options) {
            return report(&failure, options, why);
        }
    }
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let threads = arguments.threads.unwrap_or(cores);
    let hunt = Hunt {
        next: AtomicU64::new(arguments.from),
        lives: AtomicU64::new(0),
        steps: AtomicU64::new(0),
        stop: AtomicBool::new(false),
        tally: Mutex::default(),
        failure: Mutex::default(),
    };
    let start = Instant::now();
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| work(&hunt, arguments.calls, options));
        }
        scope.spawn(|| progress(&hunt, arguments.calls, threads, start));
    });
    let failure = hunt.failure.lock().unwrap_or_else(PoisonError::into_inner).take();
    if let Some(failure) = failure {
        return report(&failure, options, "");
    }
    let lives = hunt.lives.load(Ordering::Relaxed);
    let seconds = start.elapsed().as_secs_f64();
    let seeds = hunt.next.load(Ordering::Relaxed) - arguments.from;
    let steps = hunt.steps.load(Ordering::Relaxed) / lives.max(1);
    println!("{lives} lives in {seeds} worlds broke nothing: {seconds:.1} s on {threads} cores, {steps} steps a life");
    if let Some(spent) = processor_time() {
        println!("{:.0} lives each second of processor time", lives as f64 / spent.as_secs_f64());
    }
    sometimes(&hunt.tally.lock().unwrap_or_else(PoisonError::into_inner), lives, options.calm)
}

/// What this process has used of its cores, as Linux tells it: a figure that other work on the machine changes little.
fn processor_time() -> Option<Duration> {
    let stat = std::fs::read_to_string("/proc/self/stat").ok()?;
    // The fields after the name, which alone may hold spaces: user and system time are the 12th and 13th, in 1/100 s.
    let fields = stat.rsplit_once(')')?.1.split_whitespace().skip(11).take(2);
    let ticks: u64 = fields.map_while(|field| field.parse::<u64>().ok()).sum();
    Some(Duration::from_millis(10 * ticks))
}

fn work(hunt: &Hunt, calls: u64, options: &Options) {
    let mut tally = Tally::default();
    while !hunt.stop.load(Ordering::Relaxed) {
        let seed = hunt.next.fetch_add(1, Ordering::Relaxed);
        match run(seed, options) {
            Ok(report) => {
                tally.add(&report.tally);
                hunt.steps.fetch_add(report.steps, Ordering::Relaxed);
                if hunt.lives.fetch_add(report.lives, Ordering::Relaxed) + report.lives >= calls {
                    hunt.stop.store(true, Ordering::Relaxed);
                }
            }
            Err(failure) => {
                hunt.failure.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(failure);
                hunt.stop.store(true, Ordering::Relaxed);
            }
        }
    }
    hunt.tally.lock().unwrap_or_else(PoisonError::into_inner).add(&tally);
}

fn progress(hunt: &Hunt, calls: u64, threads: usize, start: Instant) {
    let mut shown = Instant::now();
    while !hunt.stop.load(Ordering::Relaxed) {
        std::thread::sleep(Duration::from_millis(50));
        if shown.elapsed() < Duration::from_secs(5) {
            continue;
        }
        shown = Instant::now();
        let lives = hunt.lives.load(Ordering::Relaxed);
        let rate = lives as f64 / start.elapsed().as_secs_f64();
        let left = calls.saturating_sub(lives) as f64 / rate.max(1.0);
        println!("{lives} lives, {:.0} lives/s on each core, {left:.0} s to go", rate / threads as f64);
    }
}

/// A failing seed, what it broke, and how to see it again.
fn report(failure: &Failure, options: &Options, why: &str) -> ExitCode {
    println!("{failure}");
    if !why.is_empty() {
        println!("it is kept in seeds.txt: {why}");
    }
    let lives = options.lives.map(|lives| format!(" --lives {lives}")).unwrap_or_default();
    println!("replay it: cargo xtask sim --seed {}{lives}", failure.seed);
    ExitCode::FAILURE
}

/// Fails if a long run never took a seldom path.
fn sometimes(tally: &Tally, lives: u64, calm: bool) -> ExitCode {
    for rare in crate::Rare::ALL {
        println!("{:>12}  {}", tally.of(*rare), rare.name());
    }
    let missing: Vec<_> = tally.missing().map(crate::Rare::name).collect();
    if calm || lives < ENOUGH || missing.is_empty() {
        return ExitCode::SUCCESS;
    }
    println!("never seen in {lives} lives: {}", missing.join("; "));
    ExitCode::FAILURE
}
