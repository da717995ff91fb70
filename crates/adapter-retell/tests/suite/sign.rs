//! Retell's signature, by the official vectors.

use std::time::Duration;

use adapter_retell::sign::{Key, verify};
use call_core::Timestamp;
use serde::Deserialize;
use serde_json::Value;

const WINDOW: Duration = Duration::from_secs(300);

#[derive(Deserialize)]
struct Vectors {
    api_key: String,
    vectors: Vec<Vector>,
    negative: Vec<Value>,
}

#[derive(Deserialize)]
struct Vector {
    name: String,
    timestamp_ms: i64,
    body: String,
    header: String,
    valid_now_range_ms: [i64; 2],
}

fn vectors() -> (Key, Vec<Vector>) {
    let all: Vectors = serde_json::from_str(include_str!("../data/retell-webhook-vectors.json")).unwrap();
    assert_eq!((all.vectors.len(), all.negative.len()), (4, 8));
    (Key::new(&all.api_key), all.vectors)
}

fn passes(key: &Key, header: &str, body: &[u8], now: i64) -> bool {
    verify(std::slice::from_ref(key), header, body, Timestamp::from_millis(now), WINDOW)
}

#[test]
fn every_vector_passes_in_its_time_and_not_a_millisecond_beside_it() {
    let (key, vectors) = vectors();
    for vector in vectors {
        let body = vector.body.as_bytes();
        let at = Timestamp::from_millis(vector.timestamp_ms);
        assert_eq!(key.sign(body, at), vector.header, "{}", vector.name);
        let [first, last] = vector.valid_now_range_ms;
        for now in [first, vector.timestamp_ms, last] {
            assert!(passes(&key, &vector.header, body, now), "{} at {now}", vector.name);
        }
        for now in [first - 1, last + 1] {
            assert!(!passes(&key, &vector.header, body, now), "{} at {now}", vector.name);
        }
    }
}

/// The vectors' list of what must be rejected, in its order; upper case is, as by Retell's Python library.
#[test]
fn what_must_be_rejected_is() {
    let (key, vectors) = vectors();
    let Vector { timestamp_ms: now, body, header, .. } = &vectors[0];
    let refused = |header: &str, body: &str| !passes(&key, header, body.as_bytes(), *now);
    let (time, digest) = header.split_once(',').unwrap();

    assert!(refused(header, &format!("{body} ")));
    assert!(!passes(&Key::new("key_another"), header, body.as_bytes(), *now));
    assert!(refused(&format!("v={},{digest}", now + 1), body));
    assert!(!passes(&key, header, body.as_bytes(), now + 300_001));
    assert!(!passes(&key, header, body.as_bytes(), now - 300_001));
    assert!(refused(&format!("{digest},{time}"), body));
    assert!(refused(&format!("{header},x=1"), body));
    assert!(refused(&format!("{time},d={}", digest[2..].to_uppercase()), body));
}

#[test]
fn a_header_of_another_form_is_no_signature() {
    let (key, vectors) = vectors();
    let Vector { timestamp_ms: now, body, header, .. } = &vectors[0];
    let digest = header.split_once(",d=").unwrap().1;
    for odd in [
        String::new(),
        "v=,d=".to_owned(),
        format!(" {header}"),
        format!("{header} "),
        format!("v=+{now},d={digest}"),
        format!("v=-{now},d={digest}"),
        format!("v=0{now}, d={digest}"),
        format!("v=99999999999999999999,d={digest}"),
        format!("v={now},d={}", &digest[..62]),
        format!("v={now},d={}zz", &digest[..62]),
        format!("v={now},d={}é", &digest[..62]),
    ] {
        assert!(!passes(&key, &odd, body.as_bytes(), *now), "{odd:?}");
    }
}

#[test]
fn any_of_several_keys_will_do() {
    let (key, vectors) = vectors();
    let Vector { timestamp_ms, body, header, .. } = &vectors[2];
    let keys = [Key::new("key_next"), key];
    let now = Timestamp::from_millis(*timestamp_ms);
    assert!(verify(&keys, header, body.as_bytes(), now, WINDOW));
    assert!(!verify(&keys[..1], header, body.as_bytes(), now, WINDOW));
    assert!(!verify(&[], header, body.as_bytes(), now, WINDOW));
    assert_eq!(format!("{:?}", keys[0]), "Key(…)");
}
