//! Random inputs and histories for property tests, plausible and not.
//!
//! Names come from small sets, so that random inputs meet: the same leg, the same operation, the same event twice.
//!
//! ```
//! use call_core::testkit::any;
//! use proptest::prelude::*;
//!
//! proptest!(|(history in any::history())| {
//!     let call = history.live();
//!     prop_assert_eq!(call.has_ended(), call.next_deadline().is_none());
//! });
//! ```

mod birth;
mod input;

use std::sync::Arc;

use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;

use crate::journal::{Entry, record};
use crate::{Birth, Call, Command, DialAnswer, Effect, EffectId, Fact, Input, Progress, Signal, Timestamp};

pub use birth::{birth, moment, plan, policy, stale_policy};
pub use input::{command, disposition, fact, first_leg, hungup, input, leg, progress, report, signal};
use input::{gathered, hangup_command, moment_of_day, note, speech, stream, turn};

/// A birth and what reached the call after it.
#[derive(Debug, Clone)]
pub struct History {
    /// How the call came to be.
    pub birth: Arc<Birth>,
    /// What reached it, with the clock of whoever took it in: clocks may run back.
    pub inputs: Vec<(Timestamp, Input)>,
}

impl History {
    /// The call at its birth, with what it asked for.
    #[must_use]
    pub fn born(&self) -> (Call, Vec<Effect>) {
        Call::born(Arc::clone(&self.birth))
    }

    /// The call after all of it.
    #[must_use]
    pub fn live(&self) -> Call {
        let (mut call, _) = self.born();
        for (now, input) in &self.inputs {
            call.handle(input, *now);
        }
        call
    }

    /// The call after all of it, its journal, and every effect that it ever asked for.
    #[must_use]
    pub fn record(&self) -> (Call, Vec<Entry>, Vec<(EffectId, Effect)>) {
        let (mut call, asked) = self.born();
        let mut effects = named(&call, asked).collect::<Vec<_>>();
        let mut journal = Vec::new();
        for (now, input) in &self.inputs {
            let (entry, asked) = record(&mut call, input.clone(), *now);
            journal.push(entry);
            effects.extend(named(&call, asked));
        }
        (call, journal, effects)
    }
}

/// Effects with the names that a store gives them.
pub fn named(call: &Call, effects: Vec<Effect>) -> impl Iterator<Item = (EffectId, Effect)> + use<> {
    let (call, version) = (call.id(), call.version());
    (0..).zip(effects).map(move |(index, effect)| (EffectId { call, version, index }, effect))
}

/// Any history: plausible ones, wild ones, and mixtures of both.
pub fn history() -> BoxedStrategy<History> {
    prop_oneof![3 => plausible(), 2 => wild()].boxed()
}

/// What a provider, users and deadlines send in the course of a call, then disturbed: swapped, doubled, lost, late.
pub fn plausible() -> BoxedStrategy<History> {
    (birth(), story(), disturbances(), vec(pause(), 13))
        .prop_map(|(birth, story, disturbances, pauses)| {
            let mut story = story;
            for disturbance in disturbances {
                disturbance.apply(&mut story);
            }
            timed(birth, story, &pauses)
        })
        .boxed()
}

/// Any inputs in any order.
pub fn wild() -> BoxedStrategy<History> {
    (birth(), vec((input(), pause()), 0..40))
        .prop_map(|(birth, inputs)| {
            let (story, pauses): (Vec<_>, Vec<_>) = inputs.into_iter().unzip();
            timed(birth, story, &pauses)
        })
        .boxed()
}

fn timed(birth: Birth, story: Vec<Input>, pauses: &[i64]) -> History {
    let mut now = birth.at.as_millis();
    let mut clock = |pause: &i64| {
        now = now.saturating_add(*pause);
        Timestamp::from_millis(now)
    };
    let inputs = story.into_iter().zip(pauses.iter().cycle()).map(|(input, pause)| (clock(pause), input)).collect();
    History { birth: Arc::new(birth), inputs }
}

/// Milliseconds between two inputs: mostly short, sometimes beyond every deadline, sometimes backwards.
fn pause() -> impl Strategy<Value = i64> {
    prop_oneof![
        8 => 0..2_000_i64,
        4 => 0..60_000_i64,
        2 => 0..3_600_000_i64,
        1 => -60_000..0_i64,
        1 => prop_oneof![Just(i64::MAX / 4), -90_000_000..90_000_000_i64],
    ]
}

/// The parts of a call's life in their usual order, each there or not.
fn story() -> BoxedStrategy<Vec<Input>> {
    let progress = [Progress::Queued, Progress::Initiated, Progress::Ringing].map(|p| about(Fact::Progress(p)));
    let [queued, initiated, ringing] = progress;
    let rise = (
        vec(about(Fact::Dialed(DialAnswer::Accepted)), 0..=1),
        vec(queued, 0..=1),
        vec(initiated, 0..=1),
        vec(ringing, 0..=1),
        // What is lost is the disturbances' part: a call that nobody answers has little to tell.
        vec(about(Fact::Answered), 1),
    );
    let middle = vec(prop_oneof![6 => talk(), 2 => Just(Input::Tick), 1 => input()], 0..16);
    let end = (
        vec(hangup_command().prop_map(Input::Command), 0..=1),
        vec(hungup().prop_flat_map(|h| about(Fact::Ended(h))), 0..=1),
        vec(prop_oneof![talk(), Just(Input::Tick), note().prop_map(Input::Signal)], 0..4),
    );
    (rise, middle, end)
        .prop_map(|((a, b, c, d, e), middle, (f, g, h))| [a, b, c, d, e, middle, f, g, h].concat())
        .boxed()
}

/// A fact about the call's first leg, as a provider would send it.
fn about(fact: Fact) -> BoxedStrategy<Input> {
    (option::of(0..9_u32), moment_of_day())
        .prop_map(move |(key, at)| {
            let signal = Signal { at, ..Signal::new(fact.clone()).on(first_leg()) };
            Input::Signal(match key {
                Some(key) => signal.keyed(format!("k{key}")),
                None => signal,
            })
        })
        .boxed()
}

/// Speaking above all: to refuse an operation properly, others must have run before it.
fn talk() -> impl Strategy<Value = Input> {
    let fact = prop_oneof![2 => turn(), 4 => speech(), 1 => gathered(), 1 => stream()]
        .prop_map(|fact| Input::Signal(Signal::new(fact)));
    let goes_on = |command| if matches!(command, Command::Hangup { .. }) { Command::Hush } else { command };
    prop_oneof![fact, command().prop_map(goes_on).prop_map(Input::Command)]
}

#[derive(Debug, Clone)]
enum Disturbance {
    Swap(usize, usize),
    Double(usize, usize),
    Lose(usize),
    Insert(usize, Box<Input>),
}

impl Disturbance {
    fn apply(self, story: &mut Vec<Input>) {
        let len = story.len().max(1);
        match self {
            Self::Swap(a, b) if story.len() > 1 => story.swap(a % len, b % len),
            Self::Double(from, to) if !story.is_empty() => story.insert(to % len, story[from % len].clone()),
            Self::Lose(at) if !story.is_empty() => drop(story.remove(at % len)),
            Self::Insert(at, input) => story.insert(at % len, *input),
            Self::Swap(..) | Self::Double(..) | Self::Lose(_) => {}
        }
    }
}

fn disturbances() -> impl Strategy<Value = Vec<Disturbance>> {
    let place = || 0..64_usize;
    let one = prop_oneof![
        (place(), place()).prop_map(|(a, b)| Disturbance::Swap(a, b)),
        (place(), place()).prop_map(|(a, b)| Disturbance::Double(a, b)),
        place().prop_map(Disturbance::Lose),
        (place(), input()).prop_map(|(at, input)| Disturbance::Insert(at, Box::new(input))),
    ];
    vec(one, 0..6)
}
