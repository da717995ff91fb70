//! What the loops tell about themselves: logs and metrics are made from it, so the core needs neither.

use crate::journal::Entry;
use crate::{Call, CallId, Effect, EffectId, Leg, Signal};

use super::Answer;

/// Receives what happens. Called on hot paths: must not block.
pub trait Observer: Send + Sync + 'static {
    /// Something happened.
    fn observe(&self, observation: Observation<'_>);
}

/// The steps of a call's life that people look for in a log (post-mortem 1.5).
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub enum Observation<'a> {
    /// The record of a new call is stored, and nothing was dialled before.
    Created {
        /// The call at its birth.
        call: &'a Call,
    },
    /// A call was looked up for a message.
    LookedUp {
        /// The call, if it was found.
        call: Option<CallId>,
        /// The leg of the message.
        leg: &'a Leg,
        /// Which look found it, 1 being the first; or how many were taken in vain.
        look: u32,
    },
    /// An input was handled and its answer stored.
    Committed {
        /// The call after it.
        call: &'a Call,
        /// The input and its answer.
        entry: &'a Entry,
        /// What it asked for.
        effects: &'a [Effect],
    },
    /// Another writer was faster; the input is handled again on the newer call.
    Conflict {
        /// Which call.
        call: CallId,
        /// How many times in a row.
        tries: u32,
    },
    /// A signal waits in the mailbox for its call.
    Parked {
        /// The leg of the signal.
        leg: &'a Leg,
        /// The signal.
        signal: &'a Signal,
    },
    /// A parked signal reached its call.
    Adopted {
        /// The call.
        call: CallId,
        /// How many signals.
        signals: usize,
    },
    /// An effect is about to be performed.
    Performing {
        /// Which one.
        id: &'a EffectId,
        /// What it does.
        effect: &'a Effect,
        /// Which attempt, 1 being the first.
        attempt: u32,
    },
    /// An effect was performed, or could not be.
    Performed {
        /// Which one.
        id: &'a EffectId,
        /// What it does.
        effect: &'a Effect,
        /// What the provider answered.
        answer: &'a Answer,
    },
    /// An effect was no longer wanted and not performed.
    Dropped {
        /// Which one.
        id: &'a EffectId,
        /// What it would have done.
        effect: &'a Effect,
    },
}
