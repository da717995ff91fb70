//! `call-server openapi`

use std::process::ExitCode;

/// Prints the document.
pub(super) fn run() -> anyhow::Result<ExitCode> {
    say!("{}", crate::openapi().to_pretty_json()?);
    Ok(ExitCode::SUCCESS)
}
