//! `call-server replay CALL`: the journal explains everything (design law 5).

mod difference;
pub(super) mod words;

use std::process::ExitCode;

use anyhow::Context as _;
use call_core::journal::Entry;
use call_core::port::Store;
use call_core::{Call, CallId, Direction, Effect, Step, journal};

use crate::config::Config;
use crate::store;

use difference::difference;

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The call
    call: CallId,
}

/// Prints each input with what it changed, then whether living the call again gives what is stored. Exits with 1 if
/// it does not.
pub(super) async fn run(config: &Config, args: Args) -> anyhow::Result<ExitCode> {
    let store = store::look(&config.store).await?;
    let (stored, entries) = read(&*store, args.call).await?;
    let mut call = born(&stored);
    for entry in &entries {
        step(&mut call, entry);
    }
    Ok(match journal::fold(stored.birth(), &entries) {
        Ok(lived) if lived == stored => {
            say!("the journal gives the stored call: version {}, {}", stored.version(), ending(&stored));
            ExitCode::SUCCESS
        }
        Ok(lived) => {
            let (lived_at, stored_at) = (lived.version(), stored.version());
            say!(
                "DIFFERS: the journal gives version {lived_at}, {}; stored is version {stored_at}, {}",
                ending(&lived),
                ending(&stored)
            );
            for (what, change) in difference(&lived, &stored, stored.state().now) {
                say!("  from the journal to what is stored: {what} {change}");
            }
            ExitCode::FAILURE
        }
        Err(error) => {
            say!("DIFFERS: {error}");
            ExitCode::FAILURE
        }
    })
}

/// The call and its journal, of one moment: a running server may write between the two reads.
async fn read(store: &dyn Store, id: CallId) -> anyhow::Result<(Call, Vec<Entry>)> {
    loop {
        let before = store.load(id).await?.with_context(|| format!("there is no call {id} in this store"))?;
        let entries = store.journal(id).await?;
        if store.load(id).await?.is_some_and(|after| after == before) {
            return Ok((before, entries));
        }
    }
}

fn born(stored: &Call) -> Call {
    let (call, effects) = Call::born(stored.birth().clone());
    let (birth, plan) = (stored.birth(), stored.plan());
    let way = match birth.direction {
        Direction::Outbound => "outbound",
        Direction::Inbound => "inbound",
    };
    say!("{}  born  {way}, {} from {} to {}", birth.at, plan.provider, plan.from, plan.to);
    if let Some(subject) = call.subject() {
        line("subject", &subject.to_string());
    }
    line("phase", &words::phase(call.phase()));
    for (timer, at) in call.state().timers.iter() {
        line("deadline", &format!("{} {}", timer.as_str(), words::deadline(at, birth.at)));
    }
    asks_and_tells(&effects);
    call
}

fn step(call: &mut Call, entry: &Entry) {
    let before = call.clone();
    let input = words::input(&entry.input, entry.at);
    match call.handle(&entry.input, entry.at) {
        Step::Ignored(reason) => say!("{}  --    {input}: ignored, {}", entry.at, reason.as_str()),
        Step::Applied(effects) => {
            say!("{}  v{:<4} {input}", entry.at, call.version());
            for (what, change) in difference(&before, call, entry.at) {
                line(what, &change);
            }
            asks_and_tells(&effects);
        }
    }
}

fn asks_and_tells(effects: &[Effect]) {
    for effect in effects {
        if let Effect::Publish(event) = effect {
            line("tells", &words::event(event));
        } else {
            line("asks for", &words::effect(effect));
        }
    }
}

fn line(what: &str, text: &str) {
    say!("{:32}{what:<10} {text}", "");
}

fn ending(call: &Call) -> &'static str {
    call.outcome().map_or(call.phase_name().as_str(), |outcome| outcome.disposition.as_str())
}
