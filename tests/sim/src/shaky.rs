//! The store as a server sees it through a network: slow, down, its answers lost, and the server may die at any of its
//! awaits, before the work was done or after.

use std::future::pending;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use call_core::journal::Entry;
use call_core::port::{
    Commit, Counts, Filter, Job, Lane, Page, Parked, ParkedSignal, Settle, Settlement, Store, StoreError,
};
use call_core::{Call, CallId, Leg, Signal, Timestamp};

use crate::clock::pause;
use crate::invariants::Seen;
use crate::rare::Rare;
use crate::server::Worker;
use crate::time::{MS, SEC};
use crate::trace::short;
use crate::world::{Sim, World};

/// One server's handle on the store.
pub(crate) struct Shaky {
    pub(crate) sim: Sim,
    pub(crate) server: usize,
    /// Whether it is only looked at.
    pub(crate) dry: bool,
}

/// What a step at the store does to the one who takes it.
enum Gate {
    Open,
    Wait(u64),
    Shut,
    Death,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Side {
    Before,
    After,
}

#[derive(Debug, thiserror::Error)]
#[error("no answer")]
struct NoAnswer;

fn unavailable() -> StoreError {
    StoreError::Unavailable(Arc::new(NoAnswer))
}

impl World {
    fn gate(&mut self, server: usize, side: Side, writes: bool) -> Gate {
        if !self.servers.all[server].up {
            return Gate::Death;
        }
        if self.dice.one_in(self.weather.crash) {
            if writes && side == Side::After {
                self.rarely(Rare::CrashBetweenCommitAndAnswer);
            }
            self.rarely(Rare::Crash);
            crate::server::crash(self, server);
            return Gate::Death;
        }
        if side == Side::Before {
            if self.now < self.store_down_until || self.dice.one_in(self.weather.refuse) {
                self.rarely(Rare::StoreRefused);
                return Gate::Shut;
            }
        } else if self.dice.one_in(self.weather.lose_answer) {
            if writes {
                self.rarely(Rare::CommitAnswerLost);
            }
            return Gate::Shut;
        }
        if self.dice.one_in(self.weather.stall) {
            self.rarely(Rare::Stall);
            return Gate::Wait(self.dice.within(SEC, 30 * SEC));
        }
        if self.dice.one_in(self.weather.latency) {
            return Gate::Wait(self.dice.within(MS / 4, 4 * MS));
        }
        if side == Side::Before && self.dice.one_in(self.weather.yields) { Gate::Wait(0) } else { Gate::Open }
    }
}

impl Shaky {
    async fn pass(&self, side: Side, writes: bool) -> Result<(), StoreError> {
        let gate = self.sim.world().gate(self.server, side, writes);
        match gate {
            Gate::Open => Ok(()),
            Gate::Wait(wait) => {
                pause(&self.sim, wait).await;
                Ok(())
            }
            Gate::Shut => Err(unavailable()),
            Gate::Death => pending().await,
        }
    }

    async fn read(&self) -> Result<(), StoreError> {
        self.pass(Side::Before, false).await
    }

    async fn before(&self) -> Result<(), StoreError> {
        if self.dry {
            self.sim.world().breaks("dry_run", "a dry run writes".to_owned());
        }
        self.pass(Side::Before, true).await
    }

    async fn after(&self) -> Result<(), StoreError> {
        self.pass(Side::After, true).await
    }
}

#[async_trait]
impl Store for Shaky {
    async fn load(&self, id: CallId) -> Result<Option<Call>, StoreError> {
        self.read().await?;
        Ok(self.sim.store.read(id))
    }

    async fn find(&self, leg: &Leg) -> Result<Option<CallId>, StoreError> {
        self.read().await?;
        self.sim.store.find(leg).await
    }

    async fn find_key(&self, key: &str) -> Result<Option<(CallId, String)>, StoreError> {
        self.read().await?;
        self.sim.store.find_key(key).await
    }

    async fn commit(&self, commit: Commit) -> Result<(), StoreError> {
        self.before().await?;
        {
            let mut world = self.sim.world();
            let (now, id, who) = (world.now, commit.call.id(), crate::server::NAMES[self.server]);
            let refused = self.sim.store.would(&commit).err();
            world.trace.mix(id.as_uuid().as_u128() as u64 ^ commit.call.version() ^ u64::from(refused.is_some()) << 40);
            match refused {
                None => {
                    world.trace.line(now, who, || told(&commit));
                    let before = self.sim.store.stored(id);
                    let before = before.as_ref();
                    world.cover(before, &commit);
                    world.show(&self.sim.store, &Seen::Committed { before, commit: &commit });
                    for lane in Lane::ALL {
                        if commit.moves() && commit.effects.iter().any(|(_, effect)| Lane::of(effect) == lane) {
                            world.ring(self.server, Worker::of(lane), commit.at());
                        }
                    }
                    // What is parked for a leg that is bound now is adopted: by whoever binds it, or by a sweep.
                    let binds = before.map_or(0, |before| before.legs().iter().count()) != commit.legs().count();
                    if let Some(due) = if binds { Some(commit.at()) } else { commit.call.next_deadline() } {
                        world.ring(self.server, Worker::Sweeper, due);
                    }
                }
                Some(error) => {
                    world.trace.line(now, who, || format!("commit {} refused: {error}", short(id)));
                    match error {
                        StoreError::Conflict => world.rarely(Rare::LostRace),
                        StoreError::LegTaken(_) => world.rarely(Rare::InboundRace),
                        _ => {}
                    }
                }
            }
        }
        self.sim.store.keep(commit)?;
        self.after().await
    }

    async fn due(&self, now: Timestamp, limit: usize) -> Result<Vec<CallId>, StoreError> {
        self.read().await?;
        let calls = self.sim.store.due(now, limit).await?;
        self.sim.world().show(&self.sim.store, &Seen::Due { calls: &calls, at: now });
        Ok(calls)
    }

    async fn park(
        &self,
        leg: &Leg,
        signals: &[Signal],
        now: Timestamp,
        until: Timestamp,
    ) -> Result<Parked, StoreError> {
        self.before().await?;
        let parked = self.sim.store.park(leg, signals, now, until).await?;
        {
            let mut world = self.sim.world();
            match parked {
                Parked::Kept => world.rarely(Rare::Parked),
                Parked::Bound(_) => world.rarely(Rare::BoundWhileParking),
            }
            let at = world.now;
            world.trace.line(at, crate::server::NAMES[self.server], || format!("park for {leg}: {parked:?}"));
            world.ring(self.server, Worker::Sweeper, until);
        }
        self.after().await?;
        Ok(parked)
    }

    async fn parked(&self, leg: &Leg) -> Result<Vec<ParkedSignal>, StoreError> {
        self.read().await?;
        self.sim.store.parked(leg).await
    }

    async fn stranded(&self, limit: usize) -> Result<Vec<(CallId, Leg)>, StoreError> {
        self.read().await?;
        let stranded = self.sim.store.stranded(limit).await?;
        if !stranded.is_empty() {
            self.sim.world().rarely(Rare::Stranded);
        }
        Ok(stranded)
    }

    async fn mailbox(&self, limit: usize) -> Result<Vec<ParkedSignal>, StoreError> {
        self.read().await?;
        self.sim.store.mailbox(limit).await
    }

    async fn expire(&self, now: Timestamp) -> Result<u64, StoreError> {
        self.before().await?;
        let kept = self.sim.store.mailbox(usize::MAX).await?;
        let expired = self.sim.store.expire(now).await?;
        if expired > 0 {
            let gone: Vec<ParkedSignal> = kept.into_iter().filter(|parked| parked.until <= now).collect();
            let mut world = self.sim.world();
            world.rarely(Rare::Expired);
            world.show(&self.sim.store, &Seen::Expired { gone: &gone });
        }
        self.after().await?;
        Ok(expired)
    }

    async fn claim(&self, lane: Lane, now: Timestamp, lease: Duration, limit: usize) -> Result<Vec<Job>, StoreError> {
        self.before().await?;
        let jobs = self.sim.store.take(lane, now, lease, limit);
        {
            let mut world = self.sim.world();
            if jobs.iter().any(Job::may_be_done) {
                world.rarely(Rare::LapsedLease);
            }
            if lane == Lane::News && jobs.iter().any(|job| job.attempt > 1) {
                world.rarely(Rare::ToldTwice);
            }
            world.trace.mix(jobs.len() as u64);
            world.show(&self.sim.store, &Seen::Claimed { jobs: &jobs, at: now });
        }
        self.after().await?;
        Ok(jobs)
    }

    async fn settle(&self, settlements: &[Settle]) -> Result<(), StoreError> {
        for Settle { id, attempt, how } in settlements {
            if let Settlement::Held(_) = how {
                self.sim.world().show(&self.sim.store, &Seen::Holding { id, attempt: *attempt });
            }
        }
        self.before().await?;
        self.sim.store.end(settlements);
        {
            let mut world = self.sim.world();
            world.show(&self.sim.store, &Seen::Settled { settlements });
            for settle in settlements {
                match settle.how {
                    Settlement::Done => {}
                    // Whoever rests until the lease ends must hear that it ends at another time.
                    Settlement::Later(at) => world.ring(self.server, Worker::Actor, at),
                    Settlement::Held(_) => world.rarely(Rare::LeaseHeld),
                }
            }
        }
        self.after().await
    }

    async fn journal(&self, id: CallId) -> Result<Vec<Entry>, StoreError> {
        self.read().await?;
        self.sim.store.journal(id).await
    }

    async fn list(&self, filter: &Filter, page: &Page) -> Result<Vec<Call>, StoreError> {
        self.read().await?;
        self.sim.store.list(filter, page).await
    }

    async fn counts(&self, now: Timestamp) -> Result<Counts, StoreError> {
        self.read().await?;
        self.sim.store.counts(now).await
    }

    async fn prune(&self, born_before: Timestamp, limit: usize) -> Result<u64, StoreError> {
        self.before().await?;
        let pruned = self.sim.store.prune(born_before, limit).await?;
        self.after().await?;
        Ok(pruned)
    }

    async fn ping(&self) -> Result<(), StoreError> {
        self.read().await
    }
}

/// One commit in a line.
fn told(commit: &Commit) -> String {
    use std::fmt::Write as _;
    let mut text = format!("{} v{} {}", short(commit.call.id()), commit.call.version(), words(&commit.call));
    for entry in commit.entries.iter() {
        let input = match &entry.input {
            call_core::Input::Signal(signal) => format!("{:?}", signal.fact),
            call_core::Input::Command(command) => format!("{command:?}"),
            call_core::Input::Tick => "Tick".to_owned(),
        };
        let _ = write!(text, " <- {input}");
        if let Some(reason) = entry.ignored {
            let _ = write!(text, " ({})", reason.as_str());
        }
    }
    for (id, effect) in commit.effects.iter() {
        let what = match effect {
            call_core::Effect::Publish(event) => event.name(),
            other => other.as_str(),
        };
        let _ = write!(text, " +{what}#{}.{}", id.version, id.index);
    }
    text
}

fn words(call: &Call) -> String {
    match call.phase() {
        call_core::Phase::Ending { stage, .. } => format!("ending {stage:?}"),
        call_core::Phase::Ended(outcome) => {
            format!("ended {} by {:?}", outcome.disposition.as_str(), outcome.source)
        }
        call_core::Phase::Ringing { progress, overdue } => {
            format!("ringing {progress:?}{}", if *overdue { " overdue" } else { "" })
        }
        call_core::Phase::Dialing | call_core::Phase::Live => call.phase_name().as_str().to_owned(),
    }
}
