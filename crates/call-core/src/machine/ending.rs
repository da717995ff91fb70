//! How a call ended: what, why, who said so, and what was known.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::time::friendly;
use super::{Asked, StaleReason, Timer, Timestamp};

/// How a call (or one of its legs) ended, in the words of the field.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Disposition {
    /// Answered, and ended normally.
    Completed,
    /// The line was busy.
    Busy,
    /// Nobody answered, or the call was rejected.
    NoAnswer,
    /// It could not be made or broke.
    Failed,
    /// We gave it up before it was answered.
    Canceled,
    /// It was no longer believed and nobody could say how it ended.
    Abandoned,
}

impl Disposition {
    /// All of them, in order of cheerfulness.
    pub const ALL: [Self; 6] =
        [Self::Completed, Self::Busy, Self::NoAnswer, Self::Failed, Self::Canceled, Self::Abandoned];

    /// The word used in JSON, metrics and columns.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Completed => "completed",
            Self::Busy => "busy",
            Self::NoAnswer => "no-answer",
            Self::Failed => "failed",
            Self::Canceled => "canceled",
            Self::Abandoned => "abandoned",
        }
    }
}

/// A provider's word that a call or leg is over.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hungup {
    /// How it ended.
    pub disposition: Disposition,
    /// The provider's own word for it: a Twilio `CallStatus`, a Telnyx `hangup_cause`, a Retell `disconnection_reason`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cause: Option<String>,
    /// The final SIP response code, such as 486.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sip_code: Option<u16>,
    /// How long it was answered.
    #[serde(default, skip_serializing_if = "Option::is_none", with = "friendly::optional")]
    pub duration: Option<Duration>,
}

impl Hungup {
    /// An ending of which only the disposition is known.
    #[must_use]
    pub const fn new(disposition: Disposition) -> Self {
        Self { disposition, cause: None, sip_code: None, duration: None }
    }

    /// Takes up facts that are missing, and says whether there were any. The first word of each wins.
    pub(super) fn fill_missing(&mut self, new: &Self) -> bool {
        let news = (self.cause.is_none() && new.cause.is_some())
            || (self.sip_code.is_none() && new.sip_code.is_some())
            || (self.duration.is_none() && new.duration.is_some());
        if news {
            self.cause = self.cause.take().or_else(|| new.cause.clone());
            self.sip_code = self.sip_code.or(new.sip_code);
            self.duration = self.duration.or(new.duration);
        }
        news
    }
}

/// Who or what proposed that a call should end.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "by", rename_all = "kebab-case")]
pub enum Proposer {
    /// The provider reported the end: somebody hung up.
    Provider,
    /// A person or the embedder's code, through the API.
    Operator,
    /// The agent said goodbye.
    Farewell,
    /// A deadline passed.
    Deadline {
        /// Which one.
        timer: Timer,
    },
    /// The audio stream could not be opened, or broke.
    StreamLoss,
    /// The leg that the call was connected to has ended.
    FarEnd,
    /// The stale policy no longer believed it.
    Stale {
        /// Why it was closed.
        // Beside it in JSON stands the proposal's own `reason`.
        #[serde(rename = "because")]
        reason: StaleReason,
    },
}

/// Whose word it is that the call has ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Source {
    /// The provider told us.
    Provider,
    /// The provider told us when we asked.
    Reconciliation,
    /// Nobody told us; we inferred it. Corrected once if the provider speaks later ("truth outranks inference").
    Inference,
}

/// A wish to end the call, with its words.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Proposal {
    /// Who wished it.
    #[serde(flatten)]
    pub proposer: Proposer,
    /// Why, in the proposer's words: `dial-unconfirmed`, a provider's error, an operator's note.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// When.
    pub at: Timestamp,
}

/// What was known of a call: the evidence that endings and the stale policy weigh.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Evidence {
    /// The provider's last message about the call, or answer that it knows of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_signal: Option<Timestamp>,
    /// The last audio frame, mark or word.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_media: Option<Timestamp>,
    /// The last time the provider was asked, and what it said.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub asked: Option<Asked>,
    /// The provider's own last word for its state or the hang-up cause.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cause: Option<String>,
    /// The final SIP response code.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sip_code: Option<u16>,
}

/// How a call ended. Final, but for one correction and for facts that arrive late (duration, SIP code).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Outcome {
    /// How.
    pub disposition: Disposition,
    /// Who proposed the end first. Later proposals stay in the journal.
    pub proposal: Proposal,
    /// Whose word it is that it happened.
    pub source: Source,
    /// When it ended.
    pub at: Timestamp,
    /// How long it was answered, if known.
    #[serde(default, skip_serializing_if = "Option::is_none", with = "friendly::optional")]
    pub duration: Option<Duration>,
    /// Whether the provider corrected an inferred ending.
    #[serde(default)]
    pub corrected: bool,
}
