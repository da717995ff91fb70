//! `call-server prune`: forgets calls that have been over for long.

use std::io::{IsTerminal as _, Write as _, stderr, stdin};
use std::process::ExitCode;
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use call_core::port::{Filter, Page, Store};
use call_core::{Call, CallId, PhaseName, Timestamp};

use super::now;
use crate::config::{Config, span};
use crate::store;

/// How many calls go at once: few, so that running servers do not wait behind it.
const BATCH: usize = 500;
/// How often somebody who waits is told how far it is.
const NEWS: Duration = Duration::from_secs(2);

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Calls born longer ago than this, such as 90d; those that are open, or have something in the outbox, stay
    #[arg(long, value_name = "SPAN", value_parser = span)]
    older_than: Duration,
    /// Do not ask first
    #[arg(long)]
    yes: bool,
    /// Only say how many there are
    #[arg(long)]
    dry_run: bool,
}

/// Removes them in batches, beside running servers if need be. May be stopped at any time, and run again.
pub(super) async fn run(config: &Config, args: Args) -> anyhow::Result<ExitCode> {
    // Looking first: what is not there is not made.
    let store = store::look(&config.store).await?;
    let born_before = now(&*store).await? - args.older_than;
    if args.dry_run {
        let calls = count(&*store, born_before).await?;
        say!("{calls} ended calls were born before {born_before} and would be removed");
        return Ok(ExitCode::SUCCESS);
    }
    store.close().await;
    if !args.yes && !is_wished(config, born_before)? {
        say!("nothing was removed");
        return Ok(ExitCode::FAILURE);
    }
    let store = store::open(&config.store).await?;
    let calls = prune(&*store, born_before).await?;
    store.close().await;
    say!("{calls} calls were removed, born before {born_before}");
    Ok(ExitCode::SUCCESS)
}

async fn prune(store: &dyn Store, born_before: Timestamp) -> anyhow::Result<u64> {
    let (mut gone, mut told) = (0, Instant::now());
    loop {
        let batch = store.prune(born_before, BATCH).await;
        let batch = batch.with_context(|| format!("stopped after {gone} calls; run it again to go on"))?;
        gone += batch;
        if batch < BATCH as u64 {
            return Ok(gone);
        }
        if told.elapsed() > NEWS {
            told = Instant::now();
            eprintln!("... {gone} calls removed");
        }
    }
}

fn is_wished(config: &Config, born_before: Timestamp) -> anyhow::Result<bool> {
    if !stdin().is_terminal() {
        bail!("prune removes calls for good: say --yes to do it, or --dry-run to see how many");
    }
    let store = &config.store.url;
    eprint!("Remove every call in {store} that has ended and was born before {born_before}, for good? [y/N] ");
    stderr().flush()?;
    let mut answer = String::new();
    stdin().read_line(&mut answer)?;
    Ok(matches!(answer.trim().to_lowercase().as_str(), "y" | "yes"))
}

/// Page by page, the newest first.
async fn count(store: &dyn Store, born_before: Timestamp) -> anyhow::Result<usize> {
    let filter = Filter { phases: vec![PhaseName::Ended], ..Filter::default() };
    let (mut found, mut told) = (0, Instant::now());
    let mut before = CallId::new(born_before, [0; 10]);
    loop {
        let calls = store.list(&filter, &Page { before: Some(before), limit: BATCH }).await?;
        found += calls.len();
        match calls.last().map(Call::id) {
            Some(last) if calls.len() == BATCH => before = last,
            _ => return Ok(found),
        }
        if told.elapsed() > NEWS {
            told = Instant::now();
            eprintln!("... {found} calls so far");
        }
    }
}
