//! The far side: a provider made of one closure, on a real socket.

use std::future::Future;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};

use axum::body::Bytes;
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, Uri, header};
use serde_json::Value;
use tokio::net::{TcpListener, TcpStream};

/// One request as it came over the wire.
#[derive(Debug, Clone)]
pub struct Seen {
    /// `GET`, `POST`…
    pub method: Method,
    /// The raw path.
    pub path: String,
    /// The raw query; empty if there is none.
    pub query: String,
    /// All headers.
    pub headers: HeaderMap,
    /// The raw body.
    pub body: Vec<u8>,
}

impl Seen {
    /// A request that nobody sent: to try what a specification allows.
    ///
    /// # Panics
    /// If the method or the content type cannot be one.
    #[must_use]
    pub fn new(method: &str, path: &str, query: &str, content_type: &str, body: impl Into<Vec<u8>>) -> Self {
        let mut headers = HeaderMap::new();
        headers.insert(header::CONTENT_TYPE, content_type.parse().expect("a content type"));
        let method = method.parse().expect("a method");
        Self { method, path: path.to_owned(), query: query.to_owned(), headers, body: body.into() }
    }

    /// The body as JSON; `null` if it is something else.
    #[must_use]
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_default()
    }

    /// The decoded pairs of the body.
    #[must_use]
    pub fn form(&self) -> Vec<(String, String)> {
        form_urlencoded::parse(&self.body).into_owned().collect()
    }
}

/// What the far side answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Said {
    /// The HTTP status.
    pub status: u16,
    /// Headers beyond `content-type: application/json`.
    pub headers: Vec<(&'static str, String)>,
    /// The body.
    pub body: String,
}

impl Said {
    /// A status and a body.
    #[must_use]
    pub fn new(status: u16, body: impl Into<String>) -> Self {
        Self { status, headers: Vec::new(), body: body.into() }
    }

    /// A success in JSON.
    #[must_use]
    pub fn ok(body: &Value) -> Self {
        Self::new(200, body.to_string())
    }

    /// The same with a header.
    #[must_use]
    pub fn with(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }
}

/// A far side, and the requests that it has seen.
#[derive(Debug)]
pub struct Far {
    address: SocketAddr,
    seen: Arc<Mutex<Vec<Seen>>>,
}

impl Far {
    /// Answers every request by `answer`.
    ///
    /// # Panics
    /// Without loopback.
    pub async fn answering(answer: impl Fn(&Seen) -> Said + Send + Sync + 'static) -> Self {
        let seen = Arc::new(Mutex::new(Vec::new()));
        let (log, answer) = (Arc::clone(&seen), Arc::new(answer));
        let handle = move |method: Method, uri: Uri, headers: HeaderMap, body: Bytes| {
            let (log, answer) = (Arc::clone(&log), Arc::clone(&answer));
            async move {
                let query = uri.query().unwrap_or_default().to_owned();
                let seen = Seen { method, path: uri.path().to_owned(), query, headers, body: body.into() };
                let said = answer(&seen);
                log.lock().unwrap_or_else(PoisonError::into_inner).push(seen);
                let mut headers = HeaderMap::new();
                headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
                for (name, value) in said.headers {
                    headers.insert(name, value.parse().expect("a header's value"));
                }
                (StatusCode::from_u16(said.status).expect("an HTTP status"), headers, said.body)
            }
        };
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("loopback");
        let address = listener.local_addr().expect("a bound socket has an address");
        tokio::spawn(async move { axum::serve(listener, axum::Router::new().fallback(handle)).await });
        Self { address, seen }
    }

    /// Where it is: `http://127.0.0.1:…`.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// What it has seen so far.
    #[must_use]
    pub fn seen(&self) -> Vec<Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// A far side below HTTP: does `act` with every connection. Where it is.
///
/// # Panics
/// Without loopback.
pub async fn raw<F>(act: impl Fn(TcpStream) -> F + Send + 'static) -> String
where
    F: Future<Output = ()> + Send + 'static,
{
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("loopback");
    let address = listener.local_addr().expect("a bound socket has an address");
    tokio::spawn(async move {
        while let Ok((socket, _)) = listener.accept().await {
            tokio::spawn(act(socket));
        }
    });
    format!("http://{address}")
}

/// Where nobody listens.
///
/// # Panics
/// Without loopback.
pub async fn nowhere() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("loopback");
    format!("http://{}", listener.local_addr().expect("a bound socket has an address"))
}
