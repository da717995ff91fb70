//! Leave to act on a call: one function, same answers, with reasons (post-mortems 5.1, 5.2, 5.5).

use serde::{Deserialize, Serialize};

use super::{Call, CallId, Disposition, Phase};

/// Something that one may wish to do with a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Operation {
    /// Make the phone ring.
    Dial,
    /// Say something to the caller.
    Speak,
    /// Send or receive audio.
    Stream,
    /// Ask the caller for keys.
    Gather,
    /// Hand the caller over, or join them with another call's.
    Transfer,
    /// Record, or record no longer.
    Record,
    /// End the call.
    Hangup,
}

/// Leave to do one operation on one call. Ask again ([`Call::may`]) after every wait: after synthesis, before each
/// chunk of audio. It holds only as long as the call says so.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Permit {
    call: CallId,
    operation: Operation,
}

impl Permit {
    /// For which call.
    #[must_use]
    pub const fn call(&self) -> CallId {
        self.call
    }

    /// To do what.
    #[must_use]
    pub const fn operation(&self) -> Operation {
        self.operation
    }
}

/// Why an operation may not be done. A value, not an error in a log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Refusal {
    /// It was dialled already.
    #[error("the call was dialled already")]
    AlreadyDialed,
    /// Nobody has answered yet.
    #[error("the call is not answered yet")]
    NotAnswered,
    /// It is being hung up.
    #[error("the call is ending")]
    Ending,
    /// It is over.
    #[error("the call has ended ({})", .0.as_str())]
    Ended(Disposition),
}

impl Call {
    /// Whether an operation may be done now.
    ///
    /// Speech and streams need a live call; during a farewell, words already begun may be finished but no new ones
    /// started, so the answer is [`Refusal::Ending`].
    ///
    /// # Errors
    /// The reason why not.
    pub fn may(&self, operation: Operation) -> Result<Permit, Refusal> {
        let refusal = match (self.phase(), operation) {
            (Phase::Ended(_), _) if planted!(PermitAfterTheEnd) => None,
            (Phase::Ended(outcome), _) => Some(Refusal::Ended(outcome.disposition)),
            (Phase::Ending { .. }, _) => Some(Refusal::Ending),
            (
                Phase::Live,
                Operation::Speak
                | Operation::Stream
                | Operation::Gather
                | Operation::Transfer
                | Operation::Record
                | Operation::Hangup,
            )
            | (Phase::Dialing, Operation::Dial | Operation::Hangup)
            | (Phase::Ringing { .. }, Operation::Hangup) => None,
            (Phase::Ringing { .. } | Phase::Live, Operation::Dial) => Some(Refusal::AlreadyDialed),
            (
                Phase::Dialing | Phase::Ringing { .. },
                Operation::Speak | Operation::Stream | Operation::Gather | Operation::Transfer | Operation::Record,
            ) => Some(Refusal::NotAnswered),
        };
        refusal.map_or(Ok(Permit { call: self.id(), operation }), Err)
    }
}
