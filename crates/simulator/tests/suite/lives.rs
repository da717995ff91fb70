//! One life for each kind of person.

use simulator::{Manner, Person, Purpose, Status};

use crate::backend::{Bench, PHONE};

use Status::{Busy, Completed, Failed, InProgress, Initiated, NoAnswer, Queued, Ringing};

async fn life(person: Person, extra: &[(&str, &str)]) -> (Bench, simulator::CallRecord) {
    let bench = Bench::new().await;
    bench.network.set_person("*", person);
    bench.twiml("/voice", "<Pause length='600'/>");
    let call = bench.live(PHONE, extra).await;
    (bench, call)
}

/// Every subscribed callback arrived once, in order, numbered from zero, genuine, and tells the history.
fn told_as_it_was(bench: &Bench, call: &simulator::CallRecord) {
    let statuses: Vec<&str> = call.statuses().iter().skip(1).map(|status| status.name()).collect();
    assert_eq!(bench.fields("/status", "CallStatus"), statuses);
    let numbers: Vec<String> = (0..statuses.len()).map(|number| number.to_string()).collect();
    assert_eq!(bench.fields("/status", "SequenceNumber"), numbers);
    for seen in bench.seen("/status") {
        assert!(seen.genuine);
        assert_eq!(seen.get("CallSid"), call.sid);
        assert_eq!(seen.get("CallbackSource"), "call-progress-events");
        assert_eq!(seen.get("Direction"), "outbound-api");
        jiff::fmt::rfc2822::parse(seen.get("Timestamp")).unwrap();
    }
    assert_eq!(call.sent_for(Purpose::Status).count(), statuses.len());
}

#[tokio::test]
async fn a_person_who_talks_is_heard_out() {
    let (bench, call) = life(Person::talks(100.0), &[]).await;
    assert_eq!(call.statuses(), [Queued, Initiated, Ringing, InProgress, Completed]);
    told_as_it_was(&bench, &call);
    let end = bench.seen("/status").pop().unwrap();
    let seconds: u64 = end.get("CallDuration").parse().unwrap();
    assert!(seconds >= 100, "{seconds}");
    assert_eq!((end.get("SipResponseCode"), end.get("Duration")), ("200", seconds.div_ceil(60).to_string().as_str()));
    let voice = bench.seen("/voice");
    assert_eq!(voice.len(), 1);
    assert_eq!((voice[0].get("CallStatus"), voice[0].genuine), ("in-progress", true));
    assert!(call.rang_at.unwrap() < call.answered_at.unwrap());
}

#[tokio::test]
async fn nobody_answers_until_the_timeout() {
    let (bench, call) = life(Person::no_answer(), &[("Timeout", "20")]).await;
    assert_eq!(call.statuses(), [Queued, Initiated, Ringing, NoAnswer]);
    told_as_it_was(&bench, &call);
    assert!(bench.seen("/voice").is_empty());
    let rung = call.rang_at.unwrap().duration_until(call.ended_at.unwrap());
    assert!(rung.as_millis() >= 100, "20 phone seconds at speed 200 are 100 ms: {rung:?}");
    assert_eq!((call.sip_code, call.duration), (Some(487), Some(0)));
}

#[tokio::test]
async fn a_slow_person_is_lost_to_a_short_timeout() {
    let (_, call) = life(Person::talks(30.0), &[("Timeout", "2")]).await;
    assert_eq!(call.status, NoAnswer);
}

#[tokio::test]
async fn a_busy_phone_never_rings() {
    let (bench, call) = life(Person::busy(), &[]).await;
    assert_eq!(call.statuses(), [Queued, Initiated, Busy]);
    told_as_it_was(&bench, &call);
    assert_eq!((call.rang_at, call.sip_code), (None, Some(486)));
}

#[tokio::test]
async fn a_person_may_decline() {
    let (bench, call) = life(Person::rejects(), &[]).await;
    assert_eq!(call.statuses(), [Queued, Initiated, Ringing, NoAnswer]);
    told_as_it_was(&bench, &call);
    assert_eq!(call.sip_code, Some(603));
}

#[tokio::test]
async fn a_person_may_hang_up_after_two_seconds() {
    let (bench, call) = life(Person::hangs_up(), &[]).await;
    assert_eq!(call.statuses(), [Queued, Initiated, Ringing, InProgress, Completed]);
    told_as_it_was(&bench, &call);
    assert!(call.duration.unwrap() >= 2);
}

#[tokio::test]
async fn an_invalid_number_fails() {
    let (bench, call) = life(Person::invalid(), &[]).await;
    assert_eq!(call.statuses(), [Queued, Initiated, Failed]);
    told_as_it_was(&bench, &call);
    assert_eq!((call.rang_at, call.sip_code), (None, Some(404)));
}

#[tokio::test]
async fn voicemail_answers_and_is_detected() {
    let bench = Bench::new().await;
    let mut machine = Person::voicemail();
    machine.talk = 200.0;
    bench.network.set_person("*", machine);
    bench.twiml("/voice", "<Pause length='600'/>");
    let amd = bench.at("/amd");
    let extra = [("MachineDetection", "Enable"), ("AsyncAmd", "true"), ("AsyncAmdStatusCallback", amd.as_str())];
    let call = bench.live(PHONE, &extra).await;
    assert_eq!((call.person.manner, call.status), (Manner::Voicemail, Completed));
    assert_eq!(bench.fields("/amd", "AnsweredBy"), ["machine_start"]);
    assert_eq!(call.answered_by.as_deref(), Some("machine_start"));
    told_as_it_was(&bench, &call);
}

#[tokio::test]
async fn synchronous_detection_precedes_the_voice_url() {
    let (bench, _) = life(Person::talks(100.0), &[("MachineDetection", "DetectMessageEnd")]).await;
    assert_eq!(bench.fields("/voice", "AnsweredBy"), ["human"]);
}

#[tokio::test]
async fn the_time_limit_ends_a_long_talk() {
    let (_, call) = life(Person::talks(3000.0), &[("TimeLimit", "10")]).await;
    assert_eq!(call.status, Completed);
    assert!((10..2500).contains(&call.duration.unwrap()), "{:?}", call.duration);
}

#[tokio::test]
async fn a_seed_decides_everybodys_fate() {
    let mut runs = Vec::new();
    for _ in 0..2 {
        let bench = Bench::with(simulator::Config { speed: 2000.0, ..crate::backend::quick() }).await;
        bench.twiml("/voice", "<Pause length='600'/>");
        let numbers: Vec<String> = (0..30).map(|n| format!("+49301{n:06}")).collect();
        for number in &numbers {
            bench.call(number, &[]).await;
        }
        bench.settle().await;
        runs.push(bench.network.calls().into_iter().map(|call| (call.person, call.status)).collect::<Vec<_>>());
    }
    assert_eq!(runs[0], runs[1]);
}
