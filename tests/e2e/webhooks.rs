//! Webhooks that are malformed, oversized, unsigned or unknown: a clear status, a counter, nothing stored that should
//! not be. Those that are genuine but early are parked and shown.

use std::time::Instant;

use serde_json::Value;
use tests::{Town, until};

use crate::SOON;

const ACCOUNT: (&str, &str) = ("AccountSid", "AC5100a7ed5100a7ed5100a7ed5100a7ed");
const NOBODY: &str = "0192f0c1-2345-7abc-8def-0123456789ab";
const SID: &str = "CA00112233445566778899aabbccddeeff";

fn status(sid: &'static str, status: &'static str, number: &'static str) -> Vec<(&'static str, &'static str)> {
    let mut form = vec![ACCOUNT, ("ApiVersion", "2010-04-01"), ("CallSid", sid), ("CallStatus", status)];
    form.extend([("From", "+12025550101"), ("To", "+12025550000"), ("Direction", "inbound")]);
    form.extend([("SequenceNumber", number), ("CallbackSource", "call-progress-events")]);
    form
}

#[tokio::test]
async fn a_webhook_that_is_not_taken_gets_a_clear_status_and_a_counter() {
    let town = Town::new("not-taken").await;
    let url = |path: &str| format!("{}/hooks/twilio{path}", town.public_url);
    let form = status(SID, "ringing", "1");
    let post = |path: &str| town.http.post(url(path)).form(&form);
    let large = vec![b'x'; 70_000];
    let form_type = ("Content-Type", "application/x-www-form-urlencoded");
    let path = format!("/{NOBODY}/status");
    let table = [
        ("unsigned", post(&path), 403, "refused"),
        ("signed by another", post(&path).header("X-Twilio-Signature", "bm90IHRoZSBrZXk="), 403, "refused"),
        ("no signature at all", post(&path).header("X-Twilio-Signature", "\u{7f}"), 0, ""),
        ("unsigned bytes", town.http.post(url(&path)).body("{\"CallSid\": [\0"), 403, "refused"),
        ("oversized", town.http.post(url(&path)).header(form_type.0, form_type.1).body(large), 413, "malformed"),
        ("signed without a CallSid", town.webhook(&path, &[ACCOUNT, ("CallStatus", "ringing")]), 400, "malformed"),
        (
            "signed for another account",
            town.webhook(&path, &[("AccountSid", "AC00"), ("CallSid", SID)]),
            400,
            "malformed",
        ),
        ("signed, no such webhook", town.webhook("/nothing", &form), 404, "malformed"),
        ("signed, no call id", town.webhook("/seventeen/status", &form), 404, "malformed"),
        ("another method", town.http.delete(url(&path)), 405, "malformed"),
    ];
    let mut counted = std::collections::BTreeMap::new();
    for (what, request, expected, answer) in table {
        // A header that cannot be sent never leaves this side.
        let Ok(request) = request.build() else { continue };
        let sent = town.http.execute(request).await.unwrap();
        assert_eq!(sent.status(), expected, "{what}");
        *counted.entry(answer).or_insert(0.0) += 1.0;
    }
    let unknown = town.http.post(format!("{}/hooks/telnyx/status", town.public_url)).send().await.unwrap();
    assert_eq!(unknown.status(), 404, "a provider that is not configured has no route");
    for (answer, times) in counted {
        let label = format!(r#"answer="{answer}""#);
        assert_eq!(town.api.metric("call_webhooks_total", &[&label]).await, times, "{answer}");
    }
    assert_eq!(parked(&town).await, 0);
    let (ledger, _) = town.close().await;
    assert_eq!(ledger.lives.len(), 0, "nothing is stored");
}

async fn parked(town: &Town) -> usize {
    shown(town).await.as_array().unwrap().len()
}

async fn shown(town: &Town) -> Value {
    town.api.get("/v1/parked").await.body["signals"].clone()
}

#[tokio::test]
async fn a_genuine_webhook_of_an_unknown_call_is_parked_shown_and_given_up() {
    let town = Town::named("parked").set("mailbox.keep", "'2s'").build().await;
    let sent = town.webhook(&format!("/{NOBODY}/status"), &status(SID, "ringing", "1")).send().await.unwrap();
    assert!(sent.status().is_success(), "it is stored, so it is acknowledged: {}", sent.status());
    let signals = shown(&town).await;
    assert_eq!(signals[0]["leg"]["id"], SID, "{signals:#}");
    assert_eq!(town.api.metric("call_webhooks_total", &[r#"answer="parked""#]).await, 1.0);
    assert_eq!(town.api.metric("call_parked_signals", &[]).await, 1.0);
    until("it is given up", SOON, || parked(&town), |count| *count == 0).await;
    let (ledger, _) = town.close().await;
    assert_eq!(ledger.lives.len(), 0);
}

#[tokio::test]
pub(crate) async fn parked_webhooks_reach_their_call_when_its_leg_is_known() {
    let town = Town::named("adopted").set("mailbox.keep", "'1m'").build().await;
    // Sent to a call that this store never had; then the same leg rings us.
    let sent = town.webhook(&format!("/{NOBODY}/status"), &status(SID, "completed", "7")).send().await.unwrap();
    assert!(sent.status().is_success());
    assert_eq!(parked(&town).await, 1);
    let mut voice = status(SID, "ringing", "0");
    voice.retain(|(name, _)| !matches!(*name, "SequenceNumber" | "CallbackSource"));
    let answer = town.webhook("/voice", &voice).send().await.unwrap();
    assert_eq!(answer.status(), 200);
    until("the mailbox is empty", SOON, || parked(&town), |count| *count == 0).await;
    let (ledger, _) = town.close().await;
    assert_eq!(ledger.lives.len(), 1);
    let life = &ledger.lives[0];
    assert!(life.has_event(SID, 7), "the parked signal is in its journal: {:#?}", life.journal);
    assert_eq!(life.disposition().as_str(), "completed");
}

#[tokio::test]
async fn a_voice_url_of_an_unknown_call_gets_a_polite_answer() {
    let town = Town::new("polite").await;
    let mut form = status(SID, "in-progress", "0");
    form.retain(|(name, _)| !matches!(*name, "SequenceNumber" | "CallbackSource"));
    let began = Instant::now();
    let answer = town.webhook(&format!("/{NOBODY}/voice"), &form).send().await.unwrap();
    let took = began.elapsed();
    assert_eq!(answer.status(), 200);
    assert_eq!(answer.headers()["content-type"], "text/xml");
    let twiml = answer.text().await.unwrap();
    assert!(twiml.contains("<Say") && twiml.contains("<Hangup"), "{twiml}");
    assert!(took.as_millis() >= 500, "the whole lookup schedule was waited for: {took:?}");
    assert_eq!(town.api.metric("call_lookups_total", &[r#"look="missed""#]).await, 2.0, "on delivery, and in vain");
    town.close().await;
}
