//! Every fault shows up as described, and is counted.

use std::time::Duration;

use reqwest::Method;
use simulator::{Config, Fault, Faults, Person, Provider, Purpose, Rule, Status};

use crate::backend::{Bench, PHONE, quick};

async fn with(rule: Rule) -> Bench {
    let bench = Bench::with(Config { hold: Duration::from_millis(150), ..quick() }).await;
    bench.network.set_person("*", Person::talks(20.0));
    bench.twiml("/voice", "<Pause length='600'/>");
    bench.network.inject(rule);
    bench
}

fn injected(bench: &Bench, fault: Fault) -> u64 {
    bench.network.faults().counts.get(&fault).copied().unwrap_or(0)
}

#[tokio::test]
async fn a_lost_callback_is_never_sent() {
    let bench = with(Rule::new(Fault::CallbackLost).on("completed")).await;
    let call = bench.live(PHONE, &[]).await;
    assert_eq!(bench.fields("/status", "CallStatus"), ["initiated", "ringing", "in-progress"]);
    let lost = call.sent_for(Purpose::Status).last().unwrap();
    assert_eq!((lost.attempts.len(), lost.faults.as_slice()), (0, &[Fault::CallbackLost][..]));
    assert_eq!((call.status, injected(&bench, Fault::CallbackLost)), (Status::Completed, 1));
}

#[tokio::test]
async fn a_late_callback_is_overtaken() {
    let bench = with(Rule::new(Fault::CallbackLate).on("initiated")).await;
    bench.network.set_person("*", Person::busy());
    let call = bench.live(PHONE, &[]).await;
    let late = call.sent_for(Purpose::Status).next().unwrap();
    let waited = late.event_at.duration_until(late.attempts[0].at);
    assert!(waited.as_millis() >= 5, "1 to 30 phone seconds at speed 200: {waited:?}");
    assert_eq!((late.delivered(), injected(&bench, Fault::CallbackLate)), (true, 1));
}

#[tokio::test]
async fn healing_sends_what_is_late() {
    let bench = Bench::with(Config { speed: 2.0, ..quick() }).await;
    bench.network.set_person("*", Person::busy());
    bench.network.inject(Rule::new(Fault::CallbackReordered).on("busy"));
    let sid = bench.call(PHONE, &[]).await;
    bench.until(&sid, |call| call.status == Status::Busy).await;
    let healed = tokio::time::Instant::now();
    bench.network.heal();
    bench.settle().await;
    assert!(healed.elapsed() < Duration::from_secs(4), "the callback waited for its successor: ten phone seconds");
    assert_eq!(bench.fields("/status", "CallStatus"), ["initiated", "busy"]);
}

#[tokio::test]
async fn a_doubled_callback_comes_twice() {
    let bench = with(Rule::new(Fault::CallbackDoubled).on("ringing")).await;
    bench.live(PHONE, &[]).await;
    assert_eq!(bench.fields("/status", "CallStatus"), ["initiated", "ringing", "ringing", "in-progress", "completed"]);
    assert_eq!(bench.fields("/status", "SequenceNumber"), ["0", "1", "1", "2", "3"]);
}

#[tokio::test]
async fn a_reordered_callback_follows_its_successor() {
    // The successor has ten phone seconds to arrive: two real ones, enough on a loaded machine.
    let bench = Bench::with(Config { speed: 5.0, ..quick() }).await;
    bench.network.set_person("*", Person::busy());
    bench.network.inject(Rule::new(Fault::CallbackReordered).on("initiated"));
    bench.live(PHONE, &[]).await;
    assert_eq!(bench.fields("/status", "SequenceNumber"), ["1", "0"]);
}

#[tokio::test]
async fn a_forged_callback_claims_the_end_without_the_key() {
    let bench = with(Rule::new(Fault::CallbackForged).on("ringing")).await;
    let call = bench.live(PHONE, &[]).await;
    let forged: Vec<_> = bench.seen("/status").into_iter().filter(|seen| !seen.genuine).collect();
    assert_eq!(forged.len(), 1);
    assert_eq!((forged[0].get("CallStatus"), forged[0].get("CallSid")), ("completed", call.sid.as_str()));
    assert!(forged[0].headers.contains_key("X-Twilio-Signature"));
    let genuine: Vec<_> = bench.seen("/status").into_iter().filter(|seen| seen.genuine).collect();
    assert_eq!(genuine.len(), 4);
    assert_eq!(call.sent_for(Purpose::Forgery).count(), 1);
}

#[tokio::test]
async fn garbage_precedes_the_true_callback() {
    let bench = with(Rule::new(Fault::CallbackGarbage).on("ringing")).await;
    bench.live(PHONE, &[]).await;
    let seen = bench.seen("/status");
    let garbage: Vec<_> = seen.iter().filter(|seen| !seen.genuine).collect();
    assert_eq!(garbage.len(), 1);
    assert!(!garbage[0].headers.contains_key("X-Twilio-Signature"));
    assert_eq!(seen.len(), 5);
}

#[tokio::test]
async fn a_callback_may_arrive_before_the_rest_answer() {
    let bench = with(Rule::new(Fault::CallbackFirst)).await;
    bench.call(PHONE, &[]).await;
    // The answer has just been read, and the callback is already here.
    assert_eq!(bench.fields("/status", "CallStatus").first().map(String::as_str), Some("initiated"));
    assert_eq!(injected(&bench, Fault::CallbackFirst), 1);
}

/// Sends one creation under a fault and tells the HTTP status, if an answer came.
async fn create(bench: &Bench) -> Option<u16> {
    let request = bench.rest(Method::POST, "/Calls.json").form(&bench.form(PHONE));
    let answer = request.timeout(Duration::from_secs(10)).send().await;
    answer.ok().map(|response| response.status().as_u16())
}

#[tokio::test]
async fn what_fails_before_is_not_carried_out() {
    for (fault, answers) in [
        (Fault::RateLimited, &[Some(429)][..]),
        (Fault::ErrorBefore, &[Some(500), Some(503)]),
        (Fault::DroppedBefore, &[None]),
        (Fault::TimeoutBefore, &[None]),
    ] {
        let bench = with(Rule::new(fault).on("create").times(1)).await;
        let answer = create(&bench).await;
        assert!(answers.contains(&answer), "{fault:?} {answer:?}");
        assert!(bench.network.calls().is_empty(), "{fault:?}");
        assert_eq!((injected(&bench, fault), bench.network.requests()[0].fault), (1, Some(fault)));
        assert_eq!(create(&bench).await, Some(201));
    }
}

#[tokio::test]
async fn what_fails_after_was_carried_out() {
    for (fault, answers) in [
        (Fault::ErrorAfter, &[Some(500), Some(503)][..]),
        (Fault::DroppedAfter, &[None]),
        (Fault::TimeoutAfter, &[None]),
    ] {
        let bench = with(Rule::new(fault).on("create").times(1)).await;
        let answer = create(&bench).await;
        assert!(answers.contains(&answer), "{fault:?} {answer:?}");
        bench.settle().await;
        let calls = bench.network.calls();
        assert_eq!(calls.len(), 1, "{fault:?}");
        assert!(calls[0].rang_at.is_some());
        let request = bench.network.requests().remove(0);
        assert_eq!((request.call, request.answer), (Some(calls[0].sid.clone()), answer));
    }
}

#[tokio::test]
async fn a_client_that_gives_up_first_changes_nothing() {
    let bench = Bench::new().await;
    bench.network.inject(Rule::new(Fault::TimeoutAfter).times(1));
    let request = bench.rest(Method::POST, "/Calls.json").form(&bench.form(PHONE));
    assert!(request.timeout(Duration::from_millis(300)).send().await.unwrap_err().is_timeout());
    bench.settle().await;
    assert_eq!(bench.network.calls().len(), 1);
}

#[tokio::test]
async fn a_rate_limit_says_so_properly() {
    let bench = with(Rule::new(Fault::RateLimited).on("fetch")).await;
    let sid = bench.call(PHONE, &[]).await;
    let (status, body) = bench.get(&format!("/Calls/{sid}.json")).await;
    assert_eq!((status, body["code"].as_u64()), (429, Some(20429)));
}

#[tokio::test]
async fn a_stale_read_is_one_step_behind() {
    let bench = with(Rule::new(Fault::StaleRead).on("fetch").times(1)).await;
    let call = bench.live(PHONE, &[]).await;
    let path = format!("/Calls/{}.json", call.sid);
    let (_, stale) = bench.get(&path).await;
    assert_eq!((stale["status"].as_str(), stale["duration"].as_str()), (Some("in-progress"), None));
    assert_eq!(bench.get(&path).await.1["status"], "completed");
}

#[tokio::test]
async fn the_far_end_may_drop_while_it_rings() {
    let bench = with(Rule::new(Fault::HangupDuringDial).on("ringing")).await;
    let call = bench.live(PHONE, &[]).await;
    assert_eq!((call.status, call.sip_code), (Status::NoAnswer, Some(480)));
    assert_eq!(call.faults, [Fault::HangupDuringDial]);
    assert!(call.rang_at.is_some());
}

#[tokio::test]
async fn the_caller_may_leave_while_dial_rings() {
    let bench = with(Rule::new(Fault::HangupDuringDial).on("dial")).await;
    bench.network.set_person("+12025550177", Person::talks(3600.0));
    bench.twiml("/dial", "<Dial action='/after'>+12025550177</Dial>");
    let call = bench.live(PHONE, &[("Url", &bench.at("/dial"))]).await;
    let leg = bench.network.calls().pop().unwrap();
    assert_eq!((call.status, leg.status), (Status::Completed, Status::Canceled));
    assert_eq!(bench.fields("/after", "DialCallStatus"), ["canceled"]);
}

#[tokio::test]
async fn a_stream_may_fail() {
    let bench = with(Rule::new(Fault::StreamFails)).await;
    let verbs = format!("<Connect><Stream url='wss://a.example/m' statusCallback='{}/stream'/></Connect>", bench.url);
    bench.twiml("/media", &verbs);
    bench.live(PHONE, &[("Url", &bench.at("/media"))]).await;
    assert_eq!(bench.fields("/stream", "StreamEvent"), ["stream-error"]);
    assert!(!bench.seen("/stream")[0].get("StreamError").is_empty());
}

#[tokio::test]
async fn rules_can_name_a_number_or_a_call() {
    let bench = with(Rule::new(Fault::CallbackLost).number("+1202*")).await;
    bench.live(PHONE, &[]).await;
    assert!(bench.seen("/status").is_empty());
    bench.network.heal();
    let sid = bench.call("+4930123456", &[]).await;
    bench.network.inject(Rule::new(Fault::CallbackLost).call(&sid).on("completed"));
    bench.settle().await;
    assert_eq!(bench.fields("/status", "CallStatus"), ["initiated", "ringing", "in-progress"]);
}

#[tokio::test]
async fn the_demo_faults_all_strike_and_every_call_still_ends() {
    let config = Config { speed: 500.0, faults: Faults::demo(), hold: Duration::from_millis(50), ..quick() };
    let bench = Bench::with(config).await;
    let media = format!("<Connect><Stream url='wss://a.example/m' statusCallback='{}/stream'/></Connect>", bench.url);
    bench.twiml("/voice", &media);
    let mut placed = 0;
    for number in 0..400 {
        let form = bench.form(&format!("+49301{number:06}"));
        if let Ok(response) = bench.rest(Method::POST, "/Calls.json").form(&form).send().await {
            placed += usize::from(response.status() == 201);
        }
        if number % 10 == 0 {
            // Whatever it answers: it is the occasion for a stale read.
            let _ = bench.rest(Method::GET, "/Calls.json?PageSize=5").send().await;
        }
    }
    bench.settle().await;
    let calls = bench.network.calls();
    assert!(calls.iter().all(|call| call.status.is_terminal()));
    assert!(placed <= calls.len(), "some were placed without an answer: {placed} {}", calls.len());
    let counts = bench.network.faults().counts;
    let possible = Fault::ALL.iter().filter(|fault| fault.can_strike(Provider::Twilio));
    let never: Vec<_> = possible.filter(|fault| !counts.contains_key(fault)).collect();
    assert!(never.is_empty(), "never struck: {never:?}");
    assert_eq!(bench.network.summary().faults, counts);
}
