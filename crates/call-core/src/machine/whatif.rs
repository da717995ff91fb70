//! What if a call had lived by another policy? Its journal is lived again, beside the life that it had.
//!
//! What people and providers did is fact and stays: they reach the other life when they reached the real one. Deadlines
//! are the policy's own, so they act when they come due there. Only where both lives wait for the same deadline, the
//! other one acts on it when the real one did: that an engine was down for an hour is a fact too. It follows that a call
//! which lives again by its own policy has the life that it had.
//!
//! As long as both lives ask the same of the world, the other one is as certain as the real one. Where they part
//! ([`WhatIf::parted`]), what follows is an estimate, made by three rules:
//!
//! - A provider that is asked at another moment says what its own messages tell of that moment.
//! - A hang-up that did not happen in truth is obeyed at once.
//! - Of a call that was hung up in truth and would not have been, nobody knows how it goes on ([`Ending::Beyond`]).

use std::sync::Arc;

use super::journal::{Entry, FoldError, fold};
use super::{
    Birth, Call, Disposition, Effect, Fact, Hungup, Input, Leg, Outcome, PhaseName, Policy, Progress, Proposer, Report,
    Signal, Step, StreamFact, Timestamp,
};

/// More deadlines than any sensible policy has in one life: a policy that asks every millisecond is not lived to its end.
const PATIENCE: usize = 10_000;

/// A call's life, and its life by another policy.
///
/// ```
/// use call_core::{Call, CallId, Command, Disposition, Ending, Fact, Input, Leg, Plan, Policy, Progress, ProviderName, Signal};
/// use call_core::{Timestamp, journal::record, what_if};
/// use std::time::Duration;
///
/// let acme = ProviderName::new("acme");
/// let born: Timestamp = "2026-11-21T08:00:00Z".parse()?;
/// let plan = Plan::new(acme.clone(), "+15550100", "+15550199");
/// let (mut call, _) = Call::dial(CallId::new(born, [0; 10]), plan, Policy::default(), born);
///
/// // The phone rings after 2 s, and is answered after 50 s.
/// let leg = Leg::new(acme, "CA1");
/// let at = |seconds| born + Duration::from_secs(seconds);
/// let mut entries = Vec::new();
/// for (seconds, fact) in [(2, Fact::Progress(Progress::Ringing)), (50, Fact::Answered)] {
///     entries.push(record(&mut call, Signal::new(fact).on(leg.clone()).into(), at(seconds)).0);
/// }
///
/// // A phone may ring for 30 s: by then, this one would have been hung up.
/// let patience = Policy { ring_limit: Duration::from_secs(30), ..Policy::default() };
/// let what_if = what_if(call.birth(), &entries, &patience, at(60))?;
/// assert!(matches!(what_if.was, Ending::Open { .. }));
/// let Ending::Ended { disposition, closed, .. } = what_if.would else { panic!("{what_if:?}") };
/// assert_eq!((disposition, closed), (Disposition::NoAnswer, at(32)));
/// assert_eq!(what_if.parted.map(|parting| parting.at), Some(at(32)));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WhatIf {
    /// How it ended.
    pub was: Ending,
    /// How it would have ended.
    pub would: Ending,
    /// Where the two lives first part in what they ask of the world. `None`: nowhere, and nothing here is an estimate.
    pub parted: Option<Parting>,
}

/// How a call ended, for comparing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ending {
    /// It had not, by the moment up to which was looked.
    Open {
        /// Where it was then.
        phase: PhaseName,
    },
    /// It was hung up then in truth and would have gone on; nobody knows for how long.
    Beyond {
        /// When it was hung up in truth.
        at: Timestamp,
    },
    /// It had.
    Ended {
        /// How.
        disposition: Disposition,
        /// Who proposed it first.
        proposer: Proposer,
        /// When it ended.
        at: Timestamp,
        /// When that was known: from then on its subject was free.
        closed: Timestamp,
    },
}

/// Where two lives part.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Parting {
    /// When.
    pub at: Timestamp,
    /// What the other life would have asked of the world.
    pub would: Vec<Effect>,
    /// What the real one asked for.
    pub did: Vec<Effect>,
}

impl WhatIf {
    /// Whether the call would have ended otherwise.
    #[must_use]
    pub fn differs(&self) -> bool {
        self.was != self.would
    }
}

/// Lives a call again by another policy, up to a moment.
///
/// # Errors
/// The journal does not tell the call's life.
pub fn what_if(birth: &Arc<Birth>, entries: &[Entry], policy: &Policy, until: Timestamp) -> Result<WhatIf, FoldError> {
    let known = fold(birth, entries)?;
    let otherwise = Birth { policy: policy.clone(), ..Birth::clone(birth) };
    let mut lives = Lives {
        entries,
        leg: known.legs().first().map(|first| first.leg.clone()),
        was: Life::born(Arc::clone(birth)),
        would: Life::born(Arc::new(otherwise)),
        parted: None,
        beyond: None,
        over: false,
    };
    for entry in entries {
        lives.pass(entry.at);
        lives.meet(entry);
    }
    lives.pass(until);
    let would = lives.beyond.map_or_else(|| lives.would.ending(), |at| Ending::Beyond { at });
    Ok(WhatIf { was: lives.was.ending(), would, parted: lives.parted })
}

/// One life.
struct Life {
    call: Call,
    /// When its end was known.
    closed: Option<Timestamp>,
}

impl Life {
    fn born(birth: Arc<Birth>) -> Self {
        Self { call: Call::born(birth).0, closed: None }
    }

    /// Handles an input; what it asks of the world. What is only told does not change the world.
    fn handle(&mut self, input: &Input, now: Timestamp) -> Vec<Effect> {
        let asked = match self.call.handle(input, now) {
            Step::Applied(effects) => effects,
            Step::Ignored(_) => Vec::new(),
        };
        if self.call.has_ended() {
            self.closed.get_or_insert(self.call.state().now);
        }
        asked.into_iter().filter(|effect| !matches!(effect, Effect::Publish(_))).collect()
    }

    fn ending(&self) -> Ending {
        match (self.call.outcome(), self.closed) {
            (Some(Outcome { disposition, proposal, at, .. }), Some(closed)) => {
                let proposer = proposal.proposer.clone();
                Ending::Ended { disposition: *disposition, proposer, at: *at, closed }
            }
            _ => Ending::Open { phase: self.call.phase_name() },
        }
    }

    fn is_ending(&self) -> bool {
        self.call.phase_name() >= PhaseName::Ending
    }
}

/// Both lives, side by side.
struct Lives<'e> {
    entries: &'e [Entry],
    /// The first leg, as it is known in the end.
    leg: Option<Leg>,
    was: Life,
    would: Life,
    parted: Option<Parting>,
    beyond: Option<Timestamp>,
    /// The other life is told to its end, or nobody knows how it goes on.
    over: bool,
}

impl Lives<'_> {
    /// Time passes: the other life's own deadlines come due.
    fn pass(&mut self, to: Timestamp) {
        for _ in 0..PATIENCE {
            // A deadline that the real life waits for as well is acted on when it was in truth.
            let own = |(timer, at): &(_, _)| *at < to && self.was.call.state().timers.get(*timer) != Some(*at);
            let timers = &self.would.call.state().timers;
            let Some((_, at)) = timers.iter().filter(own).min_by_key(|(_, at)| *at).filter(|_| !self.over) else {
                return;
            };
            let acts = self.would.handle(&Input::Tick, at);
            self.compare(at, acts, Vec::new());
        }
    }

    /// Something reaches the call.
    fn meet(&mut self, entry: &Entry) {
        let did = self.was.handle(&entry.input, entry.at);
        // An answer to a question that the other life did not ask.
        let unasked = self.parted.is_some()
            && self.would.call.state().asking.is_none()
            && matches!(&entry.input, Input::Signal(Signal { fact: Fact::Report(_), .. }));
        if self.over || unasked {
            return;
        }
        let acts = self.would.handle(&entry.input, entry.at);
        self.compare(entry.at, acts, did);
    }

    /// Looks whether the lives part, and estimates what the world would have answered.
    fn compare(&mut self, at: Timestamp, acts: Vec<Effect>, did: Vec<Effect>) {
        let at = at.max(self.would.call.state().now);
        let hangup = |effects: &[Effect]| effects.iter().any(|effect| matches!(effect, Effect::Hangup { .. }));
        let asks = |effects: &[Effect]| effects.contains(&Effect::Reconcile);
        let (hangs_up, hung_up) = (hangup(&acts), hangup(&did));
        let asked = asks(&acts) && !asks(&did);
        if acts != did && self.parted.is_none() {
            self.parted = Some(Parting { at, would: acts, did });
        }
        if hung_up && !hangs_up && !self.would.is_ending() {
            self.beyond = Some(at);
            self.over = true;
        } else if hangs_up && !hung_up && !self.was_hung_up() {
            self.obey(at);
        } else if asked && let Some(report) = self.truth(at) {
            let acts = self.would.handle(&report.into(), at);
            self.compare(at, acts, Vec::new());
        }
    }

    /// Whether the real call was hung up before; then the facts that follow tell what becomes of that.
    fn was_hung_up(&self) -> bool {
        self.was.call.legs().first().is_some_and(|first| first.hangup.is_some())
    }

    /// The provider hangs up at once, and the other life comes to its end.
    fn obey(&mut self, at: Timestamp) {
        let answered = self.would.call.state().timeline.answered.is_some();
        let wished = Hungup::new(if answered { Disposition::Completed } else { Disposition::Canceled });
        let (hungup, when) = match self.truth(at) {
            Some(Signal { fact: Fact::Report(Report::Ended(hungup)), at, .. }) => (hungup, at),
            _ => (wished, None),
        };
        self.over = true;
        if self.would.call.has_ended() {
            return;
        }
        // Without a leg's name: the first one's.
        let ended = Signal { at: when, ..Signal::new(Fact::Ended(hungup)) };
        self.would.handle(&ended.into(), at);
        // Words that are being spoken have their time to end.
        if let Some(drained) = self.would.call.next_deadline() {
            self.would.handle(&Input::Tick, drained);
        }
    }

    /// What the provider's own messages tell of a moment, as it would have answered then.
    fn truth(&self, at: Timestamp) -> Option<Signal> {
        let told = self.entries.iter().filter_map(|entry| match &entry.input {
            Input::Signal(signal) if self.is_of_first_leg(signal) => {
                Some((signal.at.unwrap_or(entry.at), &signal.fact))
            }
            Input::Signal(_) | Input::Command(_) | Input::Tick => None,
        });
        let (mut said, mut rank, mut gone) = (None, 0, false);
        for (when, fact) in told {
            gone |= *fact == Fact::Report(Report::Gone);
            if let Some((report, its)) = as_report(fact).filter(|(_, its)| when <= at && *its > rank) {
                (said, rank) = (Some((report, when)), its);
            }
        }
        let (report, when) = match said {
            Some(said) => said,
            // A call of which no leg was ever seen, and that the provider did not know later, it did not know then.
            None if gone && self.leg.is_none() => (Report::Gone, at),
            None => return None,
        };
        Some(Signal { leg: self.leg.clone(), at: Some(when), ..Signal::new(Fact::Report(report)) })
    }

    fn is_of_first_leg(&self, signal: &Signal) -> bool {
        signal.leg.is_none() || signal.leg == self.leg
    }
}

/// What a fact tells of the provider's state, and how far the call had come by it.
fn as_report(fact: &Fact) -> Option<(Report, u8)> {
    let unanswered = |progress| Some((Report::Unanswered { progress }, 1 + progress as u8));
    match fact {
        Fact::Dialed(super::DialAnswer::Accepted) => unanswered(Progress::Queued),
        Fact::Progress(progress) | Fact::Report(Report::Unanswered { progress }) => unanswered(*progress),
        Fact::Answered | Fact::Report(Report::InProgress) | Fact::Stream(StreamFact::Opened) => {
            Some((Report::InProgress, 4))
        }
        Fact::Ended(hungup) | Fact::Report(Report::Ended(hungup)) => Some((Report::Ended(hungup.clone()), 5)),
        Fact::Dialed(_)
        | Fact::Report(Report::Gone | Report::Unreachable { .. })
        | Fact::HangupAnswer(_)
        | Fact::Stream(_)
        | Fact::Speech(_)
        | Fact::Gathered(_)
        | Fact::Turn(_)
        | Fact::Transcript(_)
        | Fact::Refused(_)
        | Fact::Detected(_)
        | Fact::Digits(_)
        | Fact::Recording(_)
        | Fact::Billed(_)
        | Fact::Analyzed(_)
        | Fact::Measured(_)
        | Fact::ToolCall(_)
        | Fact::Unknown(_) => None,
    }
}
