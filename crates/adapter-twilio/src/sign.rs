//! `X-Twilio-Signature`: base64(HMAC-SHA1(auth token, URL + sorted parameters)) (twilio.md §8).
//!
//! Twilio is not consistent about the port and the user information in the URL that it signs, and its own libraries
//! accept several forms; so do we. All of them name the same configured host, so nothing is given away by that.

use std::collections::BTreeSet;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use secrecy::{ExposeSecret, SecretString};
use sha1::Sha1;
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;

/// What is signed beside the URL.
#[derive(Debug, Clone, Copy)]
pub enum Signed<'a> {
    /// Nothing: a GET, or the upgrade to a WebSocket.
    Url,
    /// The decoded pairs of a form, in any order.
    Form(&'a [(String, String)]),
    /// A raw body, whose SHA-256 Twilio has put into the URL as `bodySHA256`.
    Json(&'a [u8]),
}

/// The signature that Twilio would send for exactly this URL.
#[must_use]
pub fn sign(auth_token: &SecretString, url: &str, signed: Signed<'_>) -> String {
    BASE64_STANDARD.encode(digest(auth_token, url, &suffix(signed)))
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
    let suffix = suffix(signed);
    let forms = forms(url);
    // No early exit: which token or form matched does not show in the time.
    let mut genuine = subtle::Choice::from(0);
    for token in auth_tokens {
        for form in &forms {
            genuine |= digest(token, form, &suffix).as_slice().ct_eq(&claimed);
        }
    }
    genuine.into()
}

fn digest(auth_token: &SecretString, url: &str, suffix: &str) -> [u8; 20] {
    let mut mac =
        Hmac::<Sha1>::new_from_slice(auth_token.expose_secret().as_bytes()).expect("an HMAC takes a key of any length");
    mac.update(url.as_bytes());
    mac.update(suffix.as_bytes());
    mac.finalize().into_bytes().into()
}

/// Names in byte order, each with its distinct values in byte order, without separators.
fn suffix(signed: Signed<'_>) -> String {
    match signed {
        Signed::Form(pairs) => {
            let mut sorted: Vec<&(String, String)> = pairs.iter().collect();
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
fn forms(url: &str) -> BTreeSet<String> {
    let url = url.split_once('#').map_or(url, |(url, _)| url);
    let Some((scheme, rest)) = url.split_once("://") else { return BTreeSet::from([url.to_owned()]) };
    let (authority, path) = rest.split_at(rest.find(['/', '?']).unwrap_or(rest.len()));
    let (user, host) = authority.rsplit_once('@').map_or(("", authority), |(_, host)| (authority, host));
    let with_user = user.strip_suffix(host).unwrap_or_default();

    let (name, port) = split_port(host);
    let mut hosts = vec![name.to_owned(), host.to_owned()];
    if port.is_none() {
        match scheme {
            "https" | "wss" => hosts.push(format!("{name}:443")),
            "http" | "ws" => hosts.push(format!("{name}:80")),
            _ => {}
        }
    }
    let mut paths = vec![path.to_owned()];
    if let Some((before, query)) = path.split_once('?')
        && query.contains('\'')
    {
        paths.push(format!("{before}?{}", query.replace('\'', "%27")));
    }
    if matches!(scheme, "wss" | "ws") {
        paths.push(path.strip_suffix('/').map_or_else(|| format!("{path}/"), str::to_owned));
    }

    let mut forms = BTreeSet::new();
    for user in ["", with_user] {
        for host in &hosts {
            forms.extend(paths.iter().map(|path| format!("{scheme}://{user}{host}{path}")));
        }
    }
    forms
}

/// A host and its port; the colons of an IPv6 address are not a port's.
fn split_port(host: &str) -> (&str, Option<&str>) {
    match host.rsplit_once(':') {
        Some((name, port)) if !port.is_empty() && port.bytes().all(|b| b.is_ascii_digit()) => (name, Some(port)),
        Some(_) | None => (host, None),
    }
}
