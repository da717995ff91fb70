//! Post-mortem 1: reflection calls, "Call not found".

use call_core::{Disposition, Proposer, Source};
use serde_json::json;
use simulator::{Fault, Person, Purpose, Rule, Status};
use tests::laws::our_call;
use tests::{Town, Wish, eventually, steps, until};

use crate::{CAST, SOON, STAYS};

#[tokio::test]
pub(crate) async fn p1_1_webhook_before_the_rest_answer_is_found_at_the_first_look() {
    let town = Town::new("p1-1").await;
    town.network.inject(Rule::new(Fault::CallbackFirst).on("create")).await;
    let ids = town.place_all(&CAST).await;
    town.rest().await;

    assert_eq!(town.network.struck_by(Fault::CallbackFirst).await, CAST.len() as u64);
    let lookups = |look| town.api.metric("call_lookups_total", look);
    assert!(lookups(&[r#"look="1""#]).await >= ids.len() as f64);
    assert_eq!(lookups(&[]).await, lookups(&[r#"look="1""#]).await, "every look is the first, and finds the call");
    assert_eq!(town.api.metric("call_webhooks_total", &[r#"answer="parked""#]).await, 0.0);
    let (_, truth) = town.close().await;
    for call in &truth {
        let first = call.sent_for(Purpose::Status).next().expect("a first callback");
        assert_eq!(first.attempts.len(), 1, "taken at the first try: {first:?}");
        assert!(first.delivered(), "{first:?}");
    }
}

#[tokio::test]
pub(crate) async fn p1_2_a_subject_with_an_open_call_is_refused_before_anything_is_dialled() {
    let town = Town::new("p1-2").await;
    let wish = Wish::to(STAYS).about("user-1");
    let open = town.place(&wish).await;
    town.api.until_phase(&open, &["live"], SOON).await;

    let refused = town.api.try_place(&wish, None).await.unwrap();
    assert_eq!(refused.status, 409, "{:#}", refused.body);
    assert!(refused.body.to_string().contains(&open), "the open call is named: {:#}", refused.body);
    assert_eq!(town.network.calls().await.len(), 1, "nothing was dialled for the refused call");

    assert!(town.api.hang_up(&open).await.status < 300);
    town.api.until_ended(&open, SOON).await;
    let next = town.place(&wish).await;
    town.api.until_phase(&next, &["live"], SOON).await;
    assert!(town.api.hang_up(&next).await.status < 300);
    let (ledger, truth) = town.close().await;
    assert_eq!(ledger.lives.len(), 2, "the refused call left no record");
    assert_eq!(truth.len(), 2);
}

#[tokio::test]
async fn p1_2_a_dial_that_is_accepted_for_a_call_given_up_is_hung_up() {
    // The answer to the dial waits for the first callback, which is lost, so it takes two seconds while the phone rings.
    let town = Town::named("p1-2-given-up").speed(20.0).set("twilio.timeout", "'5s'");
    let town = town.set("policy.dial_answer", "'10s'").set("policy.dial_limit", "'12s'").build().await;
    town.network.settle("+1202*", Person::no_answer()).await;
    town.network.inject(Rule::new(Fault::CallbackFirst).on("create")).await;
    for status in ["initiated", "ringing"] {
        town.network.inject(Rule::new(Fault::CallbackLost).on(status)).await;
    }
    let id = town.place(&Wish::to(CAST[0]).about("user-1")).await;
    until(
        "the phone rings",
        SOON,
        || town.network.calls(),
        |calls| calls.iter().any(|call| call.status == Status::Ringing),
    )
    .await;
    assert_eq!(town.api.phase(&id).await, "dialing", "the server does not know yet");
    assert!(town.api.hang_up(&id).await.status < 300);
    assert_eq!(town.api.phase(&id).await, "ending", "it waits for the name of the leg");

    town.api.until_ended(&id, SOON).await;
    let (ledger, truth) = town.close().await;
    assert_eq!(truth[0].status, Status::Canceled);
    assert_eq!(truth[0].hangups.len(), 1, "one hang-up, the moment the dial was answered: {:?}", truth[0].hangups);
    let outcome = ledger.life(&id).outcome();
    assert_eq!(outcome.disposition, Disposition::Canceled);
    assert_eq!(outcome.proposal.proposer, Proposer::Operator);
}

#[tokio::test]
async fn p1_3_context_is_saved_with_the_plan() {
    let town = Town::new("p1-3").await;
    town.network.inject(Rule::new(Fault::RateLimited).on("create")).await;
    let context = json!({ "prompt": "Ask how the week went.", "reflection": "17" });
    let id = town.place(&Wish::to(CAST[0]).about("user-1").knowing(context)).await;

    // The most hostile moment: nothing is dialled yet, and the server dies.
    town.kill_nine().await;
    let ledger = town.ledger().await;
    let plan = ledger.life(&id).call.plan().clone();
    assert_eq!(plan.context["prompt"], "Ask how the week went.");
    assert_eq!(plan.context["reflection"], "17");
    assert!(town.network.calls().await.is_empty(), "nothing was dialled before");

    town.start().await;
    let shown = town.api.call(&id).await;
    assert!(shown.to_string().contains("Ask how the week went."), "{shown:#}");
    let (ledger, truth) = town.close().await;
    // A dial that the dead server had in hand may have been sent: it is not dialled again, whether it rang or not.
    assert!(truth.len() <= 1, "dialled at most once: {truth:?}");
    assert_eq!(ledger.life(&id).call.plan(), &plan, "and stays with it for life");
}

#[tokio::test]
pub(crate) async fn p1_4_a_stale_open_call_is_reconciled_and_the_new_call_goes_ahead() {
    // The engine's own question comes too late to help: the new call must ask.
    let town = Town::named("p1-4").set("policy.quiet_limit", "'1h'").set("policy.stale.quiet", "'500ms'").build().await;
    town.network.inject(Rule::new(Fault::CallbackLost).on("completed").calls(1)).await;
    let wish = Wish::to(CAST[0]).about("user-1");
    let stale = town.place(&wish).await;
    town.network.until_over(1, SOON).await;
    assert_eq!(town.api.phase(&stale).await, "live", "its end was never told");

    let next = eventually("a new call goes ahead", SOON, async || {
        let answer = town.api.try_place(&wish, None).await.unwrap();
        if answer.status == 409 {
            // Believed until its last sign of life is old enough.
            assert!(answer.body.to_string().contains(&stale), "{:#}", answer.body);
            return None;
        }
        assert_eq!(answer.status, 201, "{:#}", answer.body);
        Some(answer.body["id"].as_str().unwrap().to_owned())
    })
    .await;
    assert_eq!(town.api.phase(&stale).await, "ended");
    town.api.until_ended(&next, SOON).await;
    let (ledger, truth) = town.close().await;
    assert_eq!(truth.len(), 2);
    let outcome = ledger.life(&stale).outcome();
    assert_eq!((outcome.disposition, outcome.source), (Disposition::Completed, Source::Reconciliation));
}

#[tokio::test]
async fn p1_4_a_stale_call_that_proves_alive_is_kept_and_the_new_call_refused() {
    let town = Town::named("p1-4-alive").set("policy.quiet_limit", "'1h'").set("policy.stale.quiet", "'300ms'");
    let town = town.build().await;
    let wish = Wish::to(STAYS).about("user-1");
    let open = town.place(&wish).await;
    town.api.until_phase(&open, &["live"], SOON).await;
    let asked = async || {
        let requests = town.network.requests().await;
        requests.iter().filter(|request| request.method == "GET").count()
    };
    // Refused while it is believed, and again when it is doubted and the provider says that it lives.
    eventually("the provider was asked", SOON, async || {
        let answer = town.api.try_place(&wish, None).await.unwrap();
        assert_eq!(answer.status, 409, "{:#}", answer.body);
        (asked().await > 0).then_some(())
    })
    .await;
    assert_eq!(town.api.phase(&open).await, "live");
    assert_eq!(town.network.calls().await.len(), 1);
    assert!(town.api.hang_up(&open).await.status < 300);
    town.close().await;
}

#[tokio::test]
async fn p1_5_the_log_of_one_call_tells_the_whole_flow() {
    let town = Town::new("p1-5").await;
    let ids = town.place_all(&CAST[..2]).await;
    for id in &ids {
        town.api.until_ended(id, SOON).await;
    }
    let log = town.log();
    let (ledger, truth) = town.close().await;
    for id in &ids {
        let lines = steps::of_call(&log, id);
        let told: Vec<&str> = lines.iter().map(|line| line.step.as_str()).collect();
        // Record created, initiating, initiated with SID, webhook status, lookup found, and how it went on.
        assert!(steps::in_order(&lines, &["created", "dialing", "dialed"]), "{told:?}");
        assert!(steps::in_order(&lines, &["created", "looked-up", "webhook", "ended"]), "{told:?}");
        assert!(steps::in_order(&lines, &["created", "looked-up", "moved", "ended"]), "{told:?}");
        let sid = ledger.life(id).sid().unwrap().to_owned();
        let dialed = lines.iter().find(|line| line.step == "dialed").unwrap();
        assert!(dialed.json.to_string().contains(&sid), "the SID is told: {}", dialed.json);
        let found = lines.iter().filter(|line| line.step == "looked-up");
        for line in found {
            assert_eq!(line.field("found"), Some(&json!(true)), "{}", line.json);
            assert_eq!(line.field("look"), Some(&json!(1)), "{}", line.json);
        }
        let ended = lines.iter().find(|line| line.step == "ended").unwrap();
        assert_eq!(ended.field("disposition"), Some(&json!("completed")));
        let record = truth.iter().find(|record| our_call(record).unwrap().to_string() == *id).unwrap();
        assert!(!log.contains(&record.to), "phone numbers are masked");
    }
}
