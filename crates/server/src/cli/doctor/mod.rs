//! `call-server doctor`: the accounts at the providers, compared with what this server needs of them.

mod accounts;
mod data;
mod fix;
mod report;

use std::io::{IsTerminal as _, stdin};
use std::process::ExitCode;

use anyhow::bail;
use call_core::port::Finding;
use futures::future::join_all;

use crate::config::{Config, Source};

use accounts::{Patient, accounts};
use report::{Examined, Report};

/// What `--help` says of the numbers.
const SCOPE: &str = "\
Examined are the account, the application or agent that calls go through, the numbers that the configuration names
(`from`, and those under [inbound]), and at Twilio and Telnyx those that lead here already. Other numbers are left alone.

Exits with 0 if everything is right, else with 1.";

#[derive(Debug, clap::Args)]
#[command(after_help = SCOPE)]
pub(super) struct Args {
    /// Set what is missing or wrong, as far as the provider's API allows it, asking before each change
    #[arg(long)]
    fix: bool,
    /// Do not ask
    #[arg(long, requires = "fix")]
    yes: bool,
    /// Examine the store in place of the accounts: calls that seem stuck, and what has become of the latest ones
    #[arg(long, conflicts_with = "fix")]
    data: bool,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// Examines, and mends if that is wished; then what it says is how things are after that.
pub(super) async fn run(source: &Source, args: Args) -> anyhow::Result<ExitCode> {
    let config = super::read(source)?;
    if args.data {
        return data::run(&config, args.json).await;
    }
    // What cannot serve cannot be examined for: each finding speaks of the public URL.
    config.check()?;
    if args.fix && !args.yes && !stdin().is_terminal() {
        bail!("doctor --fix changes accounts: say --yes to set everything, or run it where it can ask");
    }
    let patients = accounts(&config)?;
    let mut report = examine(&config, &patients).await;
    if args.fix {
        let mended = fix::mend(&patients, &report, args.yes).await?;
        // Only what the provider says afterwards counts.
        report = Report { mended, ..examine(&config, &patients).await };
    }
    report.print(args.json)?;
    Ok(if report.is_clean() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// All accounts side by side: each may take its time.
async fn examine(config: &Config, patients: &[Patient]) -> Report {
    let examinations = patients.iter().map(|patient| async {
        let findings = patient.account.examine(&patient.numbers).await;
        Examined { provider: patient.account.name().to_string(), findings }
    });
    let mut report = Report { examined: join_all(examinations).await, mended: Vec::new() };
    let unowned = unowned(config, &report);
    if !unowned.is_empty() {
        report.examined.push(Examined { provider: "inbound".to_owned(), findings: Ok(unowned) });
    }
    report
}

/// Numbers with a script of their own that no account has. Not known while an account cannot be read.
fn unowned(config: &Config, report: &Report) -> Vec<Finding> {
    if report.examined.iter().any(|examined| examined.findings.is_err()) {
        return Vec::new();
    }
    let places = || report.examined.iter().flat_map(|examined| examined.findings.iter().flatten());
    let missing = config.inbound.numbers.keys().map(|number| format!("number {number}"));
    let missing = missing.filter(|number| !places().any(|finding| finding.place == *number));
    missing
        .map(|place| {
            Finding::compare(&place, "owner", None, "in one of the accounts").means(
                "[inbound] has a script for it that nobody will ever hear: buy the number, or take the script out",
            )
        })
        .collect()
}
