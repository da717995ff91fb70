//! Whatever comes in, an answer goes out.

use adapter_twilio::Callback;
use adapter_twilio::sign::{Signed, sign};
use adapter_twilio::twiml::{Response, Sound, Verb};
use call_core::Fact;
use call_core::port::{Hook as _, HookRequest};
use proptest::prelude::*;
use secrecy::SecretString;

use crate::kit::{ACCOUNT, CALL, CHILD, PUBLIC, TOKEN, born, hook, id, message};

const NAMES: [&str; 24] = [
    "AccountSid",
    "CallSid",
    "ParentCallSid",
    "CallStatus",
    "SequenceNumber",
    "Timestamp",
    "CallDuration",
    "Duration",
    "SipResponseCode",
    "DialCallStatus",
    "DialCallSid",
    "DialCallDuration",
    "Digits",
    "SpeechResult",
    "RecordingSid",
    "RecordingStatus",
    "RecordingUrl",
    "RecordingDuration",
    "AnsweredBy",
    "StreamSid",
    "StreamEvent",
    "StreamError",
    "From",
    "New",
];

fn a_path() -> impl Strategy<Value = String> {
    let id = id();
    prop_oneof![
        prop::sample::select(vec!["voice", "status", "action", "recording", "amd", "stream"])
            .prop_map(move |kind| format!("/{id}/{kind}")),
        prop::sample::select(vec!["/voice".to_owned(), "/status".to_owned()]),
        ".{0,40}",
    ]
}

fn a_value() -> impl Strategy<Value = String> {
    let words = [
        ACCOUNT,
        CALL,
        CHILD,
        "completed",
        "ringing",
        "in-progress",
        "busy",
        "0",
        "18446744073709551616",
        "-1",
        "",
        "Sat, 21 Nov 2026 08:00:02 +0000",
        "9999-12-31T23:59:59Z",
        "stream-error",
        "machine_start",
    ];
    prop_oneof![prop::sample::select(words.map(str::to_owned).to_vec()), ".{0,30}"]
}

/// Often one that XML has opinions about.
fn a_char() -> impl Strategy<Value = char> {
    prop_oneof![any::<char>(), prop::char::range('\0', '\u{7f}'), prop::sample::select(vec!['\u{fffe}', '\u{ffff}'])]
}

proptest! {
    #[test]
    fn any_signed_bytes_have_an_answer(path in a_path(), body in prop::collection::vec(any::<u8>(), 0..400), kind in ".{0,40}") {
        let url = format!("{PUBLIC}/hooks/twilio{path}");
        let pairs: Vec<(String, String)> = form_urlencoded::parse(&body).into_owned().collect();
        let signature = sign(&SecretString::from(TOKEN), &url, Signed::Form(&pairs));
        for content in ["application/x-www-form-urlencoded", &kind] {
            for method in ["POST", "GET", &kind] {
                let header = |name: &str| match name {
                    "x-twilio-signature" => Some(signature.as_str()),
                    "content-type" => Some(content),
                    _ => None,
                };
                let request =
                    HookRequest { method, url: &url, path: &path, header: &header, body: &body, now: born() };
                let _ = hook().receive(&request);
            }
        }
    }

    #[test]
    fn any_signed_form_has_an_answer(
        path in a_path(),
        params in prop::collection::vec((prop::sample::select(NAMES.to_vec()), a_value()), 0..12),
    ) {
        let params: Vec<(&str, &str)> = params.iter().map(|(name, value)| (*name, value.as_str())).collect();
        if let Ok(received) = message(&path, &params) {
            prop_assert!(Callback::parse(&path).is_some());
            let mut keys: Vec<_> = received.signals.iter().filter_map(|signal| signal.key.clone()).collect();
            let count = keys.len();
            keys.sort();
            keys.dedup();
            prop_assert_eq!(keys.len(), count, "signals of one message must not swallow each other");
            let statuses: Vec<&str> = params.iter().filter(|(n, _)| n.ends_with("CallStatus")).map(|(_, v)| *v).collect();
            for signal in &received.signals {
                if let Fact::Ended(_) = signal.fact {
                    prop_assert!(statuses.iter().any(|s| ["completed", "busy", "no-answer", "failed", "canceled"].contains(s)));
                }
            }
        }
    }

    #[test]
    fn any_words_make_a_well_formed_document(chars in prop::collection::vec(a_char(), 0..60)) {
        let text: String = chars.into_iter().collect();
        let xml = Response::from([Verb::Sound(Sound::say(&text)), Verb::Redirect { url: text.clone() }]).to_xml();
        let said = xml.split_once("<Say>").unwrap().1.split_once("</Say>").unwrap().0;
        prop_assert!(!said.contains(['<', '>', '"', '\'']));
        prop_assert!(!said.chars().any(|c| c < ' ' && !"\t\n\r".contains(c)));
        let plain = said.replace("&lt;", "<").replace("&gt;", ">").replace("&quot;", "\"").replace("&apos;", "'").replace("&amp;", "&");
        let speakable: String = text
            .chars()
            .filter(|c| (*c >= ' ' || "\t\n\r".contains(*c)) && !['\u{fffe}', '\u{ffff}'].contains(c))
            .collect();
        prop_assert_eq!(plain, speakable);
    }

    #[test]
    fn any_path_is_read_or_not(path in ".{0,80}") {
        if let Some(callback) = Callback::parse(&path) {
            let (made, came) = (callback.path(), path.split(['?', '#']).next().unwrap());
            prop_assert_eq!(made.trim_start_matches('/'), came.trim_start_matches('/'));
        }
    }
}
