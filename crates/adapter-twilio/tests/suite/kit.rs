//! What the tests share: calls in known states, signed messages, and a Twilio made of one closure.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use adapter_twilio::sign::{Signed, sign};
use adapter_twilio::{NAME, Twilio, TwilioConfig, TwilioHook};
use axum::body::Bytes;
use axum::http::{HeaderMap, Method, StatusCode, Uri, header};
use call_core::port::Answer;
use call_core::port::{Hook, HookError, HookRequest, Provider, Received};
use call_core::{
    Call, CallId, DialAnswer, Effect, EffectId, Fact, Input, Leg, Plan, Policy, Script, Signal, Step, Timestamp,
};
use secrecy::SecretString;
use tokio::net::TcpListener;

pub(crate) const ACCOUNT: &str = "AC00000000000000000000000000000001";
pub(crate) const CALL: &str = "CA00000000000000000000000000000001";
pub(crate) const CHILD: &str = "CA00000000000000000000000000000002";
pub(crate) const OTHER: &str = "CA00000000000000000000000000000003";
pub(crate) const TOKEN: &str = "correct-horse";
pub(crate) const PUBLIC: &str = "https://calls.example.com";

pub(crate) fn config() -> TwilioConfig {
    TwilioConfig::new(ACCOUNT, TOKEN, PUBLIC)
}

pub(crate) fn hook() -> TwilioHook {
    TwilioHook::new(&config()).unwrap()
}

pub(crate) fn leg(sid: &str) -> Leg {
    Leg::new(NAME, sid)
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

pub(crate) fn plan(script: Script) -> Plan {
    Plan::new(NAME, "+15550000001", "+15550000002").with_script(script)
}

pub(crate) fn converse() -> Plan {
    plan(Script::Converse { greeting: "Hello!".to_owned() })
}

/// A call that was dialled and answered.
pub(crate) fn live(plan: Plan) -> Call {
    let mut call = dialing(plan);
    tell(&mut call, Signal::new(Fact::Dialed(DialAnswer::Accepted)).on(leg(CALL)));
    tell(&mut call, Signal::new(Fact::Answered).on(leg(CALL)));
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

/// A form message, signed as Twilio would, at a path below the webhooks.
pub(crate) fn post(path: &str, params: &[(&str, &str)]) -> Result<Received, HookError> {
    let pairs = pairs(params);
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

pub(crate) fn pairs(params: &[(&str, &str)]) -> Vec<(String, String)> {
    params.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
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

/// What the far side answers: status, headers, body.
pub(crate) type Said = (u16, Vec<(&'static str, String)>, String);

/// A far side on a real socket, and the requests that it has seen.
pub(crate) struct Far {
    pub(crate) address: SocketAddr,
    pub(crate) seen: Arc<Mutex<Vec<Seen>>>,
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

    pub(crate) fn client(&self) -> Twilio {
        client_at(self.address)
    }

    pub(crate) fn seen(&self) -> Vec<Seen> {
        self.seen.lock().unwrap().clone()
    }
}

pub(crate) fn client_at(address: SocketAddr) -> Twilio {
    let mut config = config();
    config.base_url = format!("http://{address}");
    config.timeout = Duration::from_secs(2);
    Twilio::new(&config).unwrap()
}

pub(crate) async fn perform(client: &Twilio, call: &Call, effect: &Effect) -> Answer {
    client.perform(call, &EffectId { call: call.id(), version: call.version(), index: 0 }, effect).await
}

pub(crate) fn ok(body: &serde_json::Value) -> Said {
    (200, Vec::new(), body.to_string())
}
