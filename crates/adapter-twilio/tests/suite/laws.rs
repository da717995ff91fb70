//! The laws of all providers, at Twilio.

use adapter_twilio::sign::{Signed, sign};
use adapter_twilio::{NAME, Twilio, TwilioHook};
use call_core::{ProviderName, Timestamp};
use provider_laws::{Adapter, Key, Message, OpenApi, Recordings, Said, Signing, id};
use secrecy::SecretString;

use crate::kit::{ACCOUNT, CALL, OTHER, SPEC, TOKEN, client, config, hook, refusal};

struct AtTwilio;

impl Adapter for AtTwilio {
    type Hook = TwilioHook;
    type Provider = Twilio;

    const NAME: ProviderName = NAME;
    const SIGNING: Signing = Signing { headers: &["x-twilio-signature"], url: true, window: None };
    const LEGS: [&'static str; 2] = [CALL, OTHER];
    const CANNOT: &'static [&'static str] = &["agent", "answer", "bridge"];
    const SECRETS: &'static [&'static str] = &[TOKEN];

    fn hook() -> TwilioHook {
        hook()
    }

    fn provider(base: &str) -> Twilio {
        client(base)
    }

    fn config() -> String {
        format!("{:?}", config())
    }

    fn sign(message: Message, key: Key, _: Timestamp) -> Message {
        let token = SecretString::from(if key == Key::Ours { TOKEN } else { "another-token" });
        let pairs: Vec<_> = form_urlencoded::parse(&message.body).collect();
        let signature = sign(&token, &message.url(NAME.as_str()), Signed::Form(&pairs));
        message.with_header("x-twilio-signature", signature)
    }

    fn recordings() -> Recordings {
        Recordings::read(include_str!("../data/laws.json"), &[])
    }

    fn unknown(event: &str) -> Message {
        let stream = [("AccountSid", ACCOUNT), ("CallSid", CALL), ("StreamSid", "MZ1"), ("StreamEvent", event)];
        Message::form(format!("/{}/stream", id()), &stream)
    }

    fn with_field(message: Message, name: &str, value: &str) -> Message {
        message.with_pair(name, value)
    }

    fn again(message: Message) -> Message {
        message.with_header("i-twilio-idempotency-token", "2f1c7a52")
    }

    fn refusal(status: u16, code: Option<u32>) -> Said {
        refusal(status, code)
    }

    fn openapi() -> &'static OpenApi {
        &SPEC
    }
}

provider_laws::provider_laws!(AtTwilio);
