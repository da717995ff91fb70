//! Post-mortem 3: sales calls, whose leads were never "contacted".

use std::time::Duration;

use call_core::{Disposition, Proposer, Source, StaleReason};
use futures::future::join_all;
use serde_json::json;
use simulator::{Direction, Fault, Purpose, Rule};
use tests::api::Answer;
use tests::gate::Gate;
use tests::{Town, Wish, port, until};

use crate::{CAST, SOON, STAYS};

/// Whom the dialler connects to: one who talks, one who is busy, one who does not answer.
const TARGETS: [(&str, Disposition); 3] = [
    ("+12025550101", Disposition::Completed),
    ("+12025550121", Disposition::Busy),
    ("+12025550111", Disposition::NoAnswer),
];

fn connect(to: &str) -> Wish {
    Wish::to(STAYS).doing(json!({ "do": "connect", "to": to, "caller_id": "+12025550000" }))
}

#[tokio::test]
async fn p3_1_dial_nouns_carry_the_callbacks_and_both_ways_end_alike() {
    let port = port::reserve();
    let gate = Gate::open(port).await;
    let town = Town::named("p3-1").behind(gate.url()).build_at(port).await;

    // Both ways, then only the `action` result, then only the callbacks on the noun.
    let mut ends = Vec::new();
    for way in ["both", "action", "callbacks"] {
        for (to, expected) in TARGETS {
            if way == "action" {
                town.network.inject(Rule::new(Fault::CallbackLost).number(to)).await;
            }
            let id = town.place(&connect(to)).await;
            town.api.until_ended(&id, SOON).await;
            ends.push((id, way, to, expected));
        }
        town.network.heal().await;
        if way == "action" {
            gate.lose("/action");
        }
    }
    let (ledger, truth) = town.close().await;
    for (id, way, to, expected) in ends {
        assert_eq!(ledger.life(&id).disposition(), expected, "{way}, {to}: {:?}", ledger.life(&id).outcome());
    }
    for parent in truth.iter().filter(|record| record.direction == Direction::OutboundApi) {
        let document = parent.sent_for(Purpose::Instructions).find(|sent| sent.body.contains("<Dial")).unwrap();
        let (dial, noun) = document.body.split_once("<Number").expect("a dialled number");
        assert!(!dial.contains("statusCallback"), "not where it is ignored: {}", document.body);
        assert!(noun.contains("statusCallback=") && noun.contains("statusCallbackEvent="), "{}", document.body);
        assert!(dial.contains("action="), "{}", document.body);
        assert!(parent.notices.iter().all(|notice| notice.code != 12200), "{:?}", parent.notices);
    }
    drop(gate);
}

#[tokio::test]
pub(crate) async fn p3_3_complete_by_duration_closes_with_the_arithmetic_of_the_preset() {
    let close = "{ as = 'completed', known_after = '1s', unknown_after = '2500ms', assumed = '700ms' }";
    let town = Town::named("p3-3").set("policy.stale.close", close).set("policy.stale.quiet", "'500ms'");
    let town = town.set("policy.quiet_limit", "'1500ms'").build().await;
    town.network.inject(Rule::new(Fault::CallbackLost).on("completed")).await;
    let ids = town.place_all(&[CAST[0]; 3]).await;
    town.network.until_over(ids.len(), SOON).await;
    // Somebody tidies up in the provider's console, so that nobody can say any more how the calls ended.
    for record in town.network.calls().await {
        town.delete(&record.sid).await;
    }
    for id in &ids {
        town.api.until_ended(id, SOON).await;
    }
    let (ledger, _) = town.close().await;
    for id in &ids {
        let life = ledger.life(id);
        let outcome = life.outcome();
        assert_eq!(outcome.proposal.proposer, Proposer::Stale { reason: StaleReason::Gone });
        assert_eq!((outcome.disposition, outcome.source), (Disposition::Completed, Source::Inference));
        let answered = life.call.state().timeline.answered.unwrap();
        assert_eq!(outcome.at, answered + Duration::from_millis(700), "ended at its start and the assumed duration");
        assert!(life.closed_at().unwrap() >= answered + Duration::from_millis(2500), "and not before it was that old");
    }
}

#[tokio::test]
async fn p3_5_health_degrades_when_calls_are_stuck() {
    let town = Town::named("p3-5").set("health.stuck_count", "5").set("health.stuck_after", "'500ms'").build().await;
    let health = || town.api.get("/healthz");
    let calm = |answer: &Answer| answer.body["status"] == "ok";
    until("health is good", SOON, health, calm).await;
    let ids = town.place_all(&[STAYS; 6]).await;
    let worried = until("six are too many", SOON, health, |answer| answer.body["status"] == "degraded").await;
    assert!(worried.body.to_string().contains(&ids[0]), "it says what to look at: {:#}", worried.body);
    assert!(town.api.hang_up(&ids[0]).await.status < 300);
    until("five are borne, old as they are", SOON, health, calm).await;
    for id in &ids[1..] {
        assert!(town.api.hang_up(id).await.status < 300);
    }
    town.close().await;
}

#[tokio::test]
pub(crate) async fn p3_6_an_end_is_visible_within_a_second_of_the_providers_message() {
    let town = Town::new("p3-6").await;
    let numbers: Vec<&str> = CAST.into_iter().cycle().take(21).collect();
    let ids = town.place_all(&numbers).await;
    let shown = join_all(ids.iter().map(async |id| {
        town.api.until_ended(id, SOON).await;
        jiff::Timestamp::now()
    }))
    .await;
    let (ledger, truth) = town.close().await;
    let mut delays: Vec<Duration> = ids
        .iter()
        .zip(shown)
        .map(|(id, shown)| {
            let sid = ledger.life(id).sid().unwrap();
            let record = truth.iter().find(|record| record.sid == sid).unwrap();
            let message = record.sent_for(Purpose::Status).last().unwrap();
            assert_eq!(message.param("CallStatus"), Some(record.status.name()));
            message.attempts[0].at.duration_until(shown).unsigned_abs()
        })
        .collect();
    delays.sort_unstable();
    let (median, longest) = (delays[delays.len() / 2], delays[delays.len() - 1]);
    println!(
        "from the provider's message to a visible end: median {median:?}, longest {longest:?}, {} calls",
        ids.len()
    );
    assert!(longest < Duration::from_secs(1), "{delays:?}");
}
