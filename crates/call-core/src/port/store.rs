//! Where calls are kept. The contract is written here and tested by `call_core::store_laws!` on every store.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use serde::Serialize;

use crate::journal::{Entry, record};
use crate::{
    Birth, Call, CallId, Disposition, Effect, EffectId, Input, Leg, PhaseName, Reason, Signal, Subject, Timestamp,
};

/// A database of calls.
///
/// A call is stored with its indexed columns taken from it: version, phase, disposition, subject, legs and the next
/// deadline. All of one [`Commit`] is stored, durably, or nothing of it.
#[async_trait]
pub trait Store: Send + Sync + 'static {
    /// The call, as last committed.
    async fn load(&self, id: CallId) -> Result<Option<Call>, StoreError>;

    /// The call that a leg is bound to.
    async fn find(&self, leg: &Leg) -> Result<Option<CallId>, StoreError>;

    /// The call that was created with an idempotency key, and the digest of that request.
    async fn find_key(&self, key: &str) -> Result<Option<(CallId, String)>, StoreError>;

    /// Stores one step of one call. Acknowledged means on disk.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] if the version moved; [`StoreError::SubjectBusy`], [`StoreError::LegTaken`],
    /// [`StoreError::KeyTaken`] if a unique index refuses; if several do: the version before the key (a repetition meets
    /// itself), the key before the leg, the leg before the subject. After any error nothing of the commit is stored, except
    /// [`StoreError::Unavailable`], after which it may be: repeating the same commit is then safe, for it either
    /// succeeds or finds a conflict with itself.
    async fn commit(&self, commit: Commit) -> Result<(), StoreError>;

    /// Open calls whose deadline is not after `now`, the earliest first. Found by index: independent of table size.
    async fn due(&self, now: Timestamp, limit: usize) -> Result<Vec<CallId>, StoreError>;

    /// Keeps signals for a leg that is bound to no call, until `until`. If the leg is bound after all, nothing is kept
    /// and the call is named. Racing with the commit that binds the leg, exactly one of the two happens: the signals
    /// are kept and that commit's caller sees them in [`Store::parked`], or the call is named here.
    async fn park(&self, leg: &Leg, signals: &[Signal], now: Timestamp, until: Timestamp)
    -> Result<Parked, StoreError>;

    /// The signals kept for a leg, oldest first. They stay until a commit adopts them.
    async fn parked(&self, leg: &Leg) -> Result<Vec<ParkedSignal>, StoreError>;

    /// Calls with parked signals whose leg is bound by now: what a crash between binding and adopting left behind.
    async fn stranded(&self, limit: usize) -> Result<Vec<(CallId, Leg)>, StoreError>;

    /// All parked signals, oldest first, for people to look at.
    async fn mailbox(&self, limit: usize) -> Result<Vec<ParkedSignal>, StoreError>;

    /// Removes parked signals whose time is up, and says how many.
    async fn expire(&self, now: Timestamp) -> Result<u64, StoreError>;

    /// Takes effects of one lane to perform, each hidden from every other claim until its lease ends at `now + lease`. Oldest first;
    /// effects of one call may be claimed together.
    async fn claim(&self, lane: Lane, now: Timestamp, lease: Duration, limit: usize) -> Result<Vec<Job>, StoreError>;

    /// Settles claimed effects, or holds on to them. A claim is settled once: a settlement that is repeated, or whose
    /// lease was meanwhile taken by another claim, changes nothing.
    async fn settle(&self, settlements: &[Settle]) -> Result<(), StoreError>;

    /// The journal of a call, in order: by version, applied entries after the ignored ones of the same version.
    async fn journal(&self, id: CallId) -> Result<Vec<Entry>, StoreError>;

    /// Calls, newest first.
    async fn list(&self, filter: &Filter, page: &Page) -> Result<Vec<Call>, StoreError>;

    /// What the metrics and the health check show.
    async fn counts(&self, now: Timestamp) -> Result<Counts, StoreError>;

    /// Forgets up to `limit` calls that have ended and were born before `born_before`, the oldest first, each whole:
    /// call, legs, key and journal. An open call stays, and so does one that has an effect in the outbox. Says how many
    /// went: fewer than `limit` means that no more are left.
    async fn prune(&self, born_before: Timestamp, limit: usize) -> Result<u64, StoreError>;

    /// Returns when the leg may have been bound, as far as the store hears of it: a hint for those who wait, who must
    /// look again by a schedule of their own too. This default never returns.
    async fn bound(&self, leg: &Leg) {
        let _ = leg;
        std::future::pending().await
    }

    /// The clock of the store, if it is one that all servers share: by it, servers whose own clocks are a minute apart
    /// agree on leases and deadlines.
    async fn time(&self) -> Result<Option<Timestamp>, StoreError> {
        Ok(None)
    }

    /// Whether the store answers.
    async fn ping(&self) -> Result<(), StoreError>;

    /// Takes no more requests and finishes those accepted. Ending without it loses nothing that was acknowledged.
    async fn close(&self) {}
}

/// One unit of work on one call: inputs handled, to be stored as a whole.
#[derive(Debug, Clone)]
pub struct Commit {
    /// The call after the inputs.
    pub call: Call,
    /// The version that the store must hold; 0 if the call is new. If nothing was applied it equals the call's version:
    /// then only the journal grows, and no version is compared.
    pub base: u64,
    /// What was handled, in order. Copies of a commit share it: whoever stores one may have to do so again.
    pub entries: Arc<Vec<Entry>>,
    /// What was asked for.
    pub effects: Arc<Vec<(EffectId, Effect)>>,
    /// Parked signals that were handled, removed from the mailbox with this commit.
    pub adopts: Vec<i64>,
    /// The effect whose answer was handled, settled with this commit.
    pub settles: Option<Settle>,
    /// The key that this call was created with (births only).
    pub key: Option<IdempotencyKey>,
}

impl Commit {
    /// The birth of a call, as [`Call::dial`] and [`Call::ring`] return it.
    #[must_use]
    pub fn birth((call, effects): (Call, Vec<Effect>)) -> Self {
        let mut commit = Self { base: 0, ..Self::on(call) };
        commit.ask_for(effects);
        commit
    }

    /// Work on a stored call.
    #[must_use]
    pub fn on(call: Call) -> Self {
        Self {
            base: call.version(),
            call,
            entries: Arc::default(),
            effects: Arc::default(),
            adopts: Vec::new(),
            settles: None,
            key: None,
        }
    }

    /// Handles an input and takes its answer into the unit of work. `Some` says why nothing changed.
    pub fn handle(&mut self, input: Input, now: Timestamp) -> Option<Reason> {
        let (entry, effects) = record(&mut self.call, input, now);
        let ignored = entry.ignored;
        if ignored.is_none() || !planted!(JournalForgetsTheIgnored) {
            let entries = Arc::make_mut(&mut self.entries);
            entries.reserve_exact(1);
            entries.push(entry);
        }
        self.ask_for(effects);
        ignored
    }

    fn ask_for(&mut self, effects: Vec<Effect>) {
        if effects.is_empty() {
            return;
        }
        let (call, version) = (self.call.id(), self.call.version());
        let named = (0u16..).zip(effects).map(|(index, effect)| (EffectId { call, version, index }, effect));
        Arc::make_mut(&mut self.effects).extend(named);
    }

    /// Whether the call itself changes.
    #[must_use]
    pub fn moves(&self) -> bool {
        self.base != self.call.version()
    }

    /// When the last input was handled, by the clock of the one who did: since when its effects wait.
    #[must_use]
    pub fn at(&self) -> Timestamp {
        self.entries.last().map_or(self.call.birth().at, |entry| entry.at)
    }

    /// Every leg of the call; binding one that is bound to this call already changes nothing.
    pub fn legs(&self) -> impl Iterator<Item = &Leg> {
        self.call.legs().iter().map(|l| &l.leg)
    }

    /// The birth and the state as JSON.
    ///
    /// # Errors
    /// [`StoreError::Unreadable`] if the call cannot be written, which its types rule out.
    pub fn to_json(&self) -> Result<(String, String), StoreError> {
        let unreadable = |e: serde_json::Error| StoreError::Unreadable(e.to_string());
        let birth = serde_json::to_string(&**self.call.birth()).map_err(unreadable)?;
        let state = serde_json::to_string(self.call.state()).map_err(unreadable)?;
        Ok((birth, state))
    }
}

/// What a caller chose to make a creation safe to repeat.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IdempotencyKey {
    /// The caller's key.
    pub key: String,
    /// A digest of the request, to tell a repetition from a second wish under the same key.
    pub digest: String,
}

/// What became of signals that were to be parked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Parked {
    /// They are kept.
    Kept,
    /// Their leg is bound to this call; deliver them there.
    Bound(CallId),
}

/// A signal in the mailbox.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ParkedSignal {
    /// Its place in the mailbox.
    pub id: i64,
    /// Its leg.
    pub leg: Leg,
    /// What it says.
    pub signal: Signal,
    /// Since when it waits.
    pub since: Timestamp,
    /// How long it waits.
    pub until: Timestamp,
}

/// The outbox has two lanes, so that news for subscribers, which are many and quick, never wait behind acts at a
/// provider, which may take seconds each, nor take their places.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Lane {
    /// [`Effect::Publish`].
    News,
    /// Everything else.
    Acts,
}

impl Lane {
    /// Both of them.
    pub const ALL: [Self; 2] = [Self::News, Self::Acts];

    /// The lane of an effect.
    #[must_use]
    pub const fn of(effect: &Effect) -> Self {
        match effect {
            Effect::Publish(_) => Self::News,
            Effect::Dial
            | Effect::Answer
            | Effect::Hangup { .. }
            | Effect::Reconcile
            | Effect::Speak { .. }
            | Effect::Play { .. }
            | Effect::Hush
            | Effect::Gather(_)
            | Effect::OpenStream
            | Effect::CloseStream
            | Effect::Transfer { .. }
            | Effect::Bridge { .. }
            | Effect::StartRecording
            | Effect::StopRecording => Self::Acts,
        }
    }
}

/// An effect that was claimed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Job {
    /// Its name.
    pub id: EffectId,
    /// What to do.
    pub effect: Effect,
    /// How many times it was claimed, this time included. More than `deferrals + 1`: a lease lapsed, and what the one
    /// who held it did is unknown.
    pub attempt: u32,
    /// How many times it was settled with [`Settlement::Later`]: proof that those attempts did nothing.
    pub deferrals: u32,
    /// When it was asked for.
    pub since: Timestamp,
    /// When the lease ends; past it, somebody else may have the job.
    pub lease: Timestamp,
}

impl Job {
    /// Whether somebody may have performed it before and not lived to tell.
    #[must_use]
    pub const fn may_be_done(&self) -> bool {
        self.attempt > self.deferrals + 1
    }
}

/// The end of a claim.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settle {
    /// Which effect.
    pub id: EffectId,
    /// The attempt that is settled; a newer one is not touched.
    pub attempt: u32,
    /// How.
    pub how: Settlement,
}

/// How a claim ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Settlement {
    /// The effect is out of the outbox.
    Done,
    /// It was certainly not performed; it can be claimed again from this moment.
    Later(Timestamp),
    /// Not an end: whoever has it is alive and still at it, and the lease goes on until this moment.
    Held(Timestamp),
}

/// Which calls to list. Empty fields do not filter.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Filter {
    /// In one of these phases.
    pub phases: Vec<PhaseName>,
    /// Ended so.
    pub disposition: Option<Disposition>,
    /// About this subject.
    pub subject: Option<Subject>,
    /// Open since before this moment: what looks stuck.
    pub open_before: Option<Timestamp>,
}

impl Filter {
    /// Whether a call passes.
    #[must_use]
    pub fn admits(&self, call: &Call) -> bool {
        let open_before = self.open_before.is_none_or(|at| !call.has_ended() && call.birth().at < at);
        let disposition = self.disposition.is_none_or(|d| call.outcome().is_some_and(|o| o.disposition == d));
        (self.phases.is_empty() || self.phases.contains(&call.phase_name()))
            && self.subject.as_ref().is_none_or(|s| call.subject() == Some(s))
            && disposition
            && open_before
    }
}

/// A page of a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Page {
    /// Only calls older than this one (ids sort by birth).
    pub before: Option<CallId>,
    /// How many at most.
    pub limit: usize,
}

impl Default for Page {
    fn default() -> Self {
        Self { before: None, limit: 50 }
    }
}

/// What the metrics and the health check show.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Counts {
    /// How many calls are in each phase; phases without calls may be absent. `Ended` may be left out where counting it
    /// would read the whole table.
    pub phases: Vec<(PhaseName, u64)>,
    /// The oldest deadline that is due and not yet acted on.
    pub oldest_due: Option<Timestamp>,
    /// How many signals are parked.
    pub parked: u64,
    /// How many effects wait or are claimed.
    pub outbox: u64,
    /// When the oldest of them was asked for.
    pub oldest_effect: Option<Timestamp>,
    /// The births of the open calls that are oldest, oldest first, ten at most.
    pub oldest_open: Vec<(CallId, Timestamp)>,
}

/// What a store cannot do.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// The version moved: another writer was faster.
    #[error("another writer changed the call first")]
    Conflict,
    /// The subject has an open call.
    #[error("the subject has an open call: {0}")]
    SubjectBusy(CallId),
    /// A leg is bound to another call.
    #[error("the leg belongs to another call: {0}")]
    LegTaken(CallId),
    /// The idempotency key made another call.
    #[error("the idempotency key was used for another call: {0}")]
    KeyTaken(CallId),
    /// The store cannot be reached, is busy or full. It may work later.
    #[error("the store is unavailable")]
    Unavailable(#[source] Arc<dyn std::error::Error + Send + Sync>),
    /// The store answers and refuses: a right or a table is missing, or the like. It works when an operator has mended
    /// it.
    #[error("the store refuses; an operator must mend it")]
    Broken(#[source] Arc<dyn std::error::Error + Send + Sync>),
    /// What is stored cannot be read by this version.
    #[error("the store holds something that this version cannot read: {0}")]
    Unreadable(String),
}

impl StoreError {
    /// Whether the same request may work later.
    #[must_use]
    pub const fn is_transient(&self) -> bool {
        match self {
            Self::Conflict | Self::Unavailable(_) => true,
            Self::SubjectBusy(_) | Self::LegTaken(_) | Self::KeyTaken(_) | Self::Broken(_) | Self::Unreadable(_) => {
                false
            }
        }
    }
}

/// The two parts that a store keeps of a call, as JSON.
///
/// # Errors
/// [`StoreError::Unreadable`] if either cannot be read.
pub fn restore(birth: &str, state: &str) -> Result<Call, StoreError> {
    let unreadable = |e: serde_json::Error| StoreError::Unreadable(e.to_string());
    let birth: Birth = serde_json::from_str(birth).map_err(unreadable)?;
    let state = serde_json::from_str(state).map_err(unreadable)?;
    Ok(Call::restore(Arc::new(birth), state))
}
