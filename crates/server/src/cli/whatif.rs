//! `call-server what-if --policy FILE`: stored calls, lived again by another policy.

use std::collections::BTreeMap;
use std::io::{IsTerminal as _, stderr};
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use call_core::port::{Filter, Page, Store};
use call_core::{Call, Effect, Ending, Policy, Timestamp, WhatIf, what_if};
use futures::{StreamExt as _, TryStreamExt as _, stream};

use super::now;
use super::replay::words;
use crate::config::{Config, Since, other_policy};
use crate::store;

/// How many calls are listed at once, and how many journals are read side by side.
const PAGE: usize = 200;
const ABREAST: usize = 8;
/// How often somebody who waits is told how far it is.
const NEWS: Duration = Duration::from_secs(2);

/// What `--help` says of how far the answer can be trusted.
const TRUST: &str = "\
The other life is certain up to the moment when it asks something else of the world than the real one did; from there
on it is an estimate, and each line says so. A provider that is asked at another moment says what its own messages tell
of that moment; a hang-up that did not happen is obeyed at once; and how a call would have gone on that was hung up in
truth, nobody knows. Each call is looked at by itself: that its subject would have been free earlier or later changes
no other call.";

#[derive(Debug, clap::Args)]
#[command(after_help = TRUST)]
pub(super) struct Args {
    /// A TOML file with a [policy] table as in the configuration; keys that it leaves out stay as configured
    #[arg(long, value_name = "FILE")]
    policy: PathBuf,
    /// Only calls born since then: a date or moment (2026-11-01), or how long ago (7d)
    #[arg(long, value_name = "WHEN")]
    since: Option<Since>,
    /// How many calls to look at, the newest first
    #[arg(long, value_name = "N")]
    limit: Option<usize>,
}

/// Lists the calls that would have ended otherwise, then a summary.
pub(super) async fn run(config: &Config, args: Args) -> anyhow::Result<ExitCode> {
    let text =
        std::fs::read_to_string(&args.policy).with_context(|| format!("cannot read {}", args.policy.display()))?;
    let policy = other_policy(&text, &config.policy).with_context(|| format!("in {}", args.policy.display()))?;
    let store = store::look(&config.store).await?;
    let until = now(&*store).await?;
    let born_since = args.since.map(|since| since.before(until));
    let mut tally = Tally::new();
    let mut left = args.limit.unwrap_or(usize::MAX);
    let mut before = None;
    while left > 0 {
        let limit = PAGE.min(left);
        let calls = store.list(&Filter::default(), &Page { before, limit }).await?;
        let last = calls.len() < limit;
        before = calls.last().map(Call::id);
        let young = |call: &Call| born_since.is_none_or(|since| call.birth().at >= since);
        let old = !calls.last().is_some_and(young);
        let calls: Vec<Call> = calls.into_iter().filter(young).collect();
        left -= calls.len();
        let mut lives = stream::iter(&calls).map(|call| live(&*store, call, &policy, until)).buffered(ABREAST);
        while let Some((call, lived)) = lives.try_next().await? {
            tally.take(call, lived);
        }
        if last || old {
            break;
        }
    }
    tally.sum_up();
    Ok(ExitCode::SUCCESS)
}

type Lived = Result<WhatIf, call_core::journal::FoldError>;

async fn live<'c>(
    store: &dyn Store,
    call: &'c Call,
    policy: &Policy,
    until: Timestamp,
) -> anyhow::Result<(&'c Call, Lived)> {
    let entries = store.journal(call.id()).await?;
    Ok((call, what_if(call.birth(), &entries, policy, until)))
}

/// What was found so far.
struct Tally {
    looked_at: usize,
    otherwise: usize,
    estimated: usize,
    unreadable: usize,
    /// How many went from one ending to another.
    moved: BTreeMap<(&'static str, &'static str), usize>,
    told: Instant,
}

impl Tally {
    fn new() -> Self {
        let moved = BTreeMap::new();
        Self { looked_at: 0, otherwise: 0, estimated: 0, unreadable: 0, moved, told: Instant::now() }
    }

    fn take(&mut self, call: &Call, lived: Lived) {
        self.looked_at += 1;
        match lived {
            Ok(lived) if lived.differs() => self.tell(call, &lived),
            Ok(_) => {}
            Err(error) => {
                self.unreadable += 1;
                say!("{}  cannot be lived again: {error}", call.id());
            }
        }
        if self.told.elapsed() > NEWS && stderr().is_terminal() {
            self.told = Instant::now();
            eprintln!("... {} calls looked at, down to {}", self.looked_at, call.birth().at);
        }
    }

    fn tell(&mut self, call: &Call, lived: &WhatIf) {
        self.otherwise += 1;
        *self.moved.entry((word(&lived.was), word(&lived.would))).or_default() += 1;
        say!("{}  {}  ->  {}", call.id(), ending(&lived.was), ending(&lived.would));
        let Some(parting) = &lived.parted else { return };
        self.estimated += 1;
        let acts = |effects: &[Effect]| match effects {
            [] => "nothing".to_owned(),
            effects => effects.iter().map(words::effect).collect::<Vec<_>>().join(", "),
        };
        let (at, would, did) = (parting.at, acts(&parting.would), acts(&parting.did));
        say!("{:38}estimate from {at} on: it would have asked for {would}, and asked for {did};", "");
        let unknown = match lived.would {
            Ending::Beyond { .. } => "how long it would have gone on is not known",
            Ending::Open { .. } | Ending::Ended { .. } => "what the provider would have said is not known",
        };
        say!("{:38}{unknown}", "");
    }

    fn sum_up(&self) {
        let (looked_at, otherwise, estimated) = (self.looked_at, self.otherwise, self.estimated);
        say!("{looked_at} calls looked at, {otherwise} would have ended otherwise ({estimated} of them by estimate)");
        for ((from, to), calls) in &self.moved {
            say!("{calls:>8}  {from} -> {to}");
        }
        if self.unreadable > 0 {
            say!("{} journals do not tell their call's life: see `call-server replay CALL`", self.unreadable);
        }
    }
}

const fn word(ending: &Ending) -> &'static str {
    match ending {
        Ending::Open { .. } => "open",
        Ending::Beyond { .. } => "gone on",
        Ending::Ended { disposition, .. } => disposition.as_str(),
    }
}

fn ending(ending: &Ending) -> String {
    match ending {
        Ending::Open { phase } => format!("still {}", phase.as_str()),
        Ending::Beyond { at } => format!("gone on past {at}"),
        Ending::Ended { disposition, proposer, at, closed } => {
            let closed =
                if closed > at { format!(", known {} later", words::span(*closed - *at)) } else { String::new() };
            format!("{} by {} at {at}{closed}", disposition.as_str(), words::proposer(proposer))
        }
    }
}
