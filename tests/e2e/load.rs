//! Load: clients that place calls, each as fast as it gets answers, and hang some up.

use std::cell::{Cell, RefCell};
use std::time::Duration;

use futures::future::join_all;
use rand::rngs::SmallRng;
use rand::seq::IndexedRandom;
use rand::{Rng, SeedableRng};
use tests::{Town, Wish};

/// What the clients met.
#[derive(Debug, Default)]
pub(crate) struct Load {
    /// The calls that were acknowledged.
    pub(crate) placed: RefCell<Vec<String>>,
    /// Requests that had to be repeated, and why: the connection broke off, or the answer was 5xx.
    pub(crate) repeated: RefCell<Vec<String>>,
    over: Cell<bool>,
}

impl Load {
    /// No more calls.
    pub(crate) fn stop(&self) {
        self.over.set(true);
    }

    /// Places calls from so many clients until it is [stopped](Self::stop).
    pub(crate) async fn run(&self, town: &Town, clients: u64) {
        join_all((0..clients).map(|client| self.client(town, town.seed ^ client))).await;
    }

    /// A request without an answer is repeated under its key until it has one.
    async fn client(&self, town: &Town, seed: u64) {
        let mut dice = SmallRng::seed_from_u64(seed);
        while !self.over.get() {
            let n = dice.random_range(0..10_000);
            let wish = Wish::to(format!("+1303556{n:04}")).about(format!("lead-{}", n % 50));
            let key = format!("{seed}-{}", dice.random::<u64>());
            let answer = loop {
                match town.api.try_place(&wish, Some(&key)).await {
                    Ok(answer) if answer.status < 500 => break answer,
                    Ok(answer) => self.repeated.borrow_mut().push(format!("{answer:?}")),
                    Err(error) => self.repeated.borrow_mut().push(format!("{error:?}")),
                }
                tokio::time::sleep(Duration::from_millis(20)).await;
            };
            match answer.status {
                200 | 201 => {
                    let id = answer.body["id"].as_str().unwrap().to_owned();
                    town.acknowledge(&id);
                    self.placed.borrow_mut().push(id);
                }
                // The lead has an open call.
                409 => {}
                status => panic!("{status}: {:#}", answer.body),
            }
            if dice.random_bool(0.1) {
                let any = self.placed.borrow().choose(&mut dice).cloned();
                if let Some(id) = any {
                    // Whether it arrives, and whether it is still wanted, is open: a wish is no promise until it has
                    // an answer.
                    let _ = town.api.try_hang_up(&id).await;
                }
            }
            tokio::time::sleep(Duration::from_millis(dice.random_range(20..150))).await;
        }
    }
}
