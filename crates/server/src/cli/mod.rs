//! The command line. One file per command; every error is one sentence on stderr and a non-zero exit.

#[macro_use]
mod print;

mod call;
mod client;
mod config;
mod doctor;
mod migrate;
mod openapi;
mod prune;
mod replay;
mod serve;
mod sweep;
mod table;
mod whatif;

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context as _;
use call_core::Timestamp;
use call_core::port::{Clock as _, Store};
use clap::{Parser, Subcommand};

use crate::SystemClock;
use crate::config::{Config, Source};

/// Phone calls with a whole life: places them, follows them, ends them, and never loses one.
#[derive(Debug, Parser)]
#[command(name = "call-server", version)]
pub struct Cli {
    /// The configuration file [default: call-server.toml, if there is one]
    #[arg(long, global = true, value_name = "FILE", env = "CALL_SERVER_CONFIG")]
    config: Option<PathBuf>,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// See it work: the server beside a simulated telephone network with faults, the laws checked at the end
    Demo(crate::demo::Demo),
    /// Run the server until SIGTERM or Ctrl-C
    Serve,
    /// Bring the store up to date, beside running servers if need be, and exit
    Migrate,
    /// Place calls, look at them, hang them up: on a running server
    Call(call::Args),
    /// Act on due deadlines now: on a running server
    Sweep(sweep::Args),
    /// Live a call again from its journal, step by step, and say whether it comes out as stored
    Replay(replay::Args),
    /// Live stored calls again by another policy, and list those that would have ended otherwise
    WhatIf(whatif::Args),
    /// Remove calls that ended long ago, for good
    Prune(prune::Args),
    /// See whether the accounts at the providers are set up as this server needs it, and mend them
    Doctor(doctor::Args),
    /// The configuration
    Config(config::Args),
    /// Print the API's OpenAPI 3.1 document
    Openapi,
}

impl Cli {
    /// Runs the command to its end.
    #[must_use]
    pub fn run(self) -> ExitCode {
        crate::app::install_tls();
        let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
            Ok(runtime) => runtime,
            Err(error) => return fail(&anyhow::Error::new(error).context("cannot start")),
        };
        match runtime.block_on(self.command()) {
            Ok(code) => code,
            Err(error) => fail(&error),
        }
    }

    async fn command(self) -> anyhow::Result<ExitCode> {
        let source = Source::of_process(self.config.as_deref());
        match self.command {
            Command::Demo(demo) => demo.run().await,
            Command::Serve => serve::run(&source).await,
            Command::Migrate => migrate::run(&read(&source)?).await,
            Command::Call(args) => call::run(args).await,
            Command::Sweep(args) => sweep::run(args).await,
            Command::Replay(args) => replay::run(&read(&source)?, args).await,
            Command::WhatIf(args) => whatif::run(&read(&source)?, args).await,
            Command::Prune(args) => prune::run(&read(&source)?, args).await,
            Command::Doctor(args) => doctor::run(&source, args).await,
            Command::Config(args) => Ok(config::run(&source, &args)),
            Command::Openapi => openapi::run(),
        }
    }
}

/// Reads the configuration for commands that need only a part of it.
fn read(source: &Source) -> anyhow::Result<Config> {
    let config = source.read()?;
    crate::telemetry::init(&config.log).context("log.level is not a level")?;
    Ok(config)
}

/// The time by the store's clock, if it has one that its servers share, else by this machine's.
async fn now(store: &dyn Store) -> anyhow::Result<Timestamp> {
    Ok(store.time().await?.unwrap_or_else(|| SystemClock.now()))
}

fn fail(error: &anyhow::Error) -> ExitCode {
    // One sentence: what failed, then why.
    eprintln!("call-server: {error:#}");
    ExitCode::FAILURE
}
