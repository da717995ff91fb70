//! What several laws do to a provider.

use call_core::port::{Answer, Provider as _};
use call_core::{Effect, Leg};

use super::events::calls;
use crate::{Act, Adapter, Said, Seen, acts, effect_id, stage};

/// Everything that the adapter can do.
pub(super) fn possible<A: Adapter>() -> Vec<Act> {
    acts::<A>().into_iter().filter(|act| !A::CANNOT.contains(&act.name)).collect()
}

/// A far side that takes everything that its file knows, and answers in its examples.
pub(super) fn example<A: Adapter>() -> impl Fn(&Seen) -> Said + Send + Sync {
    let spec = A::openapi();
    move |seen| match spec.example(seen) {
        Ok((204, _)) => Said::new(204, ""),
        Ok((status, body)) => Said::new(status, A::mended(body).to_string()),
        Err(problem) => Said::new(418, problem),
    }
}

/// Every effect, of calls in every phase, with ordinary and with odd words: all answers.
pub(super) async fn stir<A: Adapter>(base: &str) -> Vec<Answer> {
    let stage = stage::<A>();
    let provider = A::provider(&format!("{base}{}", A::openapi().base()));
    let mut calls = calls::<A>();
    calls.extend([
        stage.dialing(stage.plan(A::script())),
        stage.inbound(stage.plan(A::script())),
        stage.talking(stage.plan(A::script()), &["a"]),
    ]);
    let mut effects: Vec<Effect> = acts::<A>().into_iter().map(|act| act.effect).collect();
    for odd in ["", "..", "../../x", "a b\r\n", "%2e%2e", "ünï\u{0}cödé", &"long ".repeat(4000)] {
        effects.push(Effect::Hangup { leg: Leg::new(A::NAME, odd) });
        effects.push(Effect::Transfer { to: odd.to_owned() });
        effects.push(Effect::Bridge { leg: Leg::new(A::NAME, odd) });
        effects.push(Effect::Play { operation: odd.to_owned(), url: odd.to_owned() });
        effects.push(Effect::Speak { operation: odd.to_owned(), text: odd.to_owned() });
    }
    let mut answers = Vec::new();
    for call in &calls {
        for effect in &effects {
            answers.push(provider.perform(call, &effect_id(call), effect).await);
        }
    }
    answers
}
