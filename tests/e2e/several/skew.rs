//! Two servers whose clocks are two minutes apart: the store's clock is the one that counts.

use std::sync::Arc;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use call_core::Timestamp;
use call_core::port::Clock;
use call_server::config::Source;
use call_server::{App, Overrides, RunningApp, SystemClock};
use futures::future::join_all;
use simulator::Faults;
use tests::{On, Server, Town};

use crate::load::Load;

/// How far each clock is off, in ms.
const SKEWS: [i64; 2] = [-60_000, 60_000];
const CLIENTS: u64 = 4;
/// What may lie between two readings of clocks that agree.
const AGREED: Duration = Duration::from_secs(2);

#[tokio::test]
async fn on_postgres_servers_whose_clocks_are_minutes_apart_agree() {
    agree(On::Postgres, 4716).await;
}

#[tokio::test]
async fn on_mongo_servers_whose_clocks_are_minutes_apart_agree() {
    agree(On::Mongo, 4717).await;
}

/// Leases are not stolen, nobody is dialled twice, no live call is reaped, and every time in the journal is a true one.
async fn agree(on: On, seed: u64) {
    if on.is_skipped() {
        return;
    }
    let began = (Timestamp::from_millis(jiff::Timestamp::now().as_millisecond()), Instant::now());
    let town = Town::named("skew").seed(seed).on(on).servers(SKEWS.len()).build_without_servers().await;
    let apps = join_all(town.servers.iter().zip(SKEWS).map(|(server, skew)| start(&town, server, skew))).await;
    town.network.set_faults(&Faults::demo()).await;
    let load = Load::default();
    let clock = async {
        tokio::time::sleep(Duration::from_secs(5)).await;
        load.stop();
    };
    futures::join!(load.run(&town, CLIENTS), clock);
    town.heal_and_rest().await;
    join_all(apps.into_iter().map(RunningApp::shutdown)).await;

    let (ledger, truth) = town.judge().await;
    let over = began.0 + began.1.elapsed() + AGREED;
    assert!(ledger.lives.len() > 10, "that was no load: {}", ledger.lives.len());
    for life in &ledger.lives {
        let mut last = life.call.birth().at;
        assert!(last + AGREED >= began.0, "{} was born before its time", life.call.id());
        for entry in &life.journal {
            assert!(entry.at + AGREED >= last && entry.at <= over, "{} at {last}, then {entry:?}", life.call.id());
            last = last.max(entry.at);
        }
        let ended = life.outcome().at;
        assert!(ended >= began.0 && ended <= over, "{} ended at {ended}", life.call.id());
    }
    println!("{on:?}: {} calls, {} legs, all laws hold, {:?}", ledger.lives.len(), truth.len(), began.1.elapsed());
}

/// A server in this process, with a clock that is off.
async fn start(town: &Town, server: &Server, skew: i64) -> RunningApp {
    let source = Source::of_process(Some(&town.config())).with_environment(server.environment());
    let config = source.read().unwrap();
    let overrides = Overrides { clock: Some(Arc::new(Skewed(skew))), ..Overrides::default() };
    App::start(config, overrides).await.unwrap()
}

struct Skewed(i64);

#[async_trait]
impl Clock for Skewed {
    fn now(&self) -> Timestamp {
        Timestamp::from_millis(SystemClock.now().as_millis() + self.0)
    }

    fn random(&self) -> [u8; 10] {
        SystemClock.random()
    }

    async fn sleep(&self, duration: Duration) {
        SystemClock.sleep(duration).await;
    }
}
