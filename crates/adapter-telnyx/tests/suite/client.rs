//! What Telnyx's answers prove, beyond what the laws show.

use std::time::Duration;

use call_core::port::Answer;
use call_core::{Command, Effect, Fact, SpeechFact};
use provider_laws::{Far, Said, raw, tell};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use crate::kit::{CONTROL, converse, leg, perform, refusal, stage, taken};

async fn answer_to(effect: &Effect, said: Said) -> Answer {
    let far = Far::answering(move |_| said.clone()).await;
    let call = if matches!(effect, Effect::Dial) { stage().dialing(converse()) } else { stage().live(converse()) };
    let answer = perform(&far.url(), &call, effect).await;
    assert_eq!(far.seen().len(), 1, "nothing is retried");
    answer
}

fn facts(answer: &Answer) -> Vec<Fact> {
    let Answer::Done(signals) = answer else { panic!("{answer:?}") };
    signals.iter().map(|signal| signal.fact.clone()).collect()
}

#[tokio::test]
async fn a_dial_without_a_name_that_can_be_one_is_unknown() {
    let said = Said::new(200, r#"{"data": {"call_control_id": ".."}}"#);
    let answer = answer_to(&Effect::Dial, said).await;
    assert!(matches!(answer, Answer::Unknown { .. }), "{answer:?}");
}

#[tokio::test]
async fn the_end_of_a_rate_limit_is_told_in_telnyxs_own_header() {
    let answer = answer_to(&Effect::Dial, refusal(429, Some(10011)).with("x-ratelimit-reset", "3")).await;
    let Answer::Later { after, .. } = answer else { panic!("{answer:?}") };
    assert_eq!(after, Some(Duration::from_secs(3)));
}

/// It is in the URL of every command.
#[tokio::test]
async fn a_lost_answer_keeps_the_calls_token_to_itself() {
    let base = raw(|mut socket| async move {
        let _ = socket.read(&mut [0; 4096]).await;
        let _ = socket.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 900\r\n\r\n{\"data\": {").await;
    })
    .await;
    let answer = perform(&base, &stage().live(converse()), &Effect::Hangup { leg: leg(CONTROL) }).await;
    let Answer::Unknown { why } = answer else { panic!("{answer:?}") };
    assert!(!why.contains("q7Tz0mVh"), "{why}");
}

/// Post-mortem 5.2.
#[tokio::test]
async fn a_stream_that_comes_after_the_end_or_twice_is_no_failure() {
    for code in [90018, 90045] {
        assert_eq!(answer_to(&Effect::OpenStream, refusal(422, Some(code))).await, Answer::Done(Vec::new()));
    }
    for code in [90018, 90048] {
        assert_eq!(answer_to(&Effect::CloseStream, refusal(422, Some(code))).await, Answer::Done(Vec::new()));
    }
    let failed = answer_to(&Effect::OpenStream, refusal(422, Some(90046))).await;
    assert!(matches!(failed, Answer::Refused { .. }), "{failed:?}");
    let early = answer_to(&Effect::OpenStream, refusal(422, Some(90034))).await;
    assert!(matches!(early, Answer::Later { .. }), "{early:?}");
}

fn unplayed(operation: &str) -> Fact {
    Fact::Speech(SpeechFact { operation: operation.to_owned(), played: false })
}

#[tokio::test]
async fn words_replace_the_words_before_them() {
    let mut call = stage().live(converse());
    tell(&mut call, Command::Speak { operation: "a".to_owned(), text: "One".to_owned() });
    tell(&mut call, Command::Speak { operation: "b".to_owned(), text: "Two".to_owned() });
    let speak = Effect::Speak { operation: "b".to_owned(), text: "Two".to_owned() };
    let far = Far::answering(|_| taken()).await;
    let answer = perform(&far.url(), &call, &speak).await;
    assert!(matches!(&facts(&answer)[..], [Fact::Turn(turn), cut] if turn.text == "Two" && *cut == unplayed("a")));

    let far = Far::answering(|_| refusal(422, Some(90018))).await;
    assert_eq!(facts(&perform(&far.url(), &call, &speak).await), [unplayed("b")], "nobody hears them");
    assert_eq!(facts(&perform(&far.url(), &call, &Effect::Hush).await), [unplayed("a"), unplayed("b")]);
}
