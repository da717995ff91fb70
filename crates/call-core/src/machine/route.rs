//! Where a provider's message goes: to its call, into the mailbox, or nowhere.

use super::{CallId, Leg, Timestamp};

/// What is known about where a message belongs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Address {
    /// Our own name for the call, if it travelled with the message (design law 4).
    pub call: Option<CallId>,
    /// The leg that the message is about.
    pub leg: Leg,
    /// Whether this message may begin a call that began elsewhere (inbound, or made in the provider's console).
    pub begins: bool,
}

/// Where it goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Route<C> {
    /// To this call.
    Deliver(C),
    /// It makes the record, whichever message it is.
    Begin,
    /// Into the mailbox, until its leg is bound to a call or the time is up.
    Park {
        /// When it is given up.
        until: Timestamp,
    },
}

/// Decides. `known` is the call (or its name) that the store found by our name or by the leg.
#[must_use]
pub fn route<C>(address: &Address, known: Option<C>, now: Timestamp, keep: std::time::Duration) -> Route<C> {
    match known {
        Some(call) => Route::Deliver(call),
        // It carries our name, but no such record: a restored backup, or another installation's call. Not ours to make.
        None if address.begins && address.call.is_none() => Route::Begin,
        None => Route::Park { until: now + keep },
    }
}
