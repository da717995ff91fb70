//! Twilio's words for a call's state, in callbacks and in the REST API (twilio.md §3).

use std::time::Duration;

use call_core::{AnsweredBy, Disposition, Hungup, Progress, Timestamp};

/// A `CallStatus`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Status {
    Before(Progress),
    InProgress,
    Over(Disposition),
    /// A word that this version does not know. Never taken for an end.
    Unknown,
}

impl Status {
    pub(crate) fn parse(word: &str) -> Self {
        match word {
            "queued" => Self::Before(Progress::Queued),
            // In callbacks only.
            "initiated" => Self::Before(Progress::Initiated),
            "ringing" => Self::Before(Progress::Ringing),
            // `answered` is what a `<Dial>` action says of a conference.
            "in-progress" | "answered" => Self::InProgress,
            "completed" => Self::Over(Disposition::Completed),
            "busy" => Self::Over(Disposition::Busy),
            "no-answer" => Self::Over(Disposition::NoAnswer),
            "failed" => Self::Over(Disposition::Failed),
            "canceled" => Self::Over(Disposition::Canceled),
            _ => Self::Unknown,
        }
    }
}

/// An ending in Twilio's words.
pub(crate) fn hungup(disposition: Disposition, word: &str, sip: Option<&str>, seconds: Option<&str>) -> Hungup {
    Hungup {
        disposition,
        cause: Some(word.to_owned()),
        sip_code: sip.and_then(|code| code.parse().ok()),
        duration: seconds.and_then(duration),
    }
}

/// Whole seconds in text.
pub(crate) fn duration(seconds: &str) -> Option<Duration> {
    seconds.parse().ok().map(Duration::from_secs)
}

/// A moment as Twilio writes it: RFC 2822, or ISO 8601 for streams.
pub(crate) fn moment(text: &str) -> Option<Timestamp> {
    match jiff::fmt::rfc2822::parse(text) {
        Ok(at) => Some(Timestamp::from_millis(at.timestamp().as_millisecond())),
        Err(_) => text.parse().ok(),
    }
}

/// An `AnsweredBy`.
pub(crate) fn answered_by(word: &str) -> Option<AnsweredBy> {
    match word {
        "human" => Some(AnsweredBy::Human),
        "fax" => Some(AnsweredBy::Fax),
        "unknown" => Some(AnsweredBy::Unknown),
        word if word.starts_with("machine_") => Some(AnsweredBy::Machine),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_kinds_of_moment_are_read() {
        let at = "2010-08-31T20:36:28Z".parse().ok();
        assert_eq!(moment("Tue, 31 Aug 2010 20:36:28 +0000"), at);
        assert_eq!(moment("2010-08-31T20:36:28.000Z"), at);
        assert_eq!(moment("yesterday"), None);
    }

    #[test]
    fn an_unknown_status_is_no_end() {
        assert_eq!(Status::parse("on-hold"), Status::Unknown);
        assert_eq!(Status::parse(""), Status::Unknown);
    }
}
