use std::time::Duration;

use adapter_telnyx::sign::{PublicKey, Signed, verify};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use call_core::Timestamp;
use ed25519_dalek::SigningKey;
use serde::Deserialize;
use serde_json::Value;

use crate::kit::{PUBLIC_KEY, seed, signature};

const WINDOW: Duration = Duration::from_secs(300);

#[derive(Deserialize)]
struct Vectors {
    public_key_base64: String,
    vectors: Vec<Vector>,
}

#[derive(Deserialize)]
struct Vector {
    name: String,
    timestamp: String,
    body: String,
    body_base64: String,
    signature_base64: String,
    valid_now_range: [i64; 2],
}

impl Vector {
    fn bytes(&self) -> Vec<u8> {
        BASE64_STANDARD.decode(&self.body_base64).unwrap()
    }

    fn at(&self) -> i64 {
        self.timestamp.parse().unwrap()
    }
}

fn vectors() -> (Vec<PublicKey>, Vec<Vector>) {
    let all: Vectors = serde_json::from_str(include_str!("../data/telnyx-webhook-vectors.json")).unwrap();
    (vec![all.public_key_base64.parse().unwrap()], all.vectors)
}

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_millis(seconds * 1000)
}

fn passes(keys: &[PublicKey], timestamp: &str, body: &[u8], signature: &str, now: i64) -> bool {
    verify(keys, Signed { signature, timestamp, body }, at(now), WINDOW)
}

#[test]
fn every_vector_passes_in_its_time_and_not_a_second_beside_it() {
    let (keys, vectors) = vectors();
    assert_eq!(vectors.len(), 3);
    for vector in vectors {
        let body = vector.bytes();
        assert_eq!(body, vector.body.as_bytes());
        assert_eq!(signature(seed(), &vector.timestamp, &body), vector.signature_base64, "{}", vector.name);
        let at = |now| passes(&keys, &vector.timestamp, &body, &vector.signature_base64, now);
        let [first, last] = vector.valid_now_range;
        assert!(at(first) && at(vector.at()) && at(last), "{}", vector.name);
        assert!(!at(first - 1) && !at(last + 1), "{}", vector.name);
    }
}

#[test]
fn what_must_be_rejected_is() {
    let (keys, vectors) = vectors();
    let [first, second, _] = &vectors[..] else { panic!() };
    let (body, now) = (first.bytes(), first.at());
    let refused = |timestamp: &str, body: &[u8], signature: &str| !passes(&keys, timestamp, body, signature, now);
    let signature = first.signature_base64.as_str();

    assert!(refused(&first.timestamp, &[&body[..], b" "].concat(), signature));
    assert!(refused(&(now + 1).to_string(), &body, signature));
    let mut bytes = BASE64_STANDARD.decode(signature).unwrap();
    assert!(refused(&first.timestamp, &body, &BASE64_STANDARD.encode(&bytes[..63])));
    bytes[63] ^= 1;
    assert!(refused(&first.timestamp, &body, &BASE64_STANDARD.encode(&bytes)));
    for timestamp in ["", "soon", "+1767225600", " 1767225600", "1767225600.0", "99999999999999999999"] {
        assert!(refused(timestamp, &body, signature), "{timestamp:?}");
    }
    for signature in ["", "=", "not base64 at all"] {
        assert!(refused(&first.timestamp, &body, signature));
    }

    let compact = serde_json::from_slice::<Value>(&second.bytes()).unwrap().to_string();
    assert!(!passes(&keys, &second.timestamp, compact.as_bytes(), &second.signature_base64, second.at()));
}

#[test]
fn any_of_several_keys_will_do() {
    let (keys, vectors) = vectors();
    let vector = &vectors[0];
    let next = SigningKey::from_bytes(&[9; 32]).verifying_key();
    let next: PublicKey = BASE64_STANDARD.encode(next.as_bytes()).parse().unwrap();
    let rotating = [next, keys[0].clone()];
    let passes = |keys| passes(keys, &vector.timestamp, &vector.bytes(), &vector.signature_base64, vector.at());
    assert!(passes(&rotating));
    assert!(!passes(&rotating[..1]));
    assert!(!passes(&[]));
}

#[test]
fn what_is_no_key_is_refused() {
    assert!(PUBLIC_KEY.parse::<PublicKey>().is_ok());
    let short = BASE64_STANDARD.encode([1; 31]);
    // The neutral element: of low order, so it would fit messages that nobody signed.
    let mut weak = [0; 32];
    weak[0] = 1;
    for text in ["", "key", &short, &BASE64_STANDARD.encode(weak)] {
        assert!(text.parse::<PublicKey>().is_err(), "{text}");
    }
}
