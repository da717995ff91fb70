//! Errors as RFC 9457 problem documents: what happened, and what to do about it.

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use call_core::port::{PlaceError, StoreError, SwitchboardError};
use call_core::{CallId, Reason};
use serde::Serialize;
use utoipa::ToSchema;

/// An error as RFC 9457 writes it (`application/problem+json`).
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Problem)]
pub(crate) struct Document {
    /// Names the kind of problem, for programs: `urn:call-server:problem:` and a word that stays.
    #[serde(rename = "type")]
    kind: String,
    /// The kind of problem, for people.
    title: &'static str,
    /// The HTTP status.
    status: u16,
    /// What happened this time.
    detail: String,
    /// What to do about it.
    remedy: &'static str,
    /// The open call that is in the way.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = Uuid)]
    open_call: Option<CallId>,
    /// The call that the problem is about.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = Uuid)]
    call: Option<CallId>,
    /// Why a call refused a wish, in the word that its journal uses.
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'static str>,
    /// How many seconds to wait before trying again; also the `Retry-After` header.
    #[serde(skip_serializing_if = "Option::is_none")]
    retry_after: Option<u32>,
}

/// A request that is not granted.
#[derive(Debug, Clone)]
pub(crate) struct Problem {
    kind: Kind,
    detail: String,
    open_call: Option<CallId>,
    call: Option<CallId>,
    reason: Option<Reason>,
}

/// Every kind of problem that this server answers with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    BadRequest,
    Unauthorized,
    Unsigned,
    NoSuchRoute,
    NoSuchCall,
    MethodNotAllowed,
    SubjectBusy,
    Refused,
    TooLarge,
    UnsupportedMediaType,
    Invalid,
    Inadmissible,
    KeyReused,
    Busy,
    Unavailable,
    Broken,
    TimedOut,
    Internal,
}

impl Kind {
    /// Status, word, title, remedy.
    const fn told(self) -> (StatusCode, &'static str, &'static str, &'static str) {
        use StatusCode as S;
        match self {
            Self::BadRequest => {
                (S::BAD_REQUEST, "bad-request", "Bad request", "correct the request; see /v1/openapi.json")
            }
            Self::Unauthorized => (
                S::UNAUTHORIZED,
                "unauthorized",
                "No valid token",
                "send one of the server's API tokens as `Authorization: Bearer TOKEN`",
            ),
            Self::Unsigned => (
                S::FORBIDDEN,
                "unsigned",
                "No valid signature",
                "check that server.public_url is the URL which the provider was given, and that the secret is its own",
            ),
            Self::NoSuchRoute => {
                (S::NOT_FOUND, "no-such-route", "Not found", "see /v1/openapi.json for the API's paths")
            }
            Self::NoSuchCall => {
                (S::NOT_FOUND, "no-such-call", "No such call", "see GET /v1/calls for the calls there are")
            }
            Self::MethodNotAllowed => (
                S::METHOD_NOT_ALLOWED,
                "method-not-allowed",
                "Method not allowed",
                "see /v1/openapi.json for the methods",
            ),
            Self::SubjectBusy => (
                S::CONFLICT,
                "subject-busy",
                "The subject has an open call",
                "wait for the open call's end or hang it up, then place this one again",
            ),
            Self::Refused => {
                (S::CONFLICT, "refused", "The call refused", "look at the call: it is no longer where that is possible")
            }
            Self::TooLarge => {
                (S::PAYLOAD_TOO_LARGE, "too-large", "Too large", "send less; server.max_body is the limit")
            }
            Self::UnsupportedMediaType => (
                S::UNSUPPORTED_MEDIA_TYPE,
                "unsupported-media-type",
                "Not JSON",
                "send the body as `Content-Type: application/json`",
            ),
            Self::Invalid => {
                (S::UNPROCESSABLE_ENTITY, "invalid", "Invalid request", "correct the field that the detail names")
            }
            Self::Inadmissible => (
                S::UNPROCESSABLE_ENTITY,
                "inadmissible",
                "The provider cannot do that",
                "wish for what the detail says, or name another provider",
            ),
            Self::KeyReused => (
                S::UNPROCESSABLE_ENTITY,
                "idempotency-key-reused",
                "Idempotency key used before",
                "use a new key for a new request; repeat a request unchanged",
            ),
            Self::Busy => (S::SERVICE_UNAVAILABLE, "busy", "Too many requests at once", "try again after Retry-After"),
            Self::Unavailable => {
                (S::SERVICE_UNAVAILABLE, "unavailable", "The store does not answer", "try again after Retry-After")
            }
            Self::Broken => (
                S::SERVICE_UNAVAILABLE,
                "store-broken",
                "The store refuses",
                "an operator must mend the store, see the server's log; trying again helps after that",
            ),
            Self::TimedOut => (
                S::SERVICE_UNAVAILABLE,
                "timed-out",
                "The request took too long",
                "try again after Retry-After, with the same Idempotency-Key if it places a call",
            ),
            Self::Internal => (S::INTERNAL_SERVER_ERROR, "internal", "Internal error", "read the server's log"),
        }
    }
}

impl Problem {
    /// A problem of a kind, and what happened this time.
    pub(crate) fn new(kind: Kind, detail: impl Into<String>) -> Self {
        Self { kind, detail: detail.into(), open_call: None, call: None, reason: None }
    }

    pub(crate) fn no_such_call(id: CallId) -> Self {
        Self { call: Some(id), ..Self::new(Kind::NoSuchCall, format!("there is no call {id}")) }
    }

    /// A call ignored a wish.
    pub(crate) fn refused(id: CallId, reason: Reason) -> Self {
        let detail = format!("call {id} answered: {}", reason.as_str());
        Self { call: Some(id), reason: Some(reason), ..Self::new(Kind::Refused, detail) }
    }
}

impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Self {
        let kind = if matches!(error, StoreError::Broken(_)) {
            Kind::Broken
        } else if error.is_transient() {
            Kind::Unavailable
        } else {
            Kind::Internal
        };
        tracing::warn!(error = crate::workers::chain(&error), "a request met a store that failed");
        // What the store says may name files and hosts: that is for the log.
        Self::new(kind, "the store could not do it")
    }
}

impl From<SwitchboardError> for Problem {
    fn from(error: SwitchboardError) -> Self {
        match error {
            SwitchboardError::NoSuchCall(id) => Self::no_such_call(id),
            SwitchboardError::Contended(id) => Self { call: Some(id), ..Self::new(Kind::Busy, error.to_string()) },
            SwitchboardError::Store(error) => error.into(),
            error => Self::new(Kind::Internal, error.to_string()),
        }
    }
}

impl From<PlaceError> for Problem {
    fn from(error: PlaceError) -> Self {
        match error {
            PlaceError::SubjectBusy { open } => {
                Self { open_call: Some(open), ..Self::new(Kind::SubjectBusy, error.to_string()) }
            }
            PlaceError::KeyReused { call } => {
                Self { call: Some(call), ..Self::new(Kind::KeyReused, error.to_string()) }
            }
            PlaceError::Store(error) => error.into(),
            error => Self::new(Kind::Internal, error.to_string()),
        }
    }
}

impl From<Problem> for Document {
    fn from(problem: Problem) -> Self {
        let (status, word, title, remedy) = problem.kind.told();
        Self {
            kind: format!("urn:call-server:problem:{word}"),
            title,
            status: status.as_u16(),
            detail: problem.detail,
            remedy,
            open_call: problem.open_call,
            call: problem.call,
            reason: problem.reason.map(Reason::as_str),
            retry_after: (status == StatusCode::SERVICE_UNAVAILABLE).then_some(1),
        }
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let (status, ..) = self.kind.told();
        let document = Document::from(self);
        let retry = document.retry_after;
        let mut response = (status, axum::Json(document)).into_response();
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        if let Some(seconds) = retry {
            headers.insert(header::RETRY_AFTER, seconds.into());
        }
        if status == StatusCode::UNAUTHORIZED {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        response
    }
}
