//! What the tests share: calls at Twilio, signed messages, and a client.

use std::sync::LazyLock;
use std::time::Duration;

use adapter_twilio::sign::{Pair, Signed, sign};
use adapter_twilio::{NAME, Twilio, TwilioConfig, TwilioHook};
use call_core::port::{Answer, Hook, HookError, HookRequest, Provider, Received};
use call_core::{Call, Conduct, Effect, Leg, Plan, Script};
use provider_laws::{OpenApi, PUBLIC, Said, Stage, born, effect_id};
use secrecy::SecretString;
use serde_json::json;

pub(crate) const ACCOUNT: &str = "AC00000000000000000000000000000001";
pub(crate) const CALL: &str = "CA00000000000000000000000000000001";
pub(crate) const CHILD: &str = "CA00000000000000000000000000000002";
pub(crate) const OTHER: &str = "CA00000000000000000000000000000003";
pub(crate) const TOKEN: &str = "correct-horse";

pub(crate) static SPEC: LazyLock<OpenApi> =
    LazyLock::new(|| OpenApi::read(include_str!("../data/twilio-calls.openapi.json")));

pub(crate) fn config() -> TwilioConfig {
    TwilioConfig::new(ACCOUNT, TOKEN, PUBLIC)
}

pub(crate) fn hook() -> TwilioHook {
    TwilioHook::new(&config()).unwrap()
}

pub(crate) fn leg(sid: &str) -> Leg {
    Leg::new(NAME, sid)
}

pub(crate) fn stage() -> Stage {
    Stage { provider: NAME, leg: CALL, conduct: Conduct::Asked }
}

pub(crate) fn plan(script: Script) -> Plan {
    stage().plan(script)
}

pub(crate) fn converse() -> Plan {
    plan(Script::Converse { greeting: "Hello!".to_owned() })
}

/// A form message, signed as Twilio would, at a path below the webhooks.
pub(crate) fn post(path: &str, params: &[(&str, &str)]) -> Result<Received, HookError> {
    let pairs: Vec<Pair<'_>> = params.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect();
    let url = format!("{PUBLIC}/hooks/twilio{path}");
    let signature = sign(&SecretString::from(TOKEN), &url, Signed::Form(&pairs));
    let body = form_urlencoded::Serializer::new(String::new()).extend_pairs(&pairs).finish();
    receive("POST", &url, path, &signature, body.as_bytes())
}

/// The same with the parameters that every message has.
pub(crate) fn message(path: &str, params: &[(&str, &str)]) -> Result<Received, HookError> {
    let mut all = vec![
        ("AccountSid", ACCOUNT),
        ("CallSid", CALL),
        ("From", "+15550000001"),
        ("To", "+15550000002"),
        ("ApiVersion", "2010-04-01"),
        ("Direction", "outbound-api"),
    ];
    all.retain(|(name, _)| params.iter().all(|(other, _)| other != name));
    all.extend(params);
    post(path, &all)
}

pub(crate) fn receive(
    method: &str,
    url: &str,
    path: &str,
    signature: &str,
    body: &[u8],
) -> Result<Received, HookError> {
    let header = |name: &str| match name {
        "x-twilio-signature" => Some(signature),
        "content-type" => Some("application/x-www-form-urlencoded; charset=UTF-8"),
        _ => None,
    };
    hook().receive(&HookRequest { method, url, path, header: &header, body, now: born() })
}

/// A client of the API at `base`.
pub(crate) fn client(base: &str) -> Twilio {
    let mut config = config();
    config.base_url = base.to_owned();
    config.timeout = Duration::from_secs(1);
    Twilio::new(&config).unwrap()
}

/// Performs at a far side.
pub(crate) async fn perform(far: &str, call: &Call, effect: &Effect) -> Answer {
    client(far).perform(call, &effect_id(call), effect).await
}

/// An error in Twilio's classic shape.
pub(crate) fn refusal(status: u16, code: Option<u32>) -> Said {
    let body =
        json!({"code": code, "message": "no", "more_info": "https://www.twilio.com/docs/errors", "status": status});
    Said::new(status, body.to_string())
}
