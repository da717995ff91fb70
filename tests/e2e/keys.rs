//! What a live call is told to do over HTTP: sounds, keys, recordings and bridges, at the providers that can.

use call_core::{Fact, Refused, Speaker};
use serde_json::{Value, json};
use simulator::{Person, Provider};
use tests::{Town, Wish};

use crate::{SOON, STAYS};

/// A call that is answered, and whose caller presses these keys when asked.
async fn answered(by: Provider, name: &str, digits: &str) -> (Town, String) {
    let town = Town::named(name).by(by).build().await;
    town.network.settle(STAYS, Person::talks(600.0).pressing(digits)).await;
    let id = town.place(&Wish::to(STAYS).doing(json!({ "do": "converse" }))).await;
    town.api.until_phase(&id, &["live"], SOON).await;
    (town, id)
}

async fn tell(town: &Town, id: &str, command: Value) {
    let answer = town.api.command(id, &command).await;
    assert_eq!(answer.status, 202, "{command}: {:#}", answer.body);
}

async fn until_gathered(town: &Town, id: &str, operation: &str) -> Value {
    let of = |call: &Value| -> Option<Value> {
        call["gathered"].as_array()?.iter().find(|keys| keys["operation"] == operation).cloned()
    };
    let call = town.api.until_call(id, "the keys are told", |call| of(call).is_some()).await;
    of(&call).unwrap()
}

async fn hang_up(town: &Town, id: &str) {
    assert!(town.api.hang_up(id).await.status < 300);
    town.api.until_ended(id, SOON).await;
}

/// One wish that is finished by its last key, one by the number of its keys, and one that nobody finishes.
async fn a_menu(by: Provider, name: &str) {
    let (town, id) = answered(by, name, "12#").await;
    let gather = |operation: &str, most: u8| {
        json!({ "command": "gather", "operation": operation, "prompt": "Your number, please.", "most": most,
                "until": "#", "pause": "2s" })
    };
    tell(&town, &id, gather("customer", 8)).await;
    let again = town.api.command(&id, &gather("other", 8)).await;
    assert_eq!((again.status, again.body["reason"].as_str()), (409, Some("already-running")), "one at a time");
    let keys = until_gathered(&town, &id, "customer").await;
    assert_eq!((&keys["digits"], &keys["complete"]), (&json!("12"), &json!(true)));

    tell(&town, &id, gather("choice", 1)).await;
    let keys = until_gathered(&town, &id, "choice").await;
    assert_eq!((&keys["digits"], &keys["complete"]), (&json!("1"), &json!(true)));

    let silent = town.place(&Wish::to("+12025550171").doing(json!({ "do": "converse" }))).await;
    town.api.until_phase(&silent, &["live"], SOON).await;
    tell(&town, &silent, gather("nothing", 4)).await;
    let keys = until_gathered(&town, &silent, "nothing").await;
    assert_eq!((&keys["digits"], &keys["complete"]), (&json!(""), &json!(false)));
    hang_up(&town, &silent).await;

    hang_up(&town, &id).await;
    let (ledger, _) = town.close().await;
    let asked = ledger.life(&id).facts().filter(
        |signal| matches!(&signal.fact, Fact::Turn(turn) if turn.speaker == Speaker::Agent && turn.text.contains("number")),
    );
    assert_eq!(asked.count(), 2, "what the caller was asked is in the transcript");
}

#[tokio::test]
async fn keys_are_gathered_by_twilio() {
    a_menu(Provider::Twilio, "menu-twilio").await;
}

#[tokio::test]
async fn keys_are_gathered_by_telnyx() {
    a_menu(Provider::Telnyx, "menu-telnyx").await;
}

/// A sound is played to its end, and what is recorded becomes known.
async fn music_and_a_recording(by: Provider, name: &str) {
    let (town, id) = answered(by, name, "").await;
    tell(&town, &id, json!({ "command": "start-recording" })).await;
    tell(&town, &id, json!({ "command": "play", "operation": "music", "url": "https://example.com/hold.mp3" })).await;
    let played = |entries: &Value| entries.to_string().contains(r#"{"operation":"music","played":true}"#);
    let journal = format!("/v1/calls/{id}/journal");
    tests::until("the music ends", SOON, async || town.api.get(&journal).await.body, played).await;
    tell(&town, &id, json!({ "command": "stop-recording" })).await;
    let is_ready = |call: &Value| {
        let mut all = call["recordings"].as_array().into_iter().flatten();
        all.any(|recording| recording["status"] == "completed" && recording["url"].is_string())
    };
    town.api.until_call(&id, "the recording is ready", is_ready).await;
    hang_up(&town, &id).await;
    town.close().await;
}

#[tokio::test]
async fn music_is_played_and_recorded_by_twilio() {
    music_and_a_recording(Provider::Twilio, "music-twilio").await;
}

#[tokio::test]
async fn music_is_played_and_recorded_by_telnyx() {
    music_and_a_recording(Provider::Telnyx, "music-telnyx").await;
}

/// Two people who were rung are joined; when one hangs up, so does the other.
#[tokio::test]
async fn two_calls_are_bridged_by_telnyx() {
    let (town, id) = answered(Provider::Telnyx, "bridge-telnyx", "").await;
    let other = town.place(&Wish::to("+12025550171").doing(json!({ "do": "converse" }))).await;
    let early = town.api.command(&id, &json!({ "command": "bridge", "call": "not-a-call" })).await;
    assert_eq!(early.status, 422, "{:#}", early.body);
    town.api.until_phase(&other, &["live"], SOON).await;
    tell(&town, &id, json!({ "command": "bridge", "call": other })).await;
    let bridged = async || {
        let requests = town.network.requests().await;
        requests.iter().any(|request| request.path.ends_with("/actions/bridge") && request.answer == Some(200))
    };
    tests::until("the bridge is made", SOON, bridged, |made| *made).await;
    hang_up(&town, &other).await;
    town.api.until_ended(&id, SOON).await;
    town.close().await;
}

/// What a provider cannot do is said in words, and the call goes on.
#[tokio::test]
async fn twilio_has_no_bridge_and_says_so() {
    let (town, id) = answered(Provider::Twilio, "bridge-twilio", "").await;
    let other = town.place(&Wish::to("+12025550171").doing(json!({ "do": "converse" }))).await;
    town.api.until_phase(&other, &["live"], SOON).await;
    tell(&town, &id, json!({ "command": "bridge", "call": other })).await;
    let journal = format!("/v1/calls/{id}/journal");
    let said = |entries: &Value| entries.to_string().contains("Twilio cannot bridge two calls");
    tests::until("the refusal is in the journal", SOON, async || town.api.get(&journal).await.body, said).await;
    assert_eq!(town.api.phase(&id).await, "live");
    hang_up(&town, &id).await;
    hang_up(&town, &other).await;
    let (ledger, _) = town.close().await;
    assert!(ledger.life(&id).facts().any(|signal| matches!(signal.fact, Fact::Refused(Refused::Bridge { .. }))));
}
