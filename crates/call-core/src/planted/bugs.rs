//! The bugs: each with what it does and where such a bug is known from.

macro_rules! bugs {
    ($($(#[doc = $what:literal])+ $bug:ident: $seen:literal,)+) => {
        /// A bug that can be planted.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Bug {
            $($(#[doc = $what])+ $bug,)+
        }

        impl Bug {
            /// All of them, by the part of the core that they sit in.
            pub const ALL: &[Self] = &[$(Self::$bug,)+];

            /// What it does.
            #[must_use]
            pub const fn what(self) -> &'static str {
                match self {
                    $(Self::$bug => concat!($($what),+).trim_ascii(),)+
                }
            }

            /// Where such a bug is known from: a post-mortem row (`P2.3`), or the kind of system that has it.
            #[must_use]
            pub const fn seen(self) -> &'static str {
                match self {
                    $(Self::$bug => $seen,)+
                }
            }

            const fn ident(self) -> &'static str {
                match self {
                    $(Self::$bug => stringify!($bug),)+
                }
            }
        }
    };
}

bugs! {
    // The transition table: order, endings, truth.
    /// A `ringing` that arrives after the end makes the call ring again.
    LateRingingOverwritesCompleted: "P3.6; status handlers that store whatever status was told last",
    /// A late `queued` takes a ringing call back to the queue, and its deadline with it.
    OlderStationMovesBack: "status callbacks that arrive out of order (Twilio says that they may)",
    /// A late `answered` brings a call back to life that is being hung up.
    LateAnswerRevivesTheCall: "P5.5; handlers that check for ended, but not for ending",
    /// The provider's second word on the end overwrites its first.
    SecondEndingOverwritesTheFirst: "P3.1; `<Dial>` action and status callback both report an ending",
    /// What the provider says after an end that was only inferred is not taken.
    TruthDoesNotCorrectInference: "P2.3; rows closed as failed by a cron job stay failed",
    /// A corrected ending stays marked as inferred, so that it is corrected again and again.
    CorrectedAgainAndAgain: "P3.2; projections that count one lead twice",
    /// An end that nobody reported is stored without telling subscribers.
    ClosedInSilence: "P2.3, P2.4; clean-up jobs that update rows, while listeners wait for the webhook",
    /// The wish to hang up is forgotten when the end comes: it looks as if the other side had hung up.
    EndingForgetsTheWish: "P5.4; a pending-hang-up map that only remembers that there was one",
    /// The provider's cause and code of the end are dropped.
    EndingLosesItsEvidence: "P2.1; calls that are FAILED and nobody can say why",
    /// Whoever asked for keys waits until somebody tells them, and nobody does.
    GathersForEver: "IVR menus that hang when the `action` request of a `<Gather>` is lost",
    /// Keys that were told twice are taken twice.
    GatheredTwice: "menus that take one choice for two, when a webhook is repeated",
    /// The last message about a station sets its time, though it was the first to happen.
    LastToldStationWins: "created-at columns filled by whichever webhook came last",
    /// Each answer that the call is under way answers it anew: told twice, and its hard limit starts again.
    EachReportAnswersAnew: "polling fallbacks that replay the status change on each poll",
    /// An event that is delivered twice is handled twice.
    DuplicateTakenAsNew: "at-least-once webhooks (Twilio, Telnyx and Retell repeat after a time-out)",
    /// A refused input leaves a trace on the call.
    IgnoredInputChangesTheCall: "handlers that touch `updated_at` before they check",
    /// A server whose clock is behind takes the call's own time back.
    ClockRunsBack: "servers whose clocks are a minute apart",

    // Hanging up.
    /// A second wish to hang up sends a second hang-up.
    HangupNotSingleFlight: "P5.4; three timers that each hang up the same call",
    /// Deadlines of the live call outlive its hang-up and act on it again.
    TimersOutliveTheirPhase: "P5.4; timers that nobody cancels",
    /// An unconfirmed hang-up is tried again without end.
    HungUpForEver: "retry loops without a bound",
    /// "Already ended" is taken for a failed hang-up, so it is tried again.
    AlreadyEndedIsAnError: "P5.2; Telnyx 90018 and Twilio 21220 logged as errors and retried",
    /// A call that was cancelled while its dial was in flight is not hung up when the dial's answer arrives.
    CancelledDialRingsOn: "P1.2; cancel before the provider's id is stored",
    /// A phone that rings for a call long given up is left ringing.
    LateDialIsLeftRinging: "P1.2; a dial whose answer was lost",
    /// A farewell is cut instead of played to its end.
    FarewellIsCut: "agents that hang up in the middle of goodbye",
    /// A leg that ends is taken for the end of the call.
    ChildEndsTheCall: "P3.1; status callbacks of `<Dial>`ed children handled like the parent's",
    /// How the connected leg ended is not how the call ended.
    TargetsWordIsLost: "P3.1; a dialler that reports completed when the callee was busy",
    /// A child's message that comes first makes the child the call's first leg.
    ChildTakenForTheFirstLeg: "P3.1; rows keyed by whichever call SID came first",

    // Deadlines.
    /// A ringing call has no deadline.
    RingsWithoutDeadline: "P2.3; six calls in progress for 13 hours",
    /// A live call has no hard limit.
    HardLimitNeverSet: "P1.4; calls that block every later one until somebody edits the database",
    /// A stream that never opens is not noticed.
    SilentStream: "P2.1; WebSocket that failed without a log, call in progress for ever",
    /// A media socket that closes is not followed by a question.
    ClosedStreamAsksNobody: "P2.1; the socket is gone and the row stays open",
    /// When one deadline comes due, all that are set act.
    OneDeadlineFiresAll: "P5.4; one timer callback shared by timers of 5, 10 and 60 s",
    /// A caller who speaks does not stop the timer of silence.
    SpeechDoesNotBreakSilence: "P5.4; no-response timer of 10 s that is not cancelled by speech",

    // Speech, streams, words.
    /// Words are sent to a call that is over.
    SpeaksAfterTheEnd: "P5.1; speech synthesised and sent after hang-up",
    /// A stream is opened on a call that is over.
    StreamsAfterTheEnd: "P5.2; 422 with code 90018 on calls of one or two seconds",
    /// A call that is over still gives leave to speak.
    PermitAfterTheEnd: "P5.5; `checkCallActive` that forgot one of its four cases",
    /// The call is final while words are still being spoken.
    FinalisedWhileSpeaking: "P5.3; conversation finalised while speech was running",
    /// A turn that arrives while the call drains is dropped.
    DrainSkipsATurn: "P5.3; the last words are missing from the transcript",

    // Doubt: what is believed of a provider that says little.
    /// A call that nobody heard of for a while is closed without waiting for the provider's answer.
    ReaperKillsTalkingCall: "P2.3; in progress for over 30 minutes, hence FAILED",
    /// Audio that flows is no sign of life.
    AudioIsNoSignOfLife: "P2.3; reapers that look at `updated_at` only",
    /// A provider that cannot be reached is proof of death.
    UnreachableIsDead: "clean-up during an outage of the provider",
    /// A ringing call is closed at the first read that does not know it yet.
    LaggingReadIsBelieved: "REST reads that lag behind webhooks",
    /// An answer from before the dial's limit proves that the dial is gone, though it went out after it.
    OldAnswerProvesTheDialGone: "found in this project by its own tests",
    /// A call closed by its duration ends when it was swept instead of when it ended.
    ClosedWhenSwept: "P3.3; `ended_at = now()` in a clean-up job",

    // The dial: at most once.
    /// A dial whose outcome is unknown is dialled again.
    UnknownDialIsRepeated: "HTTP clients that retry a POST after a time-out",
    /// A dial whose lease lapsed is dialled again by the next server.
    RedialAfterLapsedLease: "job queues with a visibility time-out (SQS, Sidekiq): at least once",
    /// A dial that the provider put off (429) is given up.
    PutOffDialIsLost: "P2.5; campaigns that lose the contacts of one rate-limited minute",
    /// Somebody is rung long after the wish.
    RungLongAfterTheWish: "queues that drain after an outage and call people at night",

    // The outbox.
    /// An effect is settled before it is performed.
    SettledBeforePerformed: "queues with automatic acknowledgement on receipt: at most once",
    /// Events are settled before subscribers are told.
    NewsSettledBeforeTold: "P3.2; a lead that is never marked as contacted",
    /// Events are told, but never settled.
    NewsNeverSettled: "consumers that never commit their offset",
    /// A worker whose lease has ended acts anyway.
    ActsAfterItsLease: "distributed locks without fencing; a process that was paused",
    /// The lease of an act that takes long is not renewed.
    LeaseIsNotHeld: "visibility time-outs shorter than the slowest request",
    /// What the call no longer wants is performed all the same.
    UnwantedIsPerformed: "P5.2; commands sent to calls that are over",
    /// An act whose outcome is unknown is not repeated, though repeating it is safe.
    UnansweredActIsForgotten: "fire-and-forget requests to the provider",
    /// What the provider has refused for good is tried again.
    RefusedIsRepeated: "retry policies that do not tell 4xx from 5xx",
    /// The provider's "try again after" is not waited for.
    RetryAfterIsIgnored: "clients that answer 429 with more requests",

    // The switchboard.
    /// When another writer was faster, the input is acknowledged and dropped.
    LostRaceIsDropped: "optimistic locking whose failure nobody handles",
    /// When the store is down, the provider is told that all is well.
    AcknowledgedWithoutStoring: "P1.1; webhooks that answer 200 before they write",
    /// The idempotency key is looked up, but was never stored.
    KeyIsNotStored: "P1.2; a double click that rings twice",
    /// The first message about a call makes the record, and what it said is lost.
    FirstMessageLosesItsFacts: "P4.1; the race of `call_started` and the first function call",
    /// Of two first messages at the same moment one is dropped.
    SecondFirstMessageIsDropped: "P4.1; a unique-key error swallowed as \"already there\"",
    /// A message about an unknown leg is acknowledged and dropped.
    UnknownLegIsDropped: "P1.1; \"Call not found\"",
    /// Parked signals never reach their call.
    ParkedIsNeverAdopted: "dead-letter queues that nobody reads",
    /// Parked signals reach their call, but stay parked.
    AdoptedStaysParked: "dead-letter queues replayed twice",
    /// The mailbox is read before the call: two servers take the same message to it.
    AdoptedByTwo: "inboxes that are drained by whoever comes first, and by whoever comes second",
    /// A question is looked up once, without patience.
    LooksOnlyOnce: "P4.1; the function call that beat the session insert",

    // The sweep.
    /// Signals that a crash left between binding and adopting are not swept up.
    StrandedAreNotSwept: "P1.1; repairs that run only on the happy path",
    /// A dry run acts.
    DryRunActs: "P2.3; the `--dry-run` that was not passed on",

    // The journal.
    /// Ignored inputs are not written down.
    JournalForgetsTheIgnored: "P1.5; logs that miss the step that explains it",
    /// Entries are numbered by the wrong version.
    JournalMiscounts: "event stores with an off-by-one in the stream's revision",
    /// Entries tell the time in whole seconds, though the call counts in milliseconds.
    JournalCountsInSeconds: "columns coarser than the clock (MySQL DATETIME)",

    // The database.
    /// A commit that lost its race writes its journal all the same.
    LostRaceWritesItsJournal: "measured here: the journal's INSERT before the UPDATE in one statement",
    /// A commit does not compare the version: the last writer wins.
    LostUpdate: "read-modify-write on a row, the default of most ORMs",
    /// Of the effects of one step only the first is stored.
    OnlyOneEffectIsStored: "dual writes: the row is there, the message is not",
    /// The answer of an act is stored, its settlement is not.
    AnswerDoesNotSettle: "acknowledging the queue in a second transaction",
    /// A subject is not freed when its call ends.
    SubjectNeverFreed: "P1.4; a user who can never be called again",
    /// Nothing refuses a second open call of one subject.
    SubjectGuardMissing: "P1.2; check, then insert, without a unique index",
    /// A claim hides nothing: two workers have one effect.
    ClaimIgnoresLeases: "SELECT without SKIP LOCKED and without a lease",
    /// The settlement of a lapsed claim ends the claim of the next worker.
    LateSettlementEndsTheNewClaim: "locks released by name instead of by owner (Redis DEL)",
    /// What makes a repetition known is forgotten when the call is loaded again.
    DuplicatesForgottenOnRestart: "duplicates remembered in the memory of one process",
    /// A call's legs are not indexed.
    LegIndexForgotten: "P1.1; found by our id, but not by the provider's",
    /// Two calls may have one leg.
    LegIndexNotUnique: "P4.1; two sessions of one call",
    /// The mailbox gives the numbers of removed signals to new ones.
    MailboxIdsReused: "SQLite row ids without AUTOINCREMENT",
    /// The mailbox is emptied before its time.
    MailboxEmptiedEarly: "clean-up by the wrong column",
    /// A call whose deadline came due more than a minute ago is never found.
    OverdueIsForgotten: "cron jobs that look at the last interval only",
    /// The deadline index never moves a call forward.
    DeadlineNeverMovesEarlier: "an indexed column that one code path forgets to update",
    // Providers that must be commanded, and those with an agent of their own.
    /// A call that rings us at a provider that must be commanded is not picked up.
    NobodyPicksUp: "Telnyx parks an inbound call until it is commanded; a TwiML server ported to it lets it ring",
    /// Each message that the call was answered begins its script again.
    EachAnswerBeginsTheScript: "P4.3; an agent that greets twice, once for each webhook",
    /// Words are commanded where the provider says them by itself.
    GreetsWhomTheProviderGreets: "two implementations of one script, both active",
    /// A call that is to be connected is answered, and connected to nobody.
    ScriptNeverBegins: "handlers of `call.answered` that forget one kind of call",
    /// A call that only says something has no deadline for it.
    SaysWithoutDeadline: "scripts that wait for `speak.ended`, which was lost",
    /// A call that has said all is not hung up.
    SaysAndHoldsTheLine: "notification calls that leave the callee in silence",
    /// A transfer that the provider refuses changes nothing: the caller hears silence.
    RefusedTransferIsSilent: "a `<Dial>` without an action URL",
    /// A call that is over is picked up and connected all the same.
    CommandsAfterTheEnd: "P5.2; Telnyx 90018 on calls of one or two seconds",
    /// An act that is repeated goes out under another name, so that the provider does it twice.
    RepetitionHasANewName: "idempotency keys drawn anew for each try",
    /// Who conducts a call is forgotten between the message that begins it and its record.
    ConductIsForgotten: "multi-provider code that falls back to the first provider's ways",
    /// A function runs again for a request that is sent again.
    FunctionRunsAgain: "P4.2; an appointment that is booked twice, once for each try of the agent",
    /// A function runs, and no trace of it is kept.
    FunctionIsNotTraced: "P4.2; function calls of which no log tells",
    /// Of a function that ran twice at once, the agent hears the outcome that is not kept.
    AgentHearsAnotherOutcome: "found in this project by its own simulation",
    /// A function's failure is written down as success.
    FailureIsTracedAsSuccess: "wrappers that log in the happy path only",
    /// The transcript that came last is taken, though an earlier one had more words.
    LastTranscriptWins: "webhooks of Retell that arrive out of order",
    /// A whole transcript is added to what was told before.
    TranscriptIsAppended: "transcripts in which everything stands twice",
    /// Retention takes open calls.
    PruneTakesOpenCalls: "TTL indexes on the time of creation",
    /// Retention takes calls with effects in the outbox.
    PruneTakesUnfinished: "cascading deletes",
}

impl Bug {
    /// Its name in kebab-case, as the command line and the table have it.
    #[must_use]
    pub fn name(self) -> String {
        let mut name = String::new();
        for c in self.ident().chars() {
            if c.is_ascii_uppercase() && !name.is_empty() {
                name.push('-');
            }
            name.push(c.to_ascii_lowercase());
        }
        name
    }

    /// The bug of that name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|bug| bug.name() == name)
    }
}
