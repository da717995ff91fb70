//! A backend for Telnyx's webhooks, which verifies them by the official rules, and a client of its API.

use std::{
    sync::{Arc, Mutex},
    time::{Duration, SystemTime},
};

use axum::{
    Router,
    body::Bytes,
    extract::State,
    http::{HeaderMap, StatusCode, Uri},
};
use base64::{Engine, engine::general_purpose::STANDARD};
use ed25519_dalek::{Signature, VerifyingKey};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use reqwest::Method;
use serde_json::{Value, json};
use simulator::{CallRecord, Config, Network, TelnyxConfig};

use crate::backend::{OURS, PATIENCE, PHONE, quick};

/// A backend, a network and a client, wired to each other.
pub(crate) struct Bench {
    pub(crate) network: Network,
    pub(crate) url: String,
    pub(crate) connection: String,
    http: reqwest::Client,
    key: String,
    shelf: Arc<Mutex<Shelf>>,
}

/// One message that reached us.
#[derive(Debug, Clone)]
pub(crate) struct Seen {
    pub(crate) path: String,
    pub(crate) headers: HeaderMap,
    /// `Null`: it is no JSON.
    pub(crate) body: Value,
    /// Whether it bears the account's true signature, made lately.
    pub(crate) genuine: bool,
}

impl Seen {
    pub(crate) fn event(&self) -> &str {
        self.body["data"]["event_type"].as_str().unwrap_or_default()
    }

    pub(crate) fn payload(&self) -> &Value {
        &self.body["data"]["payload"]
    }
}

#[derive(Default)]
struct Shelf {
    seen: Vec<Seen>,
    /// Statuses to answer with, in turn; then 200.
    answers: Vec<u16>,
}

impl Bench {
    pub(crate) async fn new() -> Self {
        Self::with(quick(), |_| {}).await
    }

    /// A network with a changed configuration; `change` sees the account, its webhook address already set.
    pub(crate) async fn with(config: Config, change: impl FnOnce(&mut TelnyxConfig)) -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let mut config = config;
        config.telnyx.webhook_url = Some(format!("{url}/app"));
        change(&mut config.telnyx);
        let (key, connection) = (config.telnyx.api_key.reveal().to_owned(), config.telnyx.connection_id.clone());
        let network = Network::start(config).await.unwrap();
        let bytes: [u8; 32] = STANDARD.decode(network.telnyx_public_key()).unwrap().try_into().unwrap();
        let public = VerifyingKey::from_bytes(&bytes).unwrap();
        let shelf = Arc::new(Mutex::new(Shelf::default()));
        let app = Router::new().fallback(receive).with_state((Arc::clone(&shelf), public));
        tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
        let http = reqwest::Client::builder().no_proxy().tls_certs_only([]).build().unwrap();
        Self { network, url, connection, http, key, shelf }
    }

    /// The next messages are answered with these statuses.
    pub(crate) fn answer(&self, statuses: &[u16]) {
        self.shelf.lock().unwrap().answers = statuses.to_vec();
    }

    pub(crate) fn seen(&self) -> Vec<Seen> {
        self.shelf.lock().unwrap().seen.clone()
    }

    /// The events that came, in the order of their arrival.
    pub(crate) fn events(&self) -> Vec<String> {
        self.seen().iter().map(|seen| seen.event().to_owned()).collect()
    }

    /// The payloads of one event.
    pub(crate) fn told(&self, event: &str) -> Vec<Value> {
        self.seen().iter().filter(|seen| seen.event() == event).map(|seen| seen.payload().clone()).collect()
    }

    pub(crate) fn rest(&self, method: Method, path: &str) -> reqwest::RequestBuilder {
        self.http.request(method, format!("{}{path}", self.network.telnyx_url())).bearer_auth(&self.key)
    }

    pub(crate) fn anonymous(&self, method: Method, path: &str) -> reqwest::RequestBuilder {
        self.http.request(method, format!("{}{path}", self.network.telnyx_url()))
    }

    pub(crate) async fn send(&self, method: Method, path: &str, body: &Value) -> (u16, Value) {
        let response = self.rest(method, path).json(body).send().await.unwrap();
        (response.status().as_u16(), response.json().await.unwrap())
    }

    pub(crate) async fn get(&self, path: &str) -> (u16, Value) {
        let response = self.rest(Method::GET, path).send().await.unwrap();
        (response.status().as_u16(), response.json().await.unwrap())
    }

    /// The body of an ordinary dial, with more fields or others.
    pub(crate) fn body(&self, extra: &Value) -> Value {
        let mut body =
            json!({ "connection_id": self.connection, "to": PHONE, "from": OURS, "client_state": "b3Vycw==" });
        for (name, value) in extra.as_object().unwrap() {
            body[name] = value.clone();
        }
        body
    }

    pub(crate) async fn dial(&self, extra: &Value) -> (u16, Value) {
        self.send(Method::POST, "/calls", &self.body(extra)).await
    }

    /// Places a call and tells its `call_control_id`.
    pub(crate) async fn call(&self, extra: &Value) -> String {
        let (status, answer) = self.dial(extra).await;
        assert_eq!(status, 200, "{answer}");
        answer["data"]["call_control_id"].as_str().unwrap().to_owned()
    }

    /// Places a call and waits until it is answered.
    pub(crate) async fn talk(&self, extra: &Value) -> String {
        let id = self.call(extra).await;
        self.until(&id, |record| record.answered_at.is_some()).await;
        id
    }

    pub(crate) async fn act(&self, id: &str, action: &str, body: &Value) -> (u16, Value) {
        let method = if action == "client_state_update" { Method::PUT } else { Method::POST };
        self.send(method, &format!("{}/actions/{action}", path(id)), body).await
    }

    /// Commands, and insists that it is taken.
    pub(crate) async fn command(&self, id: &str, action: &str, body: &Value) {
        let answer = self.act(id, action, body).await;
        assert_eq!(answer, (200, json!({ "data": { "result": "ok" } })), "{action}");
    }

    pub(crate) async fn settle(&self) {
        assert!(self.network.until_quiet(PATIENCE).await, "not quiet: {:#?}", self.network.calls());
    }

    /// Places an ordinary call and waits for the end of everything.
    pub(crate) async fn live(&self, extra: &Value) -> CallRecord {
        let id = self.call(extra).await;
        self.settle().await;
        self.network.call(&id).unwrap()
    }

    /// Waits until the call looks as wished.
    pub(crate) async fn until(&self, id: &str, wished: impl Fn(&CallRecord) -> bool) -> CallRecord {
        self.wait(|| self.network.call(id).filter(&wished)).await
    }

    /// Waits until this event has come.
    pub(crate) async fn heard(&self, event: &str) -> Value {
        self.wait(|| self.told(event).pop()).await
    }

    async fn wait<T>(&self, look: impl Fn() -> Option<T>) -> T {
        let deadline = tokio::time::Instant::now() + PATIENCE;
        loop {
            if let Some(found) = look() {
                return found;
            }
            assert!(tokio::time::Instant::now() < deadline, "never: {:#?}", self.network.calls());
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }
}

/// The path of a call: the id contains a colon.
pub(crate) fn path(id: &str) -> String {
    format!("/calls/{}", utf8_percent_encode(id, NON_ALPHANUMERIC))
}

async fn receive(
    State((shelf, public)): State<(Arc<Mutex<Shelf>>, VerifyingKey)>,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> StatusCode {
    let genuine = verify(&public, &headers, &body).is_some();
    let body = serde_json::from_slice(&body).unwrap_or_default();
    let mut shelf = shelf.lock().unwrap();
    shelf.seen.push(Seen { path: uri.path().to_owned(), headers, body, genuine });
    let status = if shelf.answers.is_empty() { 200 } else { shelf.answers.remove(0) };
    StatusCode::from_u16(status).unwrap()
}

/// The rules of the official SDKs: Ed25519 over the timestamp's text, a bar and the raw body, within 300 seconds.
fn verify(public: &VerifyingKey, headers: &HeaderMap, body: &[u8]) -> Option<()> {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    let timestamp = text("telnyx-timestamp")?;
    let made: u64 = timestamp.parse().ok()?;
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap().as_secs();
    let signature: [u8; 64] = STANDARD.decode(text("telnyx-signature-ed25519")?).ok()?.try_into().ok()?;
    let message = [timestamp.as_bytes(), b"|", body].concat();
    let signed = public.verify_strict(&message, &Signature::from_bytes(&signature)).is_ok();
    (signed && now.abs_diff(made) <= 300).then_some(())
}
