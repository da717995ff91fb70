//! What the caller hears, and the keys that they are asked for.

use std::time::Duration;

use call_core::{Call, CallId, Fact, Gather, Gathered, Leg, Signal, Speaker, SpeechFact, Turn};
use serde_json::{Value, json};

use super::{Act, ready};
use crate::state::ClientState;

/// Telnyx's limit for the words of one `speak` (OpenAPI; another page says 5000).
pub(super) const MOST_WORDS: usize = 3000;
/// Telnyx's limit for the keys of one `gather`.
const MOST_KEYS: u8 = 128;

/// More words than Telnyx takes.
pub(super) fn too_long() -> String {
    format!("too long: Telnyx speaks {MOST_WORDS} characters at once")
}

/// Words.
pub(super) fn speak(call: &Call, leg: &Leg, name: &str, voice: &str, operation: &str, text: &str) -> Act {
    if text.chars().count() > MOST_WORDS {
        return Act::Refuse { why: too_long() };
    }
    let (mut body, replaced) = sound(call, name, operation);
    body["payload"] = json!(text);
    body["voice"] = json!(voice);
    let mut done = vec![said(call.id(), operation, text)];
    done.extend(replaced);
    ready(leg, "speak", body, done, vec![unplayed(operation)])
}

/// A sound file.
pub(super) fn play(call: &Call, leg: &Leg, name: &str, operation: &str, url: &str) -> Act {
    let (mut body, replaced) = sound(call, name, operation);
    body["audio_url"] = json!(url);
    let path = url.split(['?', '#']).next().unwrap_or_default().to_ascii_lowercase();
    body["audio_type"] = json!(if path.ends_with(".wav") { "wav" } else { "mp3" });
    ready(leg, "playback_start", body, replaced, vec![unplayed(operation)])
}

/// Silence.
pub(super) fn hush(call: &Call, leg: &Leg, name: &str) -> Act {
    let body = json!({"command_id": name, "stop": "all"});
    ready(leg, "playback_stop", body, cut(call, None), cut(call, None))
}

/// Keys. Each is told as it is pressed, and all of them when the caller has finished.
pub(super) fn gather(call: &Call, leg: &Leg, name: &str, voice: &str, wish: &Gather) -> Act {
    if wish.prompt.chars().count() > MOST_WORDS {
        return Act::Refuse { why: too_long() };
    }
    let millis = |duration: Duration| i32::try_from(duration.as_millis()).unwrap_or(i32::MAX);
    let mut body = json!({
        "command_id": name,
        "client_state": ClientState::now(call).encode(),
        "minimum_digits": 1,
        "maximum_digits": wish.most.get().min(MOST_KEYS),
        "inter_digit_timeout_millis": millis(wish.pause),
        "timeout_millis": millis(wish.longest()),
    });
    if let Some(key) = wish.until {
        body["terminating_digit"] = json!(key);
    }
    let nothing = vec![Signal::new(Fact::Gathered(Gathered::nothing(&wish.operation)))];
    if wish.prompt.is_empty() {
        body["initial_timeout_millis"] = json!(millis(wish.pause));
        return ready(leg, "gather", body, Vec::new(), nothing);
    }
    body["payload"] = json!(wish.prompt);
    body["voice"] = json!(voice);
    // Whoever presses nothing is not asked again by Telnyx: that is for the agent to decide.
    body["maximum_tries"] = json!(1);
    ready(leg, "gather_using_speak", body, vec![said(call.id(), &wish.operation, &wish.prompt)], nothing)
}

/// The end of all speech that is running, but `except`.
pub(super) fn cut(call: &Call, except: Option<&str>) -> Vec<Signal> {
    let running = call.state().operations.iter().filter_map(|operation| operation.speech.as_deref());
    running.filter(|operation| Some(*operation) != except).map(unplayed).collect()
}

/// What a sound begins with: new ones replace those that are being played, which end thereby.
fn sound(call: &Call, name: &str, operation: &str) -> (Value, Vec<Signal>) {
    let replaced = cut(call, Some(operation));
    let state = ClientState { speech: Some(operation.to_owned()), ..ClientState::now(call) };
    let mut body = json!({"command_id": name, "client_state": state.encode()});
    if !replaced.is_empty() {
        body["stop"] = json!("all");
    }
    (body, replaced)
}

/// The agent's words, for the transcript: Telnyx has them and begins to say them.
fn said(call: CallId, operation: &str, text: &str) -> Signal {
    let turn = Turn { speaker: Speaker::Agent, text: text.to_owned() };
    Signal::new(Fact::Turn(turn)).keyed(format!("{call}:speak:{operation}"))
}

fn unplayed(operation: &str) -> Signal {
    Signal::new(Fact::Speech(SpeechFact { operation: operation.to_owned(), played: false }))
}
