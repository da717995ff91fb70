//! No call can be stuck, and none is ended early: deadlines, hang-ups and signs of life over random histories.

#![allow(missing_docs, reason = "a test")]

use std::sync::Arc;
use std::time::Duration;

use call_core::testkit::any::{self, History, named};
use call_core::{
    Call, Command, Effect, EffectId, Fact, Input, Phase, Policy, Proposer, Reason, Script, Source, Stage, StaleReason,
    Step, Timer, Timestamp,
};
use proptest::prelude::*;

/// The longest that a call can last when nobody but its deadlines speaks: every limit of every phase, one after the
/// other, and one more question behind each.
fn longest(p: &Policy) -> Duration {
    let dialing = p.dial_answer + p.dial_limit + p.stale.outer;
    let ringing = p.queue_limit + p.ring_limit;
    let live = p.live_limit + p.farewell_limit;
    let ending = p.confirm_limit * u32::from(p.hangup_tries) + p.stale.outer + p.drain_limit;
    dialing + ringing + live + ending + p.ask_again * 8
}

/// A history whose call asks at most some thousand times in its longest life: 1 ms between questions for a day is a
/// policy that works, but not one to try out.
fn patient() -> impl Strategy<Value = History> {
    any::history().prop_map(|mut history| {
        let policy = &mut Arc::make_mut(&mut history.birth).policy;
        let step = longest(policy) / 500;
        policy.ask_again = policy.ask_again.max(step);
        policy.confirm_limit = policy.confirm_limit.max(step);
        history
    })
}

/// Every moment of a history: the call before and after, what reached it, and every effect asked for so far.
fn follow(history: &History, mut see: impl FnMut(&Call, &Input, Timestamp, &Call, &[(EffectId, Effect)])) {
    let (mut call, asked) = history.born();
    let mut effects: Vec<_> = named(&call, asked).collect();
    for (now, input) in &history.inputs {
        let before = call.clone();
        if let Step::Applied(asked) = call.handle(input, *now) {
            effects.extend(named(&call, asked));
        }
        see(&before, input, call.state().now, &call, &effects);
    }
}

fn proposal(call: &Call) -> Option<&call_core::Proposal> {
    match call.phase() {
        Phase::Ending { proposal, .. } => Some(proposal),
        Phase::Ended(outcome) => Some(&outcome.proposal),
        Phase::Dialing | Phase::Ringing { .. } | Phase::Live => None,
    }
}

proptest! {
    /// Design law 1. The provider is silent, nobody wishes anything, and still the call ends.
    #[test]
    fn deadlines_alone_end_every_call(history in patient()) {
        let mut call = history.live();
        let start = call.state().now;
        let mut ticks = 0;
        while let Some(deadline) = call.next_deadline() {
            prop_assert!(matches!(call.handle(&Input::Tick, deadline), Step::Applied(_)));
            ticks += 1;
            prop_assert!(ticks < 2_000, "{:?}", call.state());
        }
        let lasted = call.state().now - start;
        prop_assert!(lasted <= longest(call.policy()), "{lasted:?}");
    }

    /// One sweep after any outage finds all that came due meanwhile, and acts on it without spinning.
    #[test]
    fn a_late_tick_is_as_good_as_many(history in patient(), late in 0..100_000_u64) {
        let mut call = history.live();
        for _ in 0..64 {
            let Some(deadline) = call.next_deadline() else { break };
            call.handle(&Input::Tick, deadline + Duration::from_secs(late));
            prop_assert!(call.next_deadline().is_none_or(|next| next >= call.state().now));
        }
    }

    #[test]
    fn a_hang_up_is_single_flight_and_its_tries_are_bounded(history in any::history()) {
        let tries = history.birth.policy.hangup_tries.max(1).into();
        let mut failure = None;
        follow(&history, |_, _, now, call, effects| {
            let hangups = effects.iter().filter(|(_, effect)| matches!(effect, Effect::Hangup { .. }));
            let wanted = hangups.clone().filter(|(id, effect)| call.wants(id, effect, now)).count();
            let asked = hangups.count();
            if wanted > 1 || asked > tries {
                failure.get_or_insert((wanted, asked));
            }
        });
        prop_assert_eq!(failure, None);
    }

    #[test]
    fn one_question_at_most_is_wanted_at_a_time(history in any::history()) {
        let mut most = 0;
        follow(&history, |_, _, now, call, effects| {
            let asked = effects.iter().filter(|(id, e)| *e == Effect::Reconcile && call.wants(id, e, now)).count();
            most = most.max(asked);
        });
        prop_assert!(most <= 1);
    }

    /// Whatever the order in which a wish to hang up and the leg's name arrive: once both are known, the hang-up is
    /// asked for, unless the provider told that the leg is over.
    #[test]
    fn a_known_leg_is_never_left_ringing(history in any::history()) {
        let mut failure = None;
        let mut told = std::collections::BTreeSet::new();
        follow(&history, |before, input, _, call, _| {
            let first = call.legs().first();
            if let Input::Signal(signal) = input && signal.fact.ending().is_some() {
                let leg = signal.leg.clone().or_else(|| before.legs().first().map(|l| l.leg.clone()));
                told.extend(leg);
            }
            let hung_up = first.is_some_and(|leg| leg.hangup.is_some() || told.contains(&leg.leg));
            let gone = call.outcome().is_some_and(|o| o.source == Source::Inference);
            let holds = match call.phase() {
                Phase::Dialing | Phase::Ending { stage: Stage::AwaitingDial, .. } => first.is_none(),
                Phase::Ending { stage: Stage::HangingUp { .. } | Stage::Asking { .. }, .. } => hung_up,
                Phase::Ended(_) => first.is_none() || hung_up || gone,
                Phase::Ringing { .. }
                | Phase::Live
                | Phase::Ending { stage: Stage::Farewell | Stage::Draining { .. }, .. } => true,
            };
            if !holds {
                failure.get_or_insert((input.clone(), call.state().clone()));
            }
        });
        prop_assert_eq!(failure, None);
    }

    /// Only a wish, the provider's word or the call's own limits end a call that shows signs of life; and a provider
    /// that cannot be reached proves nothing before the outer bound.
    #[test]
    fn a_live_call_is_never_reaped(history in any::history()) {
        let stale = history.birth.policy.stale.clone();
        let mut failure = None;
        follow(&history, |before, input, now, call, _| {
            let wished = matches!(input, Input::Command(Command::Hangup { .. }));
            let Some(by) = proposal(call).filter(|_| proposal(before).is_none() && !wished) else { return };
            let facts = before.facts();
            let life = facts.sign_of_life().map_or(facts.started, |at| at.max(facts.started));
            let holds = match &by.proposer {
                Proposer::Stale { reason: StaleReason::Unreachable } => now >= life + stale.quiet + stale.outer,
                Proposer::Stale { .. } if *before.phase() == Phase::Live => now >= life + stale.quiet,
                Proposer::Stale { .. } => matches!(before.phase(), Phase::Ringing { overdue: true, .. }),
                Proposer::Deadline { timer } => before.state().timers.get(*timer).is_some_and(|at| at <= now)
                    || *timer == Timer::RingLimit,
                Proposer::Provider | Proposer::StreamLoss | Proposer::FarEnd => true,
                Proposer::Farewell => matches!(before.plan().script, Script::Say { .. }),
                Proposer::Operator => false,
            };
            if !holds {
                failure.get_or_insert((input.clone(), before.state().clone(), call.state().clone()));
            }
        });
        prop_assert_eq!(failure, None);
    }

    /// Words that were spoken are in the transcript, whenever they reach us.
    #[test]
    fn no_turn_is_missing(history in any::history()) {
        let (call, entries, _) = history.record();
        let is_turn = |input: &Input| matches!(input, Input::Signal(s) if matches!(s.fact, Fact::Turn(_)));
        let turns = entries.iter().filter(|e| is_turn(&e.input));
        prop_assert!(turns.clone().all(|e| matches!(e.ignored, None | Some(Reason::Duplicate))));
        let said = call_core::journal::transcript(&entries);
        prop_assert_eq!(call.state().findings.turns as usize, said.len());
        // Only a whole transcript that says more takes the place of turns.
        let whole = |input: &Input| matches!(input, Input::Signal(s) if matches!(s.fact, Fact::Transcript(_)));
        if !entries.iter().any(|e| e.ignored.is_none() && whole(&e.input)) {
            prop_assert_eq!(said.len(), turns.filter(|e| e.ignored.is_none()).count());
        }
    }

    /// A farewell and a drain wait for what is running, but not for longer than the policy says.
    #[test]
    fn waiting_for_words_is_bounded(history in any::history()) {
        let policy = history.birth.policy.clone();
        let mut failure = None;
        follow(&history, |_, _, now, call, _| {
            let holds = match call.phase() {
                Phase::Ending { stage: Stage::Farewell, .. } => {
                    call.state().operations.iter().any(|o| o.speech.is_some())
                        && call.next_deadline().is_some_and(|at| at <= now + policy.farewell_limit)
                }
                Phase::Ending { stage: Stage::Draining { .. }, .. } => {
                    !call.state().operations.is_empty()
                        && call.next_deadline().is_some_and(|at| at <= now + policy.drain_limit)
                }
                Phase::Dialing | Phase::Ringing { .. } | Phase::Live | Phase::Ending { .. } | Phase::Ended(_) => true,
            };
            if !holds {
                failure.get_or_insert(call.state().clone());
            }
        });
        prop_assert_eq!(failure, None);
    }
}
