//! Every error that the provider documents proves something, and is taken for that.

use std::collections::BTreeSet;

use call_core::port::Answer;
use call_core::{Effect, Fact, HangupAnswer, Report};
use serde_json::Value;

use super::stir::possible;
use super::{perform, wait};
use crate::{Adapter, Far, Proof};

/// The acts that errors are tried with.
const TRIED: [&str; 7] = [
    "dial",
    "hang up",
    "ask by the provider's name",
    "speak",
    "open the stream",
    "close the stream",
    "transfer to a number",
];

/// As an answer to every act that it may answer.
pub fn every_documented_error_has_its_class<A: Adapter>() {
    let mut tried = 0;
    wait(async {
        for refusal in A::recordings().errors {
            let said = A::refusal(refusal.status, refusal.code);
            let far = Far::answering(move |_| said.clone()).await;
            for act in possible::<A>().iter().filter(|act| TRIED.contains(&act.name)) {
                if !refusal.of.is_empty() && !refusal.of.iter().any(|word| word == act.effect.as_str()) {
                    continue;
                }
                let answer = perform::<A>(&far.url(), &act.call, &act.effect).await;
                assert!(fits(refusal.proves, &act.effect, &answer), "{}, {refusal:?}: {answer:?}", act.name);
                tried += 1;
            }
        }
    });
    assert!(tried >= 10, "only {tried} errors were tried");
}

/// Whether an answer says what the error proves of the act.
fn fits(proof: Proof, effect: &Effect, answer: &Answer) -> bool {
    let fact = |wanted: &Fact| matches!(answer, Answer::Done(signals) if signals.iter().any(|s| s.fact == *wanted));
    match (proof, effect) {
        (Proof::Nothing, _) => matches!(answer, Answer::Unknown { .. }),
        (Proof::Later, _) => matches!(answer, Answer::Later { .. }),
        (Proof::Never, _) | (Proof::Ended | Proof::Missing, Effect::Dial) => matches!(answer, Answer::Refused { .. }),
        (Proof::Ended, Effect::Hangup { .. }) => fact(&Fact::HangupAnswer(HangupAnswer::AlreadyEnded)),
        // A call of this moment may be one that the provider cannot see yet.
        (Proof::Missing, Effect::Hangup { .. }) => {
            fact(&Fact::HangupAnswer(HangupAnswer::AlreadyEnded)) || matches!(answer, Answer::Later { .. })
        }
        (Proof::Missing, Effect::Reconcile) => fact(&Fact::Report(Report::Gone)),
        // What it does not say: that the call lives.
        (Proof::Ended, Effect::Reconcile) => !fact(&Fact::Report(Report::InProgress)),
        // Moot, as everything is at a call that has ended.
        (Proof::Ended | Proof::Missing, _) => matches!(answer, Answer::Done(_)),
    }
}

/// Every refusal that the OpenAPI file shows for what the adapter does, it shows with a status that is recorded.
pub fn every_status_of_the_specification_is_recorded<A: Adapter>() {
    let recorded: BTreeSet<u16> = A::recordings().errors.iter().map(|refusal| refusal.status).collect();
    let spec = A::openapi();
    for (path, methods) in spec.value()["paths"].as_object().into_iter().flatten() {
        for operation in methods.as_object().into_iter().flat_map(serde_json::Map::values) {
            let responses = operation["responses"].as_object().into_iter().flat_map(serde_json::Map::keys);
            for status in responses.filter_map(|status| status.parse().ok()).filter(|status| *status >= 400) {
                assert!(recorded.contains(&status), "{path} may answer {status}, and nothing says what that proves");
            }
        }
    }
    assert!(recorded.iter().any(|status| *status >= 500) && recorded.contains(&429));
}

/// "Already ended" is what was wished for.
pub fn a_call_that_has_ended_is_hung_up<A: Adapter>() {
    let errors = A::recordings().errors;
    let ends = |word: &str| word == "hangup";
    let ended = errors.iter().filter(|refusal| {
        matches!(refusal.proves, Proof::Ended) && (refusal.of.is_empty() || refusal.of.iter().any(|word| ends(word)))
    });
    assert!(ended.count() > 0, "the provider says of no hang-up that the call has already ended");
    let hangup = possible::<A>().into_iter().find(|act| act.name == "hang up").expect("every provider hangs up");
    wait(async {
        // Asked twice, with an answer that nobody can read: it was taken.
        let far = Far::answering(|_| crate::Said::ok(&Value::Null)).await;
        for _ in 0..2 {
            let answer = perform::<A>(&far.url(), &hangup.call, &hangup.effect).await;
            let Answer::Done(signals) = &answer else { panic!("{answer:?}") };
            assert!(signals.iter().any(|s| s.fact == Fact::HangupAnswer(HangupAnswer::Accepted)), "{answer:?}");
        }
    });
}
