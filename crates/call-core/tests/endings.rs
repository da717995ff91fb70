//! How calls end, over random histories and random orders: truth outranks inference, order does not matter, permits
//! tell what would happen.

#![allow(missing_docs, reason = "a test")]

use std::num::NonZeroU8;
use std::sync::Arc;
use std::time::Duration;

use call_core::testkit::any;
use call_core::{
    Birth, Call, Command, Direction, Disposition, Effect, Event, Fact, Gather, Hungup, Input, Leg, Operation, Progress,
    Reason, Refusal, Script, Signal, Source, Step, Timestamp,
};
use proptest::prelude::*;

fn is_applied(call: &Call, command: Command) -> Result<(), Reason> {
    let now = call.state().now;
    match call.clone().handle(&Input::Command(command), now) {
        Step::Applied(_) => Ok(()),
        Step::Ignored(reason) => Err(reason),
    }
}

/// The provider's word that the call is over, and whatever drains after it.
fn hang_up_by_provider(call: &mut Call, hungup: &Hungup) {
    let now = call.state().now;
    call.handle(&Signal::new(Fact::Ended(hungup.clone())).into(), now);
    if let Some(drained) = call.next_deadline() {
        call.handle(&Input::Tick, drained);
    }
}

proptest! {
    #[test]
    fn a_call_ends_once_and_is_corrected_at_most_once(history in any::history()) {
        let (call, _, effects) = history.record();
        let count = |is: fn(&Event) -> bool| {
            effects.iter().filter(|(_, effect)| matches!(effect, Effect::Publish(event) if is(event))).count()
        };
        let ends = count(|event| matches!(event, Event::Ended { .. }));
        prop_assert_eq!(ends, usize::from(call.has_ended()));
        let corrections = count(|event| matches!(event, Event::Corrected { .. }));
        prop_assert!(corrections <= 1);
        prop_assert_eq!(call.outcome().is_some_and(|o| o.corrected), corrections == 1);
    }

    /// What the provider told stays told: the first ending wins, later ones only add what is missing.
    #[test]
    fn the_providers_first_ending_wins(history in any::history(), first in any::hungup(), later in any::hungup()) {
        let mut call = history.live();
        hang_up_by_provider(&mut call, &first);
        let before = call.outcome().cloned().expect("ended");
        prop_assert_ne!(before.source, Source::Inference);
        let now = call.state().now;
        call.handle(&Signal::new(Fact::Ended(later.clone())).into(), now);
        let after = call.outcome().expect("ended");
        prop_assert_eq!(after.disposition, before.disposition);
        prop_assert_eq!(after.at, before.at);
        prop_assert_eq!(after.duration, before.duration.or(later.duration));
    }

    #[test]
    fn the_providers_word_corrects_an_inferred_ending(history in any::history(), word in any::hungup()) {
        let mut call = history.live();
        for _ in 0..1_000 {
            let Some(deadline) = call.next_deadline() else { break };
            call.handle(&Input::Tick, deadline);
        }
        // In some histories the provider has spoken already.
        if call.outcome().is_none_or(|outcome| outcome.source != Source::Inference) {
            return Ok(());
        }
        let now = call.state().now;
        let step = call.handle(&Signal::new(Fact::Ended(word)).into(), now);
        prop_assert!(matches!(step, Step::Applied(_)));
        prop_assert_eq!(call.outcome().map(|o| o.source), Some(Source::Provider));
    }

    #[test]
    fn a_call_ends_neither_before_it_was_wished_nor_in_the_future(history in any::history()) {
        let call = history.live();
        let Some(outcome) = call.outcome() else { return Ok(()) };
        prop_assert!(outcome.at <= call.state().now);
        prop_assert!(outcome.at >= call.birth().at || call.birth().direction == Direction::Inbound);
    }

    #[test]
    fn an_event_delivered_twice_changes_nothing(history in any::history()) {
        let (mut call, _) = history.born();
        for (now, input) in &history.inputs {
            let step = call.handle(input, *now);
            let keyed = matches!(input, Input::Signal(signal) if signal.key.is_some());
            if keyed && matches!(step, Step::Applied(_)) {
                prop_assert_eq!(call.handle(input, *now), Step::Ignored(Reason::Duplicate));
            }
        }
    }

    /// `may` is what `handle` would do, in every call that can be reached.
    #[test]
    fn a_permit_is_given_exactly_when_the_wish_would_be_granted(history in any::history()) {
        let call = history.live();
        let new = Command::Speak { operation: "new".to_owned(), text: "Hello".to_owned() };
        let wishes = [
            (Operation::Speak, new),
            (Operation::Stream, Command::OpenStream),
            (Operation::Gather, Command::Gather(one_key())),
            (Operation::Transfer, Command::Transfer { to: "+15550123".to_owned() }),
            (Operation::Record, Command::StartRecording),
            (Operation::Hangup, Command::hangup()),
        ];
        for (operation, command) in wishes {
            let may = call.may(operation).map(|permit| (permit.call(), permit.operation()));
            match is_applied(&call, command) {
                Ok(()) | Err(Reason::AlreadyRunning) => prop_assert_eq!(may, Ok((call.id(), operation))),
                Err(Reason::NotLive) => prop_assert_eq!(may, Err(Refusal::NotAnswered)),
                Err(Reason::AlreadyEnding) => prop_assert_eq!(may, Err(Refusal::Ending)),
                Err(reason) => {
                    prop_assert_eq!(reason, Reason::AlreadyEnded);
                    prop_assert!(matches!(may, Err(Refusal::Ended(_))));
                }
            }
        }
    }

    /// Nothing is said, streamed or handed over but in a live call (or in its farewell, if it was wished before).
    #[test]
    fn nothing_is_said_after_the_end(history in any::history()) {
        let (mut call, _, effects) = history.record();
        hang_up_by_provider(&mut call, &Hungup::new(Disposition::Completed));
        let now = call.state().now;
        for (id, effect) in &effects {
            let may_still_be_done = matches!(
                effect,
                Effect::Answer | Effect::Hangup { .. } | Effect::Hush | Effect::CloseStream | Effect::Publish(_)
            );
            prop_assert!(may_still_be_done || !call.wants(id, effect, now), "{effect:?}");
        }
    }
}

fn one_key() -> Gather {
    Gather {
        operation: "new".to_owned(),
        prompt: String::new(),
        most: NonZeroU8::MIN,
        until: None,
        pause: Duration::from_secs(5),
    }
}

/// A birth without a connect script, long after which everything happens at one moment: no deadline meddles.
fn plain() -> impl Strategy<Value = (Arc<Birth>, Timestamp)> {
    any::birth().prop_map(|mut birth| {
        birth.at = Timestamp::from_millis(1_800_000_000_000);
        birth.plan.script = Script::default();
        let late = birth.at + std::time::Duration::from_secs(900);
        (Arc::new(birth), late)
    })
}

/// What a provider tells of one call, in order, each at its own time.
fn told(birth: &Birth, ending: &Hungup) -> Vec<Signal> {
    let facts = [
        Fact::Progress(Progress::Queued),
        Fact::Progress(Progress::Initiated),
        Fact::Progress(Progress::Ringing),
        Fact::Answered,
        Fact::Ended(ending.clone()),
    ];
    let second = |n: u64| birth.at + std::time::Duration::from_secs(n);
    (1..)
        .zip(facts)
        .map(|(n, fact)| Signal::new(fact).on(any::first_leg()).happened(second(n)).keyed(n.to_string()))
        .collect()
}

fn live(birth: &Arc<Birth>, signals: &[Signal], now: Timestamp) -> Call {
    let (mut call, _) = Call::born(Arc::clone(birth));
    for signal in signals {
        call.handle(&Input::Signal(signal.clone()), now);
    }
    call
}

proptest! {
    /// Late, doubled, reordered: the same messages tell the same story.
    #[test]
    fn the_order_of_the_providers_messages_does_not_matter(
        (birth, now) in plain(),
        ending in any::hungup(),
        heard in 1..=5_usize,
        (order, doubled) in (any::<[prop::sample::Index; 12]>(), any::<bool>()),
    ) {
        let told = &told(&birth, &ending)[..heard];
        let mut disordered = if doubled { [told, told].concat() } else { told.to_vec() };
        for (i, with) in order.iter().enumerate() {
            let len = disordered.len();
            disordered.swap(i % len, with.index(len));
        }
        let (one, other) = (live(&birth, told, now), live(&birth, &disordered, now));
        let view = |call: &Call| {
            (call.phase_name(), call.outcome().map(|o| (o.disposition, o.at, o.duration)), call.state().timeline)
        };
        prop_assert_eq!(view(&one), view(&other));
    }

    /// Post-mortem 3.1: the target's own status callback and the result of the `<Dial>` action tell one ending.
    #[test]
    fn a_connected_call_ends_the_same_in_any_order(
        (birth, now) in plain(),
        target in any::hungup(),
        swaps in any::<[prop::sample::Index; 4]>(),
    ) {
        let mut birth = birth;
        Arc::make_mut(&mut birth).plan.script = Script::Connect { to: "client:sales".to_owned(), caller_id: None };
        let child = |key: &str| {
            let child = Leg::new(any::first_leg().provider, "child");
            Signal::new(Fact::Ended(target.clone())).on(child).under(any::first_leg()).keyed(key)
        };
        let parent = Signal::new(Fact::Ended(Hungup::new(Disposition::Completed))).on(any::first_leg()).keyed("parent");
        let mut ends = vec![child("callback"), child("action"), parent, Signal::new(Fact::Answered).keyed("answered")];
        for (i, with) in swaps.iter().enumerate() {
            ends.swap(i, with.index(4));
        }
        prop_assert_eq!(live(&birth, &ends, now).outcome().map(|o| o.disposition), Some(target.disposition));
    }
}
