//! The parameters of one message.

use std::collections::BTreeMap;

/// Parameters that we interpret, or that say nothing new about a call: they are not kept as extras. In byte order, for a
/// message has some thirty parameters to be looked up here.
#[rustfmt::skip]
const KNOWN: [&str; 54] = [
    "AccountSid", "AnsweredBy", "ApiVersion", "CallDuration", "CallSid", "CallStatus", "CallbackSource", "Called",
    "CalledCity", "CalledCountry", "CalledState", "CalledZip", "Caller", "CallerCity", "CallerCountry", "CallerState",
    "CallerZip", "DialCallDuration", "DialCallSid", "DialCallStatus", "Digits", "Direction", "Duration", "From",
    "FromCity", "FromCountry", "FromState", "FromZip", "ParentCallSid", "RecordingChannels", "RecordingDuration",
    "RecordingSid", "RecordingSource", "RecordingStartTime", "RecordingStatus", "RecordingTrack", "RecordingUrl",
    "SequenceNumber", "SipResponseCode", "SpeechResult", "StreamError", "StreamEvent", "StreamName", "StreamSid",
    "Timestamp", "To", "ToCity", "ToCountry", "ToState", "ToZip", "bodySHA256", "msg", "said", "step",
];

/// A message may bring this many parameters that we do not know; the rest is dropped.
const MOST_EXTRAS: usize = 32;
/// Of a parameter that we do not know, this much is kept.
const MOST_CHARS: usize = 500;

/// Decoded pairs, in their order. They are verified before they are read.
#[derive(Debug, Clone, Default)]
pub(crate) struct Form(Vec<(String, String)>);

impl Form {
    /// Any bytes are some form.
    pub(crate) fn parse(bytes: &[u8]) -> Self {
        Self(form_urlencoded::parse(bytes).into_owned().collect())
    }

    /// The form in a URL's query.
    pub(crate) fn of_url(url: &str) -> Self {
        let url = url.split_once('#').map_or(url, |(url, _)| url);
        url.split_once('?').map_or_else(Self::default, |(_, query)| Self::parse(query.as_bytes()))
    }

    pub(crate) fn pairs(&self) -> &[(String, String)] {
        &self.0
    }

    /// The first value of a parameter, if it is not empty: Twilio sends empty values for what it does not know.
    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(n, v)| n == name && !v.is_empty()).map(|(_, value)| value.as_str())
    }

    /// What we do not interpret, for the journal. Nothing that could be a secret (such as `CallToken`).
    pub(crate) fn extra(&self) -> BTreeMap<String, String> {
        let unknown = self.0.iter().filter(|(name, value)| !value.is_empty() && !is_known(name) && !is_secret(name));
        unknown.take(MOST_EXTRAS).map(|(name, value)| (short(name), short(value))).collect()
    }
}

fn is_known(name: &str) -> bool {
    KNOWN.binary_search(&name).is_ok()
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

    #[test]
    fn every_known_parameter_is_found() {
        assert!(KNOWN.is_sorted());
        assert!(KNOWN.into_iter().all(is_known));
        assert!(!is_known("StirVerstat"));
    }
}
