//! What Twilio should do with a call, as TwiML: its script on answer, and what follows.

use std::time::Duration;

use call_core::{Call, Direction, Gather as Wish, Phase, Script, Stage};

use crate::callback::{Callback, media_url};
use crate::twiml::{Dial, Gather, Input, Noun, Recording, Response, Sound, StatusCallback, Stream, Target, Verb};

/// How long one `<Gather>` listens before it asks again. Each round costs one request; the call is told nothing by it.
const LISTEN_SECONDS: u32 = 30;

/// Twilio ends any call after four hours by default and refuses more on most accounts (twilio.md §2.2).
const MOST_SECONDS: u64 = 14_400;

/// What to do on answer.
pub(crate) fn on_answer(call: &Call, public_url: &str) -> Response {
    if is_over(call) {
        return hang_up();
    }
    match &call.plan().script {
        Script::Say { text } => Response::from([Verb::Sound(Sound::say(text)), Verb::Hangup]),
        Script::Converse { greeting } => {
            let greeting = (!greeting.is_empty()).then(|| Sound::say(greeting));
            listen(call, public_url, greeting.into_iter().collect())
        }
        Script::Connect { to, caller_id } => connect(call, public_url, to, caller_id.as_ref()),
        Script::Stream => stream(call, public_url),
        // A script of a later core: hold the line, the call's own deadlines act.
        Script::Agent { .. } | _ => listen(call, public_url, Vec::new()),
    }
}

/// What to do after the caller's input, after our words, or after a `<Dial>`.
pub(crate) fn on_action(call: &Call, public_url: &str, action: &str) -> Response {
    let is_done = action == DIALED || matches!(call.plan().script, Script::Say { .. });
    if is_over(call) || is_done { hang_up() } else { listen(call, public_url, Vec::new()) }
}

/// The action that follows a `<Dial>`: how that leg ended is how the call ends.
pub(crate) const DIALED: &str = "dial";
/// The action that follows our words.
pub(crate) const SAID: &str = "said";
/// The query that names a wish for keys, and how many are enough.
pub(crate) const KEYS: (&str, &str) = ("keys", "most");
/// The action that follows a `<Gather>` (or, empty, its time-out).
pub(crate) const HEARD: &str = "gather";

/// Says the words (or plays the sound), then asks us what is next; that request is the proof that they were heard to
/// their end.
pub(crate) fn sound(call: &Call, public_url: &str, operation: &str, sound: Sound) -> Response {
    let query: String = form_urlencoded::Serializer::new(String::new()).append_pair(SAID, operation).finish();
    let next = Callback::Action(call.id()).url_with(public_url, &query);
    Response::from([Verb::Sound(sound), Verb::Redirect { url: next }])
}

/// Listens for keys, and asks us what is next whether there were any or not.
pub(crate) fn keys(call: &Call, public_url: &str, wish: &Wish) -> Response {
    let most = wish.most.get();
    let query: String = form_urlencoded::Serializer::new(String::new())
        .append_pair(KEYS.0, &wish.operation)
        .append_pair(KEYS.1, &most.to_string())
        .append_pair("step", &call.version().to_string())
        .finish();
    let action = Callback::Action(call.id()).url_with(public_url, &query);
    let gather = Gather {
        input: Input::Dtmf,
        action: action.clone(),
        timeout: u32::try_from(seconds(wish.pause, MOST_SECONDS)).unwrap_or(u32::MAX),
        most: Some(most),
        until: Some(wish.until.map(char::from)),
        action_on_empty_result: true,
        prompt: (!wish.prompt.is_empty()).then(|| Sound::say(&wish.prompt)).into_iter().collect(),
    };
    Response::from([Verb::Gather(gather), Verb::Redirect { url: action }])
}

/// Listens, for as long as the call lives: an empty result asks us too, and we answer with this again.
pub(crate) fn listen(call: &Call, public_url: &str, prompt: Vec<Sound>) -> Response {
    // The version names this question: an answer that Twilio sends twice is known by it, and two equal answers to two
    // questions are not taken for one.
    let action = Callback::Action(call.id()).url_with(public_url, &format!("step={}", call.version()));
    Response::from([
        Verb::Gather(Gather {
            input: Input::Both,
            action: action.clone(),
            timeout: LISTEN_SECONDS,
            most: None,
            until: None,
            action_on_empty_result: true,
            prompt,
        }),
        // Only reached if a `<Gather>` ends without asking.
        Verb::Redirect { url: action },
    ])
}

/// Hands the caller to somebody else.
pub(crate) fn connect(call: &Call, public_url: &str, to: &str, caller_id: Option<&String>) -> Response {
    let url = |callback: Callback| callback.url(public_url);
    let id = call.id();
    // An outbound call is recorded from its first leg on.
    let records = call.plan().record && call.birth().direction == Direction::Inbound;
    Response::from([Verb::Dial(Dial {
        action: url(Callback::Action(id)),
        timeout: call.plan().ring_for.map(|d| u32::try_from(seconds(d, 600)).unwrap_or(600)),
        time_limit: u32::try_from(time_limit(call)).ok(),
        caller_id: caller_id.cloned(),
        recording: records.then(|| Recording { url: url(Callback::Recording(id)) }),
        nouns: vec![Noun {
            target: Target::parse(to),
            status: Some(StatusCallback { url: url(Callback::Status(id)) }),
        }],
    })])
}

/// Opens the two-way audio stream.
pub(crate) fn stream(call: &Call, public_url: &str) -> Response {
    let id = call.id();
    Response::from([Verb::Connect(Stream {
        url: media_url(public_url),
        name: None,
        status: Some(StatusCallback { url: Callback::Stream(id).url(public_url) }),
        parameters: vec![("call".to_owned(), id.to_string())],
    })])
}

/// Ends it.
pub(crate) fn hang_up() -> Response {
    Response::from([Verb::Hangup])
}

/// For a caller whose call we do not know.
pub(crate) fn apology() -> Response {
    let words = "We are sorry, this call cannot be connected at the moment. Please try again later. Goodbye.";
    Response::from([Verb::Sound(Sound::say(words)), Verb::Hangup])
}

/// The longest that Twilio should let the call live, should nobody else end it.
pub(crate) fn time_limit(call: &Call) -> u64 {
    seconds(call.policy().live_limit, MOST_SECONDS)
}

/// Whole seconds, rounded up, from one to `most`.
pub(crate) fn seconds(duration: Duration, most: u64) -> u64 {
    duration.as_millis().div_ceil(1000).try_into().unwrap_or(most).clamp(1, most)
}

/// Whether there is nothing more to hear. During a farewell there is: its words may still be on their way, and must not
/// be cut because the caller's silence happened to be asked about just now.
pub(crate) fn is_over(call: &Call) -> bool {
    match call.phase() {
        Phase::Dialing | Phase::Ringing { .. } | Phase::Live | Phase::Ending { stage: Stage::Farewell, .. } => false,
        Phase::Ending { .. } | Phase::Ended(_) => true,
    }
}
