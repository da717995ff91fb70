//! What must hold, one file each. Every invariant sees everything that happens, and what is true on the network.

use std::collections::BTreeSet;
use std::time::Duration;

use call_core::journal::Entry;
use call_core::port::{Answer, Commit, Job, ParkedSignal, Received, Settle};
use call_core::testkit::MemoryStore;
use call_core::{Call, CallId, Effect, EffectId, Event, Facts, Signal, Timestamp, Verdict};

use crate::network::Network;

/// Something that happened.
pub(crate) enum Seen<'a> {
    /// A commit was stored.
    Committed { before: Option<&'a Call>, commit: &'a Commit },
    /// Effects were claimed, by a clock that showed `at`.
    Claimed { jobs: &'a [Job], at: Timestamp },
    /// Claims were settled on their own.
    Settled { settlements: &'a [Settle] },
    /// A lease is to be held, whether the store can be reached or not.
    Holding { id: &'a EffectId, attempt: u32 },
    /// Parked signals were given up.
    Expired { gone: &'a [ParkedSignal] },
    /// A subscriber was told.
    Told { id: &'a EffectId, event: &'a Event },
    /// A client got its call.
    Placed { call: CallId, key: Option<&'a str> },
    /// A message got its 2xx.
    Acknowledged { received: &'a Received },
    /// A media session's fact was taken.
    Reported { call: CallId, signal: &'a Signal },
    /// A server decided to perform an effect, by a clock that showed `at`.
    Deciding { server: usize, id: &'a EffectId, attempt: u32, at: Timestamp },
    /// A server asks the provider; the call is the one that it looked at.
    Performing { call: &'a Call, id: &'a EffectId, effect: &'a Effect },
    /// The provider answered, by a clock that showed `at`.
    Performed { server: usize, id: &'a EffectId, answer: &'a Answer, at: Timestamp },
    /// The provider took a dial: a phone will ring.
    Dialled { call: &'a Call, phone: usize },
    /// The carrier had to end a leg that nobody else ended.
    Outlived { phone: usize },
    /// The sweep was given these calls, by a clock that showed `at`.
    Due { calls: &'a [CallId], at: Timestamp },
    /// A client was refused, because this call is open.
    Refused { open: CallId },
    /// A row that is not ours was judged.
    Judged { facts: &'a Facts, at: Timestamp, verdict: Verdict },
    /// Old calls were removed.
    Pruned { calls: &'a [(Call, Vec<Entry>)] },
    /// Nothing happens any more.
    Finished { calls: &'a [(Call, Vec<Entry>)], outbox: u64, mailbox: &'a [ParkedSignal] },
}

/// What is true, whoever knows of it.
pub(crate) struct Truth<'a> {
    pub(crate) now: u64,
    pub(crate) lease: Duration,
    /// When the faults stopped.
    pub(crate) healed: Option<u64>,
    /// How far apart from the truth clocks may be, in microseconds.
    pub(crate) skew: u64,
    /// What was removed since.
    pub(crate) pruned: &'a BTreeSet<CallId>,
    pub(crate) network: &'a Network,
    pub(crate) store: &'a MemoryStore,
}

impl Truth<'_> {
    /// Looks at a call as it is stored.
    pub(crate) fn look<T>(&self, id: CallId, at: impl FnOnce(Option<&Call>) -> T) -> T {
        at(self.store.stored(id).as_deref())
    }
}

/// One thing that must hold.
pub(crate) trait Invariant: Send {
    /// The name of its file.
    fn name(&self) -> &'static str;

    /// Sees what happened, and says what is wrong with it.
    fn see(&mut self, seen: &Seen<'_>, truth: &Truth<'_>) -> Result<(), String>;
}

macro_rules! invariants {
    ($($file:ident: $invariant:ident,)+) => {
        $(mod $file;)+

        impl Invariants {
            /// All of them.
            pub(crate) fn all() -> Self {
                Self(vec![$(Box::new($file::$invariant::default()),)+])
            }
        }
    };
}

/// All that must hold.
pub(crate) struct Invariants(Vec<Box<dyn Invariant>>);

impl Invariants {
    pub(crate) fn see(&mut self, seen: &Seen<'_>, truth: &Truth<'_>) -> Result<(), (&'static str, String)> {
        for invariant in &mut self.0 {
            invariant.see(seen, truth).map_err(|what| (invariant.name(), what))?;
        }
        Ok(())
    }
}

invariants! {
    acknowledged: Acknowledged,
    committed: Committed,
    dialled: Dialled,
    doubted: Doubted,
    drained: Drained,
    ends: Ends,
    freed: Freed,
    guarded: Guarded,
    hangups: Hangups,
    journal: Journal,
    keys: Keys,
    leases: Leases,
    legs: Legs,
    mailbox: Mailbox,
    outlived: Outlived,
    phases: Phases,
    punctual: Punctual,
    reaped: Reaped,
    retention: Retention,
    rows: Rows,
    settled: Settled,
    speech: Speech,
    subjects: Subjects,
    told: Told,
    truthful: Truthful,
    turns: Turns,
    versions: Versions,
}
