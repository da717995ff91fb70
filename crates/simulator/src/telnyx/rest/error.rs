//! Telnyx's errors.

use serde_json::json;

use crate::gate::{Answer, Trouble};

/// A request refused, as Telnyx says it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Refusal {
    status: u16,
    code: &'static str,
    title: &'static str,
    detail: String,
    /// Which field it is about.
    pointer: Option<String>,
}

impl Refusal {
    fn new(status: u16, code: &'static str, title: &'static str, detail: impl Into<String>) -> Self {
        Self { status, code, title, detail: detail.into(), pointer: None }
    }

    fn at(mut self, field: &str) -> Self {
        self.pointer = Some(format!("/{field}"));
        self
    }

    pub(super) fn unauthenticated() -> Self {
        let detail = "The required authentication headers were either invalid or not included in the request.";
        Self::new(401, "10009", "Authentication failed", detail)
    }

    pub(super) fn not_found() -> Self {
        Self::new(404, "10005", "Resource not found", "The requested resource or URL could not be found.")
    }

    pub(super) fn malformed(detail: impl Into<String>) -> Self {
        Self::new(400, "10015", "Bad Request", detail)
    }

    pub(super) fn missing(field: &str) -> Self {
        let detail = format!("The '{field}' parameter is required and was not included in the request.");
        Self::new(422, "10004", "Missing required parameter", detail).at(field)
    }

    pub(super) fn invalid(field: &str, detail: impl Into<String>) -> Self {
        Self::new(422, "10015", "Invalid value", detail).at(field)
    }

    pub(super) fn not_listed(field: &str, values: &str) -> Self {
        let detail = format!("The value must be one of: {values}.");
        Self::new(422, "10032", "Invalid enumerated value", detail).at(field)
    }

    pub(super) fn number(field: &str) -> Self {
        let detail = format!("The '{field}' parameter must be in E164 format.");
        Self::new(422, "10016", "Phone number must be in +E164 format", detail).at(field)
    }

    pub(super) fn client_state() -> Self {
        let detail = "The client_state must be a valid Base-64 encoded string.";
        Self::new(422, "90017", "Invalid client state", detail).at("client_state")
    }

    pub(super) fn connection() -> Self {
        let detail = "The requested connection_id (Call Control App ID) is either invalid or does not exist. Only Call \
                      Control Apps with valid webhook URL are accepted.";
        Self::new(422, "10015", "Invalid value for connection_id (Call Control App ID)", detail).at("connection_id")
    }

    pub(super) fn unknown_call() -> Self {
        let detail = "The call_control_id provided was not valid.";
        Self::new(422, "90015", "Invalid Call Control ID", detail).at("call_control_id")
    }

    pub(super) fn ended() -> Self {
        let detail = "This call is no longer active and can't receive commands.";
        Self::new(422, "90018", "Call has already ended", detail)
    }

    pub(super) fn unanswered() -> Self {
        let detail = "This call can't receive this command because it has not been answered yet.";
        Self::new(422, "90034", "Call not answered yet", detail)
    }

    pub(super) fn silent() -> Self {
        let detail = "Call recording cannot be started until audio has commenced on the call.";
        Self::new(422, "90020", "Call recording triggered before audio started", detail)
    }

    pub(super) fn streams() -> Self {
        Self::new(422, "90045", "Media streaming already used", "The call has a media stream already.")
    }

    pub(super) fn no_stream() -> Self {
        Self::new(422, "90048", "Media streaming not used", "The call has no media stream.")
    }

    /// What no page documents.
    pub(super) fn wrong_state(detail: impl Into<String>) -> Self {
        Self::new(422, "10015", "Bad Request", detail)
    }
}

impl From<Refusal> for Answer {
    fn from(refusal: Refusal) -> Self {
        let Refusal { status, code, title, detail, pointer } = refusal;
        let mut error = json!({
            "code": code,
            "title": title,
            "detail": detail,
            "meta": { "url": format!("https://developers.telnyx.com/docs/overview/errors/{code}") },
        });
        if let Some(pointer) = pointer {
            error["source"] = json!({ "pointer": pointer });
        }
        Self::new(status, json!({ "errors": [error] }))
    }
}

pub(super) fn excuse(trouble: Trouble) -> Answer {
    match trouble {
        Trouble::TooManyRequests => {
            Refusal::new(429, "10011", "Too many requests", "You have exceeded the maximum number of allowed requests.")
        }
        Trouble::Internal => Refusal::new(500, "10007", "Internal server error", "Internal server error"),
        Trouble::Unavailable => Refusal::new(503, "10007", "Service unavailable", "Service unavailable"),
    }
    .into()
}
