//! Only what the provider signed, in its time, is believed.

use call_core::port::{HookError, Received};
use proptest::prelude::*;
use proptest::sample::Index;

use super::{all, earlier, later, read, told};
use crate::{Adapter, Key, Message, born};

/// All recorded messages, each signed by the provider.
fn signed<A: Adapter>() -> Vec<(String, Message)> {
    let messages = A::recordings().messages.into_iter();
    messages.map(|recorded| (recorded.name, A::sign(recorded.message, Key::Ours, born()))).collect()
}

/// Whatever it says, if the provider signed it.
pub fn what_is_signed_is_believed<A: Adapter>() {
    let hook = A::hook();
    let reach = A::SIGNING.window.map_or(0, |window| window.as_secs());
    for (name, message) in signed::<A>() {
        for now in [born(), later(born(), reach), earlier(born(), reach)] {
            let received = message.tell(&hook, now);
            assert!(received.is_ok(), "{name}: {received:?}");
        }
    }
}

/// One byte of the body, of the headers that carry the signature, or of the URL where that is signed. A byte that says
/// the same in another way, such as `%2b` for `%2B`, says the same.
pub fn an_altered_byte_is_refused<A: Adapter>() {
    let (hook, messages) = (A::hook(), signed::<A>());
    let received: Vec<Received> =
        messages.iter().map(|(_, message)| message.tell(&hook, born()).expect("it is signed")).collect();
    let check = |at: usize, altered: &Message| {
        if *altered == messages[at].1 {
            return;
        }
        match altered.tell(&hook, born()) {
            Err(HookError::Unsigned) => {}
            Ok(same) if same == received[at] => {}
            other => panic!("{}: {altered:?} was signed otherwise, and is {other:?}", messages[at].0),
        }
    };

    let shortest = (0..messages.len()).min_by_key(|at| messages[*at].1.body.len()).expect("a recorded message");
    for place in 0..messages[shortest].1.body.len() {
        check(shortest, &with_body(&messages[shortest].1, place, 1));
    }
    let places = (any::<Index>(), any::<Index>(), 1..=255_u8, "[a-z0-9]");
    all(400, &places, |(at, place, flip, letter)| {
        let at = at.index(messages.len());
        let message = &messages[at].1;
        if !message.body.is_empty() {
            check(at, &with_body(message, place.index(message.body.len()), flip));
        }
        for name in A::SIGNING.headers {
            let value = message.header(name).expect("a signed message has the headers of its signature");
            let altered = with_letter(value, place, &letter);
            if altered != value {
                // Strictly: a signature has one form only.
                let told = message.clone().with_header(name, &altered).tell(&hook, born());
                assert_eq!(told, Err(HookError::Unsigned), "{}: {name} may be {altered:?}", messages[at].0);
            }
        }
        if A::SIGNING.url {
            check(at, &Message { path: with_letter(&message.path, place, &letter), ..message.clone() });
        }
    });
}

fn with_body(message: &Message, place: usize, flip: u8) -> Message {
    let mut altered = message.clone();
    altered.body[place] ^= flip;
    altered
}

/// Another letter in place of one of these; the same in the other case is no other.
fn with_letter(text: &str, place: Index, letter: &str) -> String {
    let at = place.index(text.len().max(1));
    match text.get(at..=at) {
        Some(old) if !old.eq_ignore_ascii_case(letter) => format!("{}{letter}{}", &text[..at], &text[at + 1..]),
        Some(_) | None => text.to_owned(),
    }
}

/// A key of the same kind, of somebody else.
pub fn another_keys_signature_is_refused<A: Adapter>() {
    for recorded in A::recordings().messages {
        let forged = A::sign(recorded.message, Key::Other, born());
        assert_eq!(forged.tell(&A::hook(), born()), Err(HookError::Unsigned), "{}", recorded.name);
    }
}

/// It cannot be moved from the message that it was made for.
pub fn a_signature_fits_no_other_message<A: Adapter>() {
    let messages = signed::<A>();
    for ((name, message), (_, other)) in messages.iter().zip(messages.iter().skip(1)) {
        let mut moved = message.clone();
        for header in A::SIGNING.headers {
            moved = moved.with_header(header, other.header(header).expect("it is signed"));
        }
        assert_eq!(moved.tell(&A::hook(), born()), Err(HookError::Unsigned), "{name}");
    }
}

/// Too old, or from the future: for schemes that carry a time. For others, see
/// [`identity`](super::identity::a_repetition_changes_nothing).
pub fn a_message_out_of_its_time_is_refused<A: Adapter>() {
    let hook = A::hook();
    for (name, message) in signed::<A>() {
        let Some(window) = A::SIGNING.window else {
            assert!(message.tell(&hook, later(born(), 86_400)).is_ok(), "{name}: its signature carries no time");
            continue;
        };
        for now in [later(born(), window.as_secs() + 1), earlier(born(), window.as_secs() + 1)] {
            assert_eq!(message.tell(&hook, now), Err(HookError::Unsigned), "{name} at {now:?}");
        }
    }
}

/// Before a path is known to be wrong or a body to be nonsense, the signature is.
pub fn nothing_of_an_unsigned_message_is_looked_at<A: Adapter>() {
    let hook = A::hook();
    for recorded in A::recordings().messages {
        let (name, message) = (recorded.name, recorded.message);
        let mut bare = A::sign(message.clone(), Key::Ours, born());
        bare.headers.retain(|(header, _)| !A::SIGNING.headers.contains(&header.as_str()));
        let elsewhere = Message { path: "/nowhere/at/all".to_owned(), ..message.clone() };
        let nonsense = Message { body: b"\xff{".to_vec(), ..message.clone() };
        let forged = |message| A::sign(message, Key::Other, born());
        for message in [bare, forged(elsewhere.clone()), forged(nonsense)] {
            assert_eq!(message.tell(&hook, born()), Err(HookError::Unsigned), "{name}: {message:?}");
        }
        assert_eq!(told::<A>(elsewhere), Err(HookError::UnknownPath), "{name}");
        read::<A>(&name, message);
    }
}
