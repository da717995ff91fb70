//! Performs effects under a lease, and takes their answers back to the call.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use futures_util::future::{Either, select};

use crate::{
    Call, CallId, DialAnswer, Effect, EffectId, Event, Fact, Gathered, HangupAnswer, ProviderName, Refused, Report,
    Signal, SpeechFact, StreamFact, Timestamp,
};

use super::{
    Answer, Clock, Job, Lane, Observation, Observer, Provider, Settle, Settlement, Store, StoreError, Switchboard,
    SwitchboardError,
};

/// Is told what happens. At least once per event; the effect's id tells a repetition.
#[async_trait]
pub trait Subscriber: Send + Sync + 'static {
    /// Something happened to a call.
    async fn tell(&self, id: &EffectId, event: &Event);
}

/// The worker's hands: claim, perform, settle.
///
/// Every effect may be performed again after a crash, except the dial: a dial whose lease lapsed is never repeated, it
/// is asked for instead (design law 3).
#[derive(Clone)]
pub struct Outbox {
    store: Arc<dyn Store>,
    clock: Arc<dyn Clock>,
    observer: Arc<dyn Observer>,
    switchboard: Switchboard,
    providers: Arc<BTreeMap<ProviderName, Arc<dyn Provider>>>,
    subscriber: Arc<dyn Subscriber>,
    lease: Duration,
}

/// What a round of the outbox did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct OutboxReport {
    /// How many effects were claimed.
    pub claimed: usize,
    /// How many of them failed on the store and will be claimed again.
    pub failed: usize,
}

/// What an answer means for the call and for the job.
enum Next {
    Tell(Vec<Signal>),
    Again(Duration),
    Nothing,
}

impl Outbox {
    /// A worker over a store. What it claims is its own for `lease`, and stays so while a provider takes longer: when
    /// the worker dies, another one has its work after `lease` at the latest.
    pub fn new(
        store: Arc<dyn Store>,
        clock: Arc<dyn Clock>,
        observer: Arc<dyn Observer>,
        switchboard: Switchboard,
        providers: BTreeMap<ProviderName, Arc<dyn Provider>>,
        subscriber: Arc<dyn Subscriber>,
        lease: Duration,
    ) -> Self {
        Self { store, clock, observer, switchboard, providers: Arc::new(providers), subscriber, lease }
    }

    /// Claims, performs one after the other, settles. For simulations and tests; a server uses the parts.
    ///
    /// # Errors
    /// The store failed to give anything to do.
    pub async fn round(&self, limit: usize) -> Result<OutboxReport, StoreError> {
        let news = self.claim(Lane::News, limit).await?;
        let acts = self.claim(Lane::Acts, limit).await?;
        let mut report = OutboxReport { claimed: news.len() + acts.len(), failed: 0 };
        if self.publish(&news).await.is_err() {
            report.failed += news.len();
        }
        for job in &acts {
            if self.perform(job).await.is_err() {
                report.failed += 1;
            }
        }
        Ok(report)
    }

    /// Takes effects of one lane, to [publish](Self::publish) or to [perform](Self::perform).
    ///
    /// # Errors
    /// The store failed.
    pub async fn claim(&self, lane: Lane, limit: usize) -> Result<Vec<Job>, StoreError> {
        self.store.claim(lane, self.clock.now(), self.lease, limit).await
    }

    /// Tells subscribers, and settles all in one go.
    ///
    /// # Errors
    /// The store failed; subscribers will be told again.
    pub async fn publish(&self, news: &[Job]) -> Result<(), StoreError> {
        if planted!(NewsSettledBeforeTold) {
            self.store.settle(&done(news)).await?;
        }
        for job in news {
            if let Effect::Publish(event) = &job.effect {
                self.subscriber.tell(&job.id, event).await;
            }
        }
        if news.is_empty() || planted!(NewsNeverSettled) { Ok(()) } else { self.store.settle(&done(news)).await }
    }

    /// Performs one act and takes its answer to the call, settled in the same commit.
    ///
    /// # Errors
    /// The store failed: the job is claimed again when its lease ends.
    pub async fn perform(&self, job: &Job) -> Result<(), SwitchboardError> {
        let id = job.id.call;
        let Some(call) = self.store.load(id).await? else { return self.done(job).await };
        let now = self.clock.now();
        // Too late to be sure that nobody else has it.
        if now >= job.lease && !planted!(ActsAfterItsLease) {
            return Ok(());
        }
        if !call.wants(&job.id, &job.effect, now) && !planted!(UnwantedIsPerformed) {
            self.observer.observe(Observation::Dropped { id: &job.id, effect: &job.effect });
            return match (matches!(job.effect, Effect::Dial), job.may_be_done()) {
                (true, true) => self.tell(job, vec![unknown_dial("a lease lapsed")]).await,
                (true, false) => self.tell(job, vec![Signal::new(Fact::Dialed(DialAnswer::Withdrawn))]).await,
                (false, _) => self.done(job).await,
            };
        }
        if matches!(job.effect, Effect::Dial) && job.may_be_done() && !planted!(RedialAfterLapsedLease) {
            return self.tell(job, vec![unknown_dial("a lease lapsed")]).await;
        }
        let Some(provider) = self.providers.get(&call.plan().provider) else {
            let why = format!("no provider named {} is configured", call.plan().provider);
            return self.settle(job, &Answer::Refused { why }).await;
        };
        if let (Effect::Dial, Err(why)) = (&job.effect, admitted(provider.as_ref(), &call)) {
            return self.settle(job, &Answer::Refused { why }).await;
        }
        if planted!(SettledBeforePerformed) {
            self.done(job).await?;
        }
        self.observer.observe(Observation::Performing { id: &job.id, effect: &job.effect, attempt: job.attempt });
        let anew = u64::from(job.attempt.saturating_sub(1)) * u64::from(planted!(RepetitionHasANewName));
        let name = EffectId { version: job.id.version + anew, ..job.id };
        let answer = self.hold(job, provider.perform(&call, &name, &job.effect)).await;
        self.observer.observe(Observation::Performed { id: &job.id, effect: &job.effect, answer: &answer });
        self.settle(job, &answer).await
    }

    /// Waits for an act, and renews its lease all the while.
    async fn hold<T>(&self, job: &Job, act: impl Future<Output = T>) -> T {
        match select(pin!(act), pin!(self.renew(job))).await {
            Either::Left((answer, _)) => answer,
            Either::Right((never, _)) => match never {},
        }
    }

    async fn renew(&self, job: &Job) -> Infallible {
        loop {
            self.clock.sleep(self.lease / 3).await;
            if planted!(LeaseIsNotHeld) {
                continue;
            }
            let until = self.clock.now() + self.lease;
            // If it fails, the lease may lapse: then the job is treated like that of a dead worker, which is safe.
            let _ = self.store.settle(&[settled(job, Settlement::Held(until))]).await;
        }
    }

    async fn settle(&self, job: &Job, answer: &Answer) -> Result<(), SwitchboardError> {
        match next(&job.effect, answer, job.deferrals.max(job.attempt.saturating_sub(1))) {
            Next::Tell(signals) => self.tell(job, signals).await,
            Next::Again(after) => {
                let after = if planted!(RetryAfterIsIgnored) { Duration::ZERO } else { after };
                let at: Timestamp = self.clock.now() + after;
                Ok(self.store.settle(&[settled(job, Settlement::Later(at))]).await?)
            }
            Next::Nothing => self.done(job).await,
        }
    }

    async fn tell(&self, job: &Job, signals: Vec<Signal>) -> Result<(), SwitchboardError> {
        let id: CallId = job.id.call;
        self.switchboard.report(id, signals, Some(settled(job, Settlement::Done))).await?;
        Ok(())
    }

    async fn done(&self, job: &Job) -> Result<(), SwitchboardError> {
        Ok(self.store.settle(&[settled(job, Settlement::Done)]).await?)
    }
}

const fn settled(job: &Job, how: Settlement) -> Settle {
    Settle { id: job.id, attempt: job.attempt, how }
}

fn done(jobs: &[Job]) -> Vec<Settle> {
    jobs.iter().map(|job| settled(job, Settlement::Done)).collect()
}

/// A plan that its provider cannot carry out, or only in another way than was stored, must not make a phone ring.
fn admitted(provider: &dyn Provider, call: &Call) -> Result<(), String> {
    let conduct = provider.admit(call.plan()).map_err(|why| why.to_string())?;
    if conduct == call.plan().conduct {
        return Ok(());
    }
    let stored = call.plan().conduct;
    Err(format!(
        "the plan was stored as {stored:?}, but {} is {conduct:?}: settle it by Provider::admit",
        provider.name()
    ))
}

fn unknown_dial(why: &str) -> Signal {
    Signal::new(Fact::Dialed(DialAnswer::Unknown { why: why.to_owned() }))
}

/// What an answer to an effect means.
fn next(effect: &Effect, answer: &Answer, tries: u32) -> Next {
    let fact = match (effect, answer) {
        (_, Answer::Done(signals)) if signals.is_empty() => return Next::Nothing,
        (_, Answer::Done(signals)) => return Next::Tell(signals.clone()),

        (_, Answer::Refused { .. }) if planted!(RefusedIsRepeated) => return Next::Again(backoff(tries)),

        // Only proof that nothing was dialled allows another try.
        (Effect::Dial, Answer::Later { why, .. }) if planted!(PutOffDialIsLost) => {
            Fact::Dialed(DialAnswer::Refused { why: why.clone() })
        }
        (Effect::Dial, Answer::Unknown { .. }) if planted!(UnknownDialIsRepeated) => {
            return Next::Again(backoff(tries));
        }
        (Effect::Dial, Answer::Later { after, .. }) => return Next::Again(after.unwrap_or_else(|| backoff(tries))),
        (Effect::Dial, Answer::Refused { why }) => Fact::Dialed(DialAnswer::Refused { why: why.clone() }),
        (Effect::Dial, Answer::Unknown { why }) => Fact::Dialed(DialAnswer::Unknown { why: why.clone() }),

        // The call's own deadlines ask again.
        (Effect::Reconcile, Answer::Later { why, .. } | Answer::Refused { why } | Answer::Unknown { why }) => {
            Fact::Report(Report::Unreachable { why: why.clone() })
        }

        // Safe to repeat, so repeated until there is an answer or it is no longer wanted.
        (_, Answer::Later { after, .. }) => return Next::Again(after.unwrap_or_else(|| backoff(tries))),
        (_, Answer::Unknown { .. }) if planted!(UnansweredActIsForgotten) => return Next::Nothing,
        (_, Answer::Unknown { .. }) => return Next::Again(backoff(tries)),

        (Effect::Hangup { .. }, Answer::Refused { why }) => {
            Fact::HangupAnswer(HangupAnswer::Refused { why: why.clone() })
        }
        (Effect::Speak { operation, .. } | Effect::Play { operation, .. }, Answer::Refused { .. }) => {
            Fact::Speech(SpeechFact { operation: operation.clone(), played: false })
        }
        (Effect::Gather(gather), Answer::Refused { .. }) => Fact::Gathered(Gathered::nothing(&gather.operation)),
        (Effect::OpenStream, Answer::Refused { why }) => Fact::Stream(StreamFact::Failed { why: why.clone() }),
        (Effect::Answer, Answer::Refused { why }) => Fact::Refused(Refused::Answer { why: why.clone() }),
        (Effect::Transfer { .. }, Answer::Refused { why }) => Fact::Refused(Refused::Transfer { why: why.clone() }),
        (Effect::Bridge { .. }, Answer::Refused { why }) => Fact::Refused(Refused::Bridge { why: why.clone() }),
        (Effect::StartRecording | Effect::StopRecording, Answer::Refused { why }) => {
            Fact::Refused(Refused::Recording { why: why.clone() })
        }
        (Effect::Hush | Effect::CloseStream | Effect::Publish(_), Answer::Refused { .. }) => return Next::Nothing,
    };
    Next::Tell(vec![Signal::new(fact)])
}

/// 0.5 s, 1 s, 2 s ... 30 s.
fn backoff(tries: u32) -> Duration {
    Duration::from_millis(500).saturating_mul(1 << tries.min(6)).min(Duration::from_secs(30))
}
