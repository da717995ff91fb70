//! What a server asks of the world, and what it hears: the only points at which servers can meet.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::ops::Deref;
use std::sync::Arc;

use call_core::port::{Answer, Commit, Job, Lane, Settle, StoreError};
use call_core::{Call, CallId, DialAnswer, Disposition, Effect, EffectId, Fact, HangupAnswer, Hungup, Leg};
use call_core::{Progress, Report, Signal, Timestamp};

/// One request. Each is one step of the model: nothing else can happen while it is answered.
#[derive(Debug, Clone, PartialEq)]
pub enum Request {
    /// The call, as last committed.
    Load(CallId),
    /// The call that a leg is bound to.
    Find(Leg),
    /// The call that was made with a key.
    FindKey(String),
    /// One unit of work.
    Commit(Arc<Unit>),
    /// Calls with a deadline that has passed.
    Due(Timestamp),
    /// Signals that wait for their leg.
    Park(Leg, Vec<Signal>, Timestamp),
    /// What waits for a leg.
    Parked(Leg),
    /// What waits although its leg is bound.
    Stranded,
    /// What has waited for too long.
    Expire(Timestamp),
    /// One effect to perform, if there is one.
    Claim(Lane, Timestamp, Timestamp),
    /// The end of claims, or that they go on.
    Settle(Vec<Settle>),
    /// An effect, at the provider; it rings the phone of this number.
    Act(EffectId, Effect, String),
    /// An event, to subscribers.
    Tell(EffectId),
    /// To be woken at this moment.
    Sleep(Timestamp),
}

/// A commit, comparable so that requests are.
#[derive(Debug)]
pub struct Unit(pub Commit);

impl PartialEq for Unit {
    fn eq(&self, other: &Self) -> bool {
        let (one, other) = (&self.0, &other.0);
        one.call == other.call && one.base == other.base && one.entries == other.entries && one.settles == other.settles
    }
}

impl Request {
    /// Whether it changes the store, so that it matters when its answer is lost.
    #[must_use]
    pub const fn writes(&self) -> bool {
        match self {
            Self::Commit(_) | Self::Park(..) | Self::Claim(..) | Self::Settle(_) => true,
            Self::Load(_) | Self::Find(_) | Self::FindKey(_) | Self::Due(_) | Self::Parked(_) => false,
            Self::Stranded | Self::Expire(_) | Self::Act(..) | Self::Tell(_) | Self::Sleep(_) => false,
        }
    }
}

/// The answer to a request.
#[derive(Debug, Clone, PartialEq, Hash)]
pub enum Reply {
    /// To [`Request::Load`].
    Call(Option<Known<Call>>),
    /// To [`Request::Find`] and [`Request::FindKey`].
    Found(Option<CallId>),
    /// To [`Request::Commit`].
    Committed(Result<(), Refusal>),
    /// To [`Request::Due`].
    Due(Vec<CallId>),
    /// To [`Request::Park`]: the call that the leg is bound to, if it is.
    Parked(Option<CallId>),
    /// To [`Request::Parked`].
    Mail(Vec<(i64, Known<Signal>)>),
    /// To [`Request::Stranded`].
    Stranded(Vec<(CallId, Leg)>),
    /// To [`Request::Expire`].
    Expired,
    /// To [`Request::Claim`].
    Claimed(Option<Known<Job>>),
    /// To [`Request::Settle`].
    Settled,
    /// To [`Request::Act`].
    Said(Said),
    /// To [`Request::Tell`].
    Told,
    /// To [`Request::Sleep`].
    Woken,
    /// The store did not answer. It may have done what was asked.
    Unavailable,
}

/// Why a store refuses a commit: the refusals of [`StoreError`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Refusal {
    /// The version moved.
    Conflict,
    /// The subject has an open call.
    SubjectBusy(CallId),
    /// A leg is bound to another call.
    LegTaken(CallId),
    /// The key made another call.
    KeyTaken(CallId),
}

impl From<Refusal> for StoreError {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::Conflict => Self::Conflict,
            Refusal::SubjectBusy(open) => Self::SubjectBusy(open),
            Refusal::LegTaken(by) => Self::LegTaken(by),
            Refusal::KeyTaken(by) => Self::KeyTaken(by),
        }
    }
}

/// What the provider answers to an effect.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Said {
    /// The dial is taken; the line has this name.
    Dialed(Leg),
    /// The line is being hung up.
    HangingUp,
    /// The line was over before.
    AlreadyEnded,
    /// The line is unknown.
    Gone,
    /// The line rings.
    Ringing(Leg),
    /// The line talks.
    Talking(Leg),
    /// The line is over.
    Over(Leg),
    /// Done, and nothing to tell.
    Nothing,
    /// Certainly not done: try later.
    Later,
    /// No answer came.
    Silence,
}

impl From<Said> for Answer {
    fn from(said: Said) -> Self {
        let (fact, leg) = match said {
            Said::Dialed(leg) => (Fact::Dialed(DialAnswer::Accepted), Some(leg)),
            Said::HangingUp => (Fact::HangupAnswer(HangupAnswer::Accepted), None),
            Said::AlreadyEnded => (Fact::HangupAnswer(HangupAnswer::AlreadyEnded), None),
            Said::Gone => (Fact::Report(Report::Gone), None),
            Said::Ringing(leg) => (Fact::Report(Report::Unanswered { progress: Progress::Ringing }), Some(leg)),
            Said::Talking(leg) => (Fact::Report(Report::InProgress), Some(leg)),
            Said::Over(leg) => (Fact::Report(Report::Ended(Hungup::new(Disposition::Completed))), Some(leg)),
            Said::Nothing => return Self::Done(Vec::new()),
            Said::Later => return Self::Later { after: None, why: "busy".to_owned() },
            Said::Silence => return Self::Unknown { why: "no answer".to_owned() },
        };
        let signal = Signal::new(fact);
        Self::Done(vec![match leg {
            Some(leg) => signal.on(leg),
            None => signal,
        }])
    }
}

/// A production value that is not `Hash`, with the fingerprint of its written form: what is stored alike is one state.
#[derive(Debug, Clone)]
pub struct Known<T> {
    value: Arc<T>,
    print: u64,
}

impl<T> Known<T> {
    fn new(value: T, written: impl FnOnce(&T) -> serde_json::Result<Vec<u8>>) -> Self {
        let json = written(&value).expect("what stores write can be written");
        Self { value: Arc::new(value), print: print(&json) }
    }
}

impl From<Call> for Known<Call> {
    fn from(call: Call) -> Self {
        Self::new(call, |call| serde_json::to_vec(&(call.id(), call.state())))
    }
}

impl From<Signal> for Known<Signal> {
    fn from(signal: Signal) -> Self {
        Self::new(signal, serde_json::to_vec)
    }
}

impl From<Effect> for Known<Effect> {
    fn from(effect: Effect) -> Self {
        Self::new(effect, serde_json::to_vec)
    }
}

impl From<Job> for Known<Job> {
    fn from(job: Job) -> Self {
        Self::new(job, |job| {
            serde_json::to_vec(&(job.id, &job.effect, job.attempt, job.deferrals, job.since, job.lease))
        })
    }
}

impl<T> Deref for Known<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.value
    }
}

impl<T> PartialEq for Known<T> {
    fn eq(&self, other: &Self) -> bool {
        self.print == other.print
    }
}

impl<T> Eq for Known<T> {}

impl<T> Hash for Known<T> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.print.hash(state);
    }
}

/// A fingerprint that is the same in every run.
pub(crate) fn print(value: &impl Hash) -> u64 {
    let mut hasher = DefaultHasher::new();
    value.hash(&mut hasher);
    hasher.finish()
}
