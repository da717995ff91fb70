//! Load, handle, commit: the only way in which anything reaches a call.

mod step;

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::select;

use crate::{
    Address, Call, CallId, Command, Conduct, Input, Leg, Lookup, Plan, Policy, Reason, Route, Signal, Verdict, judge,
    route,
};

use super::{
    Clock, Commit, IdempotencyKey, Inbound, Observation, Observer, Parked, Received, Settle, Store, StoreError,
};

/// Connects what arrives with the call that it is about.
///
/// Holds no state of its own: any number of switchboards, in any number of processes, may share one store.
#[derive(Clone)]
pub struct Switchboard {
    store: Arc<dyn Store>,
    clock: Arc<dyn Clock>,
    observer: Arc<dyn Observer>,
    answering: Arc<dyn Answering>,
    lookup: Lookup,
    keep_parked: Duration,
}

/// Says what happens to calls that begin elsewhere.
pub trait Answering: Send + Sync + 'static {
    /// The plan for somebody who rings us, and the policy to live by.
    fn answer(&self, provider: &crate::ProviderName, inbound: &Inbound) -> (Plan, Policy);
}

/// A call was placed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Placed {
    /// The call.
    pub call: Call,
    /// Whether an earlier request with the same idempotency key had made it.
    pub repeated: bool,
}

/// What became of an input.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Handled {
    /// The call after it.
    pub call: Call,
    /// Why it changed nothing, if so. Of several inputs: of the last one.
    pub ignored: Option<Reason>,
}

/// What became of a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Delivered {
    /// It reached its call.
    To(Box<Handled>),
    /// It waits in the mailbox.
    Parked,
}

/// The call that a question is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// The call.
    pub call: Call,
    /// Which look of the schedule found it, from 1 on.
    pub look: u32,
}

/// A call cannot be placed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PlaceError {
    /// The subject has an open call, and it is believed.
    #[error("the subject has an open call: {open}")]
    SubjectBusy {
        /// The open call.
        open: CallId,
    },
    /// The idempotency key was used for a different request.
    #[error("the idempotency key was used for a different request, which made call {call}")]
    KeyReused {
        /// The call that it made.
        call: CallId,
    },
    /// The store failed.
    #[error("the call could not be stored")]
    Store(#[from] StoreError),
}

/// A message or a wish did not reach its call.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SwitchboardError {
    /// There is no such call.
    #[error("there is no call {0}")]
    NoSuchCall(CallId),
    /// Other writers were faster too many times in a row.
    #[error("call {0} is changed by others all the time")]
    Contended(CallId),
    /// The store failed.
    #[error("the store failed")]
    Store(#[from] StoreError),
}

impl Switchboard {
    /// A switchboard over a store. Signals of unknown legs are kept for `keep_parked`.
    pub fn new(
        store: Arc<dyn Store>,
        clock: Arc<dyn Clock>,
        observer: Arc<dyn Observer>,
        answering: Arc<dyn Answering>,
        lookup: Lookup,
        keep_parked: Duration,
    ) -> Self {
        Self { store, clock, observer, answering, lookup, keep_parked }
    }

    /// Places an outbound call: its record is stored with its dial in the outbox before anything rings (post-mortem
    /// 1.1). The same key with the same request gives the same call.
    ///
    /// If the subject has an open call that is no longer believed, the provider is asked first and the new call goes
    /// ahead when the old one proves dead (post-mortem 1.4).
    ///
    /// # Errors
    /// Names the open call or the call that the key had made.
    pub async fn place(&self, plan: Plan, policy: Policy, key: Option<IdempotencyKey>) -> Result<Placed, PlaceError> {
        if let Some(placed) = self.placed_before(key.as_ref()).await? {
            return Ok(placed);
        }
        match self.begin(plan.clone(), policy.clone(), key.clone()).await {
            Err(PlaceError::SubjectBusy { open }) if self.proves_dead(open).await? => {
                self.begin(plan, policy, key).await
            }
            answer => answer,
        }
    }

    async fn begin(&self, plan: Plan, policy: Policy, key: Option<IdempotencyKey>) -> Result<Placed, PlaceError> {
        let now = self.clock.now();
        let id = CallId::new(now, self.clock.random());
        let kept = key.clone().filter(|_| !planted!(KeyIsNotStored));
        let commit = Commit { key: kept, ..Commit::birth(Call::dial(id, plan, policy, now)) };
        match self.store.commit(commit.clone()).await {
            Ok(()) => {
                self.observer.observe(Observation::Created { call: &commit.call });
                Ok(Placed { call: commit.call, repeated: false })
            }
            Err(StoreError::SubjectBusy(open)) => Err(PlaceError::SubjectBusy { open }),
            // A racing request with the same key was faster.
            Err(error @ StoreError::KeyTaken(_)) => {
                self.placed_before(key.as_ref()).await?.ok_or(PlaceError::Store(error))
            }
            Err(error) => Err(error.into()),
        }
    }

    async fn placed_before(&self, key: Option<&IdempotencyKey>) -> Result<Option<Placed>, PlaceError> {
        let Some(key) = key else { return Ok(None) };
        let Some((id, digest)) = self.store.find_key(&key.key).await? else { return Ok(None) };
        if digest != key.digest {
            return Err(PlaceError::KeyReused { call: id });
        }
        Ok(self.store.load(id).await?.map(|call| Placed { call, repeated: true }))
    }

    /// Whether an open call that is no longer believed turns out to have ended, after asking the provider.
    async fn proves_dead(&self, open: CallId) -> Result<bool, PlaceError> {
        let Some(call) = self.store.load(open).await? else { return Ok(false) };
        if let Verdict::Fresh { .. } = judge(&call.facts(), self.clock.now(), &call.policy().stale) {
            return Ok(call.has_ended());
        }
        // The question goes through the outbox like any other; its answer ends the call or keeps it.
        match self.command(open, Command::Reconcile).await {
            Ok(_) | Err(SwitchboardError::NoSuchCall(_) | SwitchboardError::Contended(_)) => {}
            Err(SwitchboardError::Store(error)) => return Err(error.into()),
        }
        let patient = Lookup { looks: 10, step: Duration::from_millis(100) };
        for wait in patient.waits() {
            self.clock.sleep(wait).await;
            if self.store.load(open).await?.is_none_or(|call| call.has_ended()) {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Takes a provider's message to its call, makes the call if the message may begin one, or parks it. When this
    /// returns, the message is stored. Never waits: see [`Switchboard::find_for_question`] for messages that ask.
    ///
    /// # Errors
    /// The store failed; the provider should send again.
    pub async fn deliver(&self, received: &Received) -> Result<Delivered, SwitchboardError> {
        let Received { address, signals, inbound, .. } = received;
        let known = self.look(address).await?;
        let id = known.as_ref().map(Call::id);
        self.observer.observe(Observation::LookedUp { call: id, leg: &address.leg, look: 1 });
        let now = self.clock.now();
        match route(address, known, now, self.keep_parked) {
            Route::Deliver(call) => self.run(call, inputs(signals.to_vec()), None).await.map(to),
            Route::Begin => self.answer(address, inbound.as_ref(), signals).await.map(to),
            Route::Park { .. } if planted!(UnknownLegIsDropped) => Ok(Delivered::Parked),
            Route::Park { until } => match self.store.park(&address.leg, signals, now, until).await? {
                Parked::Bound(call) => self.run(self.load(call).await?, inputs(signals.to_vec()), None).await.map(to),
                Parked::Kept => {
                    for signal in signals {
                        self.observer.observe(Observation::Parked { leg: &address.leg, signal });
                    }
                    Ok(Delivered::Parked)
                }
            },
        }
    }

    /// Waits by the lookup schedule for the call that a question is about (post-mortem 4.1); a store that hears of
    /// bindings wakes it earlier. `None` when the schedule is through: give the fallback.
    ///
    /// # Errors
    /// The store failed.
    pub async fn find_for_question(&self, address: &Address) -> Result<Option<Found>, SwitchboardError> {
        let mut look = 0;
        for wait in self.lookup.waits() {
            select(pin!(self.clock.sleep(wait)), pin!(self.store.bound(&address.leg))).await;
            look += 1;
            if let Some(call) = self.look(address).await? {
                self.observer.observe(Observation::LookedUp { call: Some(call.id()), leg: &address.leg, look });
                return Ok(Some(Found { call, look }));
            }
        }
        self.observer.observe(Observation::LookedUp { call: None, leg: &address.leg, look });
        Ok(None)
    }

    /// One look, by our name and then by the leg: a single read for the calls that we placed.
    async fn look(&self, address: &Address) -> Result<Option<Call>, StoreError> {
        if let Some(id) = address.call
            && let Some(call) = self.store.load(id).await?
        {
            return Ok(Some(call));
        }
        match self.store.find(&address.leg).await? {
            Some(id) => self.store.load(id).await,
            None => Ok(None),
        }
    }

    async fn load(&self, id: CallId) -> Result<Call, SwitchboardError> {
        self.store.load(id).await?.ok_or(SwitchboardError::NoSuchCall(id))
    }

    /// Somebody rings us: the first message about it makes the record, whichever message it is (design law 4).
    async fn answer(
        &self,
        address: &Address,
        inbound: Option<&Inbound>,
        signals: &[Signal],
    ) -> Result<Handled, SwitchboardError> {
        let now = self.clock.now();
        let id = CallId::new(now, self.clock.random());
        let nobody = Inbound { from: String::new(), to: String::new(), conduct: Conduct::Asked };
        let (plan, policy) = self.answering.answer(&address.leg.provider, inbound.unwrap_or(&nobody));
        let mut commit = Commit::birth(Call::ring(id, address.leg.clone(), plan, policy, now));
        let born = commit.call.clone();
        let mut ignored = None;
        for signal in signals.iter().filter(|_| !planted!(FirstMessageLosesItsFacts)) {
            ignored = commit.handle(signal.clone().into(), now);
        }
        match self.store.commit(commit.clone()).await {
            Ok(()) => {
                self.observer.observe(Observation::Created { call: &born });
                let call = self.tell(commit);
                self.adopt_into(call.clone(), &address.leg).await?;
                Ok(Handled { call, ignored })
            }
            Err(StoreError::LegTaken(_)) if planted!(SecondFirstMessageIsDropped) => {
                Ok(Handled { call: commit.call, ignored })
            }
            // Two first messages raced; the other one made the record.
            Err(StoreError::LegTaken(call)) => self.run(self.load(call).await?, inputs(signals.to_vec()), None).await,
            Err(error) => Err(error.into()),
        }
    }

    /// A user's wish.
    ///
    /// # Errors
    /// There is no such call, or the store failed. A wish that the call refuses is [`Handled::ignored`].
    pub async fn command(&self, id: CallId, command: Command) -> Result<Handled, SwitchboardError> {
        self.run(self.load(id).await?, vec![command.into()], None).await
    }

    /// Facts from our own side: the outbox, a media session. `settles` is stored with them.
    ///
    /// # Errors
    /// There is no such call, or the store failed.
    pub async fn report(
        &self,
        id: CallId,
        signals: Vec<Signal>,
        settles: Option<Settle>,
    ) -> Result<Handled, SwitchboardError> {
        self.run(self.load(id).await?, inputs(signals), settles).await
    }

    /// A deadline has come due.
    ///
    /// # Errors
    /// There is no such call, or the store failed.
    pub async fn tick(&self, id: CallId) -> Result<Handled, SwitchboardError> {
        self.tick_on(self.load(id).await?).await
    }

    pub(super) async fn tick_on(&self, call: Call) -> Result<Handled, SwitchboardError> {
        self.run(call, vec![Input::Tick], None).await
    }

    /// Takes parked signals to a call that their leg is bound to.
    ///
    /// # Errors
    /// The store failed; the signals stay parked.
    pub async fn adopt(&self, id: CallId, leg: &Leg) -> Result<(), SwitchboardError> {
        self.adopt_into(self.load(id).await?, leg).await
    }
}

fn inputs(signals: Vec<Signal>) -> Vec<Input> {
    signals.into_iter().map(Input::Signal).collect()
}

fn to(handled: Handled) -> Delivered {
    Delivered::To(Box::new(handled))
}
