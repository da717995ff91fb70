//! One thing after the other, each with its name and its time; the first failure ends the run.

use std::process::{Command, ExitCode, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

/// One thing to do.
#[derive(Clone)]
pub(crate) struct Step {
    name: String,
    act: Act,
}

#[derive(Clone)]
enum Act {
    Cargo { args: Vec<String>, env: Vec<(String, String)>, env_of: fn() -> Vec<(String, String)> },
    Own(fn() -> Result<()>),
}

/// A step that calls cargo.
pub(crate) fn cargo(name: &str, args: &[&str]) -> Step {
    let args = args.iter().map(ToString::to_string).collect();
    Step { name: name.to_owned(), act: Act::Cargo { args, env: Vec::new(), env_of: Vec::new } }
}

impl Step {
    /// A step of our own.
    pub(crate) fn own(name: &str, act: fn() -> Result<()>) -> Self {
        Self { name: name.to_owned(), act: Act::Own(act) }
    }

    /// The same step, with an environment variable.
    pub(crate) fn env(mut self, key: &str, value: &str) -> Self {
        if let Act::Cargo { env, .. } = &mut self.act {
            env.push((key.to_owned(), value.to_owned()));
        }
        self
    }

    /// The same step, with environment variables that are known only when it begins.
    pub(crate) fn env_of(mut self, variables: fn() -> Vec<(String, String)>) -> Self {
        if let Act::Cargo { env_of, .. } = &mut self.act {
            *env_of = variables;
        }
        self
    }

    /// The same step, without some packages of the workspace.
    pub(crate) fn without(mut self, packages: Vec<&str>) -> Self {
        if let Act::Cargo { args, .. } = &mut self.act {
            args.extend(packages.into_iter().flat_map(|package| ["--exclude".to_owned(), package.to_owned()]));
        }
        self
    }

    fn run(&self) -> Result<()> {
        match &self.act {
            Act::Own(act) => act(),
            Act::Cargo { args, env, env_of } => {
                let status = Command::new("cargo")
                    .args(args)
                    .envs(env.iter().cloned())
                    .envs(env_of())
                    .stdin(Stdio::null())
                    .status()
                    .context("cargo could not be started")?;
                if !status.success() {
                    bail!("`cargo {}` failed", args.join(" "));
                }
                Ok(())
            }
        }
    }
}

/// Runs the steps in order and ends with a table of what was done.
pub(crate) fn run(steps: &[Step]) -> ExitCode {
    let mut done: Vec<(&str, Duration)> = Vec::new();
    for (number, step) in steps.iter().enumerate() {
        println!("\n[{}/{}] {}", number + 1, steps.len(), step.name);
        let start = Instant::now();
        if let Err(error) = step.run() {
            println!("\nfailed at \"{}\": {error:#}", step.name);
            return ExitCode::FAILURE;
        }
        done.push((&step.name, start.elapsed()));
    }
    println!();
    for (name, took) in done {
        println!("  ok  {name:<28} {:>7.1} s", took.as_secs_f64());
    }
    ExitCode::SUCCESS
}

/// Whether a command exists and succeeds.
pub(crate) fn succeeds(program: &str, args: &[&str]) -> bool {
    Command::new(program)
        .args(args)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|status| status.success())
}
