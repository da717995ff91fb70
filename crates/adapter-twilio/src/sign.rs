//! `X-Twilio-Signature`: base64(HMAC-SHA1(auth token, URL + sorted parameters)) (twilio.md §8).
//!
//! Twilio is not consistent about the port and the user information in the URL that it signs, and its own libraries
//! accept several forms; so do we. All of them name the same configured host, so nothing is given away by that.

use std::borrow::Cow;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use secrecy::{ExposeSecret, SecretString};
use sha1::Sha1;
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;

pub use crate::form::Pair;

/// What is signed beside the URL.
#[derive(Debug, Clone, Copy)]
pub enum Signed<'a> {
    /// Nothing: a GET, or the upgrade to a WebSocket.
    Url,
    /// The decoded pairs of a form, in any order.
    Form(&'a [Pair<'a>]),
    /// A raw body, whose SHA-256 Twilio has put into the URL as `bodySHA256`.
    Json(&'a [u8]),
}

/// The signature that Twilio would send for exactly this URL.
#[must_use]
pub fn sign(auth_token: &SecretString, url: &str, signed: Signed<'_>) -> String {
    BASE64_STANDARD.encode(digest(auth_token, &[url], &suffix(signed)))
}

/// Whether `signature` was made with one of the tokens for this URL, in any of the forms that Twilio signs. Constant
/// time in the signature.
#[must_use]
pub fn verify(auth_tokens: &[SecretString], signature: &str, url: &str, signed: Signed<'_>) -> bool {
    let Ok(claimed) = BASE64_STANDARD.decode(signature.trim()) else { return false };
    if let Signed::Json(body) = signed
        && !names_body(url, body)
    {
        return false;
    }
    let (forms, suffix) = (Forms::of(url), suffix(signed));
    // No early exit: which token or form matched does not show in the time.
    let mut genuine = subtle::Choice::from(0);
    for token in auth_tokens {
        forms.each(|form| genuine |= digest(token, &form, &suffix).as_slice().ct_eq(&claimed));
    }
    genuine.into()
}

fn digest(auth_token: &SecretString, url: &[&str], suffix: &str) -> [u8; 20] {
    let mut mac =
        Hmac::<Sha1>::new_from_slice(auth_token.expose_secret().as_bytes()).expect("an HMAC takes a key of any length");
    url.iter().for_each(|piece| mac.update(piece.as_bytes()));
    mac.update(suffix.as_bytes());
    mac.finalize().into_bytes().into()
}

/// Names in byte order, each with its distinct values in byte order, without separators.
fn suffix(signed: Signed<'_>) -> String {
    match signed {
        Signed::Form(pairs) => {
            let mut sorted: Vec<&Pair<'_>> = pairs.iter().collect();
            sorted.sort_unstable();
            sorted.dedup();
            let mut suffix = String::with_capacity(sorted.iter().map(|(name, value)| name.len() + value.len()).sum());
            for (name, value) in sorted {
                suffix.push_str(name);
                suffix.push_str(value);
            }
            suffix
        }
        Signed::Url | Signed::Json(_) => String::new(),
    }
}

/// Whether the URL's `bodySHA256` is this body's.
fn names_body(url: &str, body: &[u8]) -> bool {
    let query = url.split_once('?').map_or("", |(_, query)| query);
    let Some((_, claimed)) = form_urlencoded::parse(query.as_bytes()).find(|(name, _)| name == "bodySHA256") else {
        return false;
    };
    let actual: String = Sha256::digest(body).iter().map(|byte| format!("{byte:02x}")).collect();
    claimed.to_ascii_lowercase().as_bytes().ct_eq(actual.as_bytes()).into()
}

/// Every form of one URL that Twilio or its libraries sign: with and without port, with and without user information,
/// with `'` encoded, and for WebSockets with and without a last slash.
struct Forms<'u> {
    /// With its `://`.
    scheme: &'u str,
    users: [&'u str; 2],
    name: &'u str,
    ports: [&'u str; 2],
    paths: Vec<Cow<'u, str>>,
}

impl<'u> Forms<'u> {
    fn of(url: &'u str) -> Self {
        let url = url.split_once('#').map_or(url, |(url, _)| url);
        let (scheme, rest) = url.split_at(url.find("://").map_or(0, |at| at + "://".len()));
        let (authority, path) = rest.split_at(rest.find(['/', '?']).unwrap_or(rest.len()));
        let (user, host) = authority.split_at(authority.rfind('@').map_or(0, |at| at + 1));
        let (name, port) = split_port(host);
        let port = match (port, scheme) {
            ("", "https://" | "wss://") => ":443",
            ("", "http://" | "ws://") => ":80",
            (port, _) => port,
        };
        let mut paths = vec![Cow::Borrowed(path)];
        if let Some((before, query)) = path.split_once('?')
            && query.contains('\'')
        {
            paths.push(format!("{before}?{}", query.replace('\'', "%27")).into());
        }
        if matches!(scheme, "wss://" | "ws://") {
            paths.push(path.strip_suffix('/').map_or_else(|| format!("{path}/").into(), Cow::Borrowed));
        }
        Self { scheme, users: ["", user], name, ports: ["", port], paths }
    }

    /// Tells each form once.
    fn each(&self, mut told: impl FnMut([&str; 5])) {
        for user in distinct(&self.users) {
            for port in distinct(&self.ports) {
                for path in &self.paths {
                    told([self.scheme, user, self.name, port, path]);
                }
            }
        }
    }
}

/// Both if they differ, else one.
fn distinct<'a>(two: &'a [&'a str; 2]) -> &'a [&'a str] {
    if two[0] == two[1] { &two[..1] } else { two }
}

/// A host and its port with the colon, if it has one; the colons of an IPv6 address are not a port's.
fn split_port(host: &str) -> (&str, &str) {
    match host.rfind(':').map(|at| host.split_at(at)) {
        Some((name, port)) if port.len() > 1 && port[1..].bytes().all(|b| b.is_ascii_digit()) => (name, port),
        Some(_) | None => (host, ""),
    }
}
