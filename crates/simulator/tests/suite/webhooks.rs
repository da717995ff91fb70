//! How requests are sent: signatures, subscriptions, repetitions.

use std::time::Duration;

use simulator::{Config, Person, Purpose, Status};

use crate::backend::{Bench, OURS, PHONE, quick};

#[tokio::test]
async fn only_completed_is_told_unless_asked_otherwise() {
    let bench = Bench::new().await;
    bench.network.set_person("*", Person::talks(5.0));
    bench.twiml("/voice", "<Pause length='60'/>");
    let (voice, status) = (bench.at("/voice"), bench.at("/status"));
    let form = [("To", PHONE), ("From", OURS), ("Url", &voice), ("StatusCallback", &status)];
    let (code, _) = bench.post("/Calls.json", &form).await;
    assert_eq!(code, 201);
    bench.settle().await;
    assert_eq!(bench.fields("/status", "CallStatus"), ["completed"]);
    assert_eq!(bench.fields("/status", "SequenceNumber"), ["0"]);
}

#[tokio::test]
async fn a_space_joined_event_list_gives_201_and_silence() {
    let bench = Bench::new().await;
    bench.network.set_person("*", Person::talks(5.0));
    let call = bench.live(PHONE, &[("StatusCallbackEvent", "initiated ringing answered completed")]).await;
    assert_eq!(call.status, Status::Completed);
    assert!(bench.seen("/status").is_empty());
    assert!(call.notices.iter().any(|notice| notice.code == 21626));
}

#[tokio::test]
async fn get_callbacks_carry_and_sign_their_query() {
    let bench = Bench::new().await;
    bench.network.set_person("*", Person::busy());
    let status = bench.at("/status?call=1#rc=2&rp=all");
    bench.live(PHONE, &[("StatusCallback", &status), ("StatusCallbackMethod", "GET")]).await;
    let seen = bench.seen("/status");
    assert_eq!(seen.len(), 2);
    for seen in seen {
        assert_eq!((seen.method.as_str(), seen.genuine), ("GET", true));
        assert!(seen.query.starts_with("call=1&") && !seen.query.contains("rp="), "{}", seen.query);
    }
}

#[tokio::test]
async fn the_fragment_is_neither_sent_nor_signed_and_asks_for_repetition() {
    let bench = Bench::new().await;
    bench.network.set_person("*", Person::busy());
    for status in [503, 500, 204] {
        bench.answer("/status", status, "");
    }
    let status = bench.at("/status?x=1#rc=3&rp=5xx");
    let call = bench.live(PHONE, &[("StatusCallback", &status), ("StatusCallbackEvent", "completed")]).await;
    let seen = bench.seen("/status");
    assert_eq!(seen.len(), 3);
    assert!(seen.iter().all(|seen| seen.genuine && seen.query == "x=1"));
    let tokens: Vec<_> = seen.iter().map(|seen| seen.headers.get("I-Twilio-Idempotency-Token")).collect();
    assert!(tokens[0].is_none() && tokens[1].is_some() && tokens[1] == tokens[2]);
    let sent = call.sent_for(Purpose::Status).next().unwrap();
    let answers: Vec<_> = sent.attempts.iter().map(|attempt| attempt.answer).collect();
    assert_eq!(answers, [Some(503), Some(500), Some(204)]);
    assert!(sent.delivered());
}

#[tokio::test]
async fn an_error_answer_is_not_repeated_by_default() {
    let bench = Bench::new().await;
    bench.network.set_person("*", Person::busy());
    bench.answer("/status", 503, "");
    let call = bench.live(PHONE, &[("StatusCallbackEvent", "completed")]).await;
    assert_eq!(bench.seen("/status").len(), 1);
    assert!(!call.sent_for(Purpose::Status).next().unwrap().delivered());
}

#[tokio::test]
async fn a_refused_connection_is_repeated_once_by_default() {
    let bench = Bench::new().await;
    bench.network.set_person("*", Person::busy());
    // A port that was free a moment ago, and that nobody serves.
    let nobody = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let status = format!("http://{nobody}/status");
    let call = bench.live(PHONE, &[("StatusCallback", &status), ("StatusCallbackEvent", "completed")]).await;
    let sent = call.sent_for(Purpose::Status).next().unwrap();
    assert_eq!(sent.attempts.len(), 2);
    assert!(sent.attempts.iter().all(|attempt| attempt.answer.is_none() && attempt.error.is_some()));
}

#[tokio::test]
async fn a_slow_answer_is_given_up_after_rt() {
    let bench = Bench::with(Config { retry_pause: Duration::from_millis(10), ..quick() }).await;
    bench.network.set_person("*", Person::busy());
    // It accepts connections and never answers.
    let mute = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let status = format!("http://{}/status#rt=100&rc=1&rp=rt", mute.local_addr().unwrap());
    let call = bench.live(PHONE, &[("StatusCallback", &status), ("StatusCallbackEvent", "completed")]).await;
    let sent = call.sent_for(Purpose::Status).next().unwrap();
    assert_eq!(sent.attempts.len(), 2);
    assert!(sent.attempts.iter().all(|attempt| (90..5000).contains(&attempt.took_ms)), "{:?}", sent.attempts);
}

#[tokio::test]
async fn recordings_are_told_and_listed() {
    let bench = Bench::new().await;
    bench.network.set_person("*", Person::talks(20.0));
    bench.twiml("/voice", "<Pause length='60'/>");
    let told = bench.at("/recording");
    let events = [
        ("Record", "true"),
        ("RecordingChannels", "dual"),
        ("RecordingStatusCallback", told.as_str()),
        ("RecordingStatusCallbackEvent", "in-progress"),
        ("RecordingStatusCallbackEvent", "completed"),
    ];
    let call = bench.live(PHONE, &events).await;
    assert_eq!(bench.fields("/recording", "RecordingStatus"), ["in-progress", "completed"]);
    let end = bench.seen("/recording").pop().unwrap();
    assert_eq!((end.get("CallSid"), end.get("RecordingSource")), (call.sid.as_str(), "OutboundAPI"));
    assert!(end.get("RecordingDuration").parse::<u64>().unwrap() >= 19);
    let completed = bench.seen("/status").pop().unwrap();
    assert_eq!(completed.get("RecordingSid"), end.get("RecordingSid"));
    let (_, list) = bench.get(&format!("/Calls/{}/Recordings.json", call.sid)).await;
    assert_eq!(list["recordings"][0]["channels"], 2);

    let file = bench.http.get(end.get("RecordingUrl")).send().await.unwrap();
    assert_eq!(file.status(), 200);
    assert_eq!(file.headers()["content-type"], "audio/x-wav");
    let seconds: usize = end.get("RecordingDuration").parse().unwrap();
    assert!(file.bytes().await.unwrap().len() > seconds.min(60) * 8000);
    let missing = bench.http.get(format!("{}0", end.get("RecordingUrl"))).send().await.unwrap();
    assert_eq!(missing.status(), 401);
}

#[tokio::test]
async fn an_inbound_call_asks_its_number() {
    let bench = Bench::new().await;
    let number = simulator::Number::new(OURS, bench.at("/voice")).status_callback(bench.at("/ended"));
    bench.network.set_number(number);
    bench.twiml("/voice", "<Say>hello</Say><Pause length='90'/>");
    let sid = bench.network.inbound(simulator::Inbound::new(PHONE, OURS).by(Person::talks(10.0))).unwrap();
    bench.settle().await;
    let voice = bench.seen("/voice").remove(0);
    assert_eq!((voice.get("CallStatus"), voice.get("Direction"), voice.genuine), ("ringing", "inbound", true));
    assert!(!voice.get("CallToken").is_empty());
    assert_eq!(bench.fields("/ended", "CallStatus"), ["completed"]);
    let call = bench.until(&sid, |call| call.ended_at.is_some()).await;
    assert_eq!(call.statuses(), [Status::Ringing, Status::InProgress, Status::Completed]);
    assert!(bench.network.inbound(simulator::Inbound::new(PHONE, "+19995550000")).is_err());
}

#[tokio::test]
async fn an_inbound_call_can_be_rejected_unanswered() {
    let bench = Bench::new().await;
    bench.network.set_number(simulator::Number::new(OURS, bench.at("/voice")).status_callback(bench.at("/ended")));
    bench.twiml("/voice", "<Reject reason='busy'/>");
    let sid = bench.network.inbound(simulator::Inbound::new(PHONE, OURS)).unwrap();
    bench.settle().await;
    let call = bench.network.call(&sid).unwrap();
    assert_eq!((call.status, call.answered_at), (Status::Busy, None));
    assert_eq!(bench.fields("/ended", "CallStatus"), ["busy"]);
}
