//! What can go wrong at Twilio, and what that proves: classified by Twilio's error code first, by HTTP status second
//! (twilio.md §1.2).

use std::time::Duration;

use call_core::port::Answer;
use serde::Deserialize;

/// A request to Twilio that did not go well.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TwilioError {
    /// It never left: connection refused, no such host, no TLS.
    #[error("twilio could not be reached")]
    Unsent(#[source] reqwest::Error),
    /// It may have arrived; the answer did not: time-out, reset.
    #[error("twilio's answer was lost")]
    Lost(#[source] reqwest::Error),
    /// Twilio said no.
    #[error(transparent)]
    Api(#[from] ApiError),
    /// Twilio said yes, in words that cannot be read.
    #[error("twilio's answer cannot be read")]
    Unreadable(#[source] serde_json::Error),
    /// The whole act took longer than [`TwilioConfig::timeout`](crate::TwilioConfig::timeout).
    #[error("twilio took longer than {0:?}")]
    TimedOut(Duration),
    /// Not a name that Twilio gives to such a thing; nothing was sent.
    #[error("not a twilio sid: {0:?}")]
    NotASid(String),
}

/// Twilio's own error answer, in either of its two shapes (its classic one, or RFC 9457).
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("twilio answered {status}{}: {message}", .code.map(|c| format!(" (error {c})")).unwrap_or_default())]
pub struct ApiError {
    /// The HTTP status.
    pub status: u16,
    /// Twilio's error code; missing on errors of its infrastructure.
    pub code: Option<u32>,
    /// Its words.
    pub message: String,
    /// When it wants to be asked again, if it says.
    pub retry_after: Option<Duration>,
}

/// What an error proves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Class {
    /// The call is not in a state for this: it has ended, or moved on. A lost race, not a failure.
    Benign,
    /// Twilio knows no such thing. Within seconds of its creation this may be a read that lags behind.
    Missing,
    /// Certainly not done, and it may work later.
    Transient,
    /// Certainly not done, and it never will be.
    Permanent,
    /// Nobody knows whether it was done.
    Unknown,
}

/// Error codes that say more than the HTTP status that they come with. Codes of other 4xx answers are permanent.
const CODES: [(u32, Class); 9] = [
    // "Call is not in-progress. Cannot redirect."
    (21220, Class::Benign),
    // Conflict with the current state.
    (20409, Class::Benign),
    (20404, Class::Missing),
    // "The request was not processed": too many concurrent requests, POST included.
    (20429, Class::Transient),
    // Too many concurrent calls on the account.
    (10004, Class::Transient),
    // A number that cannot be reached, that is blocked, or that is not ours.
    (21214, Class::Permanent),
    (20003, Class::Permanent),
    // Internal error, unavailable: a call may have been made before it happened.
    (20500, Class::Unknown),
    (20503, Class::Unknown),
];

impl ApiError {
    /// What it proves.
    #[must_use]
    pub fn class(&self) -> Class {
        let by_code = self.code.and_then(|code| CODES.iter().find(|(known, _)| *known == code));
        if let Some((_, class)) = by_code {
            return *class;
        }
        match self.status {
            404 => Class::Missing,
            // Twilio says that it did not process a request that it answers so.
            429 => Class::Transient,
            // By the book nothing was processed, but proxies say it when the server behind them is slow.
            408 => Class::Unknown,
            400..=499 => Class::Permanent,
            // A redirect is not followed: whoever answered was not Twilio's API.
            300..=399 => Class::Permanent,
            _ => Class::Unknown,
        }
    }

    /// Reads the body of an answer that is not a success.
    #[must_use]
    pub fn read(status: u16, retry_after: Option<Duration>, body: &[u8]) -> Self {
        let body: Body = serde_json::from_slice(body).unwrap_or_default();
        let message = body.message.or(body.detail).or(body.title).unwrap_or_else(|| "no explanation".to_owned());
        Self { status, code: body.code, message, retry_after }
    }
}

/// Both shapes at once: `{code, message, more_info, status}` and `{type, title, status, code, detail?, errors?}`.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Body {
    code: Option<u32>,
    message: Option<String>,
    title: Option<String>,
    detail: Option<String>,
}

impl TwilioError {
    pub(crate) fn send(error: reqwest::Error) -> Self {
        // The URL may hold phone numbers.
        let error = error.without_url();
        // A connection that was never made is the only proof that nothing was sent.
        if error.is_connect() || error.is_builder() { Self::Unsent(error) } else { Self::Lost(error) }
    }

    /// What it proves.
    #[must_use]
    pub fn class(&self) -> Class {
        match self {
            Self::Unsent(_) => Class::Transient,
            Self::Lost(_) | Self::Unreadable(_) | Self::TimedOut(_) => Class::Unknown,
            Self::NotASid(_) => Class::Permanent,
            Self::Api(error) => error.class(),
        }
    }

    /// The core's word for it.
    #[must_use]
    pub fn answer(&self) -> Answer {
        let why = self.explain();
        match self.class() {
            Class::Transient => Answer::Later { after: self.retry_after(), why },
            Class::Benign | Class::Missing | Class::Permanent => Answer::Refused { why },
            Class::Unknown => Answer::Unknown { why },
        }
    }

    fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Api(error) => error.retry_after,
            Self::Unsent(_) | Self::Lost(_) | Self::Unreadable(_) | Self::TimedOut(_) | Self::NotASid(_) => None,
        }
    }

    /// The whole chain of causes in one line: a refused connection and a failed name look the same without it.
    pub(crate) fn explain(&self) -> String {
        let mut text = self.to_string();
        let mut cause = std::error::Error::source(self);
        while let Some(error) = cause {
            let words = error.to_string();
            if !text.contains(&words) {
                text.push_str(": ");
                text.push_str(&words);
            }
            cause = error.source();
        }
        text
    }
}
