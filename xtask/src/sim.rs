//! The deterministic simulation: worlds by the thousand, one seed each.

use clap::Args;

use crate::step::{Step, cargo};

/// How many lives the test command simulates.
const LIVES: u64 = 1_000_000;

/// What to simulate.
#[derive(Debug, Args)]
pub(crate) struct Simulation {
    /// How many call lives.
    #[arg(long, default_value_t = LIVES)]
    calls: u64,
    /// Replay one seed, with its trace.
    #[arg(long)]
    seed: Option<u64>,
    /// The first seed.
    #[arg(long)]
    from: Option<u64>,
    /// How many calls are placed in each world; drawn from the seed if absent.
    #[arg(long)]
    lives: Option<usize>,
    /// Plant one bug after the other in the core, and see that each is found.
    #[arg(long)]
    planted: bool,
}

impl Simulation {
    pub(crate) fn step(&self) -> Step {
        let mut arguments: Vec<String> = ["run", "--profile", "sim", "--package", "sim"].map(str::to_owned).to_vec();
        if self.planted {
            arguments.extend(["--features", "planted"].map(str::to_owned));
        }
        arguments.push("--".to_owned());
        let given = [
            (!self.planted && self.seed.is_none()).then(|| ("--calls", self.calls.to_string())),
            self.seed.map(|seed| ("--seed", seed.to_string())),
            self.from.map(|seed| ("--from", seed.to_string())),
            self.lives.map(|lives| ("--lives", lives.to_string())),
        ];
        for (name, value) in given.into_iter().flatten() {
            arguments.extend([name.to_owned(), value]);
        }
        if self.planted {
            arguments.push("--planted".to_owned());
        }
        cargo("simulation", &arguments.iter().map(String::as_str).collect::<Vec<_>>())
    }
}

/// The simulation as a step of the test command: the kept seeds, then a million lives.
pub(crate) fn million() -> Step {
    Simulation { calls: LIVES, seed: None, from: None, lives: None, planted: false }.step()
}

/// The planted bugs as a step of the test command.
pub(crate) fn planted() -> Step {
    Simulation { calls: LIVES, seed: None, from: None, lives: None, planted: true }.step()
}
