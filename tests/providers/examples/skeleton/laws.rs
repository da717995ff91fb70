//! The skeleton, as the laws see it.

use std::sync::LazyLock;
use std::time::Duration;

use call_core::{ProviderName, Script, Timestamp};
use provider_laws::{Adapter, Key, Message, OpenApi, Recordings, Said, Signing, id};
use secrecy::SecretString;
use serde_json::json;

use crate::skeleton::{Acme, AcmeHook, NAME, sign};

pub(crate) const KEY: &str = "correct-horse";
static OPENAPI: LazyLock<OpenApi> = LazyLock::new(|| OpenApi::read(include_str!("openapi.json")));

pub struct AtAcme;

impl Adapter for AtAcme {
    type Hook = AcmeHook;
    type Provider = Acme;

    const NAME: ProviderName = NAME;
    const SIGNING: Signing =
        Signing { headers: &["x-acme-signature", "x-acme-time"], url: false, window: Some(Duration::from_secs(300)) };
    const LEGS: [&'static str; 2] = ["a-1", "a-2"];
    const CANNOT: &'static [&'static str] = &[
        "answer",
        "speak",
        "speak in place of other words",
        "play a sound",
        "play in place of words",
        "hush",
        "gather keys",
        "gather many keys",
        "gather keys, asking for them",
        "bridge",
        "start to record",
        "stop to record",
        "open the stream",
        "close the stream",
        "transfer to a number",
        "transfer to a SIP address",
        "transfer to a client",
        "say",
        "converse",
        "connect to a number",
        "connect to a SIP address",
        "connect to a client",
        "stream",
    ];
    const SECRETS: &'static [&'static str] = &[KEY];

    fn script() -> Script {
        Script::Agent { id: None }
    }

    fn hook() -> AcmeHook {
        AcmeHook(SecretString::from(KEY))
    }

    fn provider(base: &str) -> Acme {
        let http = reqwest::Client::builder().timeout(Duration::from_secs(1)).tls_certs_only([]).no_proxy();
        let http = http.redirect(reqwest::redirect::Policy::none()).retry(reqwest::retry::never());
        let _ = rustls::crypto::ring::default_provider().install_default();
        Acme(http.build().expect("an HTTP client"), base.to_owned(), SecretString::from(KEY))
    }

    fn config() -> String {
        String::new()
    }

    fn sign(message: Message, key: Key, at: Timestamp) -> Message {
        let (key, time) = (if key == Key::Ours { KEY } else { "battery-staple" }, at.as_millis().to_string());
        let signature = sign(key, &time, &message.body);
        message.with_header("x-acme-time", time).with_header("x-acme-signature", signature)
    }

    fn recordings() -> Recordings {
        Recordings::read(include_str!("laws.json"), &[])
    }

    fn unknown(event: &str) -> Message {
        Message::json("/events", &json!({"id": "e9", "event": event, "call": "a-1", "ours": id().to_string()}))
    }

    fn with_field(message: Message, name: &str, value: &str) -> Message {
        message.with_json(|json| json[name] = json!(value))
    }

    fn refusal(status: u16, _: Option<u32>) -> Said {
        Said::new(status, "{}")
    }

    fn openapi() -> &'static OpenApi {
        &OPENAPI
    }
}
