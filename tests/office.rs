//! The operator's own program, whose functions an agent invokes (post-mortem 4.2).

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::post;
use axum::{Json, Router};
use serde_json::{Value, json};
use tokio::task::JoinHandle;

/// One invocation that reached the office.
#[derive(Debug, Clone)]
pub struct Asked {
    /// Its `Idempotency-Key`.
    pub key: String,
    /// The body.
    pub body: Value,
}

/// A running office. Dropping it closes it.
#[derive(Debug)]
pub struct Office {
    url: String,
    book: Book,
    task: JoinHandle<()>,
}

type Book = Arc<Mutex<Vec<Asked>>>;

impl Office {
    /// Opens one: it knows three functions, and refuses every other.
    ///
    /// # Panics
    /// When no port is free.
    pub async fn open() -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port is free");
        let url = format!("http://{}", listener.local_addr().expect("it listens"));
        let book = Book::default();
        let router = Router::new().route("/", post(answer)).with_state(book.clone());
        let task =
            tokio::spawn(async move { axum::serve(listener, router).await.expect("it serves until it is closed") });
        Self { url, book, task }
    }

    /// Where it is.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// What it was asked so far.
    #[must_use]
    pub fn asked(&self) -> Vec<Asked> {
        locked(&self.book).clone()
    }
}

impl Drop for Office {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn answer(State(book): State<Book>, headers: HeaderMap, Json(body): Json<Value>) -> (StatusCode, Json<Value>) {
    let key = headers.get("idempotency-key").and_then(|key| key.to_str().ok()).unwrap_or_default().to_owned();
    locked(&book).push(Asked { key, body: body.clone() });
    match body["name"].as_str() {
        Some("initialize_call") => (StatusCode::OK, Json(json!({ "call": body["call_id"] }))),
        Some("check_availability") => (StatusCode::OK, Json(json!({ "slots": ["10:00", "14:30"] }))),
        Some("collect_appointment_info") => (StatusCode::CONFLICT, Json(json!({ "error": "that hour is taken" }))),
        _ => (StatusCode::NOT_FOUND, Json(json!({ "error": "there is no such function" }))),
    }
}

fn locked(book: &Book) -> MutexGuard<'_, Vec<Asked>> {
    book.lock().unwrap_or_else(PoisonError::into_inner)
}
