//! The simulation in small, for every `cargo test`; `cargo xtask sim` runs it at length.
#![allow(missing_docs, reason = "tests")]

use sim::{Options, kept, run};

#[test]
fn the_seeds_that_once_broke_something_break_nothing() {
    for (seed, why) in kept() {
        if let Err(failure) = run(seed, &Options::default()) {
            panic!("{failure}\nit is kept for: {why}");
        }
    }
}

#[test]
fn the_same_seed_is_the_same_run() {
    for seed in 1000..1020 {
        let run = || run(seed, &Options::default()).unwrap_or_else(|failure| panic!("{failure}"));
        let (first, second) = (run(), run());
        assert_eq!((first.hash, first.steps, first.lives), (second.hash, second.steps, second.lives), "seed {seed}");
    }
}

#[test]
fn a_trace_changes_nothing() {
    let traced = run(7, &Options { trace: true, ..Options::default() }).unwrap_or_else(|failure| panic!("{failure}"));
    let silent = run(7, &Options::default()).unwrap_or_else(|failure| panic!("{failure}"));
    assert_eq!(traced.hash, silent.hash);
    assert!(traced.trace.len() > 100, "a life has steps to tell");
}

#[test]
fn hundreds_of_lives_under_faults_break_nothing() {
    let mut lives = 0;
    for seed in 2000.. {
        lives += run(seed, &Options::default()).unwrap_or_else(|failure| panic!("{failure}")).lives;
        if lives > 1000 {
            break;
        }
    }
}

#[test]
fn on_a_calm_day_every_dial_is_confirmed() {
    for seed in 0..10 {
        let report = run(seed, &Options { calm: true, ..Options::default() }).unwrap_or_else(|f| panic!("{f}"));
        assert_eq!(report.tally.of(sim::Rare::DialUnknown), 0, "seed {seed}");
        assert_eq!(report.tally.of(sim::Rare::LapsedLease), 0, "seed {seed}");
    }
}
