//! Twilio's errors.

use serde_json::{Value, json};

/// A request refused, as Twilio says it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Refusal {
    pub(super) status: u16,
    pub(super) code: u32,
    pub(super) message: String,
}

impl Refusal {
    pub(super) fn new(status: u16, code: u32, message: impl Into<String>) -> Self {
        Self { status, code, message: message.into() }
    }

    /// A parameter that cannot be accepted: HTTP 400, as all 21xxx codes have it.
    pub(super) fn bad(code: u32, message: impl Into<String>) -> Self {
        Self::new(400, code, message)
    }

    pub(super) fn unauthenticated() -> Self {
        Self::new(401, 20003, "Authenticate")
    }

    pub(super) fn not_found(what: &str) -> Self {
        Self::new(404, 20404, format!("The requested resource {what} was not found"))
    }

    pub(super) fn wrong_state() -> Self {
        Self::bad(21220, "Call is not in-progress. Cannot redirect.")
    }

    pub(super) fn too_many_requests() -> Self {
        Self::new(429, 20429, "Too Many Requests")
    }

    pub(super) fn internal() -> Self {
        Self::new(500, 20500, "An internal server error has occurred")
    }

    pub(super) fn unavailable() -> Self {
        Self::new(503, 20503, "Service is unavailable")
    }

    pub(super) fn body(&self) -> Value {
        json!({
            "code": self.code,
            "message": self.message,
            "more_info": format!("https://www.twilio.com/docs/errors/{}", self.code),
            "status": self.status,
        })
    }
}
