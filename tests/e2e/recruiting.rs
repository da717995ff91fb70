//! Post-mortem 2: recruiting campaigns, silent stream failures and calls stuck for 13 hours.

use std::process::Stdio;
use std::time::Duration;

use call_core::{Proposer, Source};
use serde_json::{Value, json};
use simulator::{Fault, Purpose, Rule};
use tests::{Town, Wish, until};

use crate::{CAST, SOON, STAYS};

#[tokio::test]
async fn p2_1_a_stream_that_fails_ends_the_call_with_a_reason() {
    let town = Town::new("p2-1").await;
    town.network.inject(Rule::new(Fault::StreamFails)).await;
    let mut ids = Vec::new();
    for _ in 0..3 {
        ids.push(town.place(&Wish::to(STAYS).doing(json!({ "do": "stream" }))).await);
    }
    for id in &ids {
        let shown = town.api.until_ended(id, SOON).await;
        assert!(shown.to_string().contains("stream-loss"), "the API shows who proposed the end: {shown:#}");
    }
    let (ledger, _) = town.close().await;
    for id in &ids {
        let proposal = &ledger.life(id).outcome().proposal;
        assert_eq!(proposal.proposer, Proposer::StreamLoss);
        let reason = proposal.reason.as_deref().unwrap_or_default();
        assert!(reason.contains("WebSocket"), "the provider's own words: {reason:?}");
    }
}

#[tokio::test]
async fn p2_1_a_stream_of_which_nothing_is_heard_ends_the_call_with_a_reason() {
    let town = Town::new("p2-1-silent").await;
    town.network.inject(Rule::new(Fault::CallbackLost).on("stream")).await;
    let id = town.place(&Wish::to(STAYS).doing(json!({ "do": "stream" }))).await;
    town.api.until_ended(&id, SOON).await;
    let (ledger, truth) = town.close().await;
    let proposal = &ledger.life(&id).outcome().proposal;
    assert_eq!(proposal.proposer, Proposer::StreamLoss);
    assert_eq!(proposal.reason.as_deref(), Some("the audio stream did not open in time"));
    assert_eq!(truth[0].hangups.len(), 1, "the caller is let go");
}

#[tokio::test]
async fn p2_2_callback_urls_travel_with_each_dial() {
    let town = Town::new("p2-2").await;
    let ids = town.place_all(&CAST).await;
    town.rest().await;
    let (_, truth) = town.close().await;
    assert_eq!(truth.len(), CAST.len());
    for (id, record) in ids.iter().zip(CAST).map(|(id, to)| (id, truth.iter().find(|r| r.to == to).unwrap())) {
        let values = |key: &str| -> Vec<&str> {
            record.form.iter().filter(|(name, _)| name == key).map(|(_, value)| value.as_str()).collect()
        };
        let [callback] = values("StatusCallback")[..] else { panic!("one StatusCallback: {:?}", record.form) };
        assert!(callback.contains(id.as_str()), "our name is on it: {callback}");
        // Each event under its own key: a value with spaces is accepted and silences them all.
        assert_eq!(values("StatusCallbackEvent"), ["initiated", "ringing", "answered", "completed"]);
        assert_eq!(record.notices, [], "the provider has nothing to complain of");
        let told: Vec<_> = record.sent_for(Purpose::Status).filter_map(|sent| sent.param("CallStatus")).collect();
        assert_eq!(told.first(), Some(&"initiated"));
        assert_eq!(told.last(), Some(&record.status.name()));
        assert!(record.sent_for(Purpose::Status).all(|sent| sent.delivered()), "all of them are taken");
    }
}

#[tokio::test]
pub(crate) async fn p2_3_lost_callbacks_leave_no_call_stuck() {
    let town = Town::new("p2-3").await;
    town.network.inject(Rule::new(Fault::CallbackLost)).await;
    let ids = town.place_all(&CAST).await;
    for id in &ids {
        town.api.until_ended(id, SOON).await;
    }
    let (ledger, truth) = town.close().await;
    assert!(truth.iter().all(|record| record.sent_for(Purpose::Status).all(|sent| !sent.delivered())));
    for id in &ids {
        let outcome = ledger.life(id).outcome();
        assert_eq!(outcome.source, Source::Reconciliation, "{id}: {outcome:?}");
    }
}

#[tokio::test]
async fn p2_3_a_sweep_reports_ids_and_a_dry_run_changes_nothing() {
    // The sweeper is as good as off, as the cron job was; people sweep by hand.
    let town = Town::named("p2-3-sweep").set("sweep.every", "'1h'").build().await;
    town.network.inject(Rule::new(Fault::CallbackLost).on("completed")).await;
    let ids = town.place_all(&["+12025550100"; 6]).await;
    town.network.until_over(ids.len(), SOON).await;
    let named = |report: &Value| ids.iter().filter(|id| report["calls"].to_string().contains(*id)).count();

    let dry = || async { town.api.post("/v1/sweep?dry_run=true").await.body };
    let report = until("all six are due", SOON, dry, |report| named(report) == ids.len()).await;
    assert_eq!(report["dry_run"], true);
    assert!(report["calls"].as_array().unwrap().iter().all(|call| call["asked"] == true), "{report:#}");
    let versions = async || -> Vec<u64> {
        let ledger = town.ledger().await;
        ids.iter().map(|id| ledger.life(id).call.version()).collect()
    };
    let before = versions().await;
    assert_eq!(named(&dry().await), ids.len(), "a dry run leaves them due");
    assert_eq!(versions().await, before, "a dry run changes nothing");
    for id in &ids {
        assert_eq!(town.api.phase(id).await, "live");
    }

    let report = town.api.post("/v1/sweep").await.body;
    assert_eq!(report["dry_run"], false);
    assert_eq!(named(&report), ids.len(), "the report names them: {report:#}");
    for id in &ids {
        town.api.until_ended(id, SOON).await;
    }
    let report = town.api.post("/v1/sweep").await.body;
    assert_eq!(named(&report), 0, "nothing is left to sweep: {report:#}");
    town.close().await;
}

#[tokio::test]
async fn p2_7_a_configuration_that_cannot_work_is_refused_and_names_the_key() {
    let town = Town::new("p2-7").await;
    let secret = "0123456789abcdef0123456789abcdef";
    let table: [(&str, &str, &str); 9] = [
        ("CALL_SERVER__TWILIO__ACCOUNT_SID", "", "twilio.account_sid"),
        ("CALL_SERVER__TWILIO__ACCOUNT_SID", "ACnonsense", "twilio.account_sid"),
        ("CALL_SERVER__TWILIO__AUTH_TOKEN", "", "twilio.auth_token"),
        ("CALL_SERVER__API__TOKENS", "", "api.tokens"),
        ("CALL_SERVER__SERVER__PUBLIC_URL", "", "server.public_url"),
        ("CALL_SERVER__STORE__URL", "mysql://nowhere", "store.url"),
        ("CALL_SERVER__POLICY__HANGUP_TRIES", "0", "policy.hangup_tries"),
        ("CALL_SERVER__POLICY__DIAL_LIMIT", "1ms", "policy.dial_limit"),
        ("CALL_SERVER__POLICY__RING_LIMITS", "1m", "POLICY__RING_LIMITS"),
    ];
    let config = town.config().display().to_string();
    for (variable, value, key) in table {
        for arguments in [&["serve", "--config", &config][..], &["config", "check", "--config", &config]] {
            let mut command = town.command(arguments);
            command.env(variable, value).stdout(Stdio::piped()).stderr(Stdio::piped());
            let run = tokio::time::timeout(Duration::from_secs(10), command.output()).await;
            let run = run.unwrap_or_else(|_| panic!("{arguments:?} starts in spite of {variable}={value:?}")).unwrap();
            let said = String::from_utf8_lossy(&[run.stdout, run.stderr].concat()).into_owned();
            assert!(!run.status.success(), "{arguments:?} is content with {variable}={value:?}: {said}");
            assert!(said.contains(key), "{arguments:?} with {variable}={value:?} does not name {key}: {said}");
            assert!(!said.contains(secret), "a secret is shown: {said}");
        }
    }
    let run = town.command(&["config", "check", "--config", &config]).output().await.unwrap();
    assert!(run.status.success(), "the town's own configuration works: {}", String::from_utf8_lossy(&run.stderr));
    town.close().await;
}
