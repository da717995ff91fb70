//! The laws of all providers, at Telnyx.

use std::time::Duration;

use adapter_telnyx::{ClientState, NAME, Telnyx, TelnyxHook};
use call_core::{ProviderName, Timestamp};
use provider_laws::{Adapter, Key, Message, OpenApi, Recordings, Said, Signing, id};
use serde_json::{Value, json};

use crate::kit::{CONTROL, KEY, OTHER, SPEC, client, config, hook, payload, refusal, seed, signature, wrapped};

struct AtTelnyx;

impl Adapter for AtTelnyx {
    type Hook = TelnyxHook;
    type Provider = Telnyx;

    const NAME: ProviderName = NAME;
    const SIGNING: Signing = Signing {
        headers: &["telnyx-signature-ed25519", "telnyx-timestamp"],
        url: false,
        window: Some(Duration::from_secs(300)),
    };
    const LEGS: [&'static str; 2] = [CONTROL, OTHER];
    const CANNOT: &'static [&'static str] = &["agent", "connect to a client", "transfer to a client"];
    const SECRETS: &'static [&'static str] = &[KEY];

    fn hook() -> TelnyxHook {
        hook()
    }

    fn provider(base: &str) -> Telnyx {
        client(base)
    }

    fn config() -> String {
        format!("{:?}", config())
    }

    fn sign(message: Message, key: Key, at: Timestamp) -> Message {
        let timestamp = (at.as_millis() / 1000).to_string();
        let seed = if key == Key::Ours { seed() } else { [9; 32] };
        let signature = signature(seed, &timestamp, &message.body);
        message.with_header("telnyx-timestamp", timestamp).with_header("telnyx-signature-ed25519", signature)
    }

    fn recordings() -> Recordings {
        let ours = ClientState::of(id());
        let child = ClientState { parent: Some(CONTROL.to_owned()), ..ours.clone() };
        let speech = ClientState { speech: Some("greeting".to_owned()), ..ours.clone() };
        let until = Some(call_core::Key::HASH);
        let gather = ClientState { gather: Some("pin".to_owned()), until, ..ours.clone() };
        let gather = ("gather", gather.encode());
        let words = [gather, ("state", ours.encode()), ("child", child.encode()), ("speech", speech.encode())];
        Recordings::read(include_str!("../data/laws.json"), &words)
    }

    fn unknown(event: &str) -> Message {
        Message::json(format!("/{}/events", id()), &wrapped(&format!("call.{event}"), &payload(&json!({}))))
    }

    fn with_field(message: Message, name: &str, value: &str) -> Message {
        message.with_json(|json| json["data"]["payload"][name] = json!(value))
    }

    fn again(message: Message) -> Message {
        message.with_json(|json| json["meta"]["attempt"] = json!(2))
    }

    fn refusal(status: u16, code: Option<u32>) -> Said {
        refusal(status, code)
    }

    fn openapi() -> &'static OpenApi {
        &SPEC
    }

    /// The file's example of a cursor leads on for ever.
    fn mended(mut example: Value) -> Value {
        if let Some(fields) = example.as_object_mut() {
            fields.remove("meta");
        }
        example
    }
}

provider_laws::provider_laws!(AtTelnyx);
