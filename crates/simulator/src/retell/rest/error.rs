//! Retell's errors: a status and a sentence, no code.

use serde_json::{Value, json};

use super::request::Request;
use crate::gate::Answer;

/// A request refused, as Retell says it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Refusal {
    status: u16,
    message: String,
}

impl Refusal {
    pub(super) fn new(status: u16, message: impl Into<String>) -> Self {
        Self { status, message: message.into() }
    }

    /// A body that cannot be accepted.
    pub(super) fn bad(message: impl Into<String>) -> Self {
        Self::new(400, message)
    }

    pub(super) fn unauthorized() -> Self {
        Self::new(401, "API key is missing or invalid.")
    }

    /// An asset that this key does not have: never a 404.
    pub(super) fn unknown_asset() -> Self {
        Self::new(422, "Cannot find requested asset under given api key.")
    }

    pub(super) fn no_route(request: &Request) -> Self {
        Self::new(404, format!("Cannot {} {}", request.method, request.path))
    }

    fn body(&self) -> Value {
        json!({ "status": "error", "message": self.message })
    }
}

impl From<Refusal> for Answer {
    fn from(refusal: Refusal) -> Self {
        Self::new(refusal.status, refusal.body())
    }
}
