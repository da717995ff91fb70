//! What Twilio's answers say, beyond what the laws show.

use std::time::Duration;

use call_core::port::Answer;
use call_core::{
    AnsweredBy, Call, Command, Cost, Disposition, Effect, Fact, Gather, Gathered, HangupAnswer, Hungup, Key, Progress,
    Report, Script, Signal, SpeechFact, StreamFact,
};
use provider_laws::{Far, Said, tell};
use serde_json::{Value, json};

use crate::kit::{ACCOUNT, CALL, CHILD, client, converse, leg, perform, plan, refusal, stage};

/// A call as Twilio keeps it, with the nulls that it really sends.
fn resource(status: &str) -> Value {
    json!({
        "sid": CALL, "status": status, "account_sid": ACCOUNT, "to": "+15550000002", "from": "+15550000001",
        "date_created": null, "date_updated": null, "start_time": null, "end_time": null, "duration": null,
        "price": null, "price_unit": "USD", "direction": "outbound-api", "answered_by": null, "parent_call_sid": null,
        "queue_time": "0", "caller_name": "", "forwarded_from": null, "subresource_uris": {},
    })
}

async fn answer_to(effect: &Effect, said: Said) -> Answer {
    let far = Far::answering(move |_| said.clone()).await;
    let call = if matches!(effect, Effect::Dial) { stage().dialing(converse()) } else { stage().live(converse()) };
    let answer = perform(&far.url(), &call, effect).await;
    assert_eq!(far.seen().len(), 1, "nothing is retried");
    answer
}

fn hangup() -> Effect {
    Effect::Hangup { leg: leg(CALL) }
}

fn facts(answer: &Answer) -> Vec<Fact> {
    let Answer::Done(signals) = answer else { panic!("{answer:?}") };
    signals.iter().map(|signal| signal.fact.clone()).collect()
}

#[tokio::test]
async fn a_hang_up_that_was_taken_is_accepted_and_an_end_is_told() {
    let answer = answer_to(&hangup(), Said::ok(&resource("in-progress"))).await;
    assert_eq!(facts(&answer), [Fact::HangupAnswer(HangupAnswer::Accepted)]);

    let mut ended = resource("canceled");
    ended["end_time"] = json!("Sat, 21 Nov 2026 08:00:09 +0000");
    let answer = answer_to(&hangup(), Said::ok(&ended)).await;
    let end = Hungup { cause: Some("canceled".to_owned()), ..Hungup::new(Disposition::Canceled) };
    assert_eq!(facts(&answer), [Fact::HangupAnswer(HangupAnswer::Accepted), Fact::Ended(end)]);

    let answer = answer_to(&hangup(), Said::new(200, "?")).await;
    assert_eq!(facts(&answer), [Fact::HangupAnswer(HangupAnswer::Accepted)]);
}

#[tokio::test]
async fn a_young_call_that_twilio_cannot_see_yet_is_hung_up_again() {
    let answer = answer_to(&hangup(), refusal(404, Some(20404))).await;
    assert!(matches!(answer, Answer::Later { after: Some(_), .. }), "{answer:?}");

    let far = Far::answering(|_| refusal(404, Some(20404))).await;
    let mut old = stage().live(converse());
    for _ in 0..70 {
        tell(&mut old, Signal::new(Fact::Digits("1".to_owned())));
    }
    let answer = perform(&far.url(), &old, &hangup()).await;
    assert_eq!(facts(&answer), [Fact::HangupAnswer(HangupAnswer::AlreadyEnded)]);
}

#[tokio::test]
async fn a_report_says_what_twilio_says() {
    let over =
        |word: &str, disposition| Report::Ended(Hungup { cause: Some(word.to_owned()), ..Hungup::new(disposition) });
    let table = [
        ("queued", Report::Unanswered { progress: Progress::Queued }),
        ("ringing", Report::Unanswered { progress: Progress::Ringing }),
        ("in-progress", Report::InProgress),
        ("completed", over("completed", Disposition::Completed)),
        ("busy", over("busy", Disposition::Busy)),
        ("no-answer", over("no-answer", Disposition::NoAnswer)),
        ("failed", over("failed", Disposition::Failed)),
        ("canceled", over("canceled", Disposition::Canceled)),
    ];
    for (word, report) in table {
        let answer = answer_to(&Effect::Reconcile, Said::ok(&resource(word))).await;
        assert_eq!(answer, Answer::Done(vec![Signal::new(Fact::Report(report)).on(leg(CALL))]));
    }
    let answer = answer_to(&Effect::Reconcile, Said::ok(&resource("on-hold"))).await;
    assert!(matches!(&facts(&answer)[..], [Fact::Report(Report::Unreachable { .. })]));
    let answer = answer_to(&Effect::Reconcile, refusal(404, Some(20404))).await;
    assert_eq!(facts(&answer), [Fact::Report(Report::Gone)]);
    let answer = answer_to(&Effect::Reconcile, refusal(500, None)).await;
    assert!(matches!(answer, Answer::Unknown { .. }));
}

#[tokio::test]
async fn a_report_tells_duration_price_and_who_answered() {
    let mut whole = resource("completed");
    whole["duration"] = json!("15");
    whole["price"] = json!("-0.03000");
    whole["answered_by"] = json!("machine_start");
    whole["end_time"] = json!("Sat, 21 Nov 2026 08:00:20 +0000");
    let answer = answer_to(&Effect::Reconcile, Said::ok(&whole)).await;
    let Answer::Done(signals) = &answer else { panic!("{answer:?}") };
    assert_eq!(signals[0].at, "2026-11-21T08:00:20Z".parse().ok());
    let duration = Some(Duration::from_secs(15));
    let end = Hungup { cause: Some("completed".to_owned()), duration, ..Hungup::new(Disposition::Completed) };
    let cost = Cost { amount: "0.03000".to_owned(), currency: "USD".to_owned() };
    assert_eq!(
        facts(&answer),
        [Fact::Report(Report::Ended(end)), Fact::Billed(cost), Fact::Detected(AnsweredBy::Machine)]
    );
}

#[tokio::test]
async fn how_the_connected_leg_ended_is_told_before_the_call() {
    let far = Far::answering(|seen| {
        if !seen.path.ends_with("/Calls.json") {
            return Said::ok(&resource("completed"));
        }
        let mut child = resource("busy");
        child["sid"] = json!(CHILD);
        child["parent_call_sid"] = json!(CALL);
        Said::ok(&json!({"calls": [child], "next_page_uri": null}))
    })
    .await;
    let script = Script::Connect { to: "+15550000003".to_owned(), caller_id: None };
    let mut call = stage().live(plan(script));
    let Answer::Done(signals) = perform(&far.url(), &call, &Effect::Reconcile).await else { panic!() };
    assert_eq!((signals[0].leg.clone(), signals[0].parent.clone()), (Some(leg(CHILD)), Some(leg(CALL))));
    for signal in signals {
        tell(&mut call, signal);
    }
    assert_eq!(call.outcome().map(|outcome| outcome.disposition), Some(Disposition::Busy));
}

fn speaking() -> Call {
    stage().talking(converse(), &["a", "b"])
}

fn unplayed(operation: &str) -> Fact {
    Fact::Speech(SpeechFact { operation: operation.to_owned(), played: false })
}

#[tokio::test]
async fn words_replace_the_words_before_them() {
    let far = Far::answering(|_| Said::ok(&resource("in-progress"))).await;
    let speak = Effect::Speak { operation: "b".to_owned(), text: "Two".to_owned() };
    let answer = perform(&far.url(), &speaking(), &speak).await;
    assert!(matches!(&facts(&answer)[..], [Fact::Turn(turn), cut] if turn.text == "Two" && *cut == unplayed("a")));
    let sent: Vec<(String, String)> = form_urlencoded::parse(&far.seen()[0].body).into_owned().collect();
    assert_eq!(sent.len(), 1);
    assert!(sent[0].1.contains("<Say>Two</Say><Redirect") && sent[0].1.contains("/action?said=b#rc=3"), "{sent:?}");
}

#[tokio::test]
async fn keys_are_asked_for_in_a_document_that_other_words_replace() {
    let far = Far::answering(|_| Said::ok(&resource("in-progress"))).await;
    let wish = Gather {
        operation: "pin".to_owned(),
        prompt: "Your PIN?".to_owned(),
        most: 4.try_into().unwrap(),
        until: Some(Key::HASH),
        pause: Duration::from_millis(2500),
    };
    let mut call = speaking();
    tell(&mut call, Command::Gather(wish.clone()));
    let answer = perform(&far.url(), &call, &Effect::Gather(wish)).await;
    assert!(matches!(&facts(&answer)[..], [Fact::Turn(turn), a, b]
        if turn.text == "Your PIN?" && *a == unplayed("a") && *b == unplayed("b")));
    let sent: Vec<(String, String)> = form_urlencoded::parse(&far.seen()[0].body).into_owned().collect();
    for part in
        ["input=\"dtmf\"", "timeout=\"3\"", "numDigits=\"4\"", "finishOnKey=\"#\"", "<Say>Your PIN?</Say></Gather>"]
    {
        assert!(sent[0].1.contains(part), "{part}: {}", sent[0].1);
    }
    let speak = Effect::Speak { operation: "b".to_owned(), text: "Two".to_owned() };
    let answer = facts(&perform(&far.url(), &call, &speak).await);
    assert_eq!(answer.last(), Some(&Fact::Gathered(Gathered::nothing("pin"))), "the document that listened is gone");
}

#[tokio::test]
async fn a_sound_is_played_and_a_recording_begins_and_ends() {
    let far = Far::answering(|_| Said::ok(&resource("in-progress"))).await;
    let play = Effect::Play { operation: "b".to_owned(), url: "https://example.com/a.mp3?b=1&c=2".to_owned() };
    assert_eq!(facts(&perform(&far.url(), &speaking(), &play).await), [unplayed("a")]);
    for effect in [Effect::StartRecording, Effect::StopRecording] {
        assert_eq!(perform(&far.url(), &speaking(), &effect).await, Answer::Done(Vec::new()));
    }
    let seen = far.seen();
    let form = |n: usize| -> Vec<(String, String)> { form_urlencoded::parse(&seen[n].body).into_owned().collect() };
    assert!(form(0)[0].1.contains("<Play>https://example.com/a.mp3?b=1&amp;c=2</Play><Redirect"), "{:?}", form(0));
    assert!(seen[1].path.ends_with("/Recordings.json"), "{}", seen[1].path);
    assert!(form(1).iter().any(|(name, url)| name == "RecordingStatusCallback" && url.contains("/recording#rc=3")));
    assert!(seen[2].path.ends_with("/Recordings/Twilio.CURRENT.json"), "{}", seen[2].path);
    assert_eq!(form(2), [("Status".to_owned(), "stopped".to_owned())]);
}

#[tokio::test]
async fn words_to_a_caller_who_has_gone_were_not_played() {
    let speak = Effect::Speak { operation: "b".to_owned(), text: "Two".to_owned() };
    let far = Far::answering(|_| refusal(400, Some(21220))).await;
    assert_eq!(facts(&perform(&far.url(), &speaking(), &speak).await), [unplayed("b")]);
    assert_eq!(facts(&perform(&far.url(), &speaking(), &Effect::Hush).await), [unplayed("a"), unplayed("b")]);
}

#[tokio::test]
async fn an_ending_call_is_hushed_without_a_word_to_twilio() {
    let far = Far::answering(|_| refusal(500, None)).await;
    let mut call = speaking();
    tell(&mut call, Command::hangup());
    assert_eq!(facts(&perform(&far.url(), &call, &Effect::Hush).await), [unplayed("a"), unplayed("b")]);
    assert_eq!(perform(&far.url(), &call, &Effect::CloseStream).await, Answer::Done(Vec::new()));
    assert!(far.seen().is_empty());
}

#[tokio::test]
async fn what_cannot_be_done_is_refused_before_it_is_sent() {
    let far = Far::answering(|_| refusal(500, None)).await;
    let long = Effect::Speak { operation: "a".to_owned(), text: "&".repeat(900) };
    let mut streaming = stage().live(converse());
    tell(&mut streaming, Signal::new(Fact::Stream(StreamFact::Opened)));
    let into_stream = Effect::Speak { operation: "a".to_owned(), text: "One".to_owned() };
    for (call, effect) in
        [(stage().live(converse()), long), (stage().dialing(converse()), Effect::OpenStream), (streaming, into_stream)]
    {
        let answer = perform(&far.url(), &call, &effect).await;
        assert!(matches!(answer, Answer::Refused { .. }), "{effect:?}: {answer:?}");
    }
    assert!(far.seen().is_empty());
    assert!(client(&far.url()).call(&leg("CA1")).await.is_err());
    assert!(client(&far.url()).recording("RE1").await.is_err());
}

#[tokio::test]
async fn recordings_are_listed_over_all_pages() {
    let far = Far::answering(|seen| {
        let second = seen.query.contains("Page=1");
        let recording = |number: u8, status: &str| {
            let sid = format!("RE0000000000000000000000000000000{number}");
            let uri = format!("/2010-04-01/Accounts/{ACCOUNT}/Recordings/{sid}.json");
            // A price is a number here and text elsewhere.
            json!({"sid": sid, "status": status, "duration": "7", "uri": uri, "price": -0.0025, "channels": 1})
        };
        let path = format!("{}?Page=1&PageToken=x", seen.path);
        Said::ok(&if second {
            json!({"recordings": [recording(2, "processing"), {"sid": null}], "next_page_uri": null})
        } else {
            json!({"recordings": [recording(1, "completed")], "next_page_uri": path})
        })
    })
    .await;
    let found = client(&far.url()).recordings(&leg(CALL)).await.unwrap();
    assert_eq!(found.len(), 2);
    let url = format!("{}/2010-04-01/Accounts/{ACCOUNT}/Recordings/RE00000000000000000000000000000001", far.url());
    assert_eq!(found[0].url.as_deref(), Some(url.as_str()));
    assert_eq!(found[0].duration, Some(Duration::from_secs(7)));
    assert_eq!(found[1].url, None, "what is not complete cannot be fetched");
}
