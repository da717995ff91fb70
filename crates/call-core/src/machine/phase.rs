//! Where a call is in its life.

use serde::{Deserialize, Serialize};

use super::{Hungup, Outcome, Progress, Proposal, Source, Timestamp};

/// `Dialing -> Ringing -> Live -> Ending -> Ended`. Any phase may jump forward; none goes back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "phase", rename_all = "kebab-case")]
pub enum Phase {
    /// The record is saved and the dial is in the outbox; the provider has not confirmed it.
    Dialing,
    /// The provider has the call; nobody has answered.
    Ringing {
        /// How far it has come.
        progress: Progress,
        /// Whether it has rung for too long, so that the next word decides.
        overdue: bool,
    },
    /// Somebody or something answered.
    Live,
    /// A hang-up is wished, or the end was seen while operations run.
    Ending {
        /// The wish that won.
        proposal: Proposal,
        /// What is being waited for.
        stage: Stage,
    },
    /// Over.
    Ended(Outcome),
}

/// What an ending call waits for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "stage", rename_all = "kebab-case")]
pub enum Stage {
    /// The last word of a farewell; then the hang-up goes out.
    Farewell,
    /// The name of the leg: the dial was still in flight when the call was given up.
    AwaitingDial,
    /// The end, asked for this many times. One hang-up is in flight.
    HangingUp {
        /// How many hang-ups have gone out.
        tries: u8,
    },
    /// The provider's word on what became of the call.
    Asking {
        /// Since when.
        since: Timestamp,
    },
    /// The operations that still run; the end itself is known.
    Draining {
        /// How it ended.
        hungup: Hungup,
        /// Who said so.
        source: Source,
        /// When.
        at: Timestamp,
    },
}

/// A phase without its details: for tables, columns and metrics.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PhaseName {
    /// See [`Phase::Dialing`].
    Dialing,
    /// See [`Phase::Ringing`].
    Ringing,
    /// See [`Phase::Live`].
    Live,
    /// See [`Phase::Ending`].
    Ending,
    /// See [`Phase::Ended`].
    Ended,
}

impl PhaseName {
    /// All of them, in the order of a call's life.
    pub const ALL: [Self; 5] = [Self::Dialing, Self::Ringing, Self::Live, Self::Ending, Self::Ended];

    /// The word used in JSON, metrics and columns.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Dialing => "dialing",
            Self::Ringing => "ringing",
            Self::Live => "live",
            Self::Ending => "ending",
            Self::Ended => "ended",
        }
    }
}

impl Phase {
    /// Its name.
    #[must_use]
    pub const fn name(&self) -> PhaseName {
        match self {
            Self::Dialing => PhaseName::Dialing,
            Self::Ringing { .. } => PhaseName::Ringing,
            Self::Live => PhaseName::Live,
            Self::Ending { .. } => PhaseName::Ending,
            Self::Ended(_) => PhaseName::Ended,
        }
    }
}
