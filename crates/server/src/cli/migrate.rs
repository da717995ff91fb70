//! `call-server migrate`

use std::process::ExitCode;

use crate::config::Config;
use crate::store;

/// Brings the store up to date, beside running servers if need be.
pub(super) async fn run(config: &Config) -> anyhow::Result<ExitCode> {
    match store::migrate(&config.store).await? {
        0 => say!("{} was up to date", config.store.url),
        steps => say!("{} is up to date, after {steps} steps", config.store.url),
    }
    Ok(ExitCode::SUCCESS)
}
