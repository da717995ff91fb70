//! The main job in one command and no account: the whole server beside a simulated telephone network, with faults on,
//! and at its end the laws checked on what it did.

mod carrier;
mod office;
mod proof;
mod screen;
mod stage;
mod tally;
mod traffic;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, Result};
use tokio::time::Instant;

use crate::config::StoreUrl;

use carrier::Choice;
use screen::Screen;
use stage::Stage;
use tally::Tally;
use traffic::Traffic;

/// `call-server demo`
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct Demo {
    /// Whose telephone network it is.
    #[arg(long, value_enum, default_value_t = Choice::Twilio)]
    pub(crate) provider: Choice,
    /// How many calls to place.
    #[arg(long, default_value_t = 300)]
    pub(crate) calls: usize,
    /// Decides who picks up and what goes wrong.
    #[arg(long, default_value_t = 7)]
    pub(crate) seed: u64,
    /// Phone seconds per second. Deadlines shrink with it.
    #[arg(long, default_value_t = 20.0)]
    pub(crate) speed: f64,
    /// Nothing goes wrong.
    #[arg(long)]
    pub(crate) calm: bool,
    /// End after the summary instead of going on serving.
    #[arg(long)]
    pub(crate) once: bool,
    /// Where to listen; by default a free port on loopback.
    #[arg(long)]
    pub(crate) listen: Option<SocketAddr>,
    /// Where to keep the database and the log; by default a temporary folder.
    #[arg(long)]
    pub(crate) keep: Option<PathBuf>,
    /// An empty database to use instead of a SQLite file: postgres://... or mongodb://...
    #[arg(long, value_name = "URL")]
    pub(crate) store: Option<StoreUrl>,
}

/// How long calls may take to end after the last one was placed, in phone seconds: every deadline, one after the other.
const PATIENCE: f64 = 3_600.0;

impl Demo {
    /// Runs it. Fails if a law was broken.
    pub(crate) async fn run(&self) -> Result<ExitCode> {
        let stage = Stage::set(self).await.context("the demo cannot start")?;
        println!("{}", stage.opening());
        let traffic = Traffic::begin(&stage, self);
        let tally = self.watch(&stage, &traffic).await?;
        let verdict = proof::check(&stage).await?;
        println!("{}\n{verdict}", tally.summary());
        if !self.once {
            println!("{}", stage.closing());
            tokio::signal::ctrl_c().await.context("cannot wait for Ctrl-C")?;
        }
        stage.strike().await;
        Ok(if verdict.holds() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
    }

    /// Shows what happens until everything is over.
    async fn watch(&self, stage: &Stage, traffic: &Traffic) -> Result<Tally> {
        let screen = Screen::open();
        let deadline = Instant::now() + Duration::from_secs_f64(PATIENCE / self.speed);
        let mut healed = false;
        loop {
            tokio::time::sleep(Duration::from_millis(250)).await;
            let tally = Tally::take(stage, traffic).await?;
            screen.show(&tally);
            if traffic.is_done() && !healed {
                // The worst is over; now everything must end.
                stage.network.heal();
                healed = true;
            }
            let over = healed && tally.is_over() && stage.network.is_quiet();
            if over || Instant::now() > deadline {
                return Ok(tally);
            }
        }
    }
}
