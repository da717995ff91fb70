//! "Sometimes" assertions: paths that a long run must have taken, or it has proved nothing about them.

macro_rules! rare {
    ($($(#[doc = $doc:literal])+ $name:ident,)+) => {
        /// A path that is seldom taken.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum Rare {
            $($(#[doc = $doc])+ $name,)+
        }

        impl Rare {
            /// All of them.
            pub const ALL: &[Self] = &[$(Self::$name,)+];

            /// What it is, for people.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $(Self::$name => concat!($($doc),+),)+ }
            }
        }
    };
}

rare! {
    /// a server crashed
    Crash,
    /// a server crashed between a commit and its answer
    CrashBetweenCommitAndAnswer,
    /// a server crashed while the provider was acting for it
    CrashWhilePerforming,
    /// a media session died with its server
    SessionLost,
    /// the answer to a commit was lost
    CommitAnswerLost,
    /// the store refused
    StoreRefused,
    /// a process paused for seconds
    Stall,
    /// a clock jumped
    ClockJump,
    /// a commit lost a race
    LostRace,
    /// a lease lapsed
    LapsedLease,
    /// a lease was held while the provider took its time
    LeaseHeld,
    /// a message was parked
    Parked,
    /// a leg was bound while its message was being parked
    BoundWhileParking,
    /// a parked message reached its call
    Adopted,
    /// a parked message was left behind by a crash and found by the sweep
    Stranded,
    /// a parked message expired
    Expired,
    /// a duplicate came after the end
    DuplicateAfterTheEnd,
    /// a message came after the end
    SignalAfterTheEnd,
    /// the outcome of a dial was unknown
    DialUnknown,
    /// a dial of unknown outcome was resolved by a message
    DialFoundByMessage,
    /// a dial of unknown outcome was resolved by asking
    DialFoundByAsking,
    /// a dial was never confirmed
    DialUnconfirmed,
    /// a dial was withdrawn before it went out
    DialWithdrawn,
    /// a dial was put off and went out later
    DialDeferred,
    /// a call was given up while its dial was in flight
    GivenUpWhileDialing,
    /// a phone rang for a call that had ended
    RingsAfterTheEnd,
    /// an inferred ending was corrected
    Corrected,
    /// a hang-up met a leg that had ended
    HangupTooLate,
    /// a hang-up was asked for again
    HangupAgain,
    /// a call ended by the word of nobody
    Inferred,
    /// the stale policy closed a call
    Stale,
    /// an ending waited for running operations
    Drained,
    /// a farewell was spoken before the hang-up
    Farewell,
    /// a silent caller was prompted
    Prompted,
    /// a live call was quiet and the provider was asked
    QuietAsked,
    /// a call rang for too long
    RingLimit,
    /// a call was live for too long
    LiveLimit,
    /// an audio stream did not open in time
    StreamLimit,
    /// a subject was busy
    SubjectBusy,
    /// a stale call of a subject made room for a new one
    SubjectFreed,
    /// an idempotency key was used again
    KeyRepeated,
    /// two first messages of an inbound call raced
    InboundRace,
    /// a question waited for its call
    QuestionWaited,
    /// a question got the fallback
    Fallback,
    /// a sweep lost a race against something else
    SweepRaced,
    /// an event was told twice
    ToldTwice,
    /// an act was no longer wanted
    Dropped,
    /// old calls were removed
    Pruned,
    /// a transfer leg joined
    Transfer,
    /// a connected leg ended its call
    FarEnd,
    /// a caller was asked for keys, and what was heard was told
    KeysPressed,
    /// keys were asked for, and nobody told in time
    KeysUntold,
    /// a call that rang us was picked up by command
    PickedUp,
    /// a command was repeated, and the provider knew it
    CommandRepeated,
    /// a command met a call that had ended
    CommandTooLate,
    /// a command was refused because the answer was too fresh
    NotAnsweredYet,
    /// everything was said, and the call was hung up for that
    SaidAll,
    /// an agent's function was the first that was heard of its call
    ToolCallFirst,
    /// a function that had run was asked for again
    ToolCallRepeated,
    /// the begin of an agent's call was never told
    StartUntold,
    /// the end of an agent's call was never told
    EndUntold,
    /// a whole transcript took the place of an older one
    Transcribed,
}

/// How often each was taken.
#[derive(Debug, Clone)]
pub struct Tally([u64; Rare::ALL.len()]);

impl Default for Tally {
    fn default() -> Self {
        Self([0; Rare::ALL.len()])
    }
}

impl Tally {
    pub(crate) const fn count(&mut self, rare: Rare) {
        self.0[rare as usize] += 1;
    }

    /// Adds the counts of another run.
    pub fn add(&mut self, other: &Self) {
        for (sum, more) in self.0.iter_mut().zip(other.0) {
            *sum += more;
        }
    }

    /// How often a path was taken.
    #[must_use]
    pub const fn of(&self, rare: Rare) -> u64 {
        self.0[rare as usize]
    }

    /// The paths that were never taken.
    pub fn missing(&self) -> impl Iterator<Item = Rare> + '_ {
        Rare::ALL.iter().copied().filter(|rare| self.of(*rare) == 0)
    }
}
