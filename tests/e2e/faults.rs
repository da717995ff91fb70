//! One test per fault of the network: every kind of person is called under it, and the laws hold.

use call_core::{Disposition, Input, Reason};
use serde_json::json;
use simulator::{CallRecord, Fault, Person, Purpose, Rule, Sent, Status};
use tests::laws::our_call;
use tests::{Ledger, Town, Wish, until};

use crate::{CAST, SOON, STAYS};

/// Calls everybody while the rules are in force, until all is over; then nothing may be left that healing could mend.
async fn suffer(name: &str, seed: u64, rules: impl IntoIterator<Item = Rule>) -> (Ledger, Vec<CallRecord>) {
    let town = Town::named(name).seed(seed).build().await;
    let rules: Vec<Rule> = rules.into_iter().collect();
    for rule in &rules {
        town.network.inject(rule.clone()).await;
    }
    town.place_all(&CAST).await;
    town.rest().await;
    for rule in &rules {
        let times = town.network.struck_by(rule.fault).await;
        assert!(times > 0, "{} never struck", rule.fault.name());
        println!("{name}: {} struck {times} times", rule.fault.name());
    }
    town.close().await
}

/// Every call ended as the network says, by the provider's own word.
fn all_known(ledger: &Ledger, truth: &[CallRecord]) {
    assert_eq!((ledger.lives.len(), truth.len()), (CAST.len(), CAST.len()));
    for life in &ledger.lives {
        let record = truth.iter().find(|record| Some(record.sid.as_str()) == life.sid()).expect("its leg is known");
        assert_eq!(life.disposition().as_str(), record.status.name(), "{:?}", life.outcome());
    }
}

/// `failed` calls were never dialled, and say so; the others ended as the network says.
fn some_undialled(ledger: &Ledger, truth: &[CallRecord], undialled: usize) {
    assert_eq!(truth.len() + undialled, CAST.len(), "what was not carried out is not repeated");
    let unknown = ledger.lives.iter().filter(|life| life.sid().is_none());
    let reasons: Vec<_> = unknown.map(|life| (life.disposition(), life.outcome().proposal.reason.as_deref())).collect();
    assert_eq!(reasons, vec![(Disposition::Failed, Some("dial-unconfirmed")); undialled]);
}

#[tokio::test]
async fn late_callbacks() {
    let (ledger, truth) = suffer("late", 11, [Rule::new(Fault::CallbackLate)]).await;
    all_known(&ledger, &truth);
}

#[tokio::test]
async fn lost_callbacks() {
    let (ledger, truth) = suffer("lost", 12, [Rule::new(Fault::CallbackLost)]).await;
    all_known(&ledger, &truth);
}

#[tokio::test]
async fn doubled_callbacks() {
    let (ledger, truth) = suffer("doubled", 13, [Rule::new(Fault::CallbackDoubled)]).await;
    all_known(&ledger, &truth);
    for life in &ledger.lives {
        let record = truth.iter().find(|record| Some(record.sid.as_str()) == life.sid()).unwrap();
        for event in record.sent_for(Purpose::Status).filter_map(|sent| sent.param("SequenceNumber")) {
            let taken: Vec<_> = life.events(&record.sid, event.parse().unwrap()).map(|entry| entry.ignored).collect();
            assert_eq!(taken.len(), 2, "both deliveries are in the journal");
            assert!(taken[1].is_some(), "the second one changes nothing: {taken:?}");
            assert!(taken[0].is_some() || taken[1] == Some(Reason::Duplicate), "{taken:?}");
        }
    }
}

#[tokio::test]
async fn reordered_callbacks() {
    let (ledger, truth) = suffer("reordered", 14, [Rule::new(Fault::CallbackReordered)]).await;
    all_known(&ledger, &truth);
}

#[tokio::test]
async fn forged_callbacks() {
    let (ledger, truth) = suffer("forged", 15, [Rule::new(Fault::CallbackForged)]).await;
    all_known(&ledger, &truth);
    refused(&truth, 403);
    for life in &ledger.lives {
        assert!(life.journal.iter().all(|entry| entry.ignored != Some(Reason::Duplicate)), "no forgery left a trace");
    }
}

#[tokio::test]
async fn garbage_callbacks() {
    let (ledger, truth) = suffer("garbage", 16, [Rule::new(Fault::CallbackGarbage)]).await;
    all_known(&ledger, &truth);
    // Garbage has no signature, so nothing of it is even read.
    refused(&truth, 403);
}

fn refused(truth: &[CallRecord], status: u16) {
    for record in truth {
        assert!(record.sent_for(Purpose::Forgery).count() > 0);
        for sent in record.sent_for(Purpose::Forgery) {
            assert_eq!(sent.attempts[0].answer, Some(status), "{sent:?}");
        }
    }
}

#[tokio::test]
async fn callback_before_the_rest_answer() {
    let (ledger, truth) = suffer("first", 17, [Rule::new(Fault::CallbackFirst).on("create")]).await;
    all_known(&ledger, &truth);
}

#[tokio::test]
async fn timeout_before_the_call_was_placed() {
    let (ledger, truth) = suffer("timeout-before", 18, [Rule::new(Fault::TimeoutBefore).on("create").times(3)]).await;
    some_undialled(&ledger, &truth, 3);
}

#[tokio::test]
async fn timeout_after_the_call_was_placed() {
    let (ledger, truth) = suffer("timeout-after", 19, [Rule::new(Fault::TimeoutAfter).on("create")]).await;
    all_known(&ledger, &truth);
}

#[tokio::test]
async fn timeout_after_the_call_was_placed_and_every_callback_lost() {
    let rules = [Rule::new(Fault::TimeoutAfter).on("create"), Rule::new(Fault::CallbackLost)];
    let (ledger, truth) = suffer("timeout-after-lost", 20, rules).await;
    // Only our name in the provider's history of a call tells whose it is, and a call that was never answered has no
    // history: not a single request of it left the network.
    assert_eq!(truth.len(), CAST.len());
    for record in &truth {
        let id = our_call(record).expect("our name is in its form").to_string();
        let outcome = ledger.life(&id).outcome();
        if record.answered_at.is_some() {
            assert_eq!(outcome.disposition.as_str(), record.status.name(), "{outcome:?}");
        } else {
            assert_eq!(outcome.disposition, Disposition::Failed);
            assert_eq!(outcome.proposal.reason.as_deref(), Some("dial-unconfirmed"));
        }
    }
}

#[tokio::test]
async fn connection_dropped_before_the_call_was_placed() {
    let (ledger, truth) = suffer("dropped-before", 21, [Rule::new(Fault::DroppedBefore).on("create").times(3)]).await;
    some_undialled(&ledger, &truth, 3);
}

#[tokio::test]
async fn connection_dropped_after_the_call_was_placed() {
    let (ledger, truth) = suffer("dropped-after", 22, [Rule::new(Fault::DroppedAfter).on("create")]).await;
    all_known(&ledger, &truth);
}

#[tokio::test]
async fn server_error_before_the_call_was_placed() {
    let (ledger, truth) = suffer("error-before", 23, [Rule::new(Fault::ErrorBefore).on("create").times(3)]).await;
    some_undialled(&ledger, &truth, 3);
}

#[tokio::test]
async fn server_error_after_the_call_was_placed() {
    let (ledger, truth) = suffer("error-after", 24, [Rule::new(Fault::ErrorAfter).on("create")]).await;
    all_known(&ledger, &truth);
}

#[tokio::test]
async fn rate_limits() {
    let (ledger, truth) = suffer("rate-limited", 25, [Rule::new(Fault::RateLimited).on("create").times(9)]).await;
    // Proof that nothing was dialled, so each is tried again until it is dialled, once.
    all_known(&ledger, &truth);
}

#[tokio::test]
async fn stale_reads() {
    let rules = [Rule::new(Fault::CallbackLost).on("completed"), Rule::new(Fault::StaleRead).on("fetch").times(9)];
    let (ledger, truth) = suffer("stale-read", 26, rules).await;
    all_known(&ledger, &truth);
}

#[tokio::test]
async fn hangup_during_dial() {
    let (ledger, truth) = suffer("hangup-during-dial", 27, [Rule::new(Fault::HangupDuringDial).on("ringing")]).await;
    all_known(&ledger, &truth);
    let struck = truth.iter().filter(|record| record.faults.contains(&Fault::HangupDuringDial));
    assert!(struck.clone().count() >= 5, "everybody whose phone rings");
    assert!(struck.clone().all(|record| record.status == Status::NoAnswer), "{:?}", struck.collect::<Vec<_>>());
}

#[tokio::test]
async fn hangup_during_a_connected_dial() {
    let town = Town::named("hangup-during-connect").seed(28).build().await;
    town.network.inject(Rule::new(Fault::HangupDuringDial).on("dial")).await;
    let mut ids = Vec::new();
    for to in CAST {
        ids.push(town.place(&Wish::to(STAYS).doing(json!({ "do": "connect", "to": to }))).await);
    }
    for id in &ids {
        town.api.until_ended(id, SOON).await;
    }
    let (_, truth) = town.close().await;
    assert!(truth.iter().any(|record| record.faults.contains(&Fault::HangupDuringDial)));
}

#[tokio::test]
async fn failing_hangups() {
    // Each way in which the answer to a hang-up can fail, on calls that only a hang-up ends.
    let faults = [
        Fault::RateLimited,
        Fault::ErrorBefore,
        Fault::ErrorAfter,
        Fault::DroppedBefore,
        Fault::DroppedAfter,
        Fault::TimeoutBefore,
        Fault::TimeoutAfter,
    ];
    let town = Town::named("hangups").seed(29).build().await;
    let mut ids = Vec::new();
    for (n, fault) in faults.into_iter().enumerate() {
        let number = format!("+1202555017{n}");
        town.network.inject(Rule::new(fault).on("update").number(&number).times(1)).await;
        // A stream holds the line; a listening call would be told of its end when it next asks what to do.
        ids.push(town.place(&Wish::to(number).doing(json!({ "do": "stream" }))).await);
    }
    // A hang-up that is wished before the voice URL is fetched is told in its answer; these come after.
    until(
        "all have their instructions",
        SOON,
        || town.network.calls(),
        |calls| {
            let told = |call: &CallRecord| call.sent_for(Purpose::Instructions).any(Sent::delivered);
            calls.len() == faults.len() && calls.iter().all(told)
        },
    )
    .await;
    for id in &ids {
        assert!(town.api.hang_up(id).await.status < 300);
    }
    for id in &ids {
        town.api.until_ended(id, SOON).await;
    }
    for fault in faults {
        assert_eq!(town.network.struck_by(fault).await, 1, "{}", fault.name());
    }
    let (ledger, _) = town.close().await;
    for life in &ledger.lives {
        assert_eq!(life.disposition(), Disposition::Completed);
        let wishes = life.journal.iter().filter(|entry| matches!(entry.input, Input::Command(_))).count();
        assert_eq!(wishes, 1);
    }
}

#[tokio::test]
async fn failing_streams() {
    let town = Town::named("streams").seed(30).build().await;
    let failing = "+12025550171";
    town.network.inject(Rule::new(Fault::StreamFails).number(failing)).await;
    let mut ids = Vec::new();
    for to in [failing, CAST[1], failing, CAST[1]] {
        ids.push(town.place(&Wish::to(to).doing(json!({ "do": "stream" }))).await);
    }
    for id in &ids {
        town.api.until_ended(id, SOON).await;
    }
    assert_eq!(town.network.struck_by(Fault::StreamFails).await, 2);
    town.close().await;
}

#[tokio::test]
async fn a_bit_of_everything() {
    let town = Town::named("everything").seed(31).build().await;
    town.network.set_faults(&simulator::Faults::demo()).await;
    for n in 0..60 {
        town.place(&Wish::to(format!("+1303555{n:04}")).about(format!("lead-{n}"))).await;
    }
    println!("faults: {:?}", town.network.struck().await);
    let (ledger, _) = town.close().await;
    assert_eq!(ledger.lives.len(), 60);
}

#[tokio::test]
async fn a_dial_that_goes_out_just_before_its_limit() {
    // Two refusals put the dial off; it goes out shortly before the limit, long after the provider was asked and knew
    // of nothing. Its answer takes two seconds, and no callback tells that the phone rings.
    let town = Town::named("late-dial").seed(32).speed(20.0).set("twilio.timeout", "'5s'");
    let town = town.set("policy.dial_answer", "'500ms'").set("policy.ask_again", "'2s'");
    let town = town.set("policy.dial_limit", "'2300ms'").build().await;
    town.network.settle("+1202*", Person::no_answer()).await;
    town.network.inject(Rule::new(Fault::RateLimited).on("create").times(2)).await;
    town.network.inject(Rule::new(Fault::CallbackFirst).on("create")).await;
    for status in ["initiated", "ringing"] {
        town.network.inject(Rule::new(Fault::CallbackLost).on(status)).await;
    }
    let id = town.place(&Wish::to(CAST[0])).await;
    town.api.until_ended(&id, SOON).await;
    let (ledger, truth) = town.close().await;
    assert_eq!(truth[0].hangups, [], "the phone rings to its end");
    assert_eq!(ledger.life(&id).disposition(), Disposition::NoAnswer);
}
