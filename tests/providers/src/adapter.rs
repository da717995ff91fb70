//! How an adapter describes itself to the laws.

use std::fmt::Debug;
use std::time::Duration;

use call_core::port::{Hook, Provider};
use call_core::{ProviderName, Script, Timestamp};
use serde_json::Value;

use crate::{Message, OpenApi, Recordings, Said};

/// An adapter, as the laws see it: what it is made of, how its provider signs and what it says.
///
/// The constants and functions down to [`sign`](Self::sign) say how to make things; the rest are facts of the provider,
/// taken from its own documentation. Nothing here decides what is right: the laws do.
pub trait Adapter: 'static {
    /// Reads its webhooks.
    type Hook: Hook + Debug;
    /// Performs its effects.
    type Provider: Provider + Debug;

    /// The provider's name.
    const NAME: ProviderName;
    /// What its signatures cover.
    const SIGNING: Signing;
    /// A name that the provider gives to a leg, and the name of another one.
    const LEGS: [&'static str; 2];
    /// What it cannot do, of [`acts`](crate::acts()): these are refused in words, every other one becomes a request.
    const CANNOT: &'static [&'static str];
    /// What is secret in [`hook`](Self::hook) and [`provider`](Self::provider).
    const SECRETS: &'static [&'static str];

    /// A script that it carries out.
    #[must_use]
    fn script() -> Script {
        Script::default()
    }

    /// A hook reached at [`PUBLIC`](crate::PUBLIC), which believes [`Key::Ours`].
    fn hook() -> Self::Hook;

    /// A provider whose API is at `base`, such as `http://127.0.0.1:4010/v2`; it gives up after a second.
    fn provider(base: &str) -> Self::Provider;

    /// The `Debug` of their configuration.
    fn config() -> String;

    /// The message as the provider would send it at that moment, in place of any signature that it has.
    fn sign(message: Message, key: Key, at: Timestamp) -> Message;

    /// What the provider says: see [`Recordings`].
    fn recordings() -> Recordings;

    /// A message of an event that nobody documents, about [our call](crate::id()).
    fn unknown(event: &str) -> Message;

    /// The same message with a field that nobody documents, at the place where new ones come.
    fn with_field(message: Message, name: &str, value: &str) -> Message;

    /// The same event when it is sent again: with what the provider changes then, such as a counter of attempts.
    #[must_use]
    fn again(message: Message) -> Message {
        message
    }

    /// An error in the provider's own shape.
    fn refusal(status: u16, code: Option<u32>) -> Said;

    /// The provider's official OpenAPI file, read once.
    fn openapi() -> &'static OpenApi;

    /// The answer of a success, from the file's own example: mended where that example cannot be an answer.
    #[must_use]
    fn mended(example: Value) -> Value {
        example
    }
}

/// Who signs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Key {
    /// The provider, with the key that the hook was configured with.
    Ours,
    /// Somebody else, with a key of the same kind.
    Other,
}

/// What a provider's signature covers, beside the body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Signing {
    /// The headers that carry it.
    pub headers: &'static [&'static str],
    /// Whether it covers the URL.
    pub url: bool,
    /// How far its time may be from ours, either way; `None` if it carries no time.
    pub window: Option<Duration>,
}
