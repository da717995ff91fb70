//! What must hold, one file each. An invariant sees everything of the kinds that concern it, and what is true on the network.

use std::collections::BTreeSet;
use std::time::Duration;

use call_core::journal::Entry;
use call_core::port::{Answer, Commit, Job, ParkedSignal, Received, Settle, ToolOutcome, ToolRequest};
use call_core::testkit::MemoryStore;
use call_core::{Call, CallId, Effect, EffectId, Event, Facts, Signal, Timestamp, Verdict};

use crate::network::Network;

pub(crate) use traced::traces;

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
    /// The provider carries out a command for the call that it was given.
    Done { call: &'a Call, effect: &'a Effect },
    /// A function of an agent is about to run.
    Invoked { call: CallId, request: &'a ToolRequest },
    /// An agent got what its function returned.
    Returned { call: CallId, request: &'a ToolRequest, outcome: &'a ToolOutcome },
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

/// The kinds of what can be seen.
#[derive(Debug, Clone, Copy)]
enum Kind {
    Committed,
    Claimed,
    Settled,
    Holding,
    Expired,
    Told,
    Placed,
    Acknowledged,
    Reported,
    Deciding,
    Performing,
    Performed,
    Dialled,
    Done,
    Invoked,
    Returned,
    Outlived,
    Due,
    Refused,
    Judged,
    Pruned,
    Finished,
}

impl Kind {
    /// How many there are.
    const COUNT: usize = Self::Finished as usize + 1;
}

impl Seen<'_> {
    const fn kind(&self) -> Kind {
        match self {
            Self::Committed { .. } => Kind::Committed,
            Self::Claimed { .. } => Kind::Claimed,
            Self::Settled { .. } => Kind::Settled,
            Self::Holding { .. } => Kind::Holding,
            Self::Expired { .. } => Kind::Expired,
            Self::Told { .. } => Kind::Told,
            Self::Placed { .. } => Kind::Placed,
            Self::Acknowledged { .. } => Kind::Acknowledged,
            Self::Reported { .. } => Kind::Reported,
            Self::Deciding { .. } => Kind::Deciding,
            Self::Performing { .. } => Kind::Performing,
            Self::Performed { .. } => Kind::Performed,
            Self::Dialled { .. } => Kind::Dialled,
            Self::Done { .. } => Kind::Done,
            Self::Invoked { .. } => Kind::Invoked,
            Self::Returned { .. } => Kind::Returned,
            Self::Outlived { .. } => Kind::Outlived,
            Self::Due { .. } => Kind::Due,
            Self::Refused { .. } => Kind::Refused,
            Self::Judged { .. } => Kind::Judged,
            Self::Pruned { .. } => Kind::Pruned,
            Self::Finished { .. } => Kind::Finished,
        }
    }
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
        at(self.store.stored(id).as_ref())
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
    ($($file:ident: $invariant:ident sees $($kind:ident)|+,)+) => {
        $(mod $file;)+

        impl Invariants {
            /// All of them.
            pub(crate) fn all() -> Self {
                let mut all = Self { all: Vec::with_capacity(32), by_kind: [0; Kind::COUNT] };
                $(all.add(Box::new($file::$invariant::default()), &[$(Kind::$kind),+]);)+
                all
            }
        }
    };
}

/// All that must hold.
pub(crate) struct Invariants {
    all: Vec<Box<dyn Invariant>>,
    /// Whom each kind concerns, a bit each: most of what happens concerns few.
    by_kind: [u64; Kind::COUNT],
}

impl Invariants {
    fn add(&mut self, invariant: Box<dyn Invariant>, kinds: &[Kind]) {
        kinds.iter().for_each(|kind| self.by_kind[*kind as usize] |= 1 << self.all.len());
        self.all.push(invariant);
    }

    pub(crate) fn see(&mut self, seen: &Seen<'_>, truth: &Truth<'_>) -> Result<(), (&'static str, String)> {
        let mut concerned = self.by_kind[seen.kind() as usize];
        while concerned != 0 {
            let invariant = &mut self.all[concerned.trailing_zeros() as usize];
            invariant.see(seen, truth).map_err(|what| (invariant.name(), what))?;
            concerned &= concerned - 1;
        }
        Ok(())
    }
}

invariants! {
    acknowledged: Acknowledged sees Expired | Acknowledged | Reported | Pruned | Finished,
    commands: Commands sees Committed | Performing | Done,
    committed: Committed sees Committed | Told | Performing,
    conducted: Conducted sees Committed,
    dialled: Dialled sees Dialled,
    doubted: Doubted sees Committed,
    drained: Drained sees Finished,
    ends: Ends sees Pruned | Finished,
    freed: Freed sees Refused,
    gathered: Gathered sees Committed,
    guarded: Guarded sees Committed,
    hangups: Hangups sees Committed,
    journal: Journal sees Finished,
    keys: Keys sees Committed | Placed,
    leases: Leases sees Committed | Claimed | Settled | Holding | Deciding | Performed | Pruned | Finished,
    legs: Legs sees Committed | Pruned,
    mailbox: Mailbox sees Committed | Expired | Finished,
    outlived: Outlived sees Outlived,
    phases: Phases sees Committed,
    punctual: Punctual sees Committed | Due,
    reaped: Reaped sees Committed,
    rows: Rows sees Judged,
    settled: Settled sees Committed | Settled | Told | Deciding | Performed,
    speech: Speech sees Committed | Performing,
    subjects: Subjects sees Committed,
    told: Told sees Committed | Told | Finished,
    traced: Traced sees Invoked | Returned | Pruned | Finished,
    transcribed: Transcribed sees Finished,
    truthful: Truthful sees Finished,
    turns: Turns sees Committed | Reported | Finished,
    versions: Versions sees Committed,
}
