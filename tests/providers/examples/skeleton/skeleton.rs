//! The smallest whole adapter: an agent of Acme's own talks, and Acme tells in JSON what happened.

use std::time::Duration;

use call_core::port::{Answer, Hook, HookError, HookRequest, Inadmissible, Provider, Question, Received, Reply};
use call_core::{Address, Call, Conduct, DialAnswer, Disposition, Effect, EffectId, Fact, HangupAnswer, Hungup, Leg};
use call_core::{Plan, Progress, ProviderName, Report, Script, Signal};
use hmac::{Hmac, KeyInit as _, Mac as _};
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::{Map, Value, json};

pub(crate) const NAME: ProviderName = ProviderName::new("acme");
const OVER: Hungup = Hungup::new(Disposition::Completed);
const KNOWN: [&str; 5] = ["id", "event", "call", "ours", "reason"];

/// Reads Acme's webhooks, which are signed with this key.
#[derive(Debug)]
pub struct AcmeHook(pub SecretString);

/// Hexadecimal HMAC-SHA256 of the time, in milliseconds, and the body.
pub fn sign(key: &str, time: &str, body: &[u8]) -> String {
    let mac = Hmac::<sha2::Sha256>::new_from_slice(key.as_bytes()).expect("a key of any length will do for HMAC");
    let digest = mac.chain_update(time).chain_update(body).finalize().into_bytes();
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}

impl Hook for AcmeHook {
    fn name(&self) -> ProviderName {
        NAME
    }

    fn receive(&self, request: &HookRequest<'_>) -> Result<Received, HookError> {
        let header = |name| (request.header)(name).ok_or(HookError::Unsigned);
        let (time, claimed) = (header("x-acme-time")?, header("x-acme-signature")?);
        let sent: i64 = time.parse().map_err(|_| HookError::Unsigned)?;
        let genuine = sign(self.0.expose_secret(), time, request.body);
        let is_genuine = bool::from(subtle::ConstantTimeEq::ct_eq(genuine.as_bytes(), claimed.as_bytes()));
        if !is_genuine || request.now.as_millis().abs_diff(sent) > 300_000 {
            return Err(HookError::Unsigned);
        }
        if request.path != "/events" {
            return Err(HookError::UnknownPath);
        }
        let read = serde_json::from_slice::<Map<String, Value>>(request.body);
        let body = read.map_err(|e| HookError::Malformed(e.to_string()))?;
        let text = |name| body.get(name).and_then(Value::as_str);
        let (Some(id), Some(event), Some(leg)) = (text("id"), text("event"), text("call").and_then(leg)) else {
            return Err(HookError::Malformed("id, event or call is missing".to_owned()));
        };
        let fact = match (event, text("reason")) {
            ("ringing", _) => Fact::Progress(Progress::Ringing),
            ("answered", _) => Fact::Answered,
            ("ended", Some("busy")) => Fact::Ended(Hungup::new(Disposition::Busy)),
            ("ended", _) => Fact::Ended(OVER),
            (other, _) => Fact::Unknown(short(other)),
        };
        let is_secret = |name: &str| ["token", "secret", "password"].iter().any(|w| name.to_lowercase().contains(w));
        let new = body.iter().filter(|(name, _)| !KNOWN.contains(&name.as_str()) && !is_secret(name)).take(32);
        let extra = new.map(|(name, value)| (short(name), short(value.as_str().unwrap_or(&value.to_string()))));
        let signal = Signal { extra: extra.collect(), ..Signal::new(fact).on(leg.clone()).keyed(short(id)) };
        let address = Address { call: text("ours").and_then(|name| name.parse().ok()), leg, begins: false };
        Ok(Received { address, signals: vec![signal], question: None, inbound: None })
    }

    fn reply(&self, _: &Question, _: Option<&Call>) -> Reply {
        self.acknowledge()
    }

    fn acknowledge(&self) -> Reply {
        Reply { status: 204, content_type: "text/plain", body: String::new() }
    }
}

fn short(text: &str) -> String {
    text.chars().take(500).collect()
}

/// Acme's name for a call. It becomes a part of a path.
fn leg(id: &str) -> Option<Leg> {
    let is_name = (1..=64).contains(&id.len()) && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
    is_name.then(|| Leg::new(NAME, id))
}

/// Performs effects at Acme. Its HTTP client follows no redirect, retries nothing and gives up in time.
#[derive(Debug)]
pub struct Acme(pub reqwest::Client, pub String, pub SecretString);

impl Acme {
    /// What Acme says to a request, or what its refusal or silence proves; a refusal comes with its status.
    async fn ask(&self, path: &str, body: Value) -> Result<Value, (u16, Answer)> {
        let url = format!("{}{path}", self.1);
        let request = if body.is_null() { self.0.get(url) } else { self.0.post(url).json(&body) };
        let sent = request.bearer_auth(self.2.expose_secret()).send().await;
        let answer = match sent.map_err(reqwest::Error::without_url) {
            Ok(answer) => answer,
            Err(e) if e.is_connect() => return Err((0, Answer::Later { after: None, why: e.to_string() })),
            Err(e) => return Err((0, Answer::Unknown { why: e.to_string() })),
        };
        let status = answer.status().as_u16();
        let after = answer.headers().get("retry-after").and_then(|value| value.to_str().ok()?.parse().ok());
        let Ok(said) = answer.bytes().await else { return Err((0, Answer::Unknown { why: "cut short".to_owned() })) };
        let why = format!("acme answered {status}");
        match status {
            200..=299 => Ok(serde_json::from_slice(&said).unwrap_or_default()),
            429 => Err((status, Answer::Later { after: after.map(Duration::from_secs), why })),
            408 | 500.. => Err((status, Answer::Unknown { why })),
            _ => Err((status, Answer::Refused { why })),
        }
    }
}

#[async_trait::async_trait]
impl Provider for Acme {
    fn name(&self) -> ProviderName {
        NAME
    }

    fn admit(&self, plan: &Plan) -> Result<Conduct, Inadmissible> {
        let is_agents = matches!(plan.script, Script::Agent { .. });
        if is_agents { Ok(Conduct::Agent) } else { Err(Inadmissible("Acme has only its own agent".to_owned())) }
    }

    async fn perform(&self, call: &Call, _: &EffectId, effect: &Effect) -> Answer {
        let (plan, ours) = (call.plan(), call.id().to_string());
        let (path, body) = match (effect, call.legs().first()) {
            (Effect::Dial, _) => ("/calls".to_owned(), json!({"from": plan.from, "to": plan.to, "ours": ours})),
            (Effect::Hangup { leg }, _) if self::leg(&leg.id).as_ref() == Some(leg) => {
                (format!("/calls/{}/hangup", leg.id), json!({}))
            }
            (Effect::Reconcile, Some(first)) => (format!("/calls/{}", first.leg.id), Value::Null),
            (Effect::Reconcile, None) => (format!("/calls/{ours}"), Value::Null),
            (other, _) => return Answer::Refused { why: format!("Acme's agent does not {}", other.as_str()) },
        };
        let signal = match (effect, self.ask(&path, body).await) {
            (Effect::Dial, Ok(said)) => match said["id"].as_str().and_then(leg) {
                Some(leg) => Signal::new(Fact::Dialed(DialAnswer::Accepted)).on(leg),
                None => return Answer::Unknown { why: "acme took the call, and gave it no name".to_owned() },
            },
            (Effect::Hangup { .. }, Ok(_)) => Signal::new(Fact::HangupAnswer(HangupAnswer::Accepted)),
            (Effect::Hangup { .. }, Err((404 | 409, _))) => Signal::new(Fact::HangupAnswer(HangupAnswer::AlreadyEnded)),
            (Effect::Reconcile, Ok(said)) if said["state"] == "live" => Signal::new(Fact::Report(Report::InProgress)),
            (Effect::Reconcile, Ok(said)) if said["state"] == "over" => Signal::new(Fact::Report(Report::Ended(OVER))),
            (Effect::Reconcile, Err((404, _))) => Signal::new(Fact::Report(Report::Gone)),
            (_, Err((_, answer))) => return answer,
            (_, Ok(_)) => return Answer::Unknown { why: "acme's answer cannot be read".to_owned() },
        };
        Answer::Done(vec![signal])
    }
}
