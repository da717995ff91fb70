//! Facts, signals and commands.

use std::collections::BTreeMap;
use std::num::NonZeroU8;
use std::time::Duration;

use proptest::collection::btree_map;
use proptest::option;
use proptest::prelude::*;
use proptest::strategy::Union;

use super::moment;
use crate::{
    Analysis, AnsweredBy, Command, Cost, DialAnswer, Disposition, Fact, Gather, Gathered, HangupAnswer, Hungup, Input,
    Key, Latency, Leg, Progress, Proposer, ProviderName, Recording, Refused, Report, Signal, Speaker, SpeechFact,
    StaleReason, StreamFact, Timer, Timestamp, ToolCall, Turn,
};

/// Any input.
pub fn input() -> BoxedStrategy<Input> {
    prop_oneof![
        8 => signal().prop_map(Input::Signal),
        3 => command().prop_map(Input::Command),
        2 => Just(Input::Tick),
    ]
    .boxed()
}

/// Any signal: every fact, about any leg or none, with or without a key, an order and a time.
pub fn signal() -> BoxedStrategy<Signal> {
    let legs = (option::of(leg()), option::weighted(0.2, leg()));
    let place = (option::of(0..9_u32), option::of(any::<u64>()), moment_of_day());
    (legs, place, fact(), extra())
        .prop_map(|((leg, parent), (key, order, at), fact, extra)| Signal {
            leg,
            parent,
            key: key.map(|k| format!("k{k}")),
            order,
            at,
            fact,
            extra,
        })
        .boxed()
}

/// Any fact.
pub fn fact() -> BoxedStrategy<Fact> {
    prop_oneof![
        3 => dial_answer().prop_map(Fact::Dialed),
        4 => progress().prop_map(Fact::Progress),
        3 => Just(Fact::Answered),
        3 => hungup().prop_map(Fact::Ended),
        3 => report().prop_map(Fact::Report),
        2 => hangup_answer().prop_map(Fact::HangupAnswer),
        3 => stream(),
        3 => speech(),
        1 => gathered(),
        2 => turn(),
        3 => note().prop_map(|signal| signal.fact),
    ]
    .boxed()
}

/// A fact beside the call's movement.
pub(super) fn note() -> BoxedStrategy<Signal> {
    let by = prop::sample::select(vec![AnsweredBy::Human, AnsweredBy::Machine, AnsweredBy::Fax, AnsweredBy::Unknown]);
    let fact = prop_oneof![
        by.prop_map(Fact::Detected),
        words().prop_map(Fact::Digits),
        (0..3_u8, option::of(words()), words(), option::of(duration())).prop_map(|(id, url, status, duration)| {
            Fact::Recording(Recording { id: format!("r{id}"), url, status, duration })
        }),
        (words(), words()).prop_map(|(amount, currency)| Fact::Billed(Cost { amount, currency })),
        (option::of(any::<bool>()), option::of(words()), option::of(words())).prop_map(
            |(successful, summary, sentiment)| {
                Fact::Analyzed(Analysis { successful, summary, sentiment, ..Analysis::default() })
            }
        ),
        (option::of(duration()), option::of(duration()), option::of(duration()))
            .prop_map(|(p50, p90, p99)| Fact::Measured(Latency { p50, p90, p99 })),
        prop::collection::vec(turn(), 0..4).prop_map(|turns| {
            let told = |fact| if let Fact::Turn(turn) = fact { Some(turn) } else { None };
            Fact::Transcript(turns.into_iter().filter_map(told).collect())
        }),
        (0..4_u8, words()).prop_map(|(act, why)| {
            Fact::Refused(match act {
                0 => Refused::Answer { why },
                1 => Refused::Transfer { why },
                2 => Refused::Bridge { why },
                _ => Refused::Recording { why },
            })
        }),
        (words(), any::<Result<bool, bool>>(), duration()).prop_map(|(name, result, took)| {
            let result = result.map(|r| r.to_string()).map_err(|e| e.to_string());
            Fact::ToolCall(ToolCall { id: "t".to_owned(), name, arguments: "{}".to_owned(), result, took, looks: 1 })
        }),
        words().prop_map(Fact::Unknown),
    ];
    fact.prop_map(Signal::new).boxed()
}

fn dial_answer() -> impl Strategy<Value = DialAnswer> {
    prop_oneof![
        3 => Just(DialAnswer::Accepted),
        1 => words().prop_map(|why| DialAnswer::Refused { why }),
        2 => words().prop_map(|why| DialAnswer::Unknown { why }),
        1 => Just(DialAnswer::Withdrawn),
    ]
}

/// How far an unanswered call has come.
pub fn progress() -> impl Strategy<Value = Progress> {
    prop::sample::select(vec![Progress::Queued, Progress::Initiated, Progress::Ringing])
}

/// Any disposition.
pub fn disposition() -> impl Strategy<Value = Disposition> {
    prop::sample::select(Disposition::ALL.to_vec())
}

/// A provider's word that a leg is over.
pub fn hungup() -> impl Strategy<Value = Hungup> {
    (disposition(), option::of(words()), option::of(100..700_u16), option::of(duration()))
        .prop_map(|(disposition, cause, sip_code, duration)| Hungup { disposition, cause, sip_code, duration })
}

/// A provider's answer when asked.
pub fn report() -> impl Strategy<Value = Report> {
    prop_oneof![
        progress().prop_map(|progress| Report::Unanswered { progress }),
        Just(Report::InProgress),
        hungup().prop_map(Report::Ended),
        Just(Report::Gone),
        words().prop_map(|why| Report::Unreachable { why }),
    ]
}

fn hangup_answer() -> impl Strategy<Value = HangupAnswer> {
    prop_oneof![
        Just(HangupAnswer::Accepted),
        Just(HangupAnswer::AlreadyEnded),
        words().prop_map(|why| HangupAnswer::Refused { why }),
    ]
}

pub(super) fn stream() -> impl Strategy<Value = Fact> {
    prop_oneof![
        Just(StreamFact::Opened),
        Just(StreamFact::Flowing),
        Just(StreamFact::Closed),
        words().prop_map(|why| StreamFact::Failed { why }),
    ]
    .prop_map(Fact::Stream)
}

pub(super) fn speech() -> impl Strategy<Value = Fact> {
    (operation(), any::<bool>()).prop_map(|(operation, played)| Fact::Speech(SpeechFact { operation, played }))
}

pub(super) fn gathered() -> impl Strategy<Value = Fact> {
    (operation(), words(), any::<bool>())
        .prop_map(|(operation, digits, complete)| Fact::Gathered(Gathered { operation, digits, complete }))
}

pub(super) fn turn() -> impl Strategy<Value = Fact> {
    (prop::sample::select(vec![Speaker::Agent, Speaker::Caller]), words())
        .prop_map(|(speaker, text)| Fact::Turn(Turn { speaker, text }))
}

/// Any command.
pub fn command() -> BoxedStrategy<Command> {
    prop_oneof![
        3 => hangup_command(),
        3 => (operation(), words()).prop_map(|(operation, text)| Command::Speak { operation, text }),
        1 => (operation(), words()).prop_map(|(operation, url)| Command::Play { operation, url }),
        1 => Just(Command::Hush),
        1 => gather().prop_map(Command::Gather),
        1 => Just(Command::OpenStream),
        1 => Just(Command::CloseStream),
        1 => words().prop_map(|to| Command::Transfer { to }),
        1 => leg().prop_map(|leg| Command::Bridge { leg }),
        1 => Just(Command::StartRecording),
        1 => Just(Command::StopRecording),
        1 => Just(Command::Reconcile),
    ]
    .boxed()
}

fn gather() -> impl Strategy<Value = Gather> {
    let until =
        option::of(prop::sample::select(vec!['#', '*', '0']).prop_map(|key| Key::try_from(key).expect("a key")));
    (operation(), words(), any::<NonZeroU8>(), until, duration())
        .prop_map(|(operation, prompt, most, until, pause)| Gather { operation, prompt, most, until, pause })
}

pub(super) fn hangup_command() -> impl Strategy<Value = Command> {
    (proposer(), option::of(words()), any::<bool>()).prop_map(|(proposer, reason, after_speech)| Command::Hangup {
        proposer,
        reason,
        after_speech,
    })
}

fn proposer() -> impl Strategy<Value = Proposer> {
    prop_oneof![
        Just(Proposer::Provider),
        Just(Proposer::Operator),
        Just(Proposer::Farewell),
        prop::sample::select(Timer::ALL.to_vec()).prop_map(|timer| Proposer::Deadline { timer }),
        Just(Proposer::StreamLoss),
        Just(Proposer::FarEnd),
        prop::sample::select(vec![StaleReason::Gone, StaleReason::Unreachable, StaleReason::Unaskable])
            .prop_map(|reason| Proposer::Stale { reason }),
    ]
}

/// One of three legs; [`first_leg`] is the likeliest.
pub fn leg() -> impl Strategy<Value = Leg> {
    Union::new_weighted(vec![(4, Just(first_leg())), (2, Just(other_leg("CA2"))), (1, Just(other_leg("CA3")))])
}

/// The leg that plausible histories are about.
#[must_use]
pub fn first_leg() -> Leg {
    other_leg("CA1")
}

fn other_leg(id: &str) -> Leg {
    Leg::new(provider(), id)
}

pub(super) const fn provider() -> ProviderName {
    ProviderName::new("any")
}

fn operation() -> impl Strategy<Value = String> {
    prop::sample::select(vec!["a", "b", "prompt"]).prop_map(str::to_owned)
}

/// Few, so that equal ones meet; and such as a careless writer would break.
pub(super) fn words() -> impl Strategy<Value = String> {
    prop::sample::select(vec!["", "a", "hello", "null", "\"said\"\n", "née 🦀"]).prop_map(str::to_owned)
}

pub(super) fn extra() -> impl Strategy<Value = BTreeMap<String, String>> {
    btree_map(words(), words(), 0..2)
}

/// A duration that a provider may tell.
pub(super) fn duration() -> impl Strategy<Value = Duration> {
    (0..100_000_u64).prop_map(Duration::from_secs)
}

/// When a provider says that something happened: often nothing, sometimes nonsense.
pub(super) fn moment_of_day() -> impl Strategy<Value = Option<Timestamp>> {
    option::weighted(0.3, moment())
}
