//! The answer of a call to an input.

use serde::{Deserialize, Serialize};

use super::Effect;

/// What an input did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// The call changed (its version rose by exactly one) and asks for these acts.
    Applied(Vec<Effect>),
    /// The call is equal to what it was.
    Ignored(Reason),
}

/// Why an input changed nothing. An ordinary answer, not an error.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Reason {
    /// The same event was delivered before.
    Duplicate,
    /// It tells nothing that was not known.
    NothingNew,
    /// It is older than what is known, and contradicts it.
    OutOfOrder,
    /// A hang-up is under way; the first wish wins.
    AlreadyEnding,
    /// The call is over.
    AlreadyEnded,
    /// The call is not live, so there is nobody to hear it.
    NotLive,
    /// An operation of that name is running.
    AlreadyRunning,
    /// No operation of that name is running.
    NotRunning,
    /// No deadline has come due.
    NotDue,
    /// It answers an act that the call did not ask for, or has since given up.
    NotAsked,
}

impl Reason {
    /// The word used in JSON, metrics and columns.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Duplicate => "duplicate",
            Self::NothingNew => "nothing-new",
            Self::OutOfOrder => "out-of-order",
            Self::AlreadyEnding => "already-ending",
            Self::AlreadyEnded => "already-ended",
            Self::NotLive => "not-live",
            Self::AlreadyRunning => "already-running",
            Self::NotRunning => "not-running",
            Self::NotDue => "not-due",
            Self::NotAsked => "not-asked",
        }
    }
}
