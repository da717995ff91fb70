//! Whatever text comes in, a document or an answer goes out.

use adapter_twilio::Callback;
use adapter_twilio::twiml::{Response, Sound, Verb};
use proptest::prelude::*;

/// Often one that XML has opinions about.
fn a_char() -> impl Strategy<Value = char> {
    prop_oneof![any::<char>(), prop::char::range('\0', '\u{7f}'), prop::sample::select(vec!['\u{fffe}', '\u{ffff}'])]
}

proptest! {
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
