//! What the tests share: calls in known states, signed messages, and a Telnyx made of one closure.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use adapter_telnyx::{Callback, ClientState, NAME, Telnyx, TelnyxConfig, TelnyxHook};
use axum::body::Bytes;
use axum::http::{HeaderMap, Method, StatusCode, Uri, header};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use call_core::port::{Answer, Hook, HookError, HookRequest, Provider, Received};
use call_core::{
    Call, CallId, DialAnswer, Effect, EffectId, Fact, Input, Leg, Plan, Policy, Script, Signal, Step, Timestamp,
};
use ed25519_dalek::{Signer as _, SigningKey};
use serde_json::{Value, json};
use tokio::net::TcpListener;

pub(crate) const CONTROL: &str = "v3:q7Tz0mVh2kE1rYc9sLxWnB4dGfUaJpK5oCi6DvZyHt8";
pub(crate) const OTHER: &str = "v3:Another_Leg-0123456789==";
pub(crate) const LEG: &str = "5b1e2d6c-0a7f-11f1-9c3e-02420a0f5a01";
pub(crate) const CONNECTION: &str = "2481632640128256512";
pub(crate) const KEY: &str = "KEY-correct-horse";
pub(crate) const PUBLIC: &str = "https://calls.example.com";
/// The public half of the seed 00 01 02 … 1f.
pub(crate) const PUBLIC_KEY: &str = "A6EHv/POEL4dcN0Y50vAmWfk1jCbpQ1fHdyGZBJVMbg=";

pub(crate) fn config() -> TelnyxConfig {
    TelnyxConfig::new(KEY, PUBLIC_KEY, CONNECTION, PUBLIC)
}

pub(crate) fn hook() -> TelnyxHook {
    TelnyxHook::new(&config()).unwrap()
}

pub(crate) fn leg(id: &str) -> Leg {
    Leg::new(NAME, id)
}

pub(crate) fn id() -> CallId {
    CallId::new(born(), [7; 10])
}

pub(crate) fn born() -> Timestamp {
    "2026-11-21T08:00:00Z".parse().unwrap()
}

/// A call in `Dialing`.
pub(crate) fn dialing(plan: Plan) -> Call {
    Call::dial(id(), plan, Policy::default(), born()).0
}

/// Somebody rings us.
pub(crate) fn inbound(plan: Plan) -> Call {
    Call::ring(id(), leg(CONTROL), plan, Policy::default(), born()).0
}

pub(crate) fn plan(script: Script) -> Plan {
    Plan::new(NAME, "+15550000001", "+15550000002").with_script(script)
}

pub(crate) fn converse() -> Plan {
    plan(Script::default())
}

/// A call that was dialled.
pub(crate) fn ringing(plan: Plan) -> Call {
    let mut call = dialing(plan);
    tell(&mut call, Signal::new(Fact::Dialed(DialAnswer::Accepted)).on(leg(CONTROL)));
    call
}

/// A call that was dialled and answered.
pub(crate) fn live(plan: Plan) -> Call {
    let mut call = ringing(plan);
    tell(&mut call, Signal::new(Fact::Answered).on(leg(CONTROL)));
    call
}

/// Handles one input, a second after the last.
pub(crate) fn tell(call: &mut Call, input: impl Into<Input>) -> Vec<Effect> {
    let now = call.state().now + Duration::from_secs(1);
    match call.handle(&input.into(), now) {
        Step::Applied(effects) => effects,
        Step::Ignored(reason) => panic!("ignored: {reason:?}"),
    }
}

pub(crate) fn signature(seed: [u8; 32], timestamp: &str, body: &[u8]) -> String {
    let message = [timestamp.as_bytes(), b"|", body].concat();
    BASE64_STANDARD.encode(SigningKey::from_bytes(&seed).sign(&message).to_bytes())
}

pub(crate) fn seed() -> [u8; 32] {
    std::array::from_fn(|at| u8::try_from(at).unwrap())
}

/// The event identity of [`event`].
pub(crate) const EVENT: &str = "6f0c7a52-3c1d-4b5e-9e0a-1d2c3b4a5f60";

/// An event as Telnyx wraps it.
pub(crate) fn wrapped(kind: &str, payload: &Value) -> Value {
    json!({
        "data": {
            "record_type": "event", "event_type": kind, "id": EVENT,
            "occurred_at": "2026-11-21T08:00:02.250123Z", "payload": payload,
        },
        "meta": {"attempt": 1, "delivered_to": "https://calls.example.com/hooks/telnyx/events"},
    })
}

/// The payload that nearly every event has, and `more`.
pub(crate) fn payload(more: &Value) -> Value {
    let mut all = json!({
        "call_control_id": CONTROL, "call_leg_id": LEG, "call_session_id": "5b1e1f52-0a7f-11f1-8f1d-02420a0f5a01",
        "connection_id": CONNECTION, "client_state": ClientState::of(id()).encode(),
        "from": "+15550000001", "to": "+15550000002",
    });
    for (name, value) in more.as_object().unwrap() {
        all[name] = value.clone();
    }
    all
}

/// An event of our call, signed and sent to its own URL.
pub(crate) fn event(kind: &str, more: &Value) -> Result<Received, HookError> {
    post(&Callback::Call(id()).path(), &wrapped(kind, &payload(more)))
}

/// Signed a second before it comes.
pub(crate) fn post(path: &str, body: &Value) -> Result<Received, HookError> {
    post_bytes(path, body.to_string().as_bytes())
}

pub(crate) fn post_bytes(path: &str, body: &[u8]) -> Result<Received, HookError> {
    let timestamp = (born().as_millis() / 1000 - 1).to_string();
    receive("POST", path, &timestamp, &signature(seed(), &timestamp, body), body, born())
}

pub(crate) fn receive(
    method: &str,
    path: &str,
    timestamp: &str,
    signature: &str,
    body: &[u8],
    now: Timestamp,
) -> Result<Received, HookError> {
    let header = |name: &str| match name {
        "telnyx-signature-ed25519" => Some(signature),
        "telnyx-timestamp" => Some(timestamp),
        "content-type" => Some("application/json"),
        _ => None,
    };
    let url = format!("{PUBLIC}/hooks/telnyx{path}");
    hook().receive(&HookRequest { method, url: &url, path, header: &header, body, now })
}

/// One request as it came over the wire.
#[derive(Debug, Clone)]
pub(crate) struct Seen {
    pub(crate) method: Method,
    pub(crate) path: String,
    pub(crate) query: String,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Vec<u8>,
}

impl Seen {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap()
    }
}

/// What the far side answers: status, headers, body.
pub(crate) type Said = (u16, Vec<(&'static str, String)>, String);

/// A far side on a real socket, and the requests that it has seen.
pub(crate) struct Far {
    pub(crate) address: SocketAddr,
    seen: Arc<Mutex<Vec<Seen>>>,
}

impl Far {
    pub(crate) async fn answering(answer: impl Fn(&Seen) -> Said + Send + Sync + 'static) -> Self {
        let seen = Arc::new(Mutex::new(Vec::new()));
        let (log, answer) = (Arc::clone(&seen), Arc::new(answer));
        let handle = move |method: Method, uri: Uri, headers: HeaderMap, body: Bytes| {
            let (log, answer) = (Arc::clone(&log), Arc::clone(&answer));
            async move {
                let query = uri.query().unwrap_or_default().to_owned();
                let seen = Seen { method, path: uri.path().to_owned(), query, headers, body: body.into() };
                let (status, more, body) = answer(&seen);
                log.lock().unwrap().push(seen);
                let mut headers = HeaderMap::new();
                headers.insert(header::CONTENT_TYPE, "application/json".parse().unwrap());
                for (name, value) in more {
                    headers.insert(name, value.parse().unwrap());
                }
                (StatusCode::from_u16(status).unwrap(), headers, body)
            }
        };
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(async move { axum::serve(listener, axum::Router::new().fallback(handle)).await });
        Self { address, seen }
    }

    pub(crate) fn client(&self) -> Telnyx {
        client_at(self.address)
    }

    pub(crate) fn seen(&self) -> Vec<Seen> {
        self.seen.lock().unwrap().clone()
    }
}

pub(crate) fn client_at(address: SocketAddr) -> Telnyx {
    let mut config = config();
    config.base_url = format!("http://{address}/v2");
    config.timeout = Duration::from_secs(2);
    Telnyx::new(&config).unwrap()
}

pub(crate) fn effect_id(call: &Call) -> EffectId {
    EffectId { call: call.id(), version: call.version(), index: 0 }
}

pub(crate) async fn perform(client: &Telnyx, call: &Call, effect: &Effect) -> Answer {
    client.perform(call, &effect_id(call), effect).await
}

pub(crate) fn ok(body: &Value) -> Said {
    (200, Vec::new(), body.to_string())
}

/// What every command answers.
pub(crate) fn taken() -> Said {
    ok(&json!({"data": {"result": "ok"}}))
}

/// An error in Telnyx's shape.
pub(crate) fn refusal(status: u16, code: Option<&str>) -> Said {
    let errors = code.map(|code| json!([{"code": code, "title": "No", "detail": "in detail"}]));
    (status, Vec::new(), json!({"errors": errors.unwrap_or_else(|| json!([]))}).to_string())
}
