//! Compare-and-set updates of the store's own documents, with nothing around them.

use std::sync::Arc;
use std::time::{Duration, Instant};

use call_core::port::Store as _;
use futures::future::join_all;
use mongodb::bson::{Bson, Document, doc};
use mongodb::options::{Acknowledgment, ClientOptions, WriteConcern};
use mongodb::{Client, Collection};
use store_mongo::MongoStore;
use tokio::runtime::Handle;

use crate::database::Place;
use crate::production::hook;
use crate::workload::Workload;

/// How many documents. Each task has its own ones and takes them in turn.
const CALLS: usize = 20_480;

/// Documents as the store writes them.
pub(crate) struct Documents {
    url: String,
    /// A call after an event.
    sample: Document,
    _place: Place,
}

impl Documents {
    pub(crate) async fn prepare(place: Place) -> Self {
        let store = MongoStore::open(&place.url, store_mongo::Options::default()).await.unwrap();
        let workload = Workload::new(1);
        store.commit(workload.births()[0].clone()).await.unwrap();
        for step in workload.steps(&hook()).into_iter().take(2) {
            store.commit(step).await.unwrap();
        }
        store.close().await;
        let client = Client::with_uri_str(&place.url).await.unwrap();
        let sample = client.default_database().unwrap().collection("calls").find_one(doc! {}).await.unwrap().unwrap();
        Self { url: place.url.clone(), sample, _place: place }
    }

    /// Updates per second by so many tasks.
    pub(crate) async fn rate(&self, runtime: &Handle, tasks: usize, time: Duration) -> f64 {
        let mut options = ClientOptions::parse(&self.url).await.unwrap();
        options.max_pool_size = Some(u32::try_from(tasks).unwrap());
        options.write_concern = Some(WriteConcern::builder().w(Acknowledgment::Majority).journal(true).build());
        let client = Client::with_options(options).unwrap();
        let calls = client.default_database().unwrap().collection::<Document>("calls");
        self.fill(&calls).await;
        let first = self.sample.get_i64("version").unwrap();
        // What an event changes, each time to the same size.
        let changed = ["phase", "open", "deadline", "state", "entries", "grown", "outbox", "news_at"];
        let changed = changed.into_iter().filter_map(|name| Some((name.to_owned(), self.sample.get(name)?.clone())));
        let set: Arc<Document> = Arc::new(changed.collect());

        let own = CALLS / tasks;
        let start = Instant::now();
        let end = start + time;
        let updates = (0..tasks).map(|task| {
            let (calls, set) = (calls.clone(), Arc::clone(&set));
            runtime.spawn(async move {
                let mut done = 0_usize;
                while Instant::now() < end {
                    let (n, base) = (task + tasks * (done % own), first + (done / own) as i64);
                    let mut set = (*set).clone();
                    set.insert("version", base + 1);
                    set.insert("legs", leg(n));
                    let found = calls.find_one_and_update(doc! { "_id": id(n), "version": base }, doc! { "$set": set });
                    found.projection(doc! { "_id": 1 }).await.unwrap().unwrap();
                    done += 1;
                }
                done
            })
        });
        let done: usize = join_all(updates).await.into_iter().map(Result::unwrap).sum();
        let rate = done as f64 / start.elapsed().as_secs_f64();
        client.shutdown().await;
        rate
    }

    async fn fill(&self, calls: &Collection<Document>) {
        calls.delete_many(doc! {}).await.unwrap();
        let copies: Vec<Document> = (0..CALLS)
            .map(|n| {
                let mut copy = self.sample.clone();
                copy.insert("_id", id(n));
                copy.insert("subject", format!("lead-{n}"));
                copy.insert("legs", leg(n));
                copy
            })
            .collect();
        for some in copies.chunks(1_000) {
            calls.insert_many(some).await.unwrap();
        }
    }
}

fn leg(n: usize) -> Vec<Bson> {
    vec![format!("twilio:CA{n:032}").into()]
}

fn id(n: usize) -> String {
    format!("00000000-0000-7000-8000-{n:012}")
}
