//! Servers that share a store go by its clock, however their machines' clocks are set.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use call_core::Timestamp;
use call_core::port::Clock;
use call_server::config::StoreUrl;
use call_server::{App, Overrides, SystemClock};
use serde_json::json;
use tokio::time::Instant;

use crate::client::{Server, config};
use crate::stores::Place;

/// A machine whose clock is off by so many seconds.
struct Skewed(i64);

#[async_trait]
impl Clock for Skewed {
    fn now(&self) -> Timestamp {
        Timestamp::from_millis(SystemClock.now().as_millis() + self.0 * 1000)
    }

    fn random(&self) -> [u8; 10] {
        SystemClock.random()
    }

    async fn sleep(&self, duration: Duration) {
        SystemClock.sleep(duration).await;
    }
}

async fn start(place: &Place, seconds: i64) -> Server {
    let mut config = config("server.linger = '0s'");
    config.store.url = StoreUrl::from(place.url.as_str());
    let overrides = Overrides { clock: Some(Arc::new(Skewed(seconds))), ..Overrides::default() };
    Server::of(App::start(config, overrides).await.unwrap())
}

async fn servers_a_minute_apart_agree(place: &Place) {
    // The database runs on this machine, so its clock is the true one.
    let near = |a: Timestamp, b: Timestamp| a.as_millis().abs_diff(b.as_millis()) < 5_000;
    let (early, late) = (start(place, -60).await, start(place, 60).await);
    for (server, ahead) in [(&early, -60.0), (&late, 60.0)] {
        let (before, id) = (SystemClock.now(), server.place(&json!({ "to": "+15550100123" })).await);
        let call = server.app.store().load(id.parse().unwrap()).await.unwrap().unwrap();
        assert!(near(call.birth().at, before), "{} is not {before}", call.birth().at);
        let deadline = Instant::now() + Duration::from_secs(10);
        loop {
            let told = server.metric("call_clock_ahead_seconds").await;
            if (told - ahead).abs() < 5.0 {
                break;
            }
            assert!(Instant::now() < deadline, "{told}");
        }
    }
    early.app.shutdown().await;
    late.app.shutdown().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn on_postgres() {
    let place = Place::postgres().unwrap();
    store_postgres::PostgresStore::migrate(&place.url).await.unwrap();
    servers_a_minute_apart_agree(&place).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn on_mongo() {
    let Some(place) = Place::mongo() else { return };
    store_mongo::MongoStore::migrate(&place.url).await.unwrap();
    servers_a_minute_apart_agree(&place).await;
}
