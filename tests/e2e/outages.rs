//! The provider is down for a while.

use std::time::Duration;

use simulator::{Down, Status};
use tests::{Town, Wish, until};

use crate::{CAST, SOON, STAYS};

/// Calls are live, being rung and being placed when the provider goes down; one is hung up meanwhile.
async fn endure(name: &str, seed: u64, down: Down) {
    let town = Town::named(name).seed(seed).build().await;
    let live = town.place_all(&[STAYS, STAYS, CAST[1]]).await;
    for id in &live {
        town.api.until_phase(id, &["live"], SOON).await;
    }
    town.place_all(&CAST[..4]).await;
    town.network.down(&down).await;
    town.place_all(&CAST).await;
    assert!(town.api.hang_up(&live[0]).await.status < 300);

    // Back by itself, and the first call is hung up although nobody asks again.
    town.api.until_ended(&live[0], SOON).await;
    assert!(town.api.hang_up(&live[1]).await.status < 300);
    town.api.until_ended(&live[1], SOON).await;
    let (ledger, truth) = town.close().await;
    assert_eq!(ledger.lives.len(), 14);
    let stayed = truth.iter().filter(|record| record.to == STAYS);
    assert!(stayed.clone().all(|record| record.status == Status::Completed), "{:?}", stayed.collect::<Vec<_>>());
}

#[tokio::test]
async fn outage_that_answers_503() {
    endure("outage-503", 41, Down::unavailable(100.0)).await;
}

#[tokio::test]
async fn outage_that_answers_503_and_loses_callbacks() {
    endure("outage-503-lost", 42, Down::unavailable(100.0).losing_callbacks()).await;
}

#[tokio::test]
async fn outage_that_refuses_connections() {
    endure("outage-refused", 43, Down::refused(100.0)).await;
}

#[tokio::test]
async fn outage_that_drops_connections() {
    endure("outage-dropped", 44, Down::dropped(100.0).losing_callbacks()).await;
}

#[tokio::test]
async fn a_live_call_outlives_an_outage_longer_than_every_deadline() {
    // Three seconds without an answer, where half a second of silence makes the engine ask.
    let town = Town::named("outage-long").seed(45).set("policy.quiet_limit", "'300ms'");
    let town = town.set("policy.stale.quiet", "'300ms'").set("policy.ask_again", "'200ms'").build().await;
    let id = town.place(&Wish::to(STAYS)).await;
    town.api.until_phase(&id, &["live"], SOON).await;
    town.network.down(&Down::unavailable(300.0)).await;
    let refusals = async || {
        let requests = town.network.requests().await;
        requests.iter().filter(|request| request.answer == Some(503)).count()
    };
    until("the provider was asked in vain again and again", SOON, refusals, |times| *times >= 5).await;
    assert_eq!(town.api.phase(&id).await, "live", "a provider that cannot be reached is no proof of death");
    town.network.heal().await;
    assert!(town.api.hang_up(&id).await.status < 300);
    town.api.until_ended(&id, Duration::from_secs(10)).await;
    town.close().await;
}
