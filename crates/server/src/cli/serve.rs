//! `call-server serve`

use std::io::{Write as _, stdout};
use std::process::ExitCode;

use anyhow::Context as _;
use tokio::signal::unix::{SignalKind, signal};
use tracing::info;

use crate::app::{App, Overrides};
use crate::config::Source;

/// Runs the server until it is told to stop, then stops in good order.
pub(super) async fn run(source: &Source) -> anyhow::Result<ExitCode> {
    let config = source.read()?;
    config.check()?;
    let _guard = crate::telemetry::init_in_background(&config.log)?;
    // Before anything listens, so that no signal finds the default handler, which would kill without ceremony.
    let mut terminate = signal(SignalKind::terminate()).context("cannot listen for SIGTERM")?;
    let mut interrupt = signal(SignalKind::interrupt()).context("cannot listen for SIGINT")?;

    let app = App::start(config, Overrides::default()).await?;
    // Whoever started it may wait for this line, and may have gone away since.
    let _read = writeln!(stdout(), "call-server listening on {}", app.url());
    tokio::select! {
        _ = terminate.recv() => info!("stopping on SIGTERM"),
        _ = interrupt.recv() => info!("stopping on SIGINT"),
    }
    tokio::select! {
        () = app.shutdown() => Ok(ExitCode::SUCCESS),
        _ = interrupt.recv() => anyhow::bail!("stopped at once; what was in hand goes on with the next start"),
    }
}
