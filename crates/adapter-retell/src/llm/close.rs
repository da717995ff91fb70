//! What closing the connection does to the call.

/// How we leave.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Leaving {
    /// The conversation is over: the call is hung up.
    HangUp,
    /// Something went wrong: Retell connects anew, up to four times, and the caller stays.
    Trouble,
}

impl Leaving {
    /// The code to close with. `None`: drop the connection without a closing frame, for the code of a normal closing
    /// would hang up on the caller.
    #[must_use]
    pub const fn code(self) -> Option<u16> {
        match self {
            Self::HangUp => Some(1000),
            Self::Trouble => None,
        }
    }
}

/// The `disconnection_reason` that a call will have whose connection was closed with this code (`None`: without one).
/// `None` for codes of which the documentation says nothing.
#[must_use]
pub const fn ending_of(code: Option<u16>) -> Option<&'static str> {
    match code {
        Some(1000) => Some("agent_hangup"),
        // 1005 is how an absent code is written.
        None | Some(1005) => Some("error_llm_websocket_open"),
        // After four attempts to connect anew.
        Some(1006) => Some("error_llm_websocket_runtime"),
        Some(1007) => Some("error_llm_websocket_corrupt_payload"),
        Some(_) => None,
    }
}
