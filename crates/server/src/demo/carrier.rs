//! The providers of the demo: each has numbers of its own on the simulated network, and an account in the configuration.

use std::time::Duration;

use anyhow::Result;
use serde_json::{Value, json};
use simulator::{Agent, Function, Network, Number, Provider};
use url::Url;

use crate::config::{Config, Secrets};

/// Whose network it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Choice {
    /// TwiML and callbacks.
    Twilio,
    /// Commands and events.
    Telnyx,
    /// An agent platform that calls back.
    Retell,
    /// Each in its turn.
    All,
}

impl Choice {
    /// The providers that it stands for.
    pub(super) const fn providers(self) -> &'static [Provider] {
        match self {
            Self::Twilio => &[Provider::Twilio],
            Self::Telnyx => &[Provider::Telnyx],
            Self::Retell => &[Provider::Retell],
            Self::All => &Provider::ALL,
        }
    }
}

/// The number that a provider's calls come from, and that people ring.
pub(super) fn ours(provider: Provider) -> String {
    format!("+1555010010{}", digit(provider))
}

/// A number that connects its callers to a person; an agent connects nobody.
pub(super) fn connects(provider: Provider) -> Option<String> {
    (provider != Provider::Retell).then(|| format!("+1555010020{}", digit(provider)))
}

fn digit(provider: Provider) -> usize {
    Provider::ALL.iter().position(|known| *known == provider).unwrap_or_default()
}

/// Sets up a provider's account on the network that is about to start, for a server at `public`.
pub(super) fn set_up(network: &mut simulator::Config, provider: Provider, public: &str) {
    let hook = |path: &str| format!("{public}/hooks/{provider}/{path}");
    let number = |number: String| match provider {
        Provider::Telnyx => Number::at(provider, number),
        Provider::Retell => Number::at(provider, number).inbound_webhook(hook("inbound")),
        Provider::Twilio => Number::new(number, hook("voice")).status_callback(hook("status")),
    };
    network.numbers.push(number(ours(provider)));
    network.numbers.extend(connects(provider).map(number));
    if provider == Provider::Telnyx {
        network.telnyx.webhook_url = Some(hook("events"));
    }
    if provider == Provider::Retell {
        let function = |name: &str| Function::new(name, hook("functions")).timeout(Duration::from_secs(10)).retrying(2);
        let agent = Agent::new("agent_clinic").webhook(hook("events"));
        let agent = agent.function(function("initialize_call"));
        network.retell.agents = vec![agent.function(function("check_availability").argument("day", "Friday").after(2))];
    }
}

/// Tells the server of a provider's account.
pub(super) fn configure(config: &mut Config, provider: Provider, network: &Network) -> Result<()> {
    let defaults = simulator::Config::default();
    let timeout = Duration::from_secs(2);
    match provider {
        Provider::Telnyx => {
            config.telnyx.connection_id = defaults.telnyx.connection_id;
            config.telnyx.api_key = Secrets::parse(defaults.telnyx.api_key.reveal());
            config.telnyx.public_keys = vec![network.telnyx_public_key()];
            config.telnyx.from = ours(provider);
            config.telnyx.base_url = Url::parse(&network.telnyx_url())?;
            config.telnyx.timeout = timeout;
        }
        Provider::Retell => {
            config.retell.api_keys = Secrets::parse(defaults.retell.api_key.reveal());
            config.retell.from = ours(provider);
            config.retell.base_url = Url::parse(&network.retell_url())?;
            config.retell.timeout = timeout;
        }
        Provider::Twilio => {
            config.twilio.account_sid = defaults.account_sid;
            config.twilio.auth_tokens = Secrets::parse(defaults.auth_token.reveal());
            config.twilio.from = ours(provider);
            config.twilio.base_url = Url::parse(&network.base_url())?;
            config.twilio.timeout = timeout;
        }
    }
    Ok(())
}

/// What the nth call is about: all kinds that the provider can carry out.
pub(super) fn script(provider: Provider, nth: usize) -> Value {
    if provider == Provider::Retell {
        return json!({ "do": "agent" });
    }
    match nth % 5 {
        0 => json!({ "do": "connect", "to": format!("+1404{:07}", 2_000_000 + nth) }),
        1 => json!({ "do": "say", "text": "Your appointment is tomorrow at ten. Goodbye." }),
        _ => json!({ "do": "converse", "greeting": "Hello, this is the clinic. How can I help?" }),
    }
}
