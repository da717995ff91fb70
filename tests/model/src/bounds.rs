//! How much may happen, and what may be broken.

use std::time::Duration;

use call_core::{Policy, ProviderName, StalePolicy};

use crate::network::Event;

/// The provider of this world.
pub const LINE: ProviderName = ProviderName::new("line");

/// The step of the world's clock. Everything that takes time takes one such step, so that whatever comes due in one
/// step may happen in any order.
pub const STEP: Duration = Duration::from_secs(10);

/// What is in the world, and how often each kind of trouble may strike. Within these bounds every order of events is
/// looked at.
#[derive(Debug, Clone, Copy)]
pub struct Bounds {
    /// How many tasks are in hand at once, each on a server of its own. Two on one server are no different: a crash of
    /// that server is a crash of both.
    pub hands: usize,
    /// How many calls users wish for, each under a key of its own. With none, the phone rings us instead.
    pub wishes: u8,
    /// Whether all of these concern one subject.
    pub one_subject: bool,
    /// Whether a user wishes to hang up the first call.
    pub hangup: bool,
    /// How many steps of the clock a dial is wanted for. With two, one is still wanted after a lease has ended, so that a
    /// second one could be seen; with one, the call is given up while a slow server still dials.
    pub dial_limit: u32,
    /// Whether whoever answers the phone never hangs up.
    pub patient: bool,
    /// What the provider sends webhooks about.
    pub webhooks: &'static [Event],
    /// Which of them do not carry our name for the call.
    pub nameless: &'static [Event],
    /// Whether deadlines are acted on by the whole sweep, which also looks after the mailbox, and not call by call.
    pub sweep: bool,
    /// Whether news are told to subscribers.
    pub news: bool,
    /// How often each kind of trouble may strike.
    pub trouble: Trouble,
    /// What is broken, if anything.
    pub flaw: Option<Flaw>,
}

impl Default for Bounds {
    /// One call on two servers, webhooks about its answer and end, and no trouble.
    fn default() -> Self {
        Self {
            hands: 2,
            wishes: 1,
            one_subject: false,
            hangup: false,
            dial_limit: 2,
            patient: false,
            webhooks: &[Event::Answered, Event::Ended],
            nameless: &[],
            sweep: false,
            news: false,
            trouble: Trouble::default(),
            flaw: None,
        }
    }
}

/// How often each kind of trouble may (still) strike.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct Trouble {
    /// A server dies with a task in hand.
    pub crashes: u8,
    /// A write to the store is answered by nothing: before it was done, after it, or after it was done and repeated.
    pub cuts: u8,
    /// A request to the provider is answered by nothing: before it was done, or after.
    pub silences: u8,
    /// The provider says "later" (429).
    pub deferrals: u8,
    /// Time goes on although somebody has something to do: a slow server, a late webhook, a late sweep. A lease may end.
    pub delays: u8,
    /// A slow server renews its lease.
    pub renewals: u8,
    /// A webhook or a user's request comes a second time, beside the first or after it.
    pub doubles: u8,
    /// A settlement reaches the store a second time, later (a driver or a network that repeats).
    pub echoes: u8,
}

impl Trouble {
    /// How often trouble may strike in all.
    #[must_use]
    pub const fn sum(&self) -> u8 {
        let Self { crashes, cuts, silences, deferrals, delays, renewals, doubles, echoes } = *self;
        crashes + cuts + silences + deferrals + delays + renewals + doubles + echoes
    }
}

/// One way to build it wrong. A check that does not see each of these sees nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Flaw {
    /// An attempt whose lease lapsed is taken for one that did nothing, and the phone is dialled again.
    RedialAfterLapse,
    /// A commit does not compare the version.
    NoVersionCompare,
    /// The journal is written before the version is compared.
    LostRaceJournals,
    /// The subject's index is not unique.
    NoSubjectGuard,
    /// The key's index is not unique.
    NoKeyGuard,
    /// The leg's index is not unique.
    NoLegGuard,
    /// A claim does not look at leases.
    ClaimsLeased,
    /// A settlement does not compare the attempt.
    SettlesAnyAttempt,
    /// A webhook is acknowledged when it is received.
    AckBeforeCommit,
    /// An effect is settled when it is claimed.
    SettlesOnClaim,
    /// Effects are stored after the call that asked for them: a cut between the two loses them.
    EffectsApart,
    /// The sweep finds nothing.
    BlindSweep,
    /// What a crash left in the mailbox is not looked for.
    NoStranded,
}

/// Every limit is one step, and one hang-up is tried: a call lives through each of its deadlines in few steps.
#[must_use]
pub fn policy(dial_limit: u32) -> Policy {
    Policy {
        dial_answer: STEP,
        dial_limit: STEP * dial_limit,
        queue_limit: STEP,
        ring_limit: STEP,
        live_limit: STEP,
        quiet_limit: STEP,
        confirm_limit: STEP,
        hangup_tries: 1,
        ask_again: STEP,
        // A believed call is not asked about when somebody wishes for another one.
        stale: StalePolicy { quiet: Duration::from_secs(3600), outer: STEP, ..StalePolicy::default() },
        ..Policy::default()
    }
}
