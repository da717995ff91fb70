//! The address that the server posts to.

use std::sync::{Arc, Mutex, PoisonError};

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use axum::{Json, Router};
use jiff::civil::DateTime;
use subtle::ConstantTimeEq as _;

use crate::{Book, Invocation, Reply, answer};

/// A practice: its book, who may ask, and what time it is there.
pub struct Practice {
    book: Mutex<Book>,
    token: String,
    now: Box<dyn Fn() -> DateTime + Send + Sync>,
}

impl Practice {
    /// An empty book. Only who knows the token may ask; `now` is the practice's own time.
    pub fn new(token: impl Into<String>, now: impl Fn() -> DateTime + Send + Sync + 'static) -> Arc<Self> {
        Arc::new(Self { book: Mutex::default(), token: token.into(), now: Box::new(now) })
    }

    fn knows(&self, headers: &HeaderMap) -> bool {
        let given = headers.get(header::AUTHORIZATION).map_or(&[][..], |value| value.as_bytes());
        given.ct_eq(format!("Bearer {}", self.token).as_bytes()).into()
    }
}

/// The functions under `/functions`: what `functions.url` of the server points to.
pub fn router(practice: Arc<Practice>) -> Router {
    Router::new().route("/functions", post(invoke)).with_state(practice)
}

async fn invoke(State(practice): State<Arc<Practice>>, headers: HeaderMap, body: String) -> Response {
    if !practice.knows(&headers) {
        return (StatusCode::UNAUTHORIZED, "the token is missing or wrong").into_response();
    }
    let invocation: Invocation = match serde_json::from_str(&body) {
        Ok(invocation) => invocation,
        Err(problem) => return (StatusCode::BAD_REQUEST, format!("not an invocation: {problem}")).into_response(),
    };
    let now = (practice.now)();
    // A book that was left in the middle of a change is still a book: each change is one insertion.
    let mut book = practice.book.lock().unwrap_or_else(PoisonError::into_inner);
    match answer(&mut book, &invocation, now) {
        Reply::Result(result) => Json(result).into_response(),
        Reply::NoSuchFunction => {
            (StatusCode::NOT_FOUND, format!("there is no function named {}", invocation.name)).into_response()
        }
    }
}
