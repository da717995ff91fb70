//! How long it takes to find a thousand due calls among ten thousand, a hundred thousand and a million open ones, and to
//! act on them: `cargo bench -p store-mongo --bench sweep`. Sizes may be given: `-- 10000 1000000`.
#![allow(clippy::unwrap_used, missing_docs, reason = "a benchmark that cannot go on should stop")]

use std::sync::Arc;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use call_core::port::{Answering, Clock, Commit, Inbound, Observation, Observer, Store, Sweep, Switchboard};
use call_core::{Call, CallId, DialAnswer, Fact, Leg, Lookup, Plan, Policy, ProviderName, Script, Signal, Timestamp};
use databases::{Database, Mongo};
use mongodb::bson::{DateTime, Document, doc};
use store_mongo::{MongoStore, Options};

/// How many calls are due, whatever the size of the collection.
const DUE: usize = 1000;
const BORN: Timestamp = Timestamp::EPOCH;
const MINUTE: Duration = Duration::from_secs(60);

#[tokio::main]
async fn main() {
    // `cargo test --all-targets` only wants to know that it runs.
    let full = std::env::args().any(|argument| argument == "--bench");
    let given: Vec<usize> = std::env::args().filter_map(|argument| argument.parse().ok()).collect();
    let sizes = match (full, given.is_empty()) {
        (_, false) => given,
        (true, true) => vec![10_000, 100_000, 1_000_000],
        (false, true) => vec![2_000],
    };
    let now = BORN + 10 * MINUTE;
    let server = Mongo::own();

    println!("open calls, {DUE} of them due; times in ms; {}", server.version());
    println!(
        "| {:>9} | {:>10} | {:>9} | {:>9} | {:>12} | {:>10} |",
        "open", "first look", "p50", "p99", "none due p50", "sweep all"
    );
    println!("|{0:-<11}|{0:-<12}|{0:-<11}|{0:-<11}|{0:-<14}|{0:-<12}|", "");
    for size in sizes {
        let database = server.fresh();
        let store = fill(&database, size, now).await;
        let first = find(&*store, now, DUE).await;
        let (p50, p99) = find_often(&*store, now, DUE).await;
        let (none, _) = find_often(&*store, BORN, 0).await;
        let swept = sweep(store, now).await;
        let [first, p50, p99, none, swept] = [first, p50, p99, none, swept].map(|time| time.as_secs_f64() * 1e3);
        println!("| {size:>9} | {first:>10.2} | {p50:>9.3} | {p99:>9.3} | {none:>12.3} | {swept:>10.0} |");
    }
}

async fn find(store: &dyn Store, now: Timestamp, expected: usize) -> Duration {
    let start = Instant::now();
    let due = store.due(now, DUE).await.unwrap();
    let took = start.elapsed();
    assert_eq!(due.len(), expected);
    took
}

/// Median and 99th percentile.
async fn find_often(store: &dyn Store, now: Timestamp, expected: usize) -> (Duration, Duration) {
    let mut took = Vec::with_capacity(200);
    for _ in 0..200 {
        took.push(find(store, now, expected).await);
    }
    took.sort_unstable();
    (took[100], took[198])
}

/// Acts on all that are due, as the server does.
async fn sweep(store: Arc<dyn Store>, now: Timestamp) -> Duration {
    let clock = Arc::new(At(now));
    let nobody = Arc::new(Nobody);
    let lookup = Lookup::default();
    let switchboard = Switchboard::new(store.clone(), clock.clone(), nobody.clone(), nobody, lookup, 10 * MINUTE);
    let start = Instant::now();
    let report = Sweep::new(store, clock, switchboard).sweep(DUE, false).await.unwrap();
    let took = start.elapsed();
    assert_eq!(report.calls.len(), DUE);
    assert!(report.calls.iter().all(|swept| swept.asked), "a quiet call is asked about");
    took
}

/// A collection of open calls, made of copies of one that a real commit has stored: a million commits would take long.
async fn fill(database: &Database, size: usize, now: Timestamp) -> Arc<MongoStore> {
    let call = live_and_quiet();
    let (id, leg) = (call.id().to_string(), call.legs().first().unwrap().leg.id.clone());
    let deadline = call.next_deadline().unwrap();
    assert!(deadline <= now, "the copies must be due, too");
    MongoStore::migrate(database.url()).await.unwrap();
    let store = Arc::new(MongoStore::open(database.url(), Options::default()).await.unwrap());
    store.commit(Commit { base: 0, ..Commit::on(call) }).await.unwrap();

    let client = mongodb::Client::with_uri_str(database.url()).await.unwrap();
    let calls = client.database(database.name()).collection::<Document>("calls");
    let first = calls.find_one_and_delete(doc! { "_id": &id }).await.unwrap().unwrap();
    let text = |name: &str| first.get_str(name).unwrap().to_owned();
    let (birth, state) = (text("birth"), text("state"));
    let copy = |n: usize| {
        let (id_n, leg_n, subject) =
            (format!("{n:08x}-0000-7000-8000-{n:012x}"), format!("CA{n:032x}"), format!("lead-{n}"));
        let due = match n % (size / DUE) {
            0 => deadline.as_millis(),
            _ => now.as_millis() + 1 + i64::try_from(n * 7919 % 3_600_000).unwrap(),
        };
        let mut copy = first.clone();
        copy.insert("_id", &id_n);
        copy.insert("legs", [format!("twilio:{leg_n}")].to_vec());
        copy.insert("birth", birth.replace(&id, &id_n).replace("lead-x", &subject));
        copy.insert("state", state.replace(&leg, &leg_n));
        copy.insert("subject", subject);
        copy.insert("deadline", DateTime::from_millis(due));
        copy
    };
    for from in (0..size).step_by(1000) {
        calls.insert_many((from..size.min(from + 1000)).map(copy)).await.unwrap();
    }
    store
}

/// A call that was answered and has not been heard of since.
fn live_and_quiet() -> Call {
    let twilio = ProviderName::new("twilio");
    let plan = Plan::new(twilio.clone(), "+15550100000", "+15550100001").about("lead-x");
    let id = CallId::new(BORN, [7; 10]);
    let (call, _) =
        Call::dial(id, plan.with_script(Script::Say { text: "Hello.".to_owned() }), Policy::default(), BORN);
    let leg = Leg::new(twilio, format!("CA{:032x}", u128::MAX));
    let mut commit = Commit::on(call);
    for fact in [Fact::Dialed(DialAnswer::Accepted), Fact::Answered] {
        commit.handle(Signal::new(fact).on(leg.clone()).into(), BORN);
    }
    commit.call
}

/// A clock that stands still.
struct At(Timestamp);

#[async_trait]
impl Clock for At {
    fn now(&self) -> Timestamp {
        self.0
    }

    fn random(&self) -> [u8; 10] {
        [0; 10]
    }

    async fn sleep(&self, duration: Duration) {
        tokio::time::sleep(duration).await;
    }
}

/// Nobody watches and nobody rings.
struct Nobody;

impl Observer for Nobody {
    fn observe(&self, _: Observation<'_>) {}
}

impl Answering for Nobody {
    fn answer(&self, provider: &ProviderName, inbound: &Inbound) -> (Plan, Policy) {
        (inbound.plan(provider.clone()), Policy::default())
    }
}
