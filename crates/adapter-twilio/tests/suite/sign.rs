use adapter_twilio::sign::{Pair, Signed, sign, verify};
use proptest::prelude::*;
use provider_laws::PUBLIC;
use secrecy::SecretString;
use serde::Deserialize;

use crate::kit::TOKEN;

#[derive(Deserialize)]
struct Vectors {
    auth_token: String,
    vectors: Vec<Vector>,
    negative: Vec<Vector>,
    computed: Vec<Vector>,
}

#[derive(Deserialize)]
struct Vector {
    id: String,
    signed_url: String,
    params: Vec<Pair<'static>>,
    signature: String,
    #[serde(default)]
    transport: String,
    #[serde(default)]
    body: String,
}

impl Vector {
    fn signed(&self) -> Signed<'_> {
        match self.transport.as_str() {
            "json" => Signed::Json(self.body.as_bytes()),
            "get" | "websocket" => Signed::Url,
            "form" | "" => Signed::Form(&self.params),
            other => panic!("unknown transport {other}"),
        }
    }
}

fn vectors() -> (Vec<SecretString>, Vectors) {
    let vectors: Vectors = serde_json::from_str(include_str!("../data/twilio-webhook-vectors.json")).unwrap();
    (vec![SecretString::from(vectors.auth_token.as_str())], vectors)
}

#[test]
fn every_vector_passes() {
    let (tokens, vectors) = vectors();
    assert_eq!((vectors.vectors.len(), vectors.computed.len()), (13, 6));
    for vector in vectors.vectors.iter().chain(&vectors.computed) {
        assert_eq!(sign(&tokens[0], &vector.signed_url, vector.signed()), vector.signature, "{}", vector.id);
        assert!(verify(&tokens, &vector.signature, &vector.signed_url, vector.signed()), "{}", vector.id);
    }
}

#[test]
fn negative_vectors_are_refused() {
    let (tokens, vectors) = vectors();
    assert!(!vectors.negative.is_empty());
    for vector in &vectors.negative {
        assert!(!verify(&tokens, &vector.signature, &vector.signed_url, vector.signed()), "{}", vector.id);
    }
}

/// What we know as our URL, where Twilio signed another form of it.
#[test]
fn other_forms_of_the_same_url_are_accepted() {
    let (tokens, vectors) = vectors();
    let cases = [
        // Signed with the default port, configured without.
        ("V3", "https://mycompany.com/myapp.php?foo=1&bar=2"),
        ("V5", "http://mycompany.com/myapp.php?foo=1&bar=2"),
        (
            "V8",
            "https://mycompany.com/myapp.php?foo=1&bar=2&bodySHA256=44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a",
        ),
        // Signed without a port, configured with one.
        ("V1", "https://mycompany.com:443/myapp.php?foo=1&bar=2"),
        ("V1", "https://mycompany.com:8443/myapp.php?foo=1&bar=2"),
        // Signed without user information, configured with it.
        ("V1", "https://user:pass@mycompany.com/myapp.php?foo=1&bar=2"),
        // The fragment with our connection overrides is not signed.
        ("V1", "https://mycompany.com/myapp.php?foo=1&bar=2#rc=3"),
        ("V10", "https://mycompany.com/myapp.php?foo=1&bar=2&Body=It's+amazing"),
        ("C2", "wss://example.com/media/"),
        ("C3", "wss://example.com/media"),
    ];
    for (id, url) in cases {
        let vector = vectors.vectors.iter().chain(&vectors.computed).find(|vector| vector.id == id).unwrap();
        assert!(verify(&tokens, &vector.signature, url, vector.signed()), "{id} as {url}");
    }
}

#[test]
fn any_of_several_tokens_will_do() {
    let (tokens, vectors) = vectors();
    let rotating = vec![SecretString::from("the-next-one"), tokens[0].clone()];
    let vector = &vectors.vectors[0];
    assert!(verify(&rotating, &vector.signature, &vector.signed_url, vector.signed()));
    assert!(!verify(&rotating[..1], &vector.signature, &vector.signed_url, vector.signed()));
    assert!(!verify(&[], &vector.signature, &vector.signed_url, vector.signed()));
}

#[test]
fn a_json_body_without_its_hash_is_refused() {
    let token = SecretString::from(TOKEN);
    let signature = sign(&token, PUBLIC, Signed::Url);
    assert!(!verify(&[token], &signature, PUBLIC, Signed::Json(b"{}")));
}

/// Replaces the byte at `at` (modulo the length) by another letter.
fn altered(text: &str, at: usize) -> String {
    let mut bytes = text.as_bytes().to_vec();
    let at = at % bytes.len();
    bytes[at] = if bytes[at] == b'x' { b'y' } else { b'x' };
    String::from_utf8(bytes).unwrap()
}

proptest! {
    #[test]
    fn altering_one_byte_of_a_json_body_is_refused(body in "[ -~]{1,60}", at in 0..60_usize) {
        use sha2::Digest as _;
        let tokens = [SecretString::from(TOKEN)];
        let hash: String = sha2::Sha256::digest(&body).iter().map(|b| format!("{b:02x}")).collect();
        let url = format!("{PUBLIC}/json?bodySHA256={hash}");
        let signature = sign(&tokens[0], &url, Signed::Json(body.as_bytes()));
        prop_assert!(verify(&tokens, &signature, &url, Signed::Json(body.as_bytes())));
        prop_assert!(!verify(&tokens, &signature, &url, Signed::Json(altered(&body, at).as_bytes())));
    }
}
