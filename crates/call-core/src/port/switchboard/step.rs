//! One step of a call, stored: handle, commit, and again if another writer was faster.

use std::iter::from_fn;
use std::sync::Arc;

use super::super::{Commit, Observation, Settle, StoreError};
use super::{Handled, Switchboard, SwitchboardError, inputs};
use crate::{Call, CallId, Input, Leg, Signal};

/// How often an input is handled again on a newer call before giving up. Each lost race means that somebody else's
/// step was stored, so this bounds latency, not progress.
const TRIES: u32 = 32;

/// What became of an attempt to store a step.
enum Attempt {
    Stored(Handled),
    /// Another writer was faster: the inputs, to be handled again.
    Lost(Vec<Input>),
}

impl Switchboard {
    /// Handle, commit; on a lost race load again and handle again.
    pub(super) async fn run(
        &self,
        mut call: Call,
        mut inputs: Vec<Input>,
        settles: Option<Settle>,
    ) -> Result<Handled, SwitchboardError> {
        let id = call.id();
        for tries in 1..=TRIES {
            let commit = Commit { settles: settles.clone(), ..Commit::on(call) };
            match self.attempt(commit, inputs).await? {
                Attempt::Stored(handled) => return Ok(handled),
                Attempt::Lost(again) => {
                    inputs = again;
                    call = self.lost(id, tries).await?;
                }
            }
        }
        Err(SwitchboardError::Contended(id))
    }

    /// Handles inputs and stores what they did, with the signals that waited for legs which became known by it.
    async fn attempt(&self, mut commit: Commit, inputs: Vec<Input>) -> Result<Attempt, SwitchboardError> {
        let legs_before = commit.call.legs().iter().count();
        let now = self.clock.now();
        let mut ignored = None;
        for input in inputs {
            ignored = commit.handle(input, now);
        }
        match self.store.commit(commit.clone()).await {
            Ok(()) => {
                let call = self.tell(commit);
                for leg in call.legs().iter().skip(legs_before) {
                    Box::pin(self.adopt_into(call.clone(), &leg.leg)).await?;
                }
                Ok(Attempt::Stored(Handled { call, ignored }))
            }
            Err(StoreError::Conflict) if planted!(LostRaceIsDropped) => {
                Ok(Attempt::Stored(Handled { call: commit.call, ignored }))
            }
            Err(StoreError::Unavailable(_)) if planted!(AcknowledgedWithoutStoring) => {
                Ok(Attempt::Stored(Handled { call: commit.call, ignored }))
            }
            Err(StoreError::Conflict) => {
                let entries = Arc::unwrap_or_clone(commit.entries);
                Ok(Attempt::Lost(entries.into_iter().map(|entry| entry.input).collect()))
            }
            Err(error) => Err(error.into()),
        }
    }

    /// Another writer was faster: the call as it has become.
    async fn lost(&self, id: CallId, tries: u32) -> Result<Call, SwitchboardError> {
        self.observer.observe(Observation::Conflict { call: id, tries });
        self.load(id).await
    }

    /// The call is known before the mailbox is read: whoever takes the same signals meanwhile moves the call, and then
    /// this commit loses and the mailbox is read again. So each is taken once, also if it has no key.
    pub(super) async fn adopt_into(&self, mut call: Call, leg: &Leg) -> Result<(), SwitchboardError> {
        let id = call.id();
        for tries in 1..=TRIES {
            let parked = self.store.parked(leg).await?;
            if parked.is_empty() || planted!(ParkedIsNeverAdopted) {
                return Ok(());
            }
            let (mut adopts, signals): (Vec<i64>, Vec<Signal>) = parked.into_iter().map(|p| (p.id, p.signal)).unzip();
            let count = adopts.len();
            if planted!(AdoptedStaysParked) {
                adopts.clear();
            }
            if planted!(AdoptedByTwo) {
                call = self.load(id).await?;
            }
            match self.attempt(Commit { adopts, ..Commit::on(call) }, inputs(signals)).await? {
                Attempt::Stored(_) => {
                    self.observer.observe(Observation::Adopted { call: id, signals: count });
                    return Ok(());
                }
                Attempt::Lost(_) => call = self.lost(id, tries).await?,
            }
        }
        Err(SwitchboardError::Contended(id))
    }

    /// Tells the observer what was stored: each input with what it asked for.
    pub(super) fn tell(&self, commit: Commit) -> Call {
        let Commit { call, entries, effects, .. } = commit;
        let mut effects = effects.iter().peekable();
        for entry in &*entries {
            // No input asked for what a birth did.
            while effects.next_if(|(id, _)| id.version <= entry.version).is_some() {}
            let asked: Vec<_> = match entry.ignored {
                Some(_) => Vec::new(),
                None => from_fn(|| effects.next_if(|(id, _)| id.version == entry.version + 1))
                    .map(|(_, effect)| effect.clone())
                    .collect(),
            };
            self.observer.observe(Observation::Committed { call: &call, entry, effects: &asked });
        }
        call
    }
}
