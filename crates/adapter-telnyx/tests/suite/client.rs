//! What Telnyx's answers, silence and absence prove, over real sockets.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use call_core::port::Answer;
use call_core::{Command, DialAnswer, Effect, Fact, HangupAnswer, Signal, SpeechFact};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

use crate::kit::{
    CONTROL, Far, Said, client_at, converse, dialing, inbound, leg, live, ok, perform, refusal, taken, tell,
};

/// What a dial is answered with. It says that the call is not alive.
fn dialled() -> Value {
    json!({"data": {
        "record_type": "call", "call_control_id": CONTROL, "call_leg_id": "l", "call_session_id": "s", "is_alive": false,
    }})
}

async fn answer_to(effect: &Effect, said: Said) -> Answer {
    let far = Far::answering(move |_| said.clone()).await;
    let call = if matches!(effect, Effect::Dial) { dialing(converse()) } else { live(converse()) };
    let answer = perform(&far.client(), &call, effect).await;
    assert_eq!(far.seen().len(), 1, "nothing is retried");
    answer
}

fn hangup() -> Effect {
    Effect::Hangup { leg: leg(CONTROL) }
}

fn facts(answer: &Answer) -> Vec<Fact> {
    let Answer::Done(signals) = answer else { panic!("{answer:?}") };
    signals.iter().map(|signal| signal.fact.clone()).collect()
}

/// A far side below HTTP: does `act` with every connection.
async fn raw<F>(act: impl Fn(TcpStream) -> F + Send + 'static) -> SocketAddr
where
    F: Future<Output = ()> + Send + 'static,
{
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((socket, _)) = listener.accept().await {
            tokio::spawn(act(socket));
        }
    });
    address
}

#[tokio::test]
async fn a_dial_that_was_taken_names_its_leg_and_is_not_over() {
    let answer = answer_to(&Effect::Dial, ok(&dialled())).await;
    assert_eq!(answer, Answer::Done(vec![Signal::new(Fact::Dialed(DialAnswer::Accepted)).on(leg(CONTROL))]));
}

#[tokio::test]
async fn a_dial_that_was_taken_in_unreadable_words_is_unknown() {
    for body in ["", "{", "{}", "<html/>", r#"{"data": {}}"#, r#"{"data": {"call_control_id": ".."}}"#] {
        let answer = answer_to(&Effect::Dial, (200, Vec::new(), body.to_owned())).await;
        assert!(matches!(answer, Answer::Unknown { .. }), "{body}: {answer:?}");
    }
}

#[tokio::test]
async fn a_dial_is_refused_for_good_only_by_proof() {
    for (status, code) in [(422, Some("10016")), (401, Some("10009")), (400, None), (404, Some("10005")), (302, None)] {
        let answer = answer_to(&Effect::Dial, refusal(status, code)).await;
        assert!(matches!(answer, Answer::Refused { .. }), "{status}: {answer:?}");
    }
    for (status, code) in [(500, Some("10007")), (503, Some("10037")), (502, None), (408, None)] {
        let answer = answer_to(&Effect::Dial, refusal(status, code)).await;
        assert!(matches!(answer, Answer::Unknown { .. }), "{status}: {answer:?}");
    }
    let answer = answer_to(&Effect::Dial, refusal(422, Some("90042"))).await;
    assert!(matches!(answer, Answer::Later { .. }), "no free channel: {answer:?}");
}

#[tokio::test]
async fn too_many_requests_may_be_repeated_when_telnyx_says() {
    let (status, _, body) = refusal(429, Some("10011"));
    for (header, wait) in [("retry-after", Some(3)), ("x-ratelimit-reset", Some(3)), ("x-other", None)] {
        let answer = answer_to(&Effect::Dial, (status, vec![(header, "3".to_owned())], body.clone())).await;
        let Answer::Later { after, .. } = answer else { panic!("{answer:?}") };
        assert_eq!(after, wait.map(Duration::from_secs));
    }
}

#[tokio::test]
async fn a_refused_connection_proves_that_nothing_was_sent() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let answer = perform(&client_at(address), &dialing(converse()), &Effect::Dial).await;
    assert!(matches!(&answer, Answer::Later { why, .. } if why.contains("could not be reached")), "{answer:?}");
}

#[tokio::test]
async fn a_reset_after_the_request_is_unknown() {
    let address = raw(|mut socket| async move {
        let mut some = [0; 64];
        let _ = socket.read(&mut some).await;
        // Closed with unread bytes in it: a reset.
    })
    .await;
    let answer = perform(&client_at(address), &dialing(converse()), &Effect::Dial).await;
    assert!(matches!(answer, Answer::Unknown { .. }), "{answer:?}");
}

#[tokio::test]
async fn silence_after_the_request_is_unknown_within_the_time_out() {
    let address = raw(|mut socket| async move {
        let mut all = Vec::new();
        let _ = socket.read_to_end(&mut all).await;
    })
    .await;
    let begun = Instant::now();
    let answer = perform(&client_at(address), &dialing(converse()), &Effect::Dial).await;
    assert!(matches!(answer, Answer::Unknown { .. }), "{answer:?}");
    assert!(begun.elapsed() < Duration::from_secs(5));
}

#[tokio::test]
async fn an_answer_that_breaks_off_is_unknown_and_keeps_the_calls_token_to_itself() {
    let address = raw(|mut socket| async move {
        let mut some = [0; 4096];
        let _ = socket.read(&mut some).await;
        let _ = socket.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 900\r\n\r\n{\"data\": {").await;
    })
    .await;
    let answer = perform(&client_at(address), &live(converse()), &hangup()).await;
    let Answer::Unknown { why } = answer else { panic!("{answer:?}") };
    assert!(!why.contains("q7Tz0mVh"), "{why}");
}

#[tokio::test]
async fn a_hang_up_that_was_taken_is_accepted() {
    for said in [taken(), (200, Vec::new(), "?".to_owned())] {
        let answer = answer_to(&hangup(), said).await;
        assert_eq!(facts(&answer), [Fact::HangupAnswer(HangupAnswer::Accepted)]);
    }
}

#[tokio::test]
async fn a_hang_up_of_what_is_over_or_forgotten_has_succeeded() {
    for (status, code) in [(422, Some("90018")), (422, Some("90015")), (404, Some("10005")), (404, None)] {
        let answer = answer_to(&hangup(), refusal(status, code)).await;
        assert_eq!(facts(&answer), [Fact::HangupAnswer(HangupAnswer::AlreadyEnded)], "{status} {code:?}");
    }
}

#[tokio::test]
async fn a_hang_up_whose_answer_is_lost_may_be_repeated() {
    let answer = answer_to(&hangup(), refusal(503, None)).await;
    assert!(matches!(answer, Answer::Unknown { .. }), "{answer:?}");
}

/// Post-mortem 5.2.
#[tokio::test]
async fn a_stream_that_comes_after_the_end_or_twice_is_no_failure() {
    for code in ["90018", "90045"] {
        assert_eq!(answer_to(&Effect::OpenStream, refusal(422, Some(code))).await, Answer::Done(Vec::new()));
    }
    for code in ["90018", "90048"] {
        assert_eq!(answer_to(&Effect::CloseStream, refusal(422, Some(code))).await, Answer::Done(Vec::new()));
    }
    let failed = answer_to(&Effect::OpenStream, refusal(422, Some("90046"))).await;
    assert!(matches!(failed, Answer::Refused { .. }), "{failed:?}");
    let early = answer_to(&Effect::OpenStream, refusal(422, Some("90034"))).await;
    assert!(matches!(early, Answer::Later { .. }), "{early:?}");
}

fn unplayed(operation: &str) -> Fact {
    Fact::Speech(SpeechFact { operation: operation.to_owned(), played: false })
}

#[tokio::test]
async fn words_replace_the_words_before_them() {
    let mut call = live(converse());
    tell(&mut call, Command::Speak { operation: "a".to_owned(), text: "One".to_owned() });
    tell(&mut call, Command::Speak { operation: "b".to_owned(), text: "Two".to_owned() });
    let speak = Effect::Speak { operation: "b".to_owned(), text: "Two".to_owned() };
    let far = Far::answering(|_| taken()).await;
    let answer = perform(&far.client(), &call, &speak).await;
    assert!(matches!(&facts(&answer)[..], [Fact::Turn(turn), cut] if turn.text == "Two" && *cut == unplayed("a")));

    let far = Far::answering(|_| refusal(422, Some("90018"))).await;
    assert_eq!(facts(&perform(&far.client(), &call, &speak).await), [unplayed("b")], "nobody hears them");
    assert_eq!(facts(&perform(&far.client(), &call, &Effect::Hush).await), [unplayed("a"), unplayed("b")]);
}

#[tokio::test]
async fn answering_a_caller_who_has_gone_is_no_error() {
    let far = Far::answering(|_| refusal(422, Some("90018"))).await;
    far.client().answer(&inbound(converse())).await.unwrap();
    let far = Far::answering(|_| refusal(401, Some("10009"))).await;
    assert!(far.client().answer(&inbound(converse())).await.is_err());
}
