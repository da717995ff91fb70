//! What the tests share: the adapter in its smallest configuration, and messages as Retell sends them.

use std::sync::LazyLock;
use std::time::Duration;

use adapter_retell::sign::Key;
use adapter_retell::{NAME, Retell, RetellConfig, RetellHook};
use call_core::port::{Answer, HookError, Provider as _, Received};
use call_core::{Call, Conduct, Effect, Leg, Plan, Script, Timestamp};
use provider_laws::{Message, OpenApi, PUBLIC, Said, Stage, born, effect_id, id};
use serde_json::{Value, json};

pub(crate) const CALL: &str = "call_5f0e1d2c3b4a59687786a5b4c3d2";
pub(crate) const OTHER: &str = "Jabr9TXYYJHfvl6Syypi88rdAHYHmcq6";
pub(crate) const KEY: &str = "key_correct-horse-0123456789";
pub(crate) const AGENT: &str = "agent_a1b2c3d4e5f60718293a4b5c6d";

pub(crate) fn config() -> RetellConfig {
    RetellConfig { agent_id: Some(AGENT.to_owned()), ..RetellConfig::new(KEY, PUBLIC) }
}

pub(crate) fn hook() -> RetellHook {
    RetellHook::new(&config()).unwrap()
}

/// A client of an API at `base`, which gives up after a second.
pub(crate) fn client(base: &str) -> Retell {
    let config = RetellConfig { base_url: base.to_owned(), timeout: Duration::from_secs(1), ..config() };
    Retell::new(&config).unwrap()
}

pub(crate) fn leg(id: &str) -> Leg {
    Leg::new(NAME, id)
}

pub(crate) fn stage() -> Stage {
    Stage { provider: NAME, leg: CALL, conduct: Conduct::Agent }
}

pub(crate) fn plan() -> Plan {
    stage().plan(Script::Agent { id: None })
}

pub(crate) fn sign(message: Message, key: &str, at: Timestamp) -> Message {
    let header = Key::new(key).sign(&message.body, at);
    message.with_header("x-retell-signature", header)
}

/// Signed now, and read now.
pub(crate) fn tell(message: Message) -> Result<Received, HookError> {
    sign(message, KEY, born()).tell(&hook(), born())
}

pub(crate) fn post(path: &str, body: &Value) -> Result<Received, HookError> {
    tell(Message::json(path, body))
}

/// What every call object of our call has, and `more`.
pub(crate) fn object(more: &Value) -> Value {
    let mut call = json!({
        "call_id": CALL, "call_type": "phone_call", "agent_id": AGENT, "agent_version": 3, "call_status": "ongoing",
        "direction": "outbound", "from_number": "+15550000001", "to_number": "+15550000002",
        "metadata": {"call_id": id().to_string()}, "start_timestamp": 1_795_248_004_000_i64,
    });
    for (name, value) in more.as_object().unwrap() {
        call[name] = value.clone();
    }
    call
}

/// A call object that does not carry our name.
pub(crate) fn foreign(more: &Value) -> Value {
    let mut call = object(more);
    call.as_object_mut().unwrap().remove("metadata");
    call
}

pub(crate) fn event(kind: &str, call: &Value) -> Result<Received, HookError> {
    post("/events", &json!({"event": kind, "call": call}))
}

pub(crate) async fn perform(base: &str, call: &Call, effect: &Effect) -> Answer {
    client(base).perform(call, &effect_id(call), effect).await
}

/// An error in Retell's shape.
pub(crate) fn refusal(status: u16) -> Said {
    Said::new(
        status,
        json!({"status": "error", "message": "Cannot find requested asset under given api key."}).to_string(),
    )
}

pub(crate) fn spec() -> &'static OpenApi {
    static SPEC: LazyLock<OpenApi> = LazyLock::new(|| OpenApi::read(include_str!("../data/retell-calls.openapi.json")));
    &SPEC
}
