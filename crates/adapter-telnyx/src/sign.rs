//! `telnyx-signature-ed25519`: Ed25519 over `timestamp|body` (telnyx.md §6.4).
//!
//! What is signed is the timestamp's text as it came and the raw bytes of the body; not the URL. So a message can be
//! sent again as it is, for as long as its time is believed: the replay window bounds that, and the event's identity
//! makes a repetition harmless.

use std::str::FromStr;
use std::time::Duration;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use call_core::Timestamp;
use ed25519_dalek::{Signature, VerifyingKey};

/// A key that Telnyx signs with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublicKey(VerifyingKey);

/// The text is not a public key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not an Ed25519 public key: expected 32 bytes in base64, as the portal shows it")]
pub struct PublicKeyError;

impl FromStr for PublicKey {
    type Err = PublicKeyError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let bytes = BASE64_STANDARD.decode(text.trim()).map_err(|_| PublicKeyError)?;
        let bytes: [u8; 32] = bytes.try_into().map_err(|_| PublicKeyError)?;
        let key = VerifyingKey::from_bytes(&bytes).map_err(|_| PublicKeyError)?;
        // Of low order: some signatures would fit every message.
        if key.is_weak() { Err(PublicKeyError) } else { Ok(Self(key)) }
    }
}

/// One message, with what its headers claim of it.
#[derive(Debug, Clone, Copy)]
pub struct Signed<'a> {
    /// The `telnyx-signature-ed25519` header.
    pub signature: &'a str,
    /// The `telnyx-timestamp` header.
    pub timestamp: &'a str,
    /// The raw body.
    pub body: &'a [u8],
}

/// Whether the message was signed with one of the keys, at a time at most `window` from `now` in either direction (whole
/// seconds, as Telnyx counts them).
#[must_use]
pub fn verify(keys: &[PublicKey], signed: Signed<'_>, now: Timestamp, window: Duration) -> bool {
    let Some(at) = seconds(signed.timestamp) else { return false };
    if now.as_millis().div_euclid(1000).abs_diff(at) > window.as_secs() {
        return false;
    }
    let Ok(bytes) = BASE64_STANDARD.decode(signed.signature) else { return false };
    let Ok(signature) = Signature::from_slice(&bytes) else { return false };
    let message = [signed.timestamp.as_bytes(), b"|", signed.body].concat();
    // Strict: a signature has one form only, and no key of low order is accepted.
    keys.iter().any(|PublicKey(key)| key.verify_strict(&message, &signature).is_ok())
}

/// Whole seconds since the epoch, in decimal digits and nothing else.
fn seconds(text: &str) -> Option<i64> {
    text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok())?
}
