//! The laws can see: on the evidence of a real run, each crime is planted once, and found.

use call_core::{Birth, Call, Disposition, Phase, PhaseName, Source};
use simulator::{CallRecord, HangupRequest, Status};
use tests::laws::{Evidence, check};
use tests::{Ledger, Life, Town, Wish};

use crate::{CAST, SOON};

/// A crime: what it breaks, in the words of the law, and how it is done.
type Crime = (&'static str, fn(&mut Ledger, &mut Vec<CallRecord>));

const CRIMES: [Crime; 11] = [
    ("does not fold", |ledger, _| drop(ledger.lives[0].journal.remove(0))),
    ("does not fold", |ledger, _| {
        tamper(&mut ledger.lives[0], |phase| {
            if let Phase::Ended(outcome) = phase {
                outcome.corrected = true;
            }
        })
    }),
    ("was acknowledged and is not stored", |ledger, _| drop(ledger.lives.remove(0))),
    ("was acknowledged and is lost", |ledger, _| {
        ledger.lives[0].journal.retain(|entry| !format!("{entry:?}").contains("order: Some(0)"));
    }),
    ("was dialled 2 times", |_, truth| truth.push(truth[0].clone())),
    ("without our name", |_, truth| truth[0].form.clear()),
    ("had two open calls at once", |ledger, _| {
        let subject = ledger.lives[0].call.subject().cloned();
        for entry in ledger.lives[0].journal.iter_mut().skip(1) {
            entry.at = entry.at + std::time::Duration::from_secs(9);
        }
        let mut birth = Birth::clone(ledger.lives[1].call.birth());
        birth.plan.subject = subject;
        ledger.lives[1].call = Call::restore(birth.into(), ledger.lives[1].call.state().clone());
    }),
    ("is still", |ledger, _| tamper(&mut ledger.lives[0], |phase| *phase = Phase::Live)),
    ("was hung up 2 times", |_, truth| {
        let request = serde_json::json!({ "at": truth[0].created_at, "wish": "completed", "found": Status::Ringing });
        let request: HangupRequest = serde_json::from_value(request).unwrap();
        truth[0].hangups = vec![request.clone(), request];
    }),
    ("before it ended", |_, truth| {
        truth[0].ended_at = truth[0].ended_at.map(|at| at + std::time::Duration::from_secs(9));
    }),
    ("says the store", |ledger, _| {
        tamper(&mut ledger.lives[0], |phase| {
            if let Phase::Ended(outcome) = phase {
                (outcome.disposition, outcome.source) = (Disposition::Abandoned, Source::Provider);
            }
        })
    }),
];

fn tamper(life: &mut Life, change: fn(&mut Phase)) {
    let mut state = life.call.state().clone();
    change(&mut state.phase);
    life.call = Call::restore(life.call.birth().clone(), state);
    assert!(life.call.phase_name() >= PhaseName::Live);
}

#[tokio::test]
async fn the_laws_see_every_crime() {
    let town = Town::new("sight").await;
    let mut ids = Vec::new();
    for (n, to) in CAST[..2].iter().enumerate() {
        ids.push(town.place(&Wish::to(*to).about(format!("user-{n}"))).await);
    }
    town.network.until_over(ids.len(), SOON).await;
    town.rest().await;
    let (ledger, mut truth) = (town.ledger().await, town.network.calls().await);
    // Both sides tell of the calls in the same order.
    truth.sort_by_key(|record| tests::laws::our_call(record).map(|id| id.to_string()));
    let innocent = check(&Evidence { ledger: &ledger, truth: &truth, acknowledged: &ids });
    assert!(innocent.is_empty(), "{innocent:#?}");
    for (law, crime) in CRIMES {
        let (mut ledger, mut truth) = (town.ledger().await, truth.clone());
        crime(&mut ledger, &mut truth);
        let broken = check(&Evidence { ledger: &ledger, truth: &truth, acknowledged: &ids });
        assert!(broken.iter().any(|line| line.contains(law)), "{law:?} goes unseen: {broken:#?}");
    }
    town.close().await;
}
