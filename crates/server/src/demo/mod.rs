//! The main job in one command and no account: the whole server beside a simulated telephone network, with faults on,
//! and at its end the laws checked on what it did.

mod proof;
mod screen;
mod stage;
mod tally;
mod traffic;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, Result};
use tokio::time::Instant;

use screen::Screen;
use stage::Stage;
use tally::Tally;
use traffic::Traffic;

/// `call-server demo`
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct Demo {
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
}

/// How long calls may take to end after the last one was placed, in phone seconds: every deadline, one after the other.
const PATIENCE: f64 = 3_600.0;

/// Runs it. `Ok(false)`: a law was broken.
///
/// # Errors
/// The server or the network cannot be started.
pub(crate) async fn run(demo: &Demo) -> Result<bool> {
    let stage = Stage::set(demo).await.context("the demo cannot start")?;
    println!("{}", stage.opening());
    let traffic = Traffic::begin(&stage, demo);
    let screen = Screen::open();
    let deadline = Instant::now() + Duration::from_secs_f64(PATIENCE / demo.speed);
    let mut healed = false;
    let tally = loop {
        tokio::time::sleep(Duration::from_millis(250)).await;
        let tally = Tally::take(&stage, &traffic).await?;
        screen.show(&tally);
        if traffic.is_done() && !healed {
            // The worst is over; now everything must end.
            stage.network.heal();
            healed = true;
        }
        if healed && (tally.is_over() && stage.network.is_quiet() || Instant::now() > deadline) {
            break tally;
        }
    };
    screen.close();
    let verdict = proof::check(&stage).await?;
    println!("{}", tally.summary());
    println!("{verdict}");
    println!("{}", stage.closing());
    if demo.once {
        stage.strike().await;
    } else {
        println!("Serving on {}; Ctrl-C ends it.", stage.url());
        tokio::signal::ctrl_c().await.context("cannot wait for Ctrl-C")?;
        stage.strike().await;
    }
    Ok(verdict.holds())
}
