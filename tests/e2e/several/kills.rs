//! Three servers: every second one of them is killed, and once the database is, under load, on a network that misbehaves.

use std::time::{Duration, Instant};

use rand::rngs::SmallRng;
use rand::{Rng, SeedableRng};
use simulator::Faults;
use tests::{On, Town};

use crate::load::Load;

const SERVERS: usize = 3;
const CLIENTS: u64 = 6;
const KILLS: u32 = 12;

#[tokio::test]
async fn on_postgres_nothing_is_lost_or_doubled_whichever_server_is_killed() {
    survive(On::Postgres, 4712).await;
}

#[tokio::test]
async fn on_mongo_nothing_is_lost_or_doubled_whichever_server_is_killed() {
    survive(On::Mongo, 4713).await;
}

/// What was acknowledged is present, nobody is dialled twice, everything ends. `E2E_SEED` chooses another run.
async fn survive(on: On, seed: u64) {
    if on.is_skipped() {
        return;
    }
    let seed = std::env::var("E2E_SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or(seed);
    let began = Instant::now();
    let town = Town::named("kills").seed(seed).on(on).of_its_own().servers(SERVERS).set("log.level", "'warn'");
    let town = town.build().await;
    town.network.set_faults(&Faults::demo()).await;
    let load = Load::default();
    let killing = async {
        let mut dice = SmallRng::seed_from_u64(seed);
        for round in 1..=KILLS {
            // The moment is the point: anywhere in the work of the moment.
            tokio::time::sleep(Duration::from_millis(dice.random_range(400..1000))).await;
            let victim = &town.servers[dice.random_range(0..SERVERS)];
            if round == KILLS / 2 {
                futures::join!(victim.kill_nine(), town.store.crash());
            } else {
                victim.kill_nine().await;
            }
            victim.start().await;
        }
        load.stop();
    };
    futures::join!(load.run(&town, CLIENTS), killing);
    let under_fire = began.elapsed();
    let shares = town.balancer.as_ref().map(tests::Balancer::connections).unwrap_or_default();
    println!("{on:?}: connections {shares:?}, faults injected {:?}", town.network.struck().await);
    assert!(shares.iter().all(|share| *share > 0), "every server had its share: {shares:?}");
    let (ledger, truth) = town.close().await;
    assert!(ledger.lives.len() > 50, "that was no load: {}", ledger.lives.len());
    println!(
        "{on:?}: seed {seed}, {KILLS} kills in {under_fire:?}, {} calls, {} legs, {} requests repeated, all laws hold, {:?}",
        ledger.lives.len(),
        truth.len(),
        load.repeated.borrow().len(),
        began.elapsed()
    );
}
