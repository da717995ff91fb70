//! Post-mortem 5: a voice bot on Telnyx, whose words, streams and timers raced with the hang-up. The words are Telnyx's
//! own speech operations; a bot's own audio keeps the same rules.

use std::time::Duration;

use call_core::{Disposition, Fact, Input, Operation, Proposer, Reason, Refusal, Signal, Source, Timestamp, journal};
use futures::future::join_all;
use serde_json::{Value, json};
use simulator::{CallRecord, Fault, Person, Provider, Purpose, RestRequest, Rule};
use tests::laws::event;
use tests::{Life, Town, TownBuilder, Wish};

use crate::{CAST, SOON, STAYS};

/// Between a message's arrival and its commit, and back from the outbox to the network.
const IN_FLIGHT: Duration = Duration::from_millis(400);

/// Twenty words: seven and a half phone seconds.
const GREETING: &str =
    "Hello and welcome to the clinic on the hill where you can book, move or cancel an appointment at any hour.";

fn bot(name: &str) -> TownBuilder {
    Town::named(name).by(Provider::Telnyx)
}

fn converse(to: &str) -> Wish {
    Wish::to(to).doing(json!({ "do": "converse", "greeting": GREETING }))
}

fn stream(to: &str) -> Wish {
    Wish::to(to).doing(json!({ "do": "stream" }))
}

/// The commands of one action to a leg.
fn commands<'a>(requests: &'a [RestRequest], record: &'a CallRecord, action: &'a str) -> Vec<&'a RestRequest> {
    let of = |request: &&RestRequest| request.path.ends_with(&format!("/actions/{action}"));
    requests.iter().filter(of).filter(|request| request.call.as_ref() == Some(&record.sid)).collect()
}

/// When the server had taken the word that the leg is over.
fn told_of_the_end(record: &CallRecord) -> Option<Timestamp> {
    let sent = record.sent_for(Purpose::Status).find(|sent| event(sent) == Some("call.hangup"))?;
    let taken = sent.attempts.iter().find(|attempt| attempt.answer.is_some_and(|status| status < 300))?;
    let took = i64::try_from(taken.took_ms).unwrap_or_default();
    Some(Timestamp::from_millis(taken.at.as_millisecond() + took))
}

fn arrived(request: &RestRequest) -> Timestamp {
    Timestamp::from_millis(request.at.as_millisecond())
}

fn record<'a>(truth: &'a [CallRecord], life: &Life) -> &'a CallRecord {
    truth.iter().find(|record| Some(record.sid.as_str()) == life.sid()).unwrap()
}

#[tokio::test]
pub(crate) async fn p5_1_no_word_is_sent_to_a_call_that_has_ended() {
    let town = bot("p5-1").speed(20.0).build().await;
    town.network.inject(Rule::new(Fault::QuickHangup).number("+12025550100")).await;
    let mut ids = Vec::new();
    for to in ["+12025550100", "+12025550100", "+12025550100", CAST[5], STAYS, STAYS] {
        ids.push(town.place(&converse(to)).await);
    }
    // Two are hung up by us in the middle of the greeting.
    for id in &ids[4..] {
        town.api.until_call(id, "the greeting begins", |call| !call["transcript"].is_null()).await;
        assert!(town.api.hang_up(id).await.status < 300);
    }
    for id in &ids {
        town.api.until_ended(id, SOON).await;
    }
    let requests = town.network.requests().await;
    let (ledger, truth) = town.close().await;
    let mut spoken = 0;
    for id in &ids {
        let (life, record) = (ledger.life(id), record(&truth, ledger.life(id)));
        let end = told_of_the_end(record).expect("the end is told");
        for action in ["speak", "streaming_start", "playback_start"] {
            for command in commands(&requests, record, action) {
                assert!(arrived(command) <= end + IN_FLIGHT, "{action} to {} after its end", record.sid);
                spoken += 1;
            }
        }
        let asked = life.journal.iter().position(|entry| matches!(entry.input, Input::Command(_)));
        let words = |entry: &call_core::journal::Entry| matches!(&entry.input, Input::Signal(signal) if matches!(signal.fact, Fact::Turn(_)));
        if let Some(asked) = asked {
            assert!(!life.journal[asked..].iter().any(words), "{id}: nothing is begun after the wish to hang up");
        }
    }
    assert!(spoken >= ids.len() - 1, "{spoken}");
}

#[tokio::test]
pub(crate) async fn p5_2_a_stream_that_starts_after_the_hangup_is_no_error() {
    let town = bot("p5-2").build().await;
    town.network.inject(Rule::new(Fault::HangupBeforeCommand).on("streaming_start").number(STAYS)).await;
    let late = [town.place(&stream(STAYS)).await, town.place(&stream(STAYS)).await];
    // Of these the end is known before anything could be streamed.
    let unanswered = [town.place(&stream(CAST[2])).await, town.place(&stream(CAST[3])).await];
    for id in late.iter().chain(&unanswered) {
        town.api.until_ended(id, SOON).await;
    }
    let requests = town.network.requests().await;
    let (ledger, truth) = town.close().await;
    for id in &late {
        let (life, record) = (ledger.life(id), record(&truth, ledger.life(id)));
        let started = commands(&requests, record, "streaming_start");
        let [started] = started[..] else { panic!("it is not tried again: {started:?}") };
        assert_eq!(started.answer, Some(422));
        let outcome = life.outcome();
        assert_eq!((outcome.disposition, &outcome.proposal.proposer), (Disposition::Completed, &Proposer::Provider));
        assert!(record.hangups.is_empty(), "nobody is hung up who has gone");
    }
    for id in &unanswered {
        let record = record(&truth, ledger.life(id));
        assert!(commands(&requests, record, "streaming_start").is_empty(), "refused before it is tried");
    }
}

#[tokio::test]
pub(crate) async fn p5_3_no_word_that_was_spoken_is_missing() {
    const DRAIN: Duration = Duration::from_secs(5);
    let town = bot("p5-3").speed(20.0).set("policy.drain_limit", "'5s'").build().await;
    town.network.inject(Rule::new(Fault::QuickHangup)).await;
    let mut ids = town.place_each(&[converse(CAST[0]), converse(CAST[1]), converse(CAST[0]), converse(CAST[1])]).await;
    for id in &ids {
        town.api.until_ended(id, SOON).await;
    }
    // Even if nobody tells that the words were cut.
    town.network.inject(Rule::new(Fault::CallbackLost).on("call.speak.ended")).await;
    ids.extend(town.place_each(&[converse(CAST[0]), converse(CAST[1])]).await);
    for id in &ids {
        town.api.until_ended(id, SOON).await;
    }
    let requests = town.network.requests().await;
    let (ledger, truth) = town.close().await;
    let mut turns = 0;
    for id in &ids {
        let (life, record) = (ledger.life(id), record(&truth, ledger.life(id)));
        let begun = commands(&requests, record, "speak").iter().filter(|speak| speak.answer == Some(200)).count();
        let told: Vec<_> = journal::transcript(&life.journal).into_iter().map(|(_, _, text)| text).collect();
        assert_eq!(told, vec![GREETING; begun], "{id}: what was begun is in the transcript, and nothing else");
        turns += begun;
        let heard = life.journal.iter().find(|entry| is_end(&entry.input)).unwrap().at;
        let waited = life.closed_at().unwrap().since(heard);
        assert!(waited < DRAIN, "{id}: the drain waits for the event and no longer: {waited:?}");
        assert!(record.hangups.is_empty(), "who has gone is not hung up");
    }
    assert!(turns >= 2, "somebody heard something: {turns}");
}

/// Without their words the engine would ask whether they are there, and hang up.
#[tokio::test]
async fn what_a_caller_says_is_heard() {
    let town = bot("heard").build().await;
    let words = "Tomorrow at ten, please.";
    town.network.settle(STAYS, Person::talks(600.0).saying(words)).await;
    let id = town.place(&converse(STAYS)).await;
    let heard = |call: &Value| {
        call["transcript"]
            .as_array()
            .into_iter()
            .flatten()
            .any(|turn| turn["speaker"] == "caller" && turn["text"] == words)
    };
    town.api.until_call(&id, "the caller is heard", heard).await;
    assert!(town.api.hang_up(&id).await.status < 300);
    town.api.until_ended(&id, SOON).await;
    town.close().await;
}

fn is_end(input: &Input) -> bool {
    matches!(input, Input::Signal(Signal { fact: Fact::Ended(_), .. }))
}

#[tokio::test]
pub(crate) async fn p5_4_many_timers_hang_up_once() {
    let limits = [("response_limit", "'300ms'"), ("prompt_limit", "'200ms'"), ("live_limit", "'1s'")];
    let town = limits
        .into_iter()
        .fold(bot("p5-4").speed(10.0), |town, (key, value)| town.set(&format!("policy.{key}"), value));
    let town = town.build().await;
    let mut ids = Vec::new();
    for nth in 0..6 {
        let greeting = if nth % 2 == 0 { "Yes?" } else { "" };
        let wish = Wish::to(STAYS).doing(json!({ "do": "converse", "greeting": greeting }));
        ids.push(town.place(&wish).await);
    }
    // Two of them are hung up by three people at once as well.
    let mut answers = Vec::new();
    for id in &ids[4..] {
        town.api.until_phase(id, &["live"], SOON).await;
        answers.extend(join_all((0..3).map(|_| town.api.hang_up(id))).await);
    }
    for id in &ids {
        town.api.until_ended(id, SOON).await;
    }
    let requests = town.network.requests().await;
    let (ledger, truth) = town.close().await;
    for id in &ids {
        let (life, record) = (ledger.life(id), record(&truth, ledger.life(id)));
        assert_eq!(record.hangups.len(), 1, "{id}: {:?}", record.hangups);
        assert_eq!(commands(&requests, record, "hangup").len(), 1);
        let by = &life.outcome().proposal.proposer;
        let expected = if ids[4..].contains(id) {
            matches!(by, Proposer::Operator)
        } else {
            matches!(by, Proposer::Deadline { .. })
        };
        assert!(expected, "{id}: {by:?}");
    }
    let (taken, refused): (Vec<_>, Vec<_>) = answers.iter().partition(|answer| answer.status < 300);
    assert_eq!((taken.len(), refused.len()), (2, 4), "one wish each is taken");
    for answer in refused {
        let reasons = [Reason::AlreadyEnding.as_str(), Reason::AlreadyEnded.as_str()];
        assert!(
            answer.status == 409 && reasons.contains(&answer.body["reason"].as_str().unwrap()),
            "{:#}",
            answer.body
        );
    }
    let prompted =
        |request: &&RestRequest| request.json.as_ref().is_some_and(|json| json["payload"] == "Are you still there?");
    assert!(requests.iter().filter(prompted).count() >= 2, "who is silent is asked first");
}

#[tokio::test]
pub(crate) async fn p5_5_what_may_be_done_is_told_with_a_reason() {
    let town = bot("p5-5").speed(10.0).build().await;
    let may = async |id: &str, operation: Operation| town.ledger().await.life(id).call.may(operation).map(|_| ());
    let sounds = [Operation::Speak, Operation::Stream, Operation::Transfer];

    let ringing = town.place(&Wish::to(CAST[2])).await;
    town.api.until_phase(&ringing, &["ringing"], SOON).await;
    for operation in sounds {
        assert_eq!(may(&ringing, operation).await, Err(Refusal::NotAnswered));
    }
    assert_eq!(may(&ringing, Operation::Hangup).await, Ok(()));

    let id = town.place(&converse(STAYS)).await;
    town.api.until_phase(&id, &["live"], SOON).await;
    for operation in sounds.into_iter().chain([Operation::Hangup]) {
        assert_eq!(may(&id, operation).await, Ok(()));
    }
    assert_eq!(may(&id, Operation::Dial).await, Err(Refusal::AlreadyDialed), "nobody is dialled again");

    // A hang-up on its way.
    town.network.inject(Rule::new(Fault::ErrorBefore).on("hangup")).await;
    assert!(town.api.hang_up(&id).await.status < 300);
    for operation in sounds.into_iter().chain([Operation::Hangup, Operation::Dial]) {
        assert_eq!(may(&id, operation).await, Err(Refusal::Ending));
    }
    let again: Value = town.api.hang_up(&id).await.body;
    assert_eq!(again["reason"], Reason::AlreadyEnding.as_str(), "the same answer over HTTP: {again:#}");
    town.network.heal().await;
    town.api.until_ended(&id, SOON).await;
    for operation in sounds.into_iter().chain([Operation::Hangup, Operation::Dial]) {
        assert_eq!(may(&id, operation).await, Err(Refusal::Ended(Disposition::Completed)));
    }

    // Handed over: the call lives as long as the one it was handed to.
    let target = "+12025550101";
    let connected = town.place(&Wish::to(STAYS).doing(json!({ "do": "connect", "to": target }))).await;
    town.api
        .until_call(&connected, "two legs", |call| call["legs"].as_array().is_some_and(|legs| legs.len() == 2))
        .await;
    assert_eq!(may(&connected, Operation::Hangup).await, Ok(()));
    town.api.until_ended(&connected, SOON).await;
    let (ledger, _) = town.close().await;
    assert_ne!(ledger.life(&connected).outcome().source, Source::Inference);
}
