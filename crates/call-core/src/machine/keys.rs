//! Keys that a caller is asked to press.

use std::num::NonZeroU8;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::time::{friendly, said_in};

/// A wish for keys: an account number, a PIN, a choice from a menu.
///
/// ```
/// let json = r##"{"operation": "pin", "most": 4, "until": "#", "pause": "8s"}"##;
/// let gather: call_core::Gather = serde_json::from_str(json)?;
/// assert_eq!(gather.longest(), std::time::Duration::from_secs(40));
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Gather {
    /// A name for the operation; what became of it is told under this name.
    pub operation: String,
    /// Words that ask for them; the first key cuts them short.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub prompt: String,
    /// How many at most; that many are complete. Providers may take fewer (Telnyx: 128).
    pub most: NonZeroU8,
    /// The key that says "that was all", and is not one of them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<Key>,
    /// How long the caller may hesitate, before the first key and after each; 5 s unless told otherwise.
    #[serde(default = "five_seconds", with = "friendly::required")]
    pub pause: Duration,
}

impl Gather {
    /// The longest that it can take: to say the prompt, and to press all keys with a pause before each and after the last.
    #[must_use]
    pub fn longest(&self) -> Duration {
        self.pause.saturating_mul(u32::from(self.most.get()) + 1).saturating_add(said_in(&self.prompt))
    }
}

const fn five_seconds() -> Duration {
    Duration::from_secs(5)
}

/// One key of a telephone: `0` to `9`, `*`, `#`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "char", into = "char")]
pub struct Key(char);

/// A telephone has no such key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a telephone has no key {0:?}: 0 to 9, * and #")]
pub struct KeyError(char);

impl Key {
    /// The key that usually ends an input.
    pub const HASH: Self = Self('#');
}

impl TryFrom<char> for Key {
    type Error = KeyError;

    fn try_from(key: char) -> Result<Self, Self::Error> {
        let is_one = key.is_ascii_digit() || key == '*' || key == '#';
        if is_one { Ok(Self(key)) } else { Err(KeyError(key)) }
    }
}

impl From<Key> for char {
    fn from(key: Key) -> Self {
        key.0
    }
}

/// What became of a wish for keys.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Gathered {
    /// The wish's name.
    pub operation: String,
    /// What was pressed, without the key that ends it; empty if nothing was.
    pub digits: String,
    /// Whether the caller had finished: as many keys as asked for, or the key that ends them. `false` if they fell
    /// silent, the provider would not listen, or nobody told in time.
    pub complete: bool,
}

impl Gathered {
    /// That nothing was heard.
    #[must_use]
    pub fn nothing(operation: impl Into<String>) -> Self {
        Self { operation: operation.into(), digits: String::new(), complete: false }
    }
}
