//! `call-server replay CALL`: the journal explains everything (design law 5).

use std::process::ExitCode;

use anyhow::Context as _;
use call_core::journal::Entry;
use call_core::port::Store;
use call_core::{Call, CallId, Effect, Input, Step, journal};

use crate::config::Config;
use crate::store;

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
    let (mut call, effects) = Call::born(stored.birth().clone());
    say!("{}  born     {}{}", stored.birth().at, call.phase_name().as_str(), words(&effects));
    for entry in &entries {
        say!("{}  {}", entry.at, step(&mut call, entry));
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

fn step(call: &mut Call, entry: &Entry) -> String {
    let before = call.phase_name();
    let input = input(&entry.input);
    match call.handle(&entry.input, entry.at) {
        Step::Ignored(reason) => format!("ignored  {input}: {}", reason.as_str()),
        Step::Applied(effects) => {
            let after = call.phase_name();
            let moved =
                if before == after { String::new() } else { format!(": {} -> {}", before.as_str(), after.as_str()) };
            format!("v{:<7} {input}{moved}{}", call.version(), words(&effects))
        }
    }
}

fn input(input: &Input) -> String {
    match input {
        Input::Signal(signal) => {
            let fact = serde_json::to_value(&signal.fact).unwrap_or_default();
            let of = fact.get("of").map(|of| format!(" {of}")).unwrap_or_default();
            let leg = signal.leg.as_ref().map(|leg| format!(" [{leg}]")).unwrap_or_default();
            format!("signal {}{of}{leg}", fact["fact"].as_str().unwrap_or_default())
        }
        Input::Command(command) => {
            format!("command {}", serde_json::to_value(command).unwrap_or_default())
        }
        Input::Tick => "tick".to_owned(),
    }
}

fn words(effects: &[Effect]) -> String {
    let words: Vec<&str> = effects
        .iter()
        .map(|effect| if let Effect::Publish(event) = effect { event.name() } else { effect.as_str() })
        .collect();
    if words.is_empty() { String::new() } else { format!("  => {}", words.join(", ")) }
}

fn ending(call: &Call) -> &'static str {
    call.outcome().map_or(call.phase_name().as_str(), |outcome| outcome.disposition.as_str())
}
