//! What can go wrong at Telnyx, and what that proves: classified by HTTP status first, because one code has several
//! meanings (`10011` is "too many requests" and "no encryption to the PSTN"), by Telnyx's code second (telnyx.md §5).

use std::time::Duration;

use call_core::port::Answer;
use serde_json::Value;

/// A request to Telnyx that did not go well.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TelnyxError {
    /// It never left: connection refused, no such host, no TLS.
    #[error("telnyx could not be reached")]
    Unsent(#[source] reqwest::Error),
    /// It may have arrived; the answer did not: time-out, reset.
    #[error("telnyx's answer was lost")]
    Lost(#[source] reqwest::Error),
    /// Telnyx said no.
    #[error(transparent)]
    Api(#[from] ApiError),
    /// Telnyx said yes, in words that cannot be read.
    #[error("telnyx's answer cannot be read")]
    Unreadable(#[source] serde_json::Error),
    /// The whole act took longer than [`TelnyxConfig::timeout`](crate::TelnyxConfig::timeout).
    #[error("telnyx took longer than {0:?}")]
    TimedOut(Duration),
    /// Not a name that Telnyx gives to a call; nothing was sent.
    #[error("not a telnyx call: {0:?}")]
    NotALeg(String),
}

/// Telnyx's own error answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("telnyx answered {status}{}: {message}", .code.map(|c| format!(" (error {c})")).unwrap_or_default())]
pub struct ApiError {
    /// The HTTP status.
    pub status: u16,
    /// Telnyx's error code; missing on errors of its infrastructure.
    pub code: Option<u32>,
    /// Its words.
    pub message: String,
    /// When it wants to be asked again, if it says.
    pub retry_after: Option<Duration>,
}

/// What an error proves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Class {
    /// The call has ended, or is already as wished. A lost race, not a failure.
    Benign,
    /// Telnyx knows no such call, or no longer: it forgets ten minutes after the end.
    Missing,
    /// Certainly not done, and it may work later.
    Transient,
    /// Certainly not done, and it never will be.
    Permanent,
    /// Nobody knows whether it was done.
    Unknown,
}

/// Codes of 4xx answers that are not permanent.
const CODES: [(u32, Class); 15] = [
    // The call has already ended.
    (90018, Class::Benign),
    // Not forked, not in a queue, in one already, streaming already, not streaming, transcribing already, an assistant
    // already: each is told only to the command that wishes for just that.
    (90031, Class::Benign),
    (90035, Class::Benign),
    (90038, Class::Benign),
    (90045, Class::Benign),
    (90048, Class::Benign),
    (90054, Class::Benign),
    (90061, Class::Benign),
    // Resource not found; not a valid call_control_id.
    (10005, Class::Missing),
    (90015, Class::Missing),
    // Not answered yet, no audio yet: our command was faster.
    (90034, Class::Transient),
    (90020, Class::Transient),
    // No free channel: of the user, the outbound profile, the connection.
    (90041, Class::Transient),
    (90042, Class::Transient),
    (90043, Class::Transient),
];

impl ApiError {
    /// What it proves.
    #[must_use]
    pub fn class(&self) -> Class {
        match self.status {
            404 => Class::Missing,
            429 => Class::Transient,
            // By the book nothing was processed, but proxies say it when the server behind them is slow.
            408 => Class::Unknown,
            400..=499 => self.code.and_then(known).unwrap_or(Class::Permanent),
            // A redirect is not followed: whoever answered was not Telnyx's API.
            300..=399 => Class::Permanent,
            _ => Class::Unknown,
        }
    }

    /// Reads the body of an answer that is not a success. Of several errors, one that we know is taken before others.
    #[must_use]
    pub fn read(status: u16, retry_after: Option<Duration>, body: &[u8]) -> Self {
        let body: Value = serde_json::from_slice(body).unwrap_or_default();
        let errors = body.get("errors").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
        let telling = errors.iter().find(|error| code(error).and_then(known).is_some()).or(errors.first());
        let words = |name| telling.and_then(|error| error.get(name)?.as_str()).filter(|text| !text.is_empty());
        let message = words("detail").or_else(|| words("title")).unwrap_or("no explanation").to_owned();
        Self { status, code: telling.and_then(code), message, retry_after }
    }
}

fn known(code: u32) -> Option<Class> {
    CODES.iter().find(|(known, _)| *known == code).map(|(_, class)| *class)
}

/// A text by the specification; proxies and older pages write numbers.
fn code(error: &Value) -> Option<u32> {
    match error.get("code")? {
        Value::String(text) => text.parse().ok(),
        Value::Number(number) => number.as_u64().and_then(|code| code.try_into().ok()),
        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => None,
    }
}

impl TelnyxError {
    pub(crate) fn send(error: reqwest::Error) -> Self {
        // The URL holds the token for the call.
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
            Self::NotALeg(_) => Class::Permanent,
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

    const fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Api(error) => error.retry_after,
            Self::Unsent(_) | Self::Lost(_) | Self::Unreadable(_) | Self::TimedOut(_) | Self::NotALeg(_) => None,
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
