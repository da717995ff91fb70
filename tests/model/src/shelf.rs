//! The shared store: the contract of `call_core::port::Store` over plain maps that can be compared.
//!
//! `tests/store.rs` plays long random lives of the world on this shelf and on the production `MemoryStore`, and every
//! answer must be the same.

use std::collections::{BTreeMap, BTreeSet};

use call_core::port::{Commit, Job, Lane, Settle, Settlement};
use call_core::{Call, CallId, Effect, EffectId, Input, Leg, Signal, Timestamp};

use crate::ask::{Known, Refusal, Reply, Request};
use crate::bounds::{Bounds, Flaw};

/// What all servers share.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct Shelf {
    /// The calls.
    pub calls: BTreeMap<CallId, Known<Call>>,
    /// The keys that they were made with.
    pub keys: BTreeMap<String, CallId>,
    /// The outbox.
    pub outbox: BTreeMap<EffectId, Row>,
    /// The mailbox: signals of legs that are bound to no call, until their time is up.
    pub mail: BTreeMap<i64, (Leg, Known<Signal>, Timestamp)>,
    /// The last place in the mailbox that was given out.
    pub last_parked: i64,
    /// What the laws remember.
    pub past: Past,
}

/// A row of the outbox.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Row {
    /// What to do.
    pub effect: Known<Effect>,
    /// Since when.
    pub since: Timestamp,
    /// When it may be claimed.
    pub visible: Timestamp,
    /// How often it was claimed.
    pub attempt: u32,
    /// How often it was settled as certainly not done.
    pub deferrals: u32,
    /// Whether the latest attempt is not settled.
    pub claimed: bool,
}

/// What has been stored, as far as a law asks for it. No rule looks at it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct Past {
    /// How many applied entries the journal of each call has.
    pub applied: BTreeMap<CallId, u64>,
    /// The provider's identities of the events in the journals.
    pub journal: BTreeSet<String>,
    /// Effects that were asked for.
    pub asked: BTreeSet<EffectId>,
    /// Effects that are out of the outbox for good.
    pub settled: BTreeSet<EffectId>,
}

impl Shelf {
    /// Answers one request, all at once. `None`: it is not for the store.
    pub fn answer(&mut self, request: &Request, bounds: &Bounds) -> Option<Reply> {
        let flaw = bounds.flaw;
        Some(match request {
            Request::Load(id) => Reply::Call(self.calls.get(id).cloned()),
            Request::Find(leg) => Reply::Found(self.bound(leg)),
            Request::FindKey(key) => Reply::Found(self.keys.get(key).copied()),
            Request::Commit(unit) => Reply::Committed(self.commit(&unit.0, bounds)),
            Request::Due(_) if flaw == Some(Flaw::BlindSweep) => Reply::Due(Vec::new()),
            Request::Due(now) => Reply::Due(self.due(*now).into_iter().take(1).collect()),
            Request::Park(leg, signals, until) => Reply::Parked(self.park(leg, signals, *until)),
            Request::Parked(leg) => Reply::Mail(self.parked(leg)),
            Request::Stranded if flaw == Some(Flaw::NoStranded) => Reply::Stranded(Vec::new()),
            Request::Stranded => Reply::Stranded(self.stranded().into_iter().take(1).collect()),
            Request::Expire(now) => {
                self.mail.retain(|_, (_, _, until)| *until > *now);
                Reply::Expired
            }
            Request::Claim(lane, now, lease) => Reply::Claimed(self.claim(*lane, *now, *lease, flaw).map(Into::into)),
            Request::Settle(settlements) => {
                for settle in settlements {
                    self.settle(settle, flaw);
                }
                Reply::Settled
            }
            Request::Act(..) | Request::Tell(_) | Request::Sleep(_) => return None,
        })
    }

    /// The call that a leg is bound to.
    #[must_use]
    pub fn bound(&self, leg: &Leg) -> Option<CallId> {
        self.calls.values().find(|call| call.legs().get(leg).is_some()).map(|call| call.id())
    }

    /// Calls whose deadline is not after `now`, the earliest first.
    #[must_use]
    pub fn due(&self, now: Timestamp) -> Vec<CallId> {
        let deadlines = self.calls.values().filter_map(|call| Some((call.next_deadline()?, call.id())));
        let mut due: Vec<_> = deadlines.filter(|(at, _)| *at <= now).collect();
        due.sort_unstable();
        due.into_iter().map(|(_, id)| id).collect()
    }

    /// Rows of a lane that may be claimed, in the order in which they are.
    #[must_use]
    pub fn claimable(&self, lane: Lane, now: Timestamp) -> Vec<EffectId> {
        let rows = self.outbox.iter().filter(|(_, row)| Lane::of(&row.effect) == lane && row.visible <= now);
        let mut rows: Vec<_> = rows.map(|(id, row)| (row.visible, *id)).collect();
        rows.sort_unstable();
        rows.into_iter().map(|(_, id)| id).collect()
    }

    /// Calls whose leg has signals waiting although it is bound.
    #[must_use]
    pub fn stranded(&self) -> Vec<(CallId, Leg)> {
        let mut stranded: Vec<(CallId, Leg)> = Vec::new();
        for (leg, _, _) in self.mail.values() {
            if let Some(call) = self.bound(leg)
                && !stranded.iter().any(|(_, known)| known == leg)
            {
                stranded.push((call, leg.clone()));
            }
        }
        stranded
    }

    fn commit(&mut self, commit: &Commit, bounds: &Bounds) -> Result<(), Refusal> {
        let flaw = bounds.flaw;
        let checked = self.check(commit, flaw);
        if checked.is_ok() || flaw == Some(Flaw::LostRaceJournals) {
            self.write_down(commit);
        }
        checked?;
        for parked in &commit.adopts {
            self.mail.remove(parked);
        }
        if let Some(settle) = &commit.settles {
            self.settle(settle, flaw);
        }
        if !commit.moves() {
            return Ok(());
        }
        let since = commit.at();
        for (id, effect) in commit.effects.iter() {
            if bounds.news || Lane::of(effect) == Lane::Acts {
                self.past.asked.insert(*id);
                let effect = effect.clone().into();
                let row = Row { effect, since, visible: since, attempt: 0, deferrals: 0, claimed: false };
                self.outbox.insert(*id, row);
            }
        }
        if let Some(key) = &commit.key {
            self.keys.insert(key.key.clone(), commit.call.id());
        }
        self.calls.insert(commit.call.id(), commit.call.clone().into());
        Ok(())
    }

    fn check(&self, commit: &Commit, flaw: Option<Flaw>) -> Result<(), Refusal> {
        let id = commit.call.id();
        let stored = self.calls.get(&id).map_or(0, |call| call.version());
        if !commit.moves() {
            return if stored == 0 { Err(Refusal::Conflict) } else { Ok(()) };
        }
        if stored != commit.base && flaw != Some(Flaw::NoVersionCompare) {
            return Err(Refusal::Conflict);
        }
        let key = commit.key.as_ref().and_then(|key| self.keys.get(&key.key));
        if let Some(by) = key.filter(|_| flaw != Some(Flaw::NoKeyGuard)) {
            return Err(Refusal::KeyTaken(*by));
        }
        let taken = commit.legs().find_map(|leg| self.bound(leg).filter(|by| *by != id));
        if let Some(by) = taken.filter(|_| flaw != Some(Flaw::NoLegGuard)) {
            return Err(Refusal::LegTaken(by));
        }
        let busy = self.calls.values().find(|other| {
            let same = other.subject().is_some() && other.subject() == commit.call.subject();
            same && other.id() != id && !other.has_ended() && !commit.call.has_ended()
        });
        match busy.filter(|_| flaw != Some(Flaw::NoSubjectGuard)) {
            Some(open) => Err(Refusal::SubjectBusy(open.id())),
            None => Ok(()),
        }
    }

    fn write_down(&mut self, commit: &Commit) {
        for entry in commit.entries.iter() {
            if entry.ignored.is_none() {
                *self.past.applied.entry(commit.call.id()).or_default() += 1;
            }
            if let Input::Signal(Signal { key: Some(key), .. }) = &entry.input {
                self.past.journal.insert(key.clone());
            }
        }
    }

    fn park(&mut self, leg: &Leg, signals: &[Signal], until: Timestamp) -> Option<CallId> {
        let bound = self.bound(leg);
        if bound.is_none() {
            for signal in signals {
                self.last_parked += 1;
                self.mail.insert(self.last_parked, (leg.clone(), signal.clone().into(), until));
            }
        }
        bound
    }

    fn parked(&self, leg: &Leg) -> Vec<(i64, Known<Signal>)> {
        let of_leg = self.mail.iter().filter(|(_, (kept, _, _))| kept == leg);
        of_leg.map(|(id, (_, signal, _))| (*id, signal.clone())).collect()
    }

    fn claim(&mut self, lane: Lane, now: Timestamp, lease: Timestamp, flaw: Option<Flaw>) -> Option<Job> {
        let any = flaw == Some(Flaw::ClaimsLeased);
        let id = self.claimable(lane, if any { lease } else { now }).into_iter().next()?;
        let row = self.outbox.get_mut(&id)?;
        row.visible = lease;
        row.attempt += 1;
        row.claimed = true;
        if flaw == Some(Flaw::RedialAfterLapse) {
            row.deferrals = row.attempt - 1;
        }
        let (effect, since) = ((*row.effect).clone(), row.since);
        let job = Job { id, effect, attempt: row.attempt, deferrals: row.deferrals, since, lease };
        if flaw == Some(Flaw::SettlesOnClaim) {
            self.settle(&Settle { id, attempt: job.attempt, how: Settlement::Done }, flaw);
        }
        Some(job)
    }

    /// The end of a claim, or that it goes on.
    pub fn settle(&mut self, settle: &Settle, flaw: Option<Flaw>) {
        let Some(row) = self.outbox.get_mut(&settle.id) else { return };
        let mine = row.claimed && row.attempt == settle.attempt;
        if !mine && flaw != Some(Flaw::SettlesAnyAttempt) {
            return;
        }
        match settle.how {
            Settlement::Done => {
                self.outbox.remove(&settle.id);
                self.past.settled.insert(settle.id);
            }
            Settlement::Later(at) => {
                row.visible = at;
                row.deferrals += 1;
                row.claimed = false;
            }
            Settlement::Held(until) => row.visible = until,
        }
    }
}
