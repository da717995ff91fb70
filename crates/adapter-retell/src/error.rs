//! What can go wrong at Retell, and what that proves: by the HTTP status, for its errors have no codes (retell.md §1).

use std::time::Duration;

use call_core::port::Answer;
use serde_json::Value;

/// A request to Retell that did not go well.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RetellError {
    /// It never left: connection refused, no such host, no TLS.
    #[error("retell could not be reached")]
    Unsent(#[source] reqwest::Error),
    /// It may have arrived; the answer did not: time-out, reset.
    #[error("retell's answer was lost")]
    Lost(#[source] reqwest::Error),
    /// Retell said no.
    #[error(transparent)]
    Api(#[from] ApiError),
    /// Retell said yes, in words that cannot be read.
    #[error("retell's answer cannot be read")]
    Unreadable(#[source] serde_json::Error),
    /// The whole act took longer than [`RetellConfig::timeout`](crate::RetellConfig::timeout).
    #[error("retell took longer than {0:?}")]
    TimedOut(Duration),
    /// Not a name that Retell gives to a call; nothing was sent.
    #[error("not a retell call: {0:?}")]
    NotALeg(String),
}

/// Retell's own error answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("retell answered {status}: {message}")]
pub struct ApiError {
    /// The HTTP status.
    pub status: u16,
    /// Its words.
    pub message: String,
    /// When it wants to be asked again, if it says.
    pub retry_after: Option<Duration>,
}

/// What an error proves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Class {
    /// Retell knows no such call under this key, or the call is not in the state that the act needs: it says 422 to both.
    /// To a hang-up it means "already ended", to a question "no such call", to a dial "never".
    Missing,
    /// Certainly not done, and it may work later.
    Transient,
    /// Certainly not done, and it never will be.
    Permanent,
    /// Nobody knows whether it was done.
    Unknown,
}

impl ApiError {
    /// What it proves.
    #[must_use]
    pub const fn class(&self) -> Class {
        match self.status {
            404 | 422 => Class::Missing,
            429 => Class::Transient,
            // By the book nothing was processed, but proxies say it when the server behind them is slow.
            408 => Class::Unknown,
            // Not documented for calls. A conflict over an idempotency key would mean that its call exists.
            409 => Class::Unknown,
            400..=499 => Class::Permanent,
            // A redirect is not followed: whoever answered was not Retell's API.
            300..=399 => Class::Permanent,
            _ => Class::Unknown,
        }
    }

    /// Reads the body of an answer that is not a success.
    #[must_use]
    pub fn read(status: u16, retry_after: Option<Duration>, body: &[u8]) -> Self {
        let body: Value = serde_json::from_slice(body).unwrap_or_default();
        let words = |name| body.get(name).and_then(Value::as_str).filter(|text| !text.is_empty());
        let message = words("message").or_else(|| words("error_message")).unwrap_or("no explanation").to_owned();
        Self { status, message, retry_after }
    }
}

impl RetellError {
    pub(crate) fn send(error: reqwest::Error) -> Self {
        let error = error.without_url();
        // A connection that was never made is the only proof that nothing was sent.
        if error.is_connect() || error.is_builder() { Self::Unsent(error) } else { Self::Lost(error) }
    }

    /// What it proves.
    #[must_use]
    pub const fn class(&self) -> Class {
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
            Class::Missing | Class::Permanent => Answer::Refused { why },
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
