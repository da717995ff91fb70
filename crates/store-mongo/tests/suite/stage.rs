//! What the tests play with.

use std::future::Future;
use std::sync::Arc;
use std::time::{Duration, Instant};

use call_core::journal::fold;
use call_core::port::{Commit, Store};
use call_core::{Call, CallId, DialAnswer, Fact, Leg, Plan, Policy, ProviderName, Signal, Timestamp};
use databases::{Database, Mongo};
use mongodb::bson::Document;
use store_mongo::{MongoStore, Options};

pub(crate) const ACME: ProviderName = ProviderName::new("acme");

pub(crate) fn at(millis: i64) -> Timestamp {
    Timestamp::from_millis(1_795_248_000_000 + millis)
}

pub(crate) fn leg(name: &str) -> Leg {
    Leg::new(ACME, name)
}

/// The wish to dial.
pub(crate) fn birth(n: u32) -> Commit {
    let mut random = [0; 10];
    random[6..].copy_from_slice(&n.to_be_bytes());
    let plan = Plan::new(ACME, "+15550100", "+15550199").about(format!("subject-{n}"));
    Commit::birth(Call::dial(CallId::new(at(i64::from(n)), random), plan, Policy::default(), at(i64::from(n))))
}

/// The provider has the call, and somebody answered.
pub(crate) fn bind(call: &Call, on: &Leg) -> Commit {
    let mut commit = Commit::on(call.clone());
    for fact in [Fact::Dialed(DialAnswer::Accepted), Fact::Answered] {
        assert_eq!(commit.handle(Signal::new(fact).on(on.clone()).into(), at(1000)), None);
    }
    commit
}

/// Something that a live call takes note of.
pub(crate) fn digits(call: &Call, keys: u32) -> Commit {
    let mut commit = Commit::on(call.clone());
    assert_eq!(commit.handle(Signal::new(Fact::Digits(keys.to_string())).into(), at(2000)), None);
    commit
}

/// Something that changes nothing.
pub(crate) fn nothing(call: &Call) -> Commit {
    let mut commit = Commit::on(call.clone());
    assert!(commit.handle(call_core::Input::Tick, at(1500)).is_some());
    commit
}

/// Stores a commit that nothing may refuse, and gives its call.
pub(crate) async fn keep(store: &impl Store, commit: Commit) -> Call {
    let call = commit.call.clone();
    store.commit(commit).await.unwrap();
    call
}

pub(crate) async fn live(store: &impl Store, n: u32) -> Call {
    let call = keep(store, birth(n)).await;
    keep(store, bind(&call, &leg(&format!("CA{n}")))).await
}

/// An empty store.
pub(crate) async fn fresh() -> (Arc<MongoStore>, Database) {
    fresh_on(Mongo::shared()).await
}

pub(crate) async fn fresh_on(server: &Mongo) -> (Arc<MongoStore>, Database) {
    let database = server.fresh();
    MongoStore::migrate(database.url()).await.unwrap();
    (open(database.url(), Options::default()).await, database)
}

pub(crate) async fn open(url: &str, options: Options) -> Arc<MongoStore> {
    Arc::new(MongoStore::open(url, options).await.unwrap())
}

/// The database behind the store's back.
pub(crate) async fn raw(database: &Database) -> mongodb::Database {
    mongodb::Client::with_uri_str(database.url()).await.unwrap().database(database.name())
}

pub(crate) async fn documents(database: &mongodb::Database, collection: &str) -> Vec<Document> {
    use futures::TryStreamExt as _;
    let all = database.collection(collection).find(Document::new()).await.unwrap();
    all.try_collect().await.unwrap()
}

/// What is stored of a call is whole: its journal tells its life.
pub(crate) async fn check(store: &impl Store, id: CallId) -> Call {
    let call = store.load(id).await.unwrap().unwrap_or_else(|| panic!("{id} is lost"));
    let journal = store.journal(id).await.unwrap();
    assert_eq!(fold(call.birth(), &journal).unwrap(), call, "{id}");
    call
}

/// Waits until something succeeds, for a bounded time.
pub(crate) async fn eventually<T, E: std::fmt::Debug, F: Future<Output = Result<T, E>>>(
    mut attempt: impl FnMut() -> F,
) -> T {
    let deadline = Instant::now() + Duration::from_secs(30);
    loop {
        match attempt().await {
            Ok(value) => return value,
            Err(error) => assert!(Instant::now() < deadline, "still failing after 30 s: {error:?}"),
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}
