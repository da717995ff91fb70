//! The laws of all providers, at Retell.

use std::time::Duration;

use adapter_retell::{NAME, Retell, RetellHook};
use call_core::{ProviderName, Script, Timestamp};
use provider_laws::{Adapter, Key, Message, OpenApi, Recordings, Said, Signing, id};
use serde_json::{Value, json};

use crate::kit::{CALL, KEY, OTHER, client, config, hook, object, refusal, sign, spec};

struct AtRetell;

impl Adapter for AtRetell {
    type Hook = RetellHook;
    type Provider = Retell;

    const NAME: ProviderName = NAME;
    const SIGNING: Signing =
        Signing { headers: &["x-retell-signature"], url: false, window: Some(Duration::from_secs(300)) };
    const LEGS: [&'static str; 2] = [CALL, OTHER];
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

    fn hook() -> RetellHook {
        hook()
    }

    fn provider(base: &str) -> Retell {
        client(base)
    }

    fn config() -> String {
        format!("{:?}", config())
    }

    fn sign(message: Message, key: Key, at: Timestamp) -> Message {
        sign(message, if key == Key::Ours { KEY } else { "key_of_somebody_else" }, at)
    }

    fn recordings() -> Recordings {
        Recordings::read(include_str!("../data/laws.json"), &[])
    }

    fn unknown(event: &str) -> Message {
        Message::json("/events", &json!({"event": format!("call_{event}"), "call": object(&json!({}))}))
    }

    /// Beside the arguments of a function, there is only the query.
    fn with_field(message: Message, name: &str, value: &str) -> Message {
        if message.path.contains('?') {
            return Message { path: format!("{}&{name}={}", message.path, value.replace(' ', "+")), ..message };
        }
        message.with_json(|json| {
            let place = if json["call_inbound"].is_object() { "call_inbound" } else { "call" };
            json[place][name] = json!(value);
        })
    }

    fn refusal(status: u16, _: Option<u32>) -> Said {
        refusal(status)
    }

    fn openapi() -> &'static OpenApi {
        spec()
    }

    /// A list that was filtered by our name has calls with our name.
    fn mended(mut example: Value) -> Value {
        if let Some(items) = example["items"].as_array_mut() {
            items.iter_mut().for_each(|item| item["metadata"] = json!({"call_id": id().to_string()}));
        }
        example
    }
}

provider_laws::provider_laws!(AtRetell);
