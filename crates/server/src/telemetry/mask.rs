//! Phone numbers in logs.

use std::fmt;

/// A phone number or address as logs show it: enough to recognise, too little to ring.
///
/// ```
/// # use call_server::telemetry::mask;
/// assert_eq!(mask("+15551230123").to_string(), "+1555•••0123");
/// assert_eq!(mask("sip:desk@example.com").to_string(), "sip:•••");
/// assert_eq!(mask("12345").to_string(), "•••");
/// ```
#[must_use]
pub const fn mask(address: &str) -> impl fmt::Display {
    Masked(address)
}

struct Masked<'a>(&'a str);

impl fmt::Display for Masked<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = self.0;
        if let Some((scheme, _)) = text.split_once(':') {
            return write!(f, "{scheme}:•••");
        }
        match (text.get(..5), text.len().checked_sub(4).and_then(|at| text.get(at..))) {
            (Some(first), Some(last)) if text.len() >= 11 => write!(f, "{first}•••{last}"),
            _ => f.write_str("•••"),
        }
    }
}
