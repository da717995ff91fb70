//! What is sent, taken off the wire.

use call_core::port::{Answer, Provider as _};
use call_core::{Effect, Leg, Script};

use super::stir::{example, possible, stir};
use super::{perform, wait};
use crate::{Act, Adapter, Far, Seen, acts, scripts, stage};

/// The adapter's scripts as acts: each is dialled.
fn dials<A: Adapter>() -> Vec<Act> {
    let stage = stage::<A>();
    let mut dials = vec![A::script()];
    dials.extend(scripts().into_iter().filter(|(name, _)| !A::CANNOT.contains(name)).map(|(_, script)| script));
    let act = |script: Script| Act { name: "dial", call: stage.dialing(stage.plan(script)), effect: Effect::Dial };
    dials.into_iter().map(act).collect()
}

/// What one act sends to a provider that takes everything.
async fn sent<A: Adapter>(act: &Act) -> Vec<Seen> {
    let far = Far::answering(example::<A>()).await;
    let answer = perform::<A>(&far.url(), &act.call, &act.effect).await;
    assert!(matches!(answer, Answer::Done(_)), "{}: {answer:?}", act.name);
    far.seen()
}

/// Method, path, parameters and body are what the provider's OpenAPI file allows, and it is said who asks.
pub fn every_act_keeps_to_the_specification<A: Adapter>() {
    let spec = A::openapi();
    wait(async {
        for act in possible::<A>().iter().chain(&dials::<A>()) {
            let seen = sent::<A>(act).await;
            assert!(!seen.is_empty(), "{} sends nothing", act.name);
            for seen in seen {
                if let Err(problem) = spec.check(&seen) {
                    panic!("{}: {} {}: {problem}", act.name, seen.method, seen.path);
                }
                assert!(seen.headers.contains_key("authorization"), "{}: nobody says who asks", act.name);
            }
        }
    });
}

/// In a sentence for people, before anything is sent.
pub fn what_cannot_be_done_is_refused_in_words<A: Adapter>() {
    let (acts, scripts, stage) = (acts::<A>(), scripts(), stage::<A>());
    for name in A::CANNOT {
        let is_known = acts.iter().any(|act| act.name == *name) || scripts.iter().any(|(script, _)| script == name);
        assert!(is_known, "nothing is named {name:?}");
    }
    let provider = A::provider("http://127.0.0.1:9");
    for (name, script) in scripts {
        match provider.admit(&stage.plan(script)) {
            Ok(conduct) => {
                assert!(!A::CANNOT.contains(&name), "{name} is admitted");
                assert_eq!(conduct, stage.conduct, "{name}");
            }
            Err(why) => {
                assert!(A::CANNOT.contains(&name), "{name} is not admitted: {why}");
                is_a_sentence(name, &why.0);
            }
        }
    }
    wait(async {
        let far = Far::answering(example::<A>()).await;
        for act in acts.iter().filter(|act| A::CANNOT.contains(&act.name)) {
            let answer = perform::<A>(&far.url(), &act.call, &act.effect).await;
            let Answer::Refused { why } = answer else { panic!("{}: {answer:?}", act.name) };
            is_a_sentence(act.name, &why);
        }
        // A leg of another provider, and one whose name would be another path.
        let call = stage.live(stage.plan(A::script()));
        let foreign = Leg::new(call_core::ProviderName::new("elsewhere"), A::LEGS[0]);
        for leg in [foreign, Leg::new(A::NAME, ".."), Leg::new(A::NAME, "")] {
            let answer = perform::<A>(&far.url(), &call, &Effect::Hangup { leg: leg.clone() }).await;
            assert!(matches!(answer, Answer::Refused { .. }), "{leg}: {answer:?}");
        }
        assert!(far.seen().is_empty(), "{:?}", far.seen());
    });
}

fn is_a_sentence(what: &str, why: &str) {
    assert!(why.split_whitespace().count() >= 3, "{what} is refused with {why:?}");
}

/// Whoever repeats an effect repeats its request, to the letter: what the provider drops as a repetition is dropped.
pub fn the_same_effect_is_the_same_request<A: Adapter>() {
    let plain = |seen: Vec<Seen>| -> Vec<(String, String, String, Vec<u8>)> {
        seen.into_iter().map(|seen| (seen.method.to_string(), seen.path, seen.query, seen.body)).collect()
    };
    wait(async {
        for act in possible::<A>() {
            let (first, second) = (sent::<A>(&act).await, sent::<A>(&act).await);
            assert_eq!(plain(first), plain(second), "{}", act.name);
        }
    });
}

/// So that the provider sends it back with everything that it says of the call.
pub fn our_name_travels_with_every_dial<A: Adapter>() {
    wait(async {
        for act in dials::<A>() {
            let seen = sent::<A>(&act).await;
            let [dial] = &seen[..] else { panic!("{seen:?}") };
            let name = act.call.id().to_string();
            assert!(String::from_utf8_lossy(&dial.body).contains(&name), "{:?}", dial.json());
        }
    });
}

/// Effects in phases where they make no sense, legs with odd names, words of any length.
pub fn any_effect_of_any_call_has_an_answer<A: Adapter>() {
    wait(async {
        let far = Far::answering(example::<A>()).await;
        let answers = stir::<A>(&far.url()).await;
        assert!(answers.len() > 100);
        for seen in far.seen() {
            assert!(seen.path.starts_with(&A::openapi().base()), "{}", seen.path);
            assert!(
                !seen.path.split('/').any(|part| matches!(part, "." | ".." | "%2e%2e" | "%2E%2E")),
                "{}",
                seen.path
            );
        }
    });
}
