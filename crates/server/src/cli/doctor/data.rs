//! `call-server doctor --data`: the questions that a team asked its database by hand when calls were stuck (post-mortem
//! 3.4), answered from the store. Reads the open calls and the latest ended ones, never the whole table.

use std::collections::{BTreeMap, BTreeSet};
use std::process::ExitCode;
use std::time::Duration;

use call_core::port::{Filter, Page, Store};
use call_core::{Call, CallId, Disposition, PhaseName, Timestamp};
use serde::Serialize;

use super::super::now;
use crate::config::Config;
use crate::store;

/// A call that has been open for so long is worth a look. A long conversation is too, and does no harm.
const STUCK: Duration = Duration::from_secs(600);
/// A sweeper acts on a deadline within seconds. After this time there is none that works.
const OVERDUE: Duration = Duration::from_secs(60);
/// How many calls are read at once, of open ones in all, and of ended ones in all.
const PAGE: usize = 200;
const MOST_OPEN: usize = 10_000;
const LATEST: usize = 1_000;
/// How many of a kind are listed; all are counted.
const SHOWN: usize = 20;

/// Prints the answers. Exits with 1 if a call needs somebody.
pub(super) async fn run(config: &Config, as_json: bool) -> anyhow::Result<ExitCode> {
    let store = store::look(&config.store).await?;
    let data = Data::read(&*store, now(&*store).await?).await?;
    if as_json {
        say!("{}", serde_json::to_string_pretty(&data)?);
    } else {
        data.print();
    }
    Ok(if data.is_clean() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

#[derive(Debug, Serialize)]
struct Data {
    at: Timestamp,
    /// Calls by phase, as far as the store counts them without reading its table: ended ones may be left out.
    phases: BTreeMap<&'static str, u64>,
    /// Open for more than ten minutes.
    stuck: Kind<Open>,
    /// Of those, the ones whose deadline has passed and nobody acted on it.
    overdue: usize,
    /// Open, although the provider has told what only a call that is over has: the length of its recording, its cost, its
    /// analysis. (The call's own duration comes with its end, and ends it.)
    over_but_open: Kind<Open>,
    latest: Latest,
}

/// Some of a kind, and how many there are.
#[derive(Debug, Serialize)]
struct Kind<T> {
    count: usize,
    first: Vec<T>,
}

impl<T> Default for Kind<T> {
    fn default() -> Self {
        Self { count: 0, first: Vec::new() }
    }
}

impl<T> Kind<T> {
    fn take(&mut self, one: T) {
        self.count += 1;
        if self.first.len() < SHOWN {
            self.first.push(one);
        }
    }
}

/// An open call.
#[derive(Debug, Serialize)]
struct Open {
    id: CallId,
    phase: &'static str,
    born: Timestamp,
    deadline: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    subject: Option<String>,
}

impl Open {
    fn of(call: &Call) -> Self {
        Self {
            id: call.id(),
            phase: call.phase_name().as_str(),
            born: call.birth().at,
            deadline: call.next_deadline(),
            subject: call.subject().map(ToString::to_string),
        }
    }
}

/// What became of the calls that ended last.
#[derive(Debug, Default, Serialize)]
struct Latest {
    calls: usize,
    /// Since when the eldest of them was born.
    since: Option<Timestamp>,
    by_disposition: BTreeMap<&'static str, usize>,
    /// Subjects that a conversation was had with: whoever keeps contacts should have them as reached (post-mortem 3.2).
    reached: Kind<String>,
    /// Subjects that were called, and of whose calls none came to a conversation.
    not_reached: Kind<String>,
}

impl Data {
    async fn read(store: &dyn Store, now: Timestamp) -> anyhow::Result<Self> {
        let counts = store.counts(now).await?;
        let mut data = Self {
            at: now,
            phases: counts.phases.iter().map(|(phase, count)| (phase.as_str(), *count)).collect(),
            stuck: Kind::default(),
            overdue: 0,
            over_but_open: Kind::default(),
            latest: Latest::default(),
        };
        let mut reached = BTreeSet::new();
        let open = Filter { open_before: Some(now), ..Filter::default() };
        for call in read(store, &open, MOST_OPEN).await? {
            data.take(&call, now);
            // In progress with a recording counts as a conversation.
            if !call.state().findings.recordings.is_empty() {
                reached.extend(call.subject().map(ToString::to_string));
            }
        }
        let ended = Filter { phases: vec![PhaseName::Ended], ..Filter::default() };
        data.latest = Latest::of(&read(store, &ended, LATEST).await?, reached);
        Ok(data)
    }

    fn take(&mut self, call: &Call, now: Timestamp) {
        if now.since(call.birth().at) > STUCK {
            self.stuck.take(Open::of(call));
            self.overdue += usize::from(call.next_deadline().is_some_and(|deadline| now.since(deadline) > OVERDUE));
        }
        // Of a call that is just ending the end may still be on its way.
        if is_told_over(call) && now.since(call.state().now) > OVERDUE {
            self.over_but_open.take(Open::of(call));
        }
    }

    const fn is_clean(&self) -> bool {
        self.overdue == 0 && self.over_but_open.count == 0
    }

    fn print(&self) {
        let counted: Vec<String> = self.phases.iter().map(|(phase, count)| format!("{phase} {count}")).collect();
        say!("calls by phase: {}", if counted.is_empty() { "none".to_owned() } else { counted.join(", ") });
        say!("open for over {} min: {}", STUCK.as_secs() / 60, self.stuck.count);
        list(&self.stuck.first, self.at);
        say!("of these with a deadline that nobody acted on: {}", self.overdue);
        if self.overdue > 0 {
            say!("  no server sweeps this store: start one, or see /healthz of those that run");
        }
        say!("open although the provider told what only a call that is over has: {}", self.over_but_open.count);
        list(&self.over_but_open.first, self.at);
        if self.over_but_open.count > 0 {
            say!("  its last message about them was lost: the sweep asks it when their deadline comes");
        }
        let Latest { calls, since, by_disposition, reached, not_reached } = &self.latest;
        let since = since.map(|since| format!(", since {since}")).unwrap_or_default();
        say!("the latest {calls} calls that ended{since}:");
        for (disposition, count) in by_disposition {
            say!("  {disposition:12} {count}");
        }
        say!("subjects reached by them: {} {}", reached.count, names(reached));
        say!("subjects called and not reached by them: {} {}", not_reached.count, names(not_reached));
        say!("(whether your own table of contacts says the same is not known to the server)");
    }
}

impl Latest {
    fn of(calls: &[Call], mut reached: BTreeSet<String>) -> Self {
        let mut by_disposition = BTreeMap::new();
        let mut called = BTreeSet::new();
        for call in calls {
            let Some(outcome) = call.outcome() else { continue };
            *by_disposition.entry(outcome.disposition.as_str()).or_default() += 1;
            let Some(subject) = call.subject().map(ToString::to_string) else { continue };
            if outcome.disposition == Disposition::Completed {
                reached.insert(subject);
            } else {
                called.insert(subject);
            }
        }
        let mut latest = Self {
            calls: calls.len(),
            since: calls.last().map(|call| call.birth().at),
            by_disposition,
            ..Self::default()
        };
        called.difference(&reached).for_each(|subject| latest.not_reached.take(subject.clone()));
        reached.into_iter().for_each(|subject| latest.reached.take(subject));
        latest
    }
}

/// The newest calls that pass, page by page.
async fn read(store: &dyn Store, filter: &Filter, most: usize) -> anyhow::Result<Vec<Call>> {
    let mut all: Vec<Call> = Vec::new();
    while all.len() < most {
        let page = Page { before: all.last().map(Call::id), limit: PAGE.min(most - all.len()) };
        let calls = store.list(filter, &page).await?;
        let is_last = calls.len() < page.limit;
        all.extend(calls);
        if is_last {
            break;
        }
    }
    Ok(all)
}

fn is_told_over(call: &Call) -> bool {
    let findings = &call.state().findings;
    let recorded = findings.recordings.iter().any(|recording| recording.duration.is_some());
    recorded || findings.cost.is_some() || findings.analysis.is_some()
}

fn list(calls: &[Open], now: Timestamp) {
    for Open { id, phase, born, deadline, subject } in calls {
        let minutes = now.since(*born).as_secs() / 60;
        let deadline = deadline.map(|deadline| format!(", deadline {deadline}")).unwrap_or_default();
        let subject = subject.as_ref().map(|subject| format!(", subject {subject}")).unwrap_or_default();
        say!("  {id}  {phase} for {minutes} min in all{deadline}{subject}");
    }
}

fn names(kind: &Kind<String>) -> String {
    let more = if kind.count > kind.first.len() { ", …" } else { "" };
    if kind.count == 0 { String::new() } else { format!("({}{more})", kind.first.join(", ")) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use call_core::port::Commit;
    use call_core::testkit::MemoryStore;
    use call_core::{Fact, Hungup, Input, Leg, Plan, Policy, ProviderName, Recording, Signal};

    fn now() -> Timestamp {
        "2026-11-21T12:00:00Z".parse().unwrap()
    }

    /// A call born so many seconds ago, that was told these facts a second later.
    async fn call(store: &MemoryStore, age: u64, subject: &str, facts: Vec<Fact>) {
        let provider = ProviderName::new("twilio");
        let born = now() - Duration::from_secs(age);
        let id = CallId::new(born, [u8::try_from(subject.len()).unwrap(); 10]);
        let leg = Leg::new(provider.clone(), format!("CA-{subject}-{age}"));
        let plan = Plan::new(provider, "+15550000001", "+15550000002").about(subject);
        let mut commit = Commit::birth(Call::dial(id, plan, Policy::default(), born));
        for fact in facts {
            commit.handle(Input::Signal(Signal::new(fact).on(leg.clone())), born + Duration::from_secs(1));
        }
        store.commit(commit).await.unwrap();
    }

    fn ended(disposition: Disposition) -> Vec<Fact> {
        vec![Fact::Answered, Fact::Ended(Hungup::new(disposition))]
    }

    #[tokio::test]
    async fn what_is_stuck_is_told_from_what_is_long() {
        let store = MemoryStore::new();
        call(&store, 700, "s", Vec::new()).await;
        call(&store, 60, "ss", Vec::new()).await;
        let mut data = Data::read(&store, now()).await.unwrap();
        assert_eq!((data.stuck.count, data.overdue, data.is_clean()), (1, 1, false));
        assert_eq!(data.phases["dialing"], 2);
        // The same call with its deadline ahead does no harm.
        data.overdue = 0;
        assert!(data.is_clean());
    }

    #[tokio::test]
    async fn a_call_whose_recording_is_complete_is_over() {
        let recording = Recording {
            id: "RE1".to_owned(),
            status: "completed".to_owned(),
            url: None,
            duration: Some(Duration::from_secs(40)),
        };
        let facts = || vec![Fact::Answered, Fact::Recording(recording.clone())];
        let store = MemoryStore::new();
        call(&store, 20, "s", facts()).await;
        assert!(Data::read(&store, now()).await.unwrap().is_clean());
        call(&store, 200, "ss", facts()).await;
        let data = Data::read(&store, now()).await.unwrap();
        assert_eq!((data.over_but_open.count, data.stuck.count, data.is_clean()), (1, 0, false));
        assert_eq!(data.latest.reached.first, ["s", "ss"]);
    }

    #[tokio::test]
    async fn a_subject_is_reached_by_one_conversation_among_many_calls() {
        let store = MemoryStore::new();
        call(&store, 400, "a", ended(Disposition::Completed)).await;
        call(&store, 300, "bb", ended(Disposition::NoAnswer)).await;
        call(&store, 200, "a", ended(Disposition::Busy)).await;
        call(&store, 100, "bb", ended(Disposition::Busy)).await;
        let latest = Data::read(&store, now()).await.unwrap().latest;
        assert_eq!((latest.calls, latest.by_disposition.values().sum::<usize>()), (4, 4));
        assert_eq!((latest.reached.first, latest.not_reached.first), (vec!["a".to_owned()], vec!["bb".to_owned()]));
    }
}
