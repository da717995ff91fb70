//! The reference store: the contract of [`Store`] over plain maps.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;

use crate::journal::Entry;
use crate::port::{
    Commit, Counts, Filter, Job, Lane, Page, Parked, ParkedSignal, Settle, Settlement, Store, StoreError,
};
use crate::{Call, CallId, Effect, EffectId, Leg, PhaseName, Signal, State, Subject, Timestamp};

/// A store in memory: simple enough to be seen right, deterministic, and the oracle that other stores are compared
/// with. Nothing survives it.
#[derive(Debug, Default)]
pub struct MemoryStore(Mutex<Tables>);

/// The tables and their indexes. An index holds exactly what its table says.
#[derive(Debug, Default)]
struct Tables {
    calls: BTreeMap<CallId, Call>,
    /// The entries of each commit, as they came.
    journal: BTreeMap<CallId, Vec<Arc<Vec<Entry>>>>,
    legs: BTreeMap<Leg, CallId>,
    keys: BTreeMap<String, (CallId, String)>,
    /// Subjects of open calls.
    subjects: BTreeMap<Subject, CallId>,
    deadlines: BTreeSet<(Timestamp, CallId)>,
    outbox: BTreeMap<EffectId, Waiting>,
    /// The lanes of the outbox in the order in which they are claimed.
    queues: [BTreeSet<(Timestamp, EffectId)>; 2],
    mailbox: BTreeMap<i64, ParkedSignal>,
    last_parked: i64,
}

/// A row of the outbox.
#[derive(Debug)]
struct Waiting {
    effect: Effect,
    since: Timestamp,
    /// When it can be claimed: at once, when its lease ends, or when it was put off to.
    visible: Timestamp,
    attempt: u32,
    deferrals: u32,
    /// Whether the latest attempt is not settled.
    claimed: bool,
}

impl MemoryStore {
    /// An empty store.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// When something in a lane of the outbox can be claimed next: a simulation need not look before.
    #[must_use]
    pub fn next_visible(&self, lane: Lane) -> Option<Timestamp> {
        self.tables().queues[lane as usize].first().map(|&(at, _)| at)
    }

    /// When a sweep finds something next: a deadline, a parked signal whose time is up, or one whose leg is bound.
    #[must_use]
    pub fn next_sweep(&self) -> Option<Timestamp> {
        let tables = self.tables();
        let parked = tables
            .mailbox
            .values()
            .map(|parked| if tables.legs.contains_key(&parked.leg) { parked.since } else { parked.until });
        parked.chain(tables.deadlines.first().map(|&(at, _)| at)).min()
    }

    /// The call as it is stored.
    #[must_use]
    pub fn stored(&self, id: CallId) -> Option<Call> {
        self.tables().calls.get(&id).cloned()
    }

    /// [`Store::load`] without a future: nothing waits here, and the simulation reads millions of times.
    #[must_use]
    pub fn read(&self, id: CallId) -> Option<Call> {
        let call = self.stored(id);
        if planted!(DuplicatesForgottenOnRestart) { call.map(without_memory) } else { call }
    }

    /// All calls with their journals, the newest first, taken out: for a simulation that is over.
    #[must_use]
    pub fn unload(&self) -> Vec<(Call, Vec<Entry>)> {
        let Tables { calls, mut journal, .. } = std::mem::take(&mut *self.tables());
        let mut lived = |id| in_order(journal.remove(&id).unwrap_or_default());
        calls.into_iter().rev().map(|(id, call)| (call, lived(id))).collect()
    }

    /// Whether a commit would be stored now.
    ///
    /// # Errors
    /// Why not, as [`Store::commit`] would say.
    pub fn would(&self, commit: &Commit) -> Result<(), StoreError> {
        self.tables().check(commit)
    }

    /// [`Store::commit`] without a future.
    ///
    /// # Errors
    /// As [`Store::commit`].
    pub fn keep(&self, commit: Commit) -> Result<(), StoreError> {
        let mut tables = self.tables();
        if planted!(LostRaceWritesItsJournal) && tables.check(&commit).is_err() {
            tables.journal.entry(commit.call.id()).or_default().push(Arc::clone(&commit.entries));
        }
        tables.check(&commit)?;
        tables.apply(commit);
        Ok(())
    }

    /// [`Store::claim`] without a future.
    #[must_use]
    pub fn take(&self, lane: Lane, now: Timestamp, lease: Duration, limit: usize) -> Vec<Job> {
        let mut tables = self.tables();
        let visible = tables.queues[lane as usize].iter().take_while(|(at, _)| *at <= now).map(|&(_, id)| id);
        let ids: Vec<EffectId> = visible.take(limit).collect();
        let mut jobs: Vec<Job> = ids.into_iter().filter_map(|id| tables.lease(id, now + lease)).collect();
        jobs.sort_unstable_by_key(|job| (job.since, job.id));
        jobs
    }

    /// [`Store::settle`] without a future.
    pub fn end(&self, settlements: &[Settle]) {
        let mut tables = self.tables();
        for settle in settlements {
            tables.settle(settle);
        }
    }

    /// No method leaves the tables half changed, so they are good even after a panic elsewhere in a test.
    fn tables(&self) -> MutexGuard<'_, Tables> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl Store for MemoryStore {
    async fn load(&self, id: CallId) -> Result<Option<Call>, StoreError> {
        Ok(self.read(id))
    }

    async fn find(&self, leg: &Leg) -> Result<Option<CallId>, StoreError> {
        Ok(self.tables().legs.get(leg).copied())
    }

    async fn find_key(&self, key: &str) -> Result<Option<(CallId, String)>, StoreError> {
        Ok(self.tables().keys.get(key).cloned())
    }

    async fn commit(&self, commit: Commit) -> Result<(), StoreError> {
        self.keep(commit)
    }

    async fn due(&self, now: Timestamp, limit: usize) -> Result<Vec<CallId>, StoreError> {
        let tables = self.tables();
        let due = tables.deadlines.iter().take_while(|(at, _)| *at <= now);
        let due = due.filter(|(at, _)| !planted!(OverdueIsForgotten) || now < *at + Duration::from_secs(60));
        Ok(due.map(|&(_, id)| id).take(limit).collect())
    }

    async fn park(
        &self,
        leg: &Leg,
        signals: &[Signal],
        now: Timestamp,
        until: Timestamp,
    ) -> Result<Parked, StoreError> {
        let mut tables = self.tables();
        if let Some(&call) = tables.legs.get(leg) {
            return Ok(Parked::Bound(call));
        }
        for signal in signals {
            tables.last_parked += 1;
            let id = if planted!(MailboxIdsReused) { tables.mailbox.len() as i64 } else { tables.last_parked };
            let parked = ParkedSignal { id, leg: leg.clone(), signal: signal.clone(), since: now, until };
            tables.mailbox.insert(id, parked);
        }
        Ok(Parked::Kept)
    }

    async fn parked(&self, leg: &Leg) -> Result<Vec<ParkedSignal>, StoreError> {
        Ok(self.tables().mailbox.values().filter(|parked| parked.leg == *leg).cloned().collect())
    }

    async fn stranded(&self, limit: usize) -> Result<Vec<(CallId, Leg)>, StoreError> {
        let tables = self.tables();
        let mut stranded = Vec::new();
        for parked in tables.mailbox.values() {
            if let Some(&call) = tables.legs.get(&parked.leg)
                && !stranded.iter().any(|(_, leg)| *leg == parked.leg)
            {
                stranded.push((call, parked.leg.clone()));
            }
        }
        stranded.truncate(limit);
        Ok(stranded)
    }

    async fn mailbox(&self, limit: usize) -> Result<Vec<ParkedSignal>, StoreError> {
        Ok(self.tables().mailbox.values().take(limit).cloned().collect())
    }

    async fn expire(&self, now: Timestamp) -> Result<u64, StoreError> {
        let mut tables = self.tables();
        let before = tables.mailbox.len();
        tables.mailbox.retain(|_, parked| parked.until > now && !planted!(MailboxEmptiedEarly));
        Ok((before - tables.mailbox.len()) as u64)
    }

    async fn claim(&self, lane: Lane, now: Timestamp, lease: Duration, limit: usize) -> Result<Vec<Job>, StoreError> {
        Ok(self.take(lane, now, lease, limit))
    }

    async fn settle(&self, settlements: &[Settle]) -> Result<(), StoreError> {
        self.end(settlements);
        Ok(())
    }

    async fn journal(&self, id: CallId) -> Result<Vec<Entry>, StoreError> {
        let tables = self.tables();
        Ok(in_order(tables.journal.get(&id).cloned().unwrap_or_default()))
    }

    async fn list(&self, filter: &Filter, page: &Page) -> Result<Vec<Call>, StoreError> {
        let tables = self.tables();
        let older = tables.calls.values().rev().filter(|call| page.before.is_none_or(|id| call.id() < id));
        Ok(older.filter(|call| filter.admits(call)).take(page.limit).cloned().collect())
    }

    async fn counts(&self, now: Timestamp) -> Result<Counts, StoreError> {
        let tables = self.tables();
        let mut phases = BTreeMap::<PhaseName, u64>::new();
        for call in tables.calls.values() {
            *phases.entry(call.phase_name()).or_default() += 1;
        }
        let open = tables.calls.values().filter(|call| !call.has_ended());
        let mut births: Vec<_> = open.map(|call| (call.id(), call.birth().at)).collect();
        births.sort_by_key(|&(id, at)| (at, id));
        births.truncate(10);
        Ok(Counts {
            phases: phases.into_iter().collect(),
            oldest_due: tables.deadlines.first().map(|&(at, _)| at).filter(|at| *at <= now),
            parked: tables.mailbox.len() as u64,
            outbox: tables.outbox.len() as u64,
            oldest_effect: tables.outbox.values().map(|waiting| waiting.since).min(),
            oldest_open: births,
        })
    }

    async fn prune(&self, born_before: Timestamp, limit: usize) -> Result<u64, StoreError> {
        let mut tables = self.tables();
        let old = tables.calls.range(..CallId::new(born_before, [0; 10]));
        let over = old.filter(|(_, call)| call.has_ended() || planted!(PruneTakesOpenCalls));
        let idle = over.filter(|(id, _)| !tables.has_effects(**id) || planted!(PruneTakesUnfinished));
        let ids: Vec<CallId> = idle.map(|(id, _)| *id).take(limit).collect();
        for id in &ids {
            tables.forget(*id);
        }
        Ok(ids.len() as u64)
    }

    async fn ping(&self) -> Result<(), StoreError> {
        Ok(())
    }
}

/// By version, what was applied after what was ignored.
fn in_order(commits: Vec<Arc<Vec<Entry>>>) -> Vec<Entry> {
    let mut entries = Vec::with_capacity(commits.iter().map(|entries| entries.len()).sum());
    commits.into_iter().for_each(|commit| entries.extend(Arc::unwrap_or_clone(commit)));
    entries.sort_by_key(|entry| (entry.version, entry.ignored.is_none()));
    entries
}

impl Tables {
    /// Whether the commit may be stored. The order of the checks is part of the contract: see
    /// [`StoreError`](crate::port::StoreError).
    fn check(&self, commit: &Commit) -> Result<(), StoreError> {
        let call = &commit.call;
        let id = call.id();
        let stored = self.calls.get(&id);
        if !commit.moves() {
            return if stored.is_none() { Err(StoreError::Conflict) } else { Ok(()) };
        }
        if stored.map_or(0, Call::version) != commit.base && !planted!(LostUpdate) {
            return Err(StoreError::Conflict);
        }
        if let Some((other, _)) = commit.key.as_ref().and_then(|key| self.keys.get(&key.key)) {
            return Err(StoreError::KeyTaken(*other));
        }
        if let Some(&other) = commit
            .legs()
            .skip(stored.map_or(0, known_legs))
            .find_map(|leg| self.legs.get(leg).filter(|other| **other != id && !planted!(LegIndexNotUnique)))
        {
            return Err(StoreError::LegTaken(other));
        }
        match call.subject().and_then(|subject| self.subjects.get(subject)) {
            Some(&other) if other != id && !call.has_ended() && !planted!(SubjectGuardMissing) => {
                Err(StoreError::SubjectBusy(other))
            }
            Some(_) | None => Ok(()),
        }
    }

    fn apply(&mut self, commit: Commit) {
        let (since, moves) = (commit.at(), commit.moves());
        let Commit { call, entries, effects, adopts, settles, key, .. } = commit;
        let id = call.id();
        self.journal.entry(id).or_default().push(entries);
        for parked in adopts {
            self.mailbox.remove(&parked);
        }
        if let Some(settle) = settles.filter(|_| !planted!(AnswerDoesNotSettle)) {
            self.settle(&settle);
        }
        if !moves {
            return;
        }
        for (id, effect) in effects.iter().cloned() {
            if planted!(OnlyOneEffectIsStored) && id.index > 0 {
                continue;
            }
            self.queues[Lane::of(&effect) as usize].insert((since, id));
            let waiting = Waiting { effect, since, visible: since, attempt: 0, deferrals: 0, claimed: false };
            self.outbox.insert(id, waiting);
        }
        if let Some(key) = key {
            self.keys.insert(key.key, (id, key.digest));
        }
        self.keep(call);
    }

    /// Stores a call and brings every index of it up to date.
    fn keep(&mut self, call: Call) {
        let id = call.id();
        let known = self.calls.get(&id).map_or(0, known_legs);
        for leg in call.legs().iter().skip(known) {
            if !self.legs.contains_key(&leg.leg) && !planted!(LegIndexForgotten) {
                self.legs.insert(leg.leg.clone(), id);
            }
        }
        if let Some(subject) = call.subject() {
            let guarded = self.subjects.get(subject) == Some(&id);
            if !call.has_ended() && !guarded {
                self.subjects.insert(subject.clone(), id);
            } else if call.has_ended() && guarded && !planted!(SubjectNeverFreed) {
                self.subjects.remove(subject);
            }
        }
        let deadline = call.next_deadline();
        let before = self.calls.insert(id, call).and_then(|call| call.next_deadline());
        if before == deadline {
            return;
        }
        if let Some(at) = before {
            self.deadlines.remove(&(at, id));
        }
        if let Some(at) = deadline {
            let at = if planted!(DeadlineNeverMovesEarlier) { before.map_or(at, |before| at.max(before)) } else { at };
            self.deadlines.insert((at, id));
        }
    }

    fn has_effects(&self, call: CallId) -> bool {
        let name = |version, index| EffectId { call, version, index };
        self.outbox.range(name(0, 0)..=name(u64::MAX, u16::MAX)).next().is_some()
    }

    /// An ended call is in no index of open calls.
    fn forget(&mut self, id: CallId) {
        let Some(call) = self.calls.remove(&id) else { return };
        self.journal.remove(&id);
        for leg in call.legs().iter() {
            self.legs.remove(&leg.leg);
        }
        self.keys.retain(|_, (call, _)| *call != id);
    }

    fn lease(&mut self, id: EffectId, lease: Timestamp) -> Option<Job> {
        let waiting = self.outbox.get_mut(&id)?;
        let queue = &mut self.queues[Lane::of(&waiting.effect) as usize];
        queue.remove(&(waiting.visible, id));
        waiting.visible = if planted!(ClaimIgnoresLeases) { waiting.visible } else { lease };
        queue.insert((waiting.visible, id));
        waiting.attempt += 1;
        waiting.claimed = true;
        Some(Job {
            id,
            effect: waiting.effect.clone(),
            attempt: waiting.attempt,
            deferrals: waiting.deferrals,
            since: waiting.since,
            lease,
        })
    }

    fn settle(&mut self, settle: &Settle) {
        let Some(waiting) = self.outbox.get_mut(&settle.id) else { return };
        // A claim ends once: a repeated `Later` must not count as proof of two harmless attempts.
        if !waiting.claimed || (waiting.attempt != settle.attempt && !planted!(LateSettlementEndsTheNewClaim)) {
            return;
        }
        let queue = &mut self.queues[Lane::of(&waiting.effect) as usize];
        queue.remove(&(waiting.visible, settle.id));
        match settle.how {
            Settlement::Held(until) => {
                waiting.visible = until;
                queue.insert((until, settle.id));
            }
            Settlement::Done => {
                self.outbox.remove(&settle.id);
            }
            Settlement::Later(at) => {
                waiting.visible = at;
                waiting.deferrals += 1;
                waiting.claimed = false;
                queue.insert((at, settle.id));
            }
        }
    }
}

/// How many legs a stored call has: a leg that is bound stays bound, so the ones after these are new.
fn known_legs(call: &Call) -> usize {
    call.legs().iter().count()
}

/// A call as a store gives it back that keeps no memory of the events it has seen.
fn without_memory(call: Call) -> Call {
    let state = State { seen: Vec::new(), ..call.state().clone() };
    Call::restore(call.birth().clone(), state)
}
