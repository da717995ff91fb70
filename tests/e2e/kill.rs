//! `kill -9` at random moments under load, again and again, on a network that misbehaves.

use std::time::{Duration, Instant};

use rand::rngs::SmallRng;
use rand::{Rng, SeedableRng};
use simulator::Faults;
use tests::Town;

use crate::load::Load;

const ROUNDS: u32 = 50;
const CLIENTS: u64 = 8;

/// What was acknowledged is present, nobody is dialled twice, everything ends. `E2E_SEED` chooses another run.
#[tokio::test]
async fn kill_nine() {
    let seed = std::env::var("E2E_SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or(4711);
    let began = Instant::now();
    println!("kill_nine: seed {seed}");
    let town = Town::named("kill-nine").seed(seed).set("log.level", "'warn'").build().await;
    town.network.set_faults(&Faults::demo()).await;
    let load = Load::default();
    let killing = async {
        let mut dice = SmallRng::seed_from_u64(seed);
        for round in 1..=ROUNDS {
            // The moment is the point: anywhere in the work of the moment.
            tokio::time::sleep(Duration::from_millis(dice.random_range(50..700))).await;
            town.kill_nine().await;
            town.start().await;
            if round % 10 == 0 {
                println!("kill_nine: {round} kills, {} calls, {:?}", load.placed.borrow().len(), began.elapsed());
            }
        }
        load.stop();
    };
    futures::join!(load.run(&town, CLIENTS), killing);
    println!("kill_nine: faults injected {:?}", town.network.struck().await);
    let (ledger, truth) = town.close().await;
    assert!(ledger.lives.len() > 100, "that was no load: {}", ledger.lives.len());
    println!("kill_nine: {} calls, {} legs, all laws hold, {:?}", ledger.lives.len(), truth.len(), began.elapsed());
}
