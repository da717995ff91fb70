//! One event is one event, however often and whenever it comes.

use std::collections::BTreeMap;

use call_core::port::{Hook as _, Provider as _};
use call_core::{Call, DialAnswer, Fact, Input, Signal, Step};
use proptest::prelude::*;
use proptest::sample::Index;

use super::events::calls;
use super::{all, later, read};
use crate::{Adapter, Key, Life, born, id, stage, tell};

/// Signed anew, at another time, and with what the provider counts of its attempts.
pub fn a_message_that_comes_again_is_the_same_event<A: Adapter>() {
    for recorded in A::recordings().messages {
        let first = read::<A>(&recorded.name, recorded.message.clone());
        let now = later(born(), 7);
        let again = A::sign(A::again(recorded.message), Key::Ours, now).tell(&A::hook(), now);
        assert_eq!(again, Ok(first), "{}", recorded.name);
    }
}

/// Of all recorded messages, which are different events; and of the signals of one message.
pub fn different_events_have_different_keys<A: Adapter>() {
    let mut seen = BTreeMap::new();
    for recorded in A::recordings().messages {
        for signal in read::<A>(&recorded.name, recorded.message).signals {
            let key = signal.key.unwrap_or_else(|| panic!("{} tells {:?} without a key", recorded.name, signal.fact));
            if let Some(other) = seen.insert(key.clone(), recorded.name.clone()) {
                panic!("{other} and {} have one key: {key}", recorded.name);
            }
        }
    }
}

/// In every phase of a call.
pub fn a_repetition_changes_nothing<A: Adapter>() {
    for recorded in A::recordings().messages {
        let first = read::<A>(&recorded.name, recorded.message.clone()).signals;
        let again = read::<A>(&recorded.name, A::again(recorded.message)).signals;
        for mut call in calls::<A>() {
            for signal in &first {
                tick(&mut call, signal);
            }
            let once = call.clone();
            for signal in &again {
                assert!(matches!(tick(&mut call, signal), Step::Ignored(_)), "{}: {signal:?}", recorded.name);
            }
            assert_eq!(call, once, "{}", recorded.name);
        }
    }
}

/// Whatever carries our name is told to our call; only what does not may begin a record.
pub fn our_name_comes_back<A: Adapter>() {
    assert_eq!((A::hook().name(), A::provider("http://127.0.0.1:9").name()), (A::NAME, A::NAME));
    let mut named = 0;
    for recorded in A::recordings().messages {
        let message = recorded.message;
        let received = read::<A>(&recorded.name, message.clone());
        let carries =
            format!("{} {}", message.path, String::from_utf8_lossy(&message.body)).contains(&id().to_string());
        if carries {
            assert_eq!(received.address.call, Some(id()), "{}", recorded.name);
            named += 1;
        }
        assert!(!(received.address.begins && received.address.call.is_some()), "{}", recorded.name);
        assert!(received.inbound.is_none() || received.address.begins, "{}", recorded.name);
        for signal in received.signals {
            let is_ours = signal.leg.is_none_or(|leg| leg.provider == A::NAME);
            assert!(is_ours, "{} tells of another provider's leg", recorded.name);
        }
    }
    assert!(named > 0, "no message carries our name");
}

/// Its messages in their order, then shuffled, and some of them doubled.
pub fn a_life_ends_alike_in_any_order<A: Adapter>() {
    let recordings = A::recordings();
    assert!(!recordings.lives.is_empty());
    for life in &recordings.lives {
        let signals: Vec<Vec<Signal>> =
            life.of.iter().map(|name| read::<A>(name, recordings.named(name).clone()).signals).collect();
        let order: Vec<usize> = (0..signals.len()).collect();
        ends_so::<A>(life, &signals, &order);
        let shuffled = Just(order).prop_shuffle();
        all(64, &(shuffled, prop::collection::vec(any::<Index>(), 0..4)), |(mut order, again)| {
            let doubled: Vec<usize> = again.iter().map(|at| order[at.index(order.len())]).collect();
            order.extend(doubled);
            ends_so::<A>(life, &signals, &order);
        });
    }
}

fn ends_so<A: Adapter>(life: &Life, messages: &[Vec<Signal>], order: &[usize]) {
    let stage = stage::<A>();
    let mut call = stage.dialing(stage.plan(A::script()));
    tell(&mut call, Signal::new(Fact::Dialed(DialAnswer::Accepted)).on(stage.leg()));
    for signal in order.iter().flat_map(|at| &messages[*at]) {
        tick(&mut call, signal);
    }
    // What is still running ends by its deadline.
    for _ in 0..10 {
        if let Some(at) = call.next_deadline() {
            call.handle(&Input::Tick, at);
        }
    }
    let ended = call.outcome().map(|outcome| outcome.disposition);
    assert_eq!(ended, Some(life.ends), "{:?} in the order {order:?}", life.of);
}

/// Handles one signal, a tenth of a second after the last.
fn tick(call: &mut Call, signal: &Signal) -> Step {
    let now = call.state().now + std::time::Duration::from_millis(100);
    call.handle(&Input::Signal(signal.clone()), now)
}
