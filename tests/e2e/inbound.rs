//! People ring us: the first message about a call makes its record.

use call_core::{Direction, Disposition};
use simulator::{Fault, Number, Purpose, Rule};
use tests::{Town, until};

use crate::{SOON, STAYS};

const OURS: &str = "+12025550000";

async fn town(name: &str) -> Town {
    let town = Town::named(name).set("inbound.script", "{ do = 'converse', greeting = 'Welcome.' }").build().await;
    let hooks = format!("{}/hooks/twilio", town.public_url);
    let number = Number::new(OURS, format!("{hooks}/voice")).status_callback(format!("{hooks}/status"));
    town.network.set_number(&number).await;
    town
}

#[tokio::test]
async fn an_inbound_call_makes_its_record_from_the_voice_url() {
    let town = town("inbound").await;
    let mut sids = Vec::new();
    for caller in ["+12025550101", "+12025550140", "+12025550185"] {
        sids.push(town.network.ring(caller, OURS).await);
    }
    town.rest().await;
    let (ledger, truth) = town.close().await;
    assert_eq!(ledger.lives.len(), sids.len());
    for sid in sids {
        let life = ledger.lives.iter().find(|life| life.sid() == Some(&sid)).expect("its record");
        let record = truth.iter().find(|record| record.sid == sid).unwrap();
        assert_eq!(life.call.birth().direction, Direction::Inbound);
        assert_eq!((&life.call.plan().from, &life.call.plan().to), (&record.from, &record.to));
        assert_eq!(life.disposition(), Disposition::Completed);
        let document = record.sent_for(Purpose::Instructions).next().unwrap();
        assert!(document.body.contains("Welcome."), "{}", document.body);
    }
}

#[tokio::test]
async fn an_inbound_call_whose_end_is_lost_ends_all_the_same() {
    let town = town("inbound-lost").await;
    town.network.inject(Rule::new(Fault::CallbackLost)).await;
    town.network.ring("+12025550101", OURS).await;
    town.rest().await;
    let (ledger, _) = town.close().await;
    assert_eq!(ledger.lives[0].disposition(), Disposition::Completed);
}

#[tokio::test]
async fn an_inbound_call_can_be_hung_up() {
    let town = town("inbound-hangup").await;
    town.network.ring(STAYS, OURS).await;
    let calls = || town.api.get("/v1/calls?phase=live");
    let live = until("the call is live", SOON, calls, |answer| answer.body["calls"][0]["id"].is_string()).await;
    let id = live.body["calls"][0]["id"].as_str().unwrap();
    assert_eq!(town.api.hang_up(id).await.status, 202);
    town.api.until_ended(id, SOON).await;
    let (_, truth) = town.close().await;
    assert_eq!(truth[0].hangups.len(), 1);
}
