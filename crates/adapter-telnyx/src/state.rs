//! `client_state`: what we write on a call, and read on every later message about it (telnyx.md §0).

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use call_core::{Call, CallId, Key};
use serde::{Deserialize, Serialize};

/// Our words on a leg. Telnyx keeps the last ones that a command brought, and signs them with each message.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClientState {
    /// Our name for the call.
    pub call: CallId,
    /// The leg that this one was made from (a transfer), by its `call_control_id`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parent: Option<String>,
    /// The speech operation that was asked for last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub speech: Option<String>,
    /// The wish for keys that waits for them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gather: Option<String>,
    /// The key that ends it: Telnyx may count it among the others.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<Key>,
}

impl ClientState {
    /// The words for a call's first leg.
    #[must_use]
    pub const fn of(call: CallId) -> Self {
        Self { call, parent: None, speech: None, gather: None, until: None }
    }

    /// The words for a live call's first leg: each command's take the place of the last one's, and so repeat whatever is
    /// still under way.
    #[must_use]
    pub fn now(call: &Call) -> Self {
        let state = call.state();
        let speech = state.operations.iter().rev().find_map(|operation| operation.speech.clone());
        let gather = state.gathering.as_ref();
        Self {
            speech,
            gather: gather.map(|gather| gather.operation.clone()),
            until: gather.and_then(|gather| gather.until),
            ..Self::of(call.id())
        }
    }

    /// As Telnyx wants it: base64.
    #[must_use]
    pub fn encode(&self) -> String {
        let json = serde_json::to_vec(self).expect("an id and two texts are JSON");
        BASE64_STANDARD.encode(json)
    }

    /// `None` for what others wrote.
    #[must_use]
    pub fn decode(text: &str) -> Option<Self> {
        serde_json::from_slice(&BASE64_STANDARD.decode(text).ok()?).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use call_core::Timestamp;

    #[test]
    fn what_is_written_is_read_and_other_words_are_not_ours() {
        let plain = ClientState::of(CallId::new(Timestamp::EPOCH, [3; 10]));
        let rich =
            ClientState { parent: Some("v3:a".to_owned()), speech: Some("größer \"b\"".to_owned()), ..plain.clone() };
        let rich = ClientState { gather: Some("pin".to_owned()), until: Some(Key::HASH), ..rich };
        for state in [plain, rich] {
            assert_eq!(ClientState::decode(&state.encode()), Some(state));
        }
        for other in ["", "Y2FsbDowMUo5WjhRNFQy", "e30=", "not base64", "bnVsbA=="] {
            assert_eq!(ClientState::decode(other), None, "{other}");
        }
    }
}
