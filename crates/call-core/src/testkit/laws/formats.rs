//! What was written once is read for ever, to the last character and millisecond.

use serde::Deserialize;
use serde_json::value::Value;

use super::FreshStore;
use super::stage::*;
use crate::journal::{Entry, fold};
use crate::port::{Commit, IdempotencyKey, Store, restore};
use crate::{Call, Fact, Leg, Plan, Policy, ProviderName, Signal, Speaker, Subject, Timestamp, Turn};

/// Calls as released versions wrote them. Files are added with every change of format, never edited.
const SAVED: [(&str, &str); 4] = [
    ("0.1 completed outbound call", include_str!("saved/0.1-completed.json")),
    ("0.1 live inbound call", include_str!("saved/0.1-live.json")),
    ("0.1 call in its farewell", include_str!("saved/0.1-farewell.json")),
    ("0.1 dial with an unknown outcome", include_str!("saved/0.1-unknown-dial.json")),
];

#[derive(Deserialize)]
struct Saved {
    birth: Value,
    state: Value,
    journal: Vec<Entry>,
}

/// Every call that a released version stored is read by this one, means the same, and can be stored again.
pub async fn every_saved_format_still_loads<F: FreshStore>() {
    let (_fresh, store) = fresh::<F>().await;
    for (name, text) in SAVED {
        let saved: Saved = serde_json::from_str(text).unwrap_or_else(|e| panic!("{name}: {e}"));
        let call =
            restore(&saved.birth.to_string(), &saved.state.to_string()).unwrap_or_else(|e| panic!("{name}: {e}"));
        let lived = fold(call.birth(), &saved.journal).unwrap_or_else(|e| panic!("{name}: {e}"));
        assert_eq!(lived, call, "{name}: the rules live this life as they did then");

        keep(&*store, Commit { base: 0, entries: saved.journal.clone().into(), ..Commit::on(call.clone()) }).await;
        assert_eq!(load(&*store, call.id()).await, call, "{name}");
        assert_eq!(store.journal(call.id()).await.expect("a store answers"), saved.journal, "{name}");
    }
}

/// No moment is rounded, anywhere: past, future, before 1970, at the ends of what can be written.
pub async fn times_survive_to_the_millisecond<F: FreshStore>() {
    let (_fresh, store) = fresh::<F>().await;
    let moments = [-1, 0, 1, 999, START + 1, START + 999, -62_135_596_800_000, i64::MAX, i64::MIN];
    for (n, millis) in (0_u32..).zip(moments) {
        let now = Timestamp::from_millis(millis);
        let birth = Commit::birth(Call::dial(id(at(0), n), plan(), Policy::default(), now));
        let call = keep(&*store, birth).await;
        let on = leg(&format!("CA{n}"));
        let next = step(&call, accepted(&on).happened(now - ms(1)), now + ms(1));
        let entries = next.entries.clone();
        let call = keep(&*store, next).await;
        assert_eq!(load(&*store, call.id()).await, call, "{millis}");
        assert_eq!(store.journal(call.id()).await.expect("a store answers"), *entries, "{millis}");

        let stray = leg(&format!("stray-{n}"));
        store.park(&stray, &[answered().happened(now)], now, now + ms(1)).await.expect("a store answers");
        let parked = store.parked(&stray).await.expect("a store answers");
        assert_eq!((parked[0].since, parked[0].until, parked[0].signal.at), (now, now + ms(1), Some(now)), "{millis}");

        let jobs = claim(&*store, Timestamp::from_millis(i64::MAX), ms(0)).await;
        assert!(jobs.iter().filter(|job| job.id.call == call.id()).any(|job| job.since == now), "{millis}");
    }
}

/// Text from outside comes back as it was, and names that look alike stay apart. A NUL is the one that databases lose.
pub async fn unicode_and_odd_strings_survive<F: FreshStore>() {
    let (_fresh, store) = fresh::<F>().await;
    let long = "x".repeat(3000);
    let odd = [
        "",
        " ",
        "ada",
        "Ada",
        "ada ",
        "é",
        "e\u{301}",
        "日本語 🎧",
        "\0",
        "\0a",
        "a\0b",
        "a\0c",
        "\\",
        "\\0",
        "\\u0000",
        "'; DROP TABLE calls; --",
        "%_",
        "\"",
        "\u{feff}",
        "\u{202e}",
        "\n\t\r\u{1b}",
        "$1",
        "{\"$gt\":\"\"}",
        "a.b",
        long.as_str(),
    ];
    let mut calls = Vec::new();
    for (n, text) in (0_u32..).zip(odd) {
        let mut plan = Plan::new(ProviderName::from(text.to_owned()), text, text).about(text);
        plan.context.insert(text.to_owned(), text.to_owned());
        let leg = Leg::new(ProviderName::from(text.to_owned()), text);
        let birth = Call::ring(id(at(i64::from(n)), n), leg.clone(), plan, Policy::default(), at(i64::from(n)));
        let key = IdempotencyKey { key: text.to_owned(), digest: text.to_owned() };
        let call = keep(&*store, Commit { key: Some(key), ..Commit::birth(birth) }).await;

        let mut said = Signal::new(Fact::Turn(Turn { speaker: Speaker::Caller, text: text.to_owned() })).keyed(text);
        said.extra.insert(text.to_owned(), text.to_owned());
        let stray = Leg::new(ProviderName::from(text.to_owned()), format!("stray-{text}"));
        store.park(&stray, std::slice::from_ref(&said), at(0), at(900)).await.expect("a store answers");
        let call = keep(&*store, step(&call, said.clone(), at(1000))).await;
        calls.push((text, call, leg, stray, said));
    }
    for (text, call, leg, stray, said) in &calls {
        assert_eq!(load(&*store, call.id()).await, *call, "{text:?}");
        let journal = store.journal(call.id()).await.expect("a store answers");
        assert_eq!(journal[0].input, crate::Input::Signal(said.clone()), "{text:?}");
        assert_eq!(store.find(leg).await.expect("a store answers"), Some(call.id()), "{text:?}");
        let found = store.find_key(text).await.expect("a store answers");
        assert_eq!(found, Some((call.id(), (*text).to_owned())), "{text:?}");
        let parked = store.parked(stray).await.expect("a store answers");
        assert_eq!(parked.len(), 1, "{text:?}");
        assert_eq!((&parked[0].leg, &parked[0].signal), (stray, said), "{text:?}");
        let filter = crate::port::Filter { subject: Some(Subject((*text).to_owned())), ..Default::default() };
        let listed = store.list(&filter, &crate::port::Page::default()).await.expect("a store answers");
        assert_eq!(listed, std::slice::from_ref(call), "{text:?}");
    }
}
