//! `kill -9` at random moments under load, again and again, on a network that misbehaves.

use std::cell::{Cell, RefCell};
use std::time::{Duration, Instant};

use futures::future::join_all;
use rand::rngs::SmallRng;
use rand::seq::IndexedRandom;
use rand::{Rng, SeedableRng};
use simulator::Faults;
use tests::{Town, Wish};

const ROUNDS: u32 = 50;
/// Clients that place calls, each as fast as it gets answers.
const CLIENTS: u64 = 8;

/// What was acknowledged is present, nobody is dialled twice, everything ends. `E2E_SEED` chooses another run.
#[tokio::test]
async fn kill_nine() {
    let seed = std::env::var("E2E_SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or(4711);
    let began = Instant::now();
    println!("kill_nine: seed {seed}");
    let town = Town::named("kill-nine").seed(seed).set("log.level", "'warn'").build().await;
    town.network.set_faults(&Faults::demo()).await;
    let over = Cell::new(false);
    let placed = RefCell::new(Vec::new());
    let load = join_all((0..CLIENTS).map(|client| place_calls(&town, seed ^ client, &placed, &over)));
    let killing = async {
        let mut dice = SmallRng::seed_from_u64(seed);
        for round in 1..=ROUNDS {
            // The moment is the point: anywhere in the work of the moment.
            tokio::time::sleep(Duration::from_millis(dice.random_range(50..700))).await;
            town.kill_nine().await;
            town.start().await;
            if round % 10 == 0 {
                println!("kill_nine: {round} kills, {} calls, {:?}", placed.borrow().len(), began.elapsed());
            }
        }
        over.set(true);
    };
    futures::join!(load, killing);
    println!("kill_nine: faults injected {:?}", town.network.struck().await);
    let (ledger, truth) = town.close().await;
    assert!(ledger.lives.len() > 100, "that was no load: {}", ledger.lives.len());
    println!("kill_nine: {} calls, {} legs, all laws hold, {:?}", ledger.lives.len(), truth.len(), began.elapsed());
}

/// Places calls and hangs some up; a request without an answer is repeated under its key until it has one.
async fn place_calls(town: &Town, seed: u64, placed: &RefCell<Vec<String>>, over: &Cell<bool>) {
    let mut dice = SmallRng::seed_from_u64(seed);
    while !over.get() {
        let n = dice.random_range(0..10_000);
        let wish = Wish::to(format!("+1303556{n:04}")).about(format!("lead-{}", n % 50));
        let key = format!("{seed}-{}", dice.random::<u64>());
        let answer = loop {
            match town.api.try_place(&wish, Some(&key)).await {
                Ok(answer) if answer.status < 500 => break answer,
                Ok(_) | Err(_) => tokio::time::sleep(Duration::from_millis(20)).await,
            }
        };
        match answer.status {
            200 | 201 => {
                let id = answer.body["id"].as_str().unwrap().to_owned();
                town.acknowledge(&id);
                placed.borrow_mut().push(id);
            }
            // The lead has an open call.
            409 => {}
            status => panic!("{status}: {:#}", answer.body),
        }
        if dice.random_bool(0.1) {
            let any = placed.borrow().choose(&mut dice).cloned();
            if let Some(id) = any {
                // Whether it arrives, and whether it is still wanted, is open: a wish is no promise until it has an answer.
                let _ = town.api.try_hang_up(&id).await;
            }
        }
        tokio::time::sleep(Duration::from_millis(dice.random_range(20..150))).await;
    }
}
