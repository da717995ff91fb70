//! Stopping and starting: everything that matters is in the store.

use std::process::Stdio;

use call_core::Disposition;
use simulator::{Fault, Rule};
use tests::{Town, Wish};

use crate::{CAST, SOON, STAYS};

#[tokio::test]
async fn calls_continue_after_a_graceful_restart() {
    let town = Town::named("restart").speed(50.0).build().await;
    let live = town.place(&Wish::to(STAYS).about("user-1")).await;
    town.api.until_phase(&live, &["live"], SOON).await;
    let ids = town.place_all(&CAST).await;
    town.terminate().await;
    town.start().await;

    assert_eq!(town.api.phase(&live).await, "live");
    let refused = town.api.try_place(&Wish::to(CAST[0]).about("user-1"), None).await.unwrap();
    assert_eq!(refused.status, 409, "the subject is still busy: {:#}", refused.body);
    assert_eq!(town.api.hang_up(&live).await.status, 202);
    for id in ids.iter().chain([&live]) {
        town.api.until_ended(id, SOON).await;
    }
    let (ledger, truth) = town.close().await;
    assert_eq!(truth.len(), CAST.len() + 1);
    assert_eq!(ledger.life(&live).disposition(), Disposition::Completed);
}

#[tokio::test]
async fn a_deadline_that_passes_while_the_server_is_down_is_kept() {
    let town = Town::new("down-deadline").await;
    town.network.inject(Rule::new(Fault::CallbackLost)).await;
    let ids = town.place_all(&CAST).await;
    town.kill_nine().await;
    // Every call is over, and nobody was there to hear of it.
    town.network.until_quiet(SOON).await;
    town.start().await;
    for id in &ids {
        town.api.until_ended(id, SOON).await;
    }
    town.close().await;
}

#[tokio::test]
async fn replay_says_that_the_fold_equals_the_stored_call() {
    let town = Town::new("replay").await;
    let ids = town.place_all(&CAST).await;
    for id in &ids {
        town.api.until_ended(id, SOON).await;
    }
    let config = town.config().display().to_string();
    for id in &ids {
        let mut command = town.command(&["replay", id, "--config", &config]);
        let run = command.stdout(Stdio::piped()).stderr(Stdio::piped()).output().await.unwrap();
        let said = String::from_utf8_lossy(&[run.stdout, run.stderr].concat()).into_owned();
        assert!(run.status.success(), "{said}");
        assert!(said.contains("the journal gives the stored call"), "{said}");
    }
    town.close().await;
}
