//! The parameters of one message.

use std::borrow::Cow;
use std::collections::BTreeMap;

/// A parameter's name and value, decoded.
pub type Pair<'a> = (Cow<'a, str>, Cow<'a, str>);

/// Parameters that we interpret, or that say nothing new about a call: they are not kept as extras. The shortest first,
/// then in byte order: a message has some thirty parameters to be looked up here, and most lengths say no at once.
#[rustfmt::skip]
const KNOWN: [&str; 54] = [
    "To", "msg", "From", "said", "step", "ToZip", "Called", "Caller", "Digits", "ToCity", "CallSid", "FromZip",
    "ToState", "Duration", "FromCity", "CalledZip", "CallerZip", "Direction", "FromState", "StreamSid", "Timestamp",
    "ToCountry", "AccountSid", "AnsweredBy", "ApiVersion", "CallStatus", "CalledCity", "CallerCity", "StreamName",
    "bodySHA256", "CalledState", "CallerState", "DialCallSid", "FromCountry", "StreamError", "StreamEvent",
    "CallDuration", "RecordingSid", "RecordingUrl", "SpeechResult", "CalledCountry", "CallerCountry", "ParentCallSid",
    "CallbackSource", "DialCallStatus", "RecordingTrack", "SequenceNumber", "RecordingSource", "RecordingStatus",
    "SipResponseCode", "DialCallDuration", "RecordingChannels", "RecordingDuration", "RecordingStartTime",
];

/// A message may bring this many parameters that we do not know; the rest is dropped.
const MOST_EXTRAS: usize = 32;
/// Of a parameter that we do not know, this much is kept.
const MOST_CHARS: usize = 500;

/// Decoded pairs, in their order. They are verified before they are read, and of most no more than that becomes: so they
/// are left where they lie, as far as they need no decoding.
#[derive(Debug, Clone, Default)]
pub(crate) struct Form<'a>(Vec<Pair<'a>>);

impl<'a> Form<'a> {
    /// Any bytes are some form.
    pub(crate) fn parse(bytes: &'a [u8]) -> Self {
        let parts = bytes.split(|byte| *byte == b'&').filter(|part| !part.is_empty());
        Self(parts.map(|part| plain(part).unwrap_or_else(|| decoded(part))).collect())
    }

    /// The form in a URL's query.
    pub(crate) fn of_url(url: &'a str) -> Self {
        let url = url.split_once('#').map_or(url, |(url, _)| url);
        url.split_once('?').map_or_else(Self::default, |(_, query)| Self::parse(query.as_bytes()))
    }

    pub(crate) fn pairs(&self) -> &[Pair<'a>] {
        &self.0
    }

    /// The first value of a parameter, if it is not empty: Twilio sends empty values for what it does not know.
    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(n, v)| n == name && !v.is_empty()).map(|(_, value)| &**value)
    }

    /// What we do not interpret, for the journal. Nothing that could be a secret (such as `CallToken`).
    pub(crate) fn extra(&self) -> BTreeMap<String, String> {
        let unknown = self.0.iter().filter(|(name, value)| !value.is_empty() && !is_known(name) && !is_secret(name));
        unknown.take(MOST_EXTRAS).map(|(name, value)| (short(name), short(value))).collect()
    }
}

/// A pair that is what it says, as most are: a fifth of the time that decoding it would take.
fn plain(part: &[u8]) -> Option<Pair<'_>> {
    let text = std::str::from_utf8(part).ok().filter(|text| !text.contains(['+', '%']))?;
    let (name, value) = text.split_once('=').unwrap_or((text, ""));
    Some((name.into(), value.into()))
}

fn decoded(part: &[u8]) -> Pair<'_> {
    form_urlencoded::parse(part).next().expect("what is not empty and has no `&` is one pair")
}

fn is_known(name: &str) -> bool {
    KNOWN.binary_search_by_key(&place(name), |known| place(known)).is_ok()
}

const fn place(name: &str) -> (usize, &str) {
    (name.len(), name)
}

fn is_secret(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    ["token", "secret", "password", "auth"].iter().any(|word| name.contains(word))
}

fn short(text: &str) -> String {
    text.chars().take(MOST_CHARS).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is not decoded comes out as if it were.
    #[test]
    fn every_form_is_read_as_it_is_written() {
        let forms: [&[u8]; 9] = [
            b"",
            b"a=1&b=2",
            b"&&a=1&&",
            b"a&=&b=",
            b"a=b=c&a=d",
            b"From=%2B1555&City=SAN+FRANCISCO",
            b"n%61me=1&%=%&x=%4",
            b"\xff=1&a=\xfe&b=%ff",
            "ü=ß&Body=%E2%82%AC".as_bytes(),
        ];
        for form in forms {
            let library: Vec<Pair<'_>> = form_urlencoded::parse(form).collect();
            assert_eq!(Form::parse(form).pairs(), library, "{}", String::from_utf8_lossy(form));
        }
    }

    #[test]
    fn every_known_parameter_is_found() {
        assert!(KNOWN.is_sorted_by_key(|name| place(name)));
        assert!(KNOWN.into_iter().all(is_known));
        assert!(!is_known("StirVerstat"));
    }
}
