//! Twilio's names for its things: two letters and 32 hexadecimal digits.

pub(crate) const ACCOUNT: &str = "AC";
pub(crate) const API_KEY: &str = "SK";
pub(crate) const CALL: &str = "CA";
pub(crate) const RECORDING: &str = "RE";

/// Whether `text` is the name of such a thing. Everything that goes into a request's path is checked by this.
pub(crate) fn is(prefix: &str, text: &str) -> bool {
    text.strip_prefix(prefix).is_some_and(|rest| rest.len() == 32 && rest.bytes().all(|b| b.is_ascii_hexdigit()))
}
