//! `call-server migrate`

use std::process::ExitCode;

use anyhow::Context as _;
use store_sqlite::SqliteStore;

use crate::config::Config;

/// Brings the store's tables up to date, beside a running server if need be.
pub(super) async fn run(config: &Config) -> anyhow::Result<ExitCode> {
    let steps = SqliteStore::migrate(&config.store.url).await.context("store.url: the store cannot be migrated")?;
    match steps {
        0 => say!("{} was up to date", config.store.url),
        steps => say!("{} is up to date, after {steps} steps", config.store.url),
    }
    Ok(ExitCode::SUCCESS)
}
