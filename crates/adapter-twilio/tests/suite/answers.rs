//! TwiML as Twilio reads it, word for word.

use adapter_twilio::twiml::{Dial, Gather, Input, Noun, Record, Recording, Response, Sound, Stream, Target, Verb};
use call_core::port::{Hook as _, Question, Reply};
use call_core::{Call, Command, Disposition, Fact, Hungup, Proposer, Script, Signal, SpeechFact};

use provider_laws::{id, tell};

use crate::kit::{CALL, converse, hook, leg, plan, stage};

const HEAD: &str = "<?xml version=\"1.0\" encoding=\"UTF-8\"?><Response>";
const OVERRIDES: &str = "#rc=3&amp;rp=all&amp;ct=2000&amp;rt=3500&amp;tt=15000";

fn url(kind: &str) -> String {
    format!("https://calls.example.com/hooks/twilio/{}/{kind}{OVERRIDES}", id())
}

fn now(call: &Call) -> Reply {
    hook().reply(&Question::WhatNow, Some(call))
}

fn next(call: &Call, action: &str) -> String {
    hook().reply(&Question::WhatNext { action: action.to_owned() }, Some(call)).body
}

fn listening(call: &Call, prompt: &str) -> String {
    let action = url(&format!("action?step={}", call.version()));
    format!(
        "{HEAD}<Gather input=\"dtmf speech\" action=\"{action}\" method=\"POST\" timeout=\"30\" speechTimeout=\"auto\" \
         actionOnEmptyResult=\"true\">{prompt}</Gather><Redirect method=\"POST\">{action}</Redirect></Response>"
    )
}

#[test]
fn a_say_script_says_and_hangs_up() {
    let call = stage().live(plan(Script::Say { text: "Fish & chips <now>".to_owned() }));
    let reply = now(&call);
    assert_eq!((reply.status, reply.content_type), (200, "text/xml"));
    assert_eq!(reply.body, format!("{HEAD}<Say>Fish &amp; chips &lt;now&gt;</Say><Hangup/></Response>"));
    assert_eq!(next(&call, "said"), format!("{HEAD}<Hangup/></Response>"));
}

#[test]
fn a_conversation_greets_and_listens_for_as_long_as_it_lives() {
    let call = stage().live(converse());
    assert_eq!(now(&call).body, listening(&call, "<Say>Hello!</Say>"));
    assert_eq!(next(&call, "gather"), listening(&call, ""));
    assert_eq!(next(&call, "said"), listening(&call, ""));
    let silent = stage().live(plan(Script::default()));
    assert_eq!(now(&silent).body, listening(&silent, ""));
}

#[test]
fn an_answer_moves_on_to_another_question() {
    let mut call = stage().live(converse());
    let before = now(&call).body;
    tell(&mut call, Signal::new(Fact::Digits("1".to_owned())));
    assert_ne!(before, now(&call).body);
}

#[test]
fn a_connect_script_asks_for_status_on_the_noun() {
    let script = |to: &str| Script::Connect { to: to.to_owned(), caller_id: Some("+15550000009".to_owned()) };
    let cases = [
        ("+15550000003", "Number", "+15550000003"),
        ("client:ann", "Client", "ann"),
        ("sip:ann@example.com", "Sip", "sip:ann@example.com"),
    ];
    for (to, noun, text) in cases {
        let call = stage().live(plan(script(to)));
        let (action, status) = (url("action"), url("status"));
        assert_eq!(
            now(&call).body,
            format!(
                "{HEAD}<Dial action=\"{action}\" method=\"POST\" timeLimit=\"3600\" callerId=\"+15550000009\">\
                 <{noun} statusCallback=\"{status}\" statusCallbackEvent=\"initiated ringing answered completed\" \
                 statusCallbackMethod=\"POST\">{text}</{noun}></Dial></Response>"
            )
        );
        assert_eq!(next(&call, "dial"), format!("{HEAD}<Hangup/></Response>"));
    }
}

#[test]
fn a_stream_script_opens_a_socket_without_a_query() {
    let call = stage().live(plan(Script::Stream));
    let status = url("stream");
    assert_eq!(
        now(&call).body,
        format!(
            "{HEAD}<Connect><Stream url=\"wss://calls.example.com/media/twilio\" statusCallback=\"{status}\" \
             statusCallbackMethod=\"POST\"><Parameter name=\"call\" value=\"{}\"/></Stream></Connect></Response>",
            id()
        )
    );
}

#[test]
fn a_call_that_is_ending_or_over_is_hung_up() {
    let hangup = format!("{HEAD}<Hangup/></Response>");
    let mut call = stage().live(converse());
    tell(&mut call, Command::hangup());
    assert_eq!(now(&call).body, hangup);
    assert_eq!(next(&call, "gather"), hangup);
    tell(&mut call, Signal::new(Fact::Ended(Hungup::new(Disposition::Completed))).on(leg(CALL)));
    assert_eq!(now(&call).body, hangup);
}

/// The words of a farewell may still be on their way when the caller's silence is asked about.
#[test]
fn a_farewell_is_not_cut_by_a_question() {
    let mut call = stage().live(converse());
    tell(&mut call, Command::Speak { operation: "bye".to_owned(), text: "Goodbye".to_owned() });
    tell(&mut call, Command::Hangup { proposer: Proposer::Farewell, reason: None, after_speech: true });
    assert_eq!(next(&call, "gather"), listening(&call, ""));
    tell(&mut call, Signal::new(Fact::Speech(SpeechFact { operation: "bye".to_owned(), played: true })));
    assert_eq!(next(&call, "said"), format!("{HEAD}<Hangup/></Response>"));
}

#[test]
fn a_question_that_beats_the_answer_gets_the_script() {
    let call = stage().dialing(converse());
    assert_eq!(now(&call).body, listening(&call, "<Say>Hello!</Say>"));
}

#[test]
fn a_caller_whom_nobody_knows_hears_an_apology() {
    for question in [Question::WhatNow, Question::WhatNext { action: "gather".to_owned() }] {
        let reply = hook().reply(&question, None);
        assert_eq!(reply.status, 200);
        assert!(reply.body.starts_with(&format!("{HEAD}<Say>We are sorry")), "{}", reply.body);
        assert!(reply.body.ends_with("</Say><Hangup/></Response>"));
    }
}

#[test]
fn a_document_that_twilio_would_refuse_is_not_sent() {
    let call = stage().live(plan(Script::Say { text: "word ".repeat(20_000) }));
    let body = now(&call).body;
    assert!(body.len() < Response::MOST_BYTES && body.contains("We are sorry"));
}

#[test]
fn every_verb_is_written() {
    let recording = Recording { url: "https://h.example/r".to_owned() };
    let stream =
        |url: &str| Stream { url: url.to_owned(), name: Some("s".to_owned()), status: None, parameters: vec![] };
    let all = Response::from([
        Verb::Reject { busy: true },
        Verb::Sound(Sound::Say {
            text: "'hi'".to_owned(),
            voice: Some("alice".to_owned()),
            language: Some("en-GB".to_owned()),
        }),
        Verb::Sound(Sound::Play { url: "https://h.example/a.mp3?a=1&b=2".to_owned() }),
        Verb::Sound(Sound::Digits { digits: "12ww".to_owned() }),
        Verb::Sound(Sound::Pause { seconds: 2 }),
        Verb::Gather(Gather {
            input: Input::Dtmf,
            action: "https://h.example/g".to_owned(),
            timeout: 5,
            most: Some(4),
            until: Some(None),
            action_on_empty_result: false,
            prompt: vec![Sound::Pause { seconds: 1 }],
        }),
        Verb::Record(Record {
            action: "https://h.example/a".to_owned(),
            max_length: 9,
            recording: Some(recording.clone()),
        }),
        Verb::Dial(Dial {
            action: "https://h.example/d".to_owned(),
            timeout: Some(20),
            time_limit: None,
            caller_id: None,
            recording: Some(recording),
            nouns: vec![Noun { target: Target::parse("+1"), status: None }],
        }),
        Verb::Start(stream("wss://h.example/m")),
        Verb::Stop { name: "s".to_owned() },
        Verb::Redirect { url: "https://h.example/x".to_owned() },
    ]);
    let told = "recordingStatusCallback=\"https://h.example/r\" recordingStatusCallbackMethod=\"POST\" \
                recordingStatusCallbackEvent=\"completed absent\"";
    assert_eq!(
        all.to_xml(),
        format!(
            "{HEAD}<Reject reason=\"busy\"/><Say voice=\"alice\" language=\"en-GB\">&apos;hi&apos;</Say>\
             <Play>https://h.example/a.mp3?a=1&amp;b=2</Play><Play digits=\"12ww\"/><Pause length=\"2\"/>\
             <Gather input=\"dtmf\" action=\"https://h.example/g\" method=\"POST\" timeout=\"5\" numDigits=\"4\" finishOnKey=\"\" \
             actionOnEmptyResult=\"false\"><Pause length=\"1\"/></Gather>\
             <Record action=\"https://h.example/a\" method=\"POST\" maxLength=\"9\" {told}/>\
             <Dial action=\"https://h.example/d\" method=\"POST\" timeout=\"20\" record=\"record-from-answer\" {told}>\
             <Number>+1</Number></Dial>\
             <Start><Stream url=\"wss://h.example/m\" name=\"s\"></Stream></Start><Stop><Stream name=\"s\"/></Stop>\
             <Redirect method=\"POST\">https://h.example/x</Redirect></Response>"
        )
    );
}
