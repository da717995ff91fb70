//! `x-retell-signature: v=<milliseconds>,d=<hex>`: HMAC-SHA256 of the raw body followed by the decimal `v` (retell.md §5).
//!
//! The URL is not signed. So a message can be sent again, and to another path, for as long as its time is believed: the
//! replay window bounds that, each event's identity makes a repetition harmless, and a request without a body, whose
//! signature would fit every path, is never acted on.

use std::fmt;
use std::time::Duration;

use call_core::Timestamp;
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;

/// An API key that webhooks are signed with. `Debug` does not show it.
#[derive(Clone)]
pub struct Key(Hmac<Sha256>);

impl Key {
    /// The key, as the dashboard shows it.
    #[must_use]
    pub fn new(api_key: &str) -> Self {
        Self(Hmac::new_from_slice(api_key.as_bytes()).expect("a key of any length will do for HMAC"))
    }

    fn signed(&self, body: &[u8], at: &str) -> Hmac<Sha256> {
        self.0.clone().chain_update(body).chain_update(at.as_bytes())
    }

    /// The header of a message that is sent at `now`: what Retell does, for simulators and tests.
    #[must_use]
    pub fn sign(&self, body: &[u8], now: Timestamp) -> String {
        let at = now.as_millis().to_string();
        let digest = self.signed(body, &at).finalize().into_bytes();
        let hex: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
        format!("v={at},d={hex}")
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Key(…)")
    }
}

/// Whether the message was signed with one of the keys, at a time at most `window` from `now` in either direction.
///
/// ```
/// use adapter_retell::sign::{Key, verify};
/// use std::time::Duration;
///
/// let (key, now) = (Key::new("key_0123"), "2026-11-21T08:00:00Z".parse()?);
/// let header = key.sign(b"{}", now);
/// assert!(verify(&[key.clone()], &header, b"{}", now, Duration::from_secs(300)));
/// assert!(!verify(&[key], &header, b"{} ", now, Duration::from_secs(300)));
/// # Ok::<(), call_core::TimestampError>(())
/// ```
#[must_use]
pub fn verify(keys: &[Key], header: &str, body: &[u8], now: Timestamp, window: Duration) -> bool {
    let Some((at, digest)) = parts(header) else { return false };
    let Ok(millis) = at.parse::<i64>() else { return false };
    if u128::from(now.as_millis().abs_diff(millis)) > window.as_millis() {
        return false;
    }
    // In constant time.
    keys.iter().any(|key| key.signed(body, at).verify_slice(&digest).is_ok())
}

/// The time as it is written, and the digest; nothing may stand before, between or after them.
fn parts(header: &str) -> Option<(&str, [u8; 32])> {
    let (at, hex) = header.strip_prefix("v=")?.split_once(",d=")?;
    let is_decimal = !at.is_empty() && at.bytes().all(|byte| byte.is_ascii_digit());
    if !is_decimal || hex.len() != 64 {
        return None;
    }
    let mut digest = [0; 32];
    for (byte, pair) in digest.iter_mut().zip(hex.as_bytes().chunks_exact(2)) {
        *byte = nibble(pair[0])? << 4 | nibble(pair[1])?;
    }
    Some((at, digest))
}

/// Lower case only: what Retell writes, so that a signature has one form.
const fn nibble(byte: u8) -> Option<u8> {
    match byte {
        b'0'..=b'9' => Some(byte - b'0'),
        b'a'..=b'f' => Some(byte - b'a' + 10),
        _ => None,
    }
}
