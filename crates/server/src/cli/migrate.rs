//! `call-server migrate`

use std::process::ExitCode;

use anyhow::Context as _;

use crate::config::Config;

/// Opens the store once, which brings its tables up to date.
pub(super) async fn run(config: &Config) -> anyhow::Result<ExitCode> {
    let store = crate::app::open_store(&config.store).await.context("store.url: the store cannot be opened")?;
    store.ping().await.context("the store does not answer")?;
    say!("{} is up to date", config.store.url);
    Ok(ExitCode::SUCCESS)
}
