//! What the tests share: calls at Telnyx, signed messages, and a client.

use std::sync::LazyLock;
use std::time::Duration;

use adapter_telnyx::{Callback, ClientState, NAME, Telnyx, TelnyxConfig, TelnyxHook};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use call_core::port::{Answer, Hook, HookError, HookRequest, Provider, Received};
use call_core::{Call, Conduct, Effect, Leg, Plan, Script, Timestamp};
use ed25519_dalek::{Signer as _, SigningKey};
use provider_laws::{OpenApi, PUBLIC, Said, Stage, born, effect_id, id};
use serde_json::{Value, json};

pub(crate) const CONTROL: &str = "v3:q7Tz0mVh2kE1rYc9sLxWnB4dGfUaJpK5oCi6DvZyHt8";
pub(crate) const OTHER: &str = "v3:Another_Leg-0123456789==";
pub(crate) const LEG: &str = "5b1e2d6c-0a7f-11f1-9c3e-02420a0f5a01";
pub(crate) const CONNECTION: &str = "2481632640128256512";
pub(crate) const KEY: &str = "KEY-correct-horse";
/// The public half of the seed 00 01 02 … 1f.
pub(crate) const PUBLIC_KEY: &str = "A6EHv/POEL4dcN0Y50vAmWfk1jCbpQ1fHdyGZBJVMbg=";

pub(crate) fn config() -> TelnyxConfig {
    TelnyxConfig::new(KEY, PUBLIC_KEY, CONNECTION, PUBLIC)
}

pub(crate) fn hook() -> TelnyxHook {
    TelnyxHook::new(&config()).unwrap()
}

pub(crate) static SPEC: LazyLock<OpenApi> =
    LazyLock::new(|| OpenApi::read(include_str!("../data/telnyx-call-control.openapi.json")));

pub(crate) fn leg(id: &str) -> Leg {
    Leg::new(NAME, id)
}

pub(crate) fn stage() -> Stage {
    Stage { provider: NAME, leg: CONTROL, conduct: Conduct::Commanded }
}

pub(crate) fn plan(script: Script) -> Plan {
    stage().plan(script)
}

pub(crate) fn converse() -> Plan {
    plan(Script::default())
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

/// A client of the API at `base`.
pub(crate) fn client(base: &str) -> Telnyx {
    let mut config = config();
    config.base_url = base.to_owned();
    config.timeout = Duration::from_secs(1);
    Telnyx::new(&config).unwrap()
}

/// Performs at a far side.
pub(crate) async fn perform(far: &str, call: &Call, effect: &Effect) -> Answer {
    client(&format!("{far}/v2")).perform(call, &effect_id(call), effect).await
}

/// What every command answers.
pub(crate) fn taken() -> Said {
    Said::ok(&json!({"data": {"result": "ok"}}))
}

/// An error in Telnyx's shape.
pub(crate) fn refusal(status: u16, code: Option<u32>) -> Said {
    let error = |code: u32| json!({"code": code.to_string(), "title": "No", "detail": "in detail"});
    let errors: Vec<Value> = code.map(error).into_iter().collect();
    Said::new(status, json!({"errors": errors}).to_string())
}
