//! Retell's face, seen from outside: a backend that remembers what it was sent, a REST client, and Retell's own document,
//! against which every body that passes between them is checked.

mod faults;
mod functions;
mod inbound;
mod lives;
mod rest;

use std::{
    collections::HashMap,
    sync::{Arc, Mutex},
    time::Duration,
};

use axum::{
    Router,
    body::Bytes,
    extract::State,
    http::{HeaderMap, StatusCode, Uri},
    response::{IntoResponse, Response},
};
use hmac::{Hmac, KeyInit, Mac};
use reqwest::Method;
use serde_json::{Value, json};
use sha2::Sha256;
use simulator::{Agent, CallRecord, Config, Network, Person, RetellConfig};

use crate::backend::{OURS, PATIENCE, PHONE, quick};

pub(crate) const AGENT: &str = "agent_of_ours";

/// One request that the network sent us.
#[derive(Debug, Clone)]
pub(crate) struct Seen {
    pub(crate) path: String,
    pub(crate) query: String,
    pub(crate) headers: HeaderMap,
    /// `Null` if it was no JSON.
    pub(crate) json: Value,
    /// Whether it bears the account's true signature.
    pub(crate) genuine: bool,
}

impl Seen {
    /// The event told, or `""`.
    pub(crate) fn event(&self) -> &str {
        self.json["event"].as_str().unwrap_or_default()
    }
}

#[derive(Default)]
struct Shelf {
    seen: Vec<Seen>,
    /// Answers by path; the last one stays.
    answers: HashMap<String, Vec<(u16, String)>>,
    delays: HashMap<String, Duration>,
}

/// A backend, a network and a client, wired to each other.
pub(crate) struct Bench {
    pub(crate) network: Network,
    url: String,
    http: reqwest::Client,
    key: String,
    shelf: Arc<Mutex<Shelf>>,
    document: Document,
}

impl Bench {
    /// An account with one agent that tells its events to `/events`.
    pub(crate) async fn new() -> Self {
        Self::with(quick()).await
    }

    /// The same, where the phone rings for a second by the clock: time enough to ask something meanwhile.
    async fn slow() -> Self {
        let bench = Self::with(Config { speed: 20.0, ..quick() }).await;
        let mut person = Person::talks(3600.0);
        person.ring = 20.0;
        bench.network.set_person("*", person);
        bench
    }

    pub(crate) async fn with(config: Config) -> Self {
        let retell = RetellConfig { stale_status: 0.0, ..config.retell.clone() };
        let config = Config { retell, ..config };
        Self::just(config).await
    }

    /// The same with the account as it is configured.
    pub(crate) async fn just(config: Config) -> Self {
        let key = config.retell.api_key.reveal().to_owned();
        let network = Network::start(config).await.unwrap();
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let shelf = Arc::new(Mutex::new(Shelf::default()));
        let app = Router::new().fallback(receive).with_state((Arc::clone(&shelf), key.clone()));
        tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
        let http = reqwest::Client::builder().no_proxy().tls_certs_only([]).build().unwrap();
        let bench = Self { network, url, http, key, shelf, document: Document::read() };
        bench.hire(|agent| agent);
        bench
    }

    /// Replaces our agent.
    pub(crate) fn hire(&self, change: impl FnOnce(Agent) -> Agent) {
        self.network.set_agent(change(Agent::new(AGENT).webhook(self.at("/events"))));
    }

    /// What this path answers; several calls give several answers in turn, the last one for ever.
    pub(crate) fn answer(&self, path: &str, status: u16, body: &str) {
        self.shelf.lock().unwrap().answers.entry(path.into()).or_default().push((status, body.into()));
    }

    /// Makes this path answer late.
    pub(crate) fn delay(&self, path: &str, delay: Duration) {
        self.shelf.lock().unwrap().delays.insert(path.into(), delay);
    }

    pub(crate) fn at(&self, path: &str) -> String {
        format!("{}{path}", self.url)
    }

    pub(crate) fn seen(&self, path: &str) -> Vec<Seen> {
        self.shelf.lock().unwrap().seen.iter().filter(|seen| seen.path == path).cloned().collect()
    }

    /// Everything that the network sent us, in order of arrival.
    pub(crate) fn everything(&self) -> Vec<Seen> {
        self.shelf.lock().unwrap().seen.clone()
    }

    /// The genuine events at `/events`, in order of arrival.
    pub(crate) fn events(&self) -> Vec<String> {
        self.seen("/events").iter().filter(|seen| seen.genuine).map(|seen| seen.event().to_owned()).collect()
    }

    /// The call that an event told of.
    pub(crate) fn told(&self, event: &str) -> Value {
        let seen = self.seen("/events");
        let told = seen.iter().find(|seen| seen.genuine && seen.event() == event);
        told.unwrap_or_else(|| panic!("{event} was not told: {:?}", self.events())).json["call"].clone()
    }

    /// Sends a request; `None`: no answer came. Every answer is checked against the document.
    pub(crate) async fn send(&self, method: Method, path: &str, body: Option<&Value>) -> Option<(u16, Value)> {
        let url = format!("{}{path}", self.network.retell_url());
        let mut request = self.http.request(method.clone(), url).bearer_auth(&self.key).timeout(PATIENCE);
        if let Some(body) = body {
            request = request.json(body);
        }
        let response = request.send().await.ok()?;
        let status = response.status().as_u16();
        let bytes = response.bytes().await.ok()?;
        let body = if bytes.is_empty() { Value::Null } else { serde_json::from_slice(&bytes).unwrap() };
        self.document.answer(&method, path, status, &body);
        Some((status, body))
    }

    pub(crate) async fn post(&self, path: &str, body: Value) -> (u16, Value) {
        self.send(Method::POST, path, Some(&body)).await.unwrap()
    }

    pub(crate) async fn get(&self, path: &str) -> (u16, Value) {
        self.send(Method::GET, path, None).await.unwrap()
    }

    /// The creation of an ordinary call.
    pub(crate) fn order(to: &str) -> Value {
        json!({ "from_number": OURS, "to_number": to, "override_agent_id": AGENT, "metadata": { "call_id": "ours" } })
    }

    pub(crate) async fn call(&self, to: &str) -> String {
        let (status, call) = self.post("/v2/create-phone-call", Self::order(to)).await;
        assert_eq!(status, 201, "{call}");
        call["call_id"].as_str().unwrap().to_owned()
    }

    /// Places an ordinary call and waits for the end of everything.
    pub(crate) async fn live(&self) -> CallRecord {
        let id = self.call(PHONE).await;
        self.settle().await;
        self.network.call(&id).unwrap()
    }

    /// Waits for the end of everything, then checks every body that we were sent.
    pub(crate) async fn settle(&self) {
        assert!(self.network.until_quiet(PATIENCE).await, "not quiet: {:#?}", self.network.calls());
        for seen in self.everything().iter().filter(|seen| seen.genuine) {
            self.document.message(&seen.json);
        }
    }

    /// Waits until the call looks as wished.
    pub(crate) async fn until(&self, id: &str, wished: impl Fn(&CallRecord) -> bool) -> CallRecord {
        let deadline = tokio::time::Instant::now() + PATIENCE;
        loop {
            let record = self.network.call(id).unwrap();
            if wished(&record) {
                return record;
            }
            assert!(tokio::time::Instant::now() < deadline, "never as wished: {record:#?}");
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }
}

async fn receive(
    State((shelf, key)): State<(Arc<Mutex<Shelf>>, String)>,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let now_ms = jiff::Timestamp::now().as_millisecond();
    let header = headers.get("x-retell-signature").and_then(|value| value.to_str().ok()).unwrap_or_default();
    let seen = Seen {
        path: uri.path().to_owned(),
        query: uri.query().unwrap_or_default().to_owned(),
        json: serde_json::from_slice(&body).unwrap_or_default(),
        genuine: verify(&key, &body, header, now_ms),
        headers,
    };
    let ((status, body), delay) = {
        let mut shelf = shelf.lock().unwrap();
        shelf.seen.push(seen);
        let answer = match shelf.answers.get_mut(uri.path()) {
            Some(answers) if answers.len() > 1 => answers.remove(0),
            Some(answers) => answers[0].clone(),
            None => (204, String::new()),
        };
        (answer, shelf.delays.get(uri.path()).copied().unwrap_or_default())
    };
    tokio::time::sleep(delay).await;
    (StatusCode::from_u16(status).unwrap(), body).into_response()
}

/// Retell's signature once more, by the receiving side.
fn verify(key: &str, body: &[u8], header: &str, now_ms: i64) -> bool {
    let Some((v, d)) = header.strip_prefix("v=").and_then(|rest| rest.split_once(",d=")) else { return false };
    let mut mac = Hmac::<Sha256>::new_from_slice(key.as_bytes()).unwrap();
    mac.update(body);
    mac.update(v.as_bytes());
    let digest: String = mac.finalize().into_bytes().iter().map(|byte| format!("{byte:02x}")).collect();
    let age = now_ms - v.parse::<i64>().unwrap_or_default();
    digest == d && age.abs() <= 300_000
}

/// Retell's document, its schemas turned from OpenAPI 3.0 into JSON Schema.
struct Document(Value);

impl Document {
    fn read() -> Self {
        let mut document: Value = serde_json::from_str(include_str!("../../data/retell-calls.openapi.json")).unwrap();
        allow_null(&mut document);
        Self(document)
    }

    /// A REST answer: the documented schema of its status.
    fn answer(&self, method: &Method, path: &str, status: u16, body: &Value) {
        let known = self.0["paths"].as_object().unwrap().iter().find(|(known, _)| {
            let known = known.split("{call_id}").next().unwrap();
            path == known || (known.ends_with('/') && path.starts_with(known))
        });
        let Some((_, operations)) = known else {
            assert_eq!(status, 404, "{method} {path} is not documented");
            return;
        };
        let response = &operations[method.as_str().to_lowercase()]["responses"][status.to_string()];
        // A fault may answer what nobody documented: what stands in front of an API does.
        if response.is_null() {
            assert!([429, 503].contains(&status), "{method} {path} does not answer {status}");
            return;
        }
        let response = match response["$ref"].as_str() {
            Some(reference) => self.0.pointer(reference.trim_start_matches('#')).unwrap(),
            None => response,
        };
        let schema = response["content"]["application/json"]["schema"].clone();
        if schema.is_null() {
            assert!(body.is_null(), "{method} {path} {status} has no body");
        } else {
            self.check(schema, body);
        }
        for call in body["items"].as_array().into_iter().flatten() {
            self.documented(call, "V3PhoneCallResponse", "V3CallBase");
        }
        if body["call_id"].is_string() {
            self.documented(body, "V2PhoneCallResponse", "V2CallBase");
        }
    }

    /// A message to us: a call webhook, an inbound webhook or a function (arguments alone have no form to check).
    fn message(&self, json: &Value) {
        if json["event"] == "call_inbound" {
            self.check(reference("InboundWebhookRequest"), json);
            return;
        }
        if json["event"].is_string() {
            self.check(reference("CallWebhookEvent"), json);
        } else if json["call"].is_object() {
            self.check(reference("CustomFunctionRequest"), json);
        } else {
            return;
        }
        self.check(reference("V2PhoneCallResponse"), &json["call"]);
        self.documented(&json["call"], "V2PhoneCallResponse", "V2CallBase");
    }

    fn check(&self, mut schema: Value, body: &Value) {
        schema["components"] = self.0["components"].clone();
        let validator = jsonschema::validator_for(&schema).unwrap();
        let errors: Vec<String> =
            validator.iter_errors(body).map(|error| format!("{} at {}", error, error.instance_path())).collect();
        assert!(errors.is_empty(), "{errors:#?}\n{body:#}");
    }

    /// No field that Retell does not document.
    fn documented(&self, call: &Value, own: &str, base: &str) {
        let schemas = &self.0["components"]["schemas"];
        let properties = [&schemas[own]["allOf"][0]["properties"], &schemas[base]["properties"]];
        for name in call.as_object().unwrap().keys() {
            assert!(properties.iter().any(|known| known.get(name).is_some()), "{name} is not documented in {own}");
        }
    }
}

fn reference(schema: &str) -> Value {
    json!({ "$ref": format!("#/components/schemas/{schema}") })
}

/// `nullable` becomes a type of its own.
fn allow_null(node: &mut Value) {
    match node {
        Value::Object(fields) => {
            if fields.remove("nullable") == Some(json!(true)) {
                if let Some(kind) = fields.get_mut("type") {
                    *kind = json!([kind.take(), "null"]);
                }
                if let Some(Value::Array(values)) = fields.get_mut("enum") {
                    values.push(Value::Null);
                }
            }
            fields.values_mut().for_each(allow_null);
        }
        Value::Array(items) => items.iter_mut().for_each(allow_null),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}
