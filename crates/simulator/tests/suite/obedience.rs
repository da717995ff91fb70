//! TwiML, obeyed.

use reqwest::Method;
use simulator::{CallRecord, Config, Direction, Person, Purpose, Status};

use crate::backend::{Bench, PHONE, quick};

const CHILD: &str = "+12025550177";

async fn obey(caller: Person, verbs: &str) -> (Bench, CallRecord) {
    let bench = Bench::new().await;
    bench.network.set_person(PHONE, caller);
    bench.twiml("/voice", &verbs.replace("{url}", &bench.url));
    let call = bench.live(PHONE, &[]).await;
    (bench, call)
}

fn child(bench: &Bench) -> CallRecord {
    bench.network.calls().into_iter().find(|call| call.direction == Direction::OutboundDial).unwrap()
}

#[tokio::test]
async fn a_document_that_runs_out_ends_the_call() {
    let (_, call) = obey(Person::talks(3600.0), "<Say>one two three</Say><Pause length='4'/>").await;
    assert_eq!(call.status, Status::Completed);
    assert!((5..3000).contains(&call.duration.unwrap()), "{:?}", call.duration);
}

#[tokio::test]
async fn hangup_ends_and_redirect_goes_on() {
    let bench = Bench::new().await;
    bench.network.set_person(PHONE, Person::talks(3600.0));
    bench.twiml("/voice", "<Redirect method='GET'>/second?x=1&amp;y=2</Redirect><Dial>+12025550123</Dial>");
    bench.twiml("/second", "<Hangup/><Redirect>/never</Redirect>");
    bench.live(PHONE, &[]).await;
    let second = bench.seen("/second");
    assert_eq!((second[0].method.as_str(), second[0].genuine), ("GET", true));
    assert!(second[0].query.starts_with("x=1&y=2&"));
    assert!(bench.seen("/never").is_empty());
    assert_eq!(bench.network.calls().len(), 1);
}

#[tokio::test]
async fn gather_takes_digits_to_its_action() {
    let verbs = "<Gather numDigits='2' action='/digits'><Say>press</Say></Gather><Redirect>/never</Redirect>";
    let (bench, _) = obey(Person::talks(3600.0).pressing("427#"), verbs).await;
    assert_eq!(bench.fields("/digits", "Digits"), ["42"]);
    assert!(bench.seen("/never").is_empty());
}

#[tokio::test]
async fn gather_takes_speech_to_its_action() {
    let verbs = "<Gather input='speech' action='/speech'/>";
    let (bench, _) = obey(Person::talks(3600.0).saying("Zürich please, 50% off"), verbs).await;
    let seen = bench.seen("/speech").remove(0);
    assert_eq!((seen.get("SpeechResult"), seen.genuine), ("Zürich please, 50% off", true));
}

#[tokio::test]
async fn gather_without_input_falls_through() {
    let verbs = "<Gather action='/never'/><Redirect>/next</Redirect>";
    let (bench, _) = obey(Person::talks(3600.0), verbs).await;
    assert!(bench.seen("/never").is_empty());
    assert_eq!(bench.seen("/next").len(), 1);
    let (bench, _) = obey(Person::talks(3600.0), "<Gather action='/empty' actionOnEmptyResult='true'/>").await;
    assert_eq!(bench.fields("/empty", "Digits"), [""]);
}

#[tokio::test]
async fn record_reports_to_its_action_and_its_callback() {
    let verbs = "<Record action='/recorded' recordingStatusCallback='/file'/>";
    let (bench, call) = obey(Person::talks(3600.0), verbs).await;
    let recorded = bench.seen("/recorded").remove(0);
    assert_eq!(recorded.get("RecordingDuration"), bench.fields("/file", "RecordingDuration")[0]);
    let file = bench.seen("/file").remove(0);
    assert_eq!((file.get("RecordingStatus"), file.get("RecordingSource")), ("completed", "RecordVerb"));
    assert_eq!(file.get("CallSid"), call.sid);
}

#[tokio::test]
async fn a_caller_who_leaves_while_recorded_is_reported_too() {
    // Slow enough for the document to arrive before the caller is gone.
    let bench = Bench::with(Config { speed: 5.0, ..quick() }).await;
    let mut caller = Person::hangs_up();
    caller.ring = 0.0;
    bench.network.set_person(PHONE, caller);
    bench.twiml("/voice", "<Record action='/recorded'/>");
    bench.live(PHONE, &[]).await;
    let recorded = bench.seen("/recorded").remove(0);
    assert_eq!((recorded.get("Digits"), recorded.get("CallStatus")), ("hangup", "completed"));
}

#[tokio::test]
async fn dial_ignores_status_callback_and_its_nouns_do_not() {
    let bench = Bench::new().await;
    bench.network.set_person(PHONE, Person::talks(3600.0));
    bench.network.set_person(CHILD, Person::talks(20.0));
    bench.twiml(
        "/voice",
        &format!(
            "<Dial statusCallback='{url}/on-dial' statusCallbackEvent='initiated completed' action='/after' \
             record='record-from-answer' recordingStatusCallback='/recording'>\
             <Number statusCallback='{url}/on-noun' statusCallbackEvent='initiated ringing answered completed'>{CHILD}</Number>\
             </Dial><Redirect>/never</Redirect>",
            url = bench.url
        ),
    );
    let call = bench.live(PHONE, &[]).await;
    let leg = child(&bench);
    assert!(bench.seen("/on-dial").is_empty());
    assert!(bench.seen("/never").is_empty());
    assert_eq!(call.notices.iter().filter(|notice| notice.code == 12200).count(), 2);

    let told = bench.seen("/on-noun");
    let statuses: Vec<_> = told.iter().map(|seen| seen.get("CallStatus")).collect();
    assert_eq!(statuses, ["initiated", "ringing", "in-progress", "completed"]);
    for seen in &told {
        assert_eq!((seen.get("CallSid"), seen.get("ParentCallSid")), (leg.sid.as_str(), call.sid.as_str()));
        assert_eq!((seen.get("Direction"), seen.genuine), ("outbound-dial", true));
    }
    let after = bench.seen("/after").remove(0);
    assert_eq!((after.get("DialCallStatus"), after.get("DialCallSid")), ("completed", leg.sid.as_str()));
    assert_eq!((after.get("DialBridged"), after.get("CallSid")), ("true", call.sid.as_str()));
    assert_eq!(after.get("DialCallDuration"), leg.duration.unwrap().to_string());
    assert!(after.get("RecordingUrl").contains("/Recordings/RE"));
    assert_eq!(bench.fields("/recording", "RecordingSource"), ["DialVerb"]);
    assert_eq!(leg.parent, Some(call.sid));
}

#[tokio::test]
async fn a_dialled_leg_hears_its_own_document_before_it_is_connected() {
    let bench = Bench::new().await;
    bench.network.set_person("*", Person::talks(60.0));
    bench.network.set_person(PHONE, Person::talks(3600.0));
    bench.twiml("/voice", &format!("<Dial action='/after'><Number url='/whisper'>{CHILD}</Number></Dial>"));
    bench.twiml("/whisper", "<Say>a call for you</Say>");
    bench.live(PHONE, &[]).await;
    assert_eq!(bench.fields("/whisper", "CallSid"), [child(&bench).sid]);
    assert_eq!(bench.fields("/after", "DialBridged"), ["true"]);

    let bench = Bench::new().await;
    bench.network.set_person("*", Person::talks(3600.0));
    bench.twiml("/voice", &format!("<Dial action='/after'><Number url='/whisper'>{CHILD}</Number></Dial>"));
    bench.twiml("/whisper", "<Hangup/>");
    bench.live(PHONE, &[]).await;
    assert_eq!(bench.fields("/after", "DialBridged"), ["false"]);
}

#[tokio::test]
async fn dial_reports_how_it_failed() {
    for (person, status) in
        [(Person::busy(), "busy"), (Person::no_answer(), "no-answer"), (Person::invalid(), "failed")]
    {
        let bench = Bench::new().await;
        bench.network.set_person(PHONE, Person::talks(3600.0));
        bench.network.set_person(CHILD, person);
        bench.twiml("/voice", &format!("<Dial timeout='5' action='/after'>{CHILD}</Dial>"));
        bench.live(PHONE, &[]).await;
        let after = bench.seen("/after").remove(0);
        assert_eq!((after.get("DialCallStatus"), after.get("DialBridged")), (status, "false"));
        assert_eq!(after.get("DialCallDuration"), "");
    }
}

#[tokio::test]
async fn of_several_legs_the_first_to_answer_is_connected() {
    let bench = Bench::new().await;
    bench.network.set_person(PHONE, Person::talks(3600.0));
    bench.network.set_person("client:quick", Person::talks(20.0));
    bench.network.set_person("sip:*", Person::no_answer());
    let verbs = "<Dial><Sip>sip:slow@a.example</Sip><Client>quick</Client></Dial><Redirect>/next</Redirect>";
    bench.twiml("/voice", verbs);
    bench.live(PHONE, &[]).await;
    let legs: Vec<_> = bench.network.calls().into_iter().skip(1).map(|leg| (leg.to, leg.status)).collect();
    let expected =
        [("sip:slow@a.example".to_owned(), Status::Canceled), ("client:quick".to_owned(), Status::Completed)];
    assert_eq!(legs, expected);
    assert_eq!(bench.seen("/next").len(), 1);
}

#[tokio::test]
async fn a_caller_who_leaves_takes_the_dialled_leg_along() {
    let bench = Bench::new().await;
    bench.network.set_person(PHONE, Person::talks(100.0));
    bench.network.set_person(CHILD, Person::talks(3600.0));
    bench.twiml("/voice", &format!("<Dial action='/after'>{CHILD}</Dial>"));
    let call = bench.live(PHONE, &[]).await;
    assert_eq!((call.status, child(&bench).status), (Status::Completed, Status::Completed));
    let after = bench.seen("/after").remove(0);
    assert_eq!((after.get("DialCallStatus"), after.get("CallStatus")), ("completed", "completed"));
}

#[tokio::test]
async fn streams_report_start_and_stop() {
    let verbs = "<Connect><Stream url='wss://a.example/m' statusCallback='{url}/stream'/></Connect>";
    let (bench, call) = obey(Person::talks(60.0), verbs).await;
    assert_eq!(bench.fields("/stream", "StreamEvent"), ["stream-started", "stream-stopped"]);
    let seen = bench.seen("/stream").remove(0);
    assert_eq!((seen.get("CallSid"), seen.get("StreamName")), (call.sid.as_str(), seen.get("StreamSid")));
    seen.get("Timestamp").parse::<jiff::Timestamp>().unwrap();

    let verbs = "<Start><Stream name='a' url='wss://a.example/m' statusCallback='{url}/stream'/></Start>\
                 <Pause length='2'/><Stop><Stream name='a'/></Stop><Redirect>/next</Redirect>";
    let (bench, _) = obey(Person::talks(3600.0), verbs).await;
    assert_eq!(bench.fields("/stream", "StreamEvent"), ["stream-started", "stream-stopped"]);
    assert_eq!(bench.seen("/next").len(), 1);
}

#[tokio::test]
async fn a_stream_to_nowhere_fails_and_the_document_goes_on() {
    let verbs =
        "<Connect><Stream url='gopher://a.example' statusCallback='{url}/stream'/></Connect><Redirect>/next</Redirect>";
    let (bench, _) = obey(Person::talks(3600.0), verbs).await;
    assert_eq!(bench.fields("/stream", "StreamEvent"), ["stream-error"]);
    assert_eq!(bench.seen("/next").len(), 1);
}

#[tokio::test]
async fn a_failing_document_falls_back_or_ends_the_call() {
    let bench = Bench::new().await;
    bench.network.set_person("*", Person::talks(3600.0));
    bench.answer("/voice", 500, "oops");
    bench.twiml("/fallback", "<Redirect>/saved</Redirect>");
    let fallback = bench.at("/fallback");
    let call = bench.live(PHONE, &[("FallbackUrl", &fallback)]).await;
    assert_eq!(bench.fields("/fallback", "ErrorCode"), ["11200"]);
    assert_eq!(bench.seen("/saved").len(), 1);
    assert_eq!(call.sent_for(Purpose::Fallback).count(), 1);

    bench.answer("/broken", 200, "<Response><Say>no end</Response>");
    let call = bench.live(PHONE, &[("Url", &bench.at("/broken"))]).await;
    assert_eq!(call.status, Status::Completed);
    assert_eq!(call.notices[0].code, 12100);
    assert!(call.duration.unwrap() < 3000);
}

#[tokio::test]
async fn inline_twiml_needs_absolute_actions() {
    let bench = Bench::new().await;
    bench.network.set_person("*", Person::talks(3600.0).pressing("1"));
    let absolute = format!("<Response><Gather action='{}/digits'/></Response>", bench.url);
    bench.live(PHONE, &[("Url", ""), ("Twiml", &absolute)]).await;
    assert_eq!(bench.fields("/digits", "Digits"), ["1"]);
    let call = bench.live(PHONE, &[("Url", ""), ("Twiml", "<Response><Gather action='/digits'/></Response>")]).await;
    assert_eq!((call.status, call.notices[0].code), (Status::Completed, 11100));
}

#[tokio::test]
async fn a_redirect_during_dial_asks_the_action_first_and_obeys_the_redirect() {
    let bench = Bench::new().await;
    bench.network.set_person(PHONE, Person::talks(3600.0));
    bench.network.set_person(CHILD, Person::talks(3600.0));
    bench.twiml("/voice", &format!("<Dial action='/after'>{CHILD}</Dial>"));
    bench.twiml("/moved", "<Hangup/>");
    bench.twiml("/after", "<Redirect>/never</Redirect>");
    let sid = bench.call(PHONE, &[]).await;
    let connected = |call: &CallRecord| call.direction == Direction::OutboundDial && call.status == Status::InProgress;
    bench.until(&sid, |_| bench.network.calls().iter().any(connected)).await;
    bench.rest(Method::POST, &format!("/Calls/{sid}.json")).form(&[("Url", bench.at("/moved"))]).send().await.unwrap();
    bench.settle().await;
    assert_eq!(bench.fields("/after", "DialCallStatus"), ["completed"]);
    assert_eq!((bench.seen("/moved").len(), bench.seen("/never").len()), (1, 0));
}

#[tokio::test]
async fn a_dialled_leg_that_is_redirected_lives_on_by_itself() {
    let bench = Bench::new().await;
    bench.network.set_person("*", Person::talks(3600.0));
    bench.twiml("/voice", &format!("<Dial action='/after'>{CHILD}</Dial>"));
    bench.twiml("/moved", "<Pause length='100'/>");
    let sid = bench.call(PHONE, &[]).await;
    let connected = |call: &CallRecord| call.direction == Direction::OutboundDial && call.status == Status::InProgress;
    bench.until(&sid, |_| bench.network.calls().iter().any(connected)).await;
    let leg = child(&bench).sid;
    bench.rest(Method::POST, &format!("/Calls/{leg}.json")).form(&[("Url", bench.at("/moved"))]).send().await.unwrap();
    bench.settle().await;
    assert_eq!(bench.fields("/after", "DialCallStatus"), ["completed"]);
    assert_eq!(bench.fields("/moved", "CallSid").join(" "), leg);
    let (parent, leg) = (bench.network.call(&sid).unwrap(), bench.network.call(&leg).unwrap());
    assert!(parent.ended_at.unwrap() < leg.ended_at.unwrap(), "the caller was done, the leg talked on");
}
