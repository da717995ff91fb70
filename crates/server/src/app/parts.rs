//! The parts that the configuration names.

use std::net::SocketAddr;
use std::sync::Arc;

use adapter_retell::{RetellConfig, RetellHook};
use adapter_telnyx::{TelnyxConfig, TelnyxHook};
use adapter_twilio::{ApiKey, TwilioConfig, TwilioHook};
use call_core::port::Functions;
use secrecy::SecretString;
use url::Url;

use super::{Pair, StartError};
use crate::config::{Config, Retell, Secrets, Telnyx, Twilio};
use crate::functions::{HttpFunctions, NoFunctions};

/// The configured providers, each with its webhooks. One without its secret has neither.
pub(super) fn providers(config: &Config) -> Result<Vec<Pair>, StartError> {
    let mut pairs: Vec<Pair> = Vec::new();
    if config.twilio.is_wanted() {
        let ours = twilio(config);
        let part = |error| StartError::Part(format!("twilio.{error}"));
        let hook = TwilioHook::new(&ours).map_err(part)?;
        pairs.push((Arc::new(hook), Arc::new(adapter_twilio::Twilio::new(&ours).map_err(part)?)));
    }
    if config.telnyx.is_wanted() {
        let ours = telnyx(config);
        let part = |error| StartError::Part(format!("telnyx.{error}"));
        let hook = TelnyxHook::new(&ours).map_err(part)?;
        pairs.push((Arc::new(hook), Arc::new(adapter_telnyx::Telnyx::new(&ours).map_err(part)?)));
    }
    if config.retell.is_wanted() {
        let ours = retell(config);
        let part = |error| StartError::Part(format!("retell.{error}"));
        let hook = RetellHook::new(&ours).map_err(part)?;
        pairs.push((Arc::new(hook), Arc::new(adapter_retell::Retell::new(&ours).map_err(part)?)));
    }
    Ok(pairs)
}

/// What the agents of providers may invoke.
pub(super) fn functions(config: &Config) -> Result<Arc<dyn Functions>, StartError> {
    let refused = |error| StartError::Part(format!("functions.url: no HTTP client can be made for it: {error}"));
    Ok(match HttpFunctions::new(&config.functions).map_err(refused)? {
        Some(functions) => Arc::new(functions),
        None => Arc::new(NoFunctions),
    })
}

/// What the adapter must know of the Twilio account.
pub(crate) fn twilio(config: &Config) -> TwilioConfig {
    let Twilio { account_sid, auth_tokens, api_key_sid, api_key_secret, base_url, connect_timeout, timeout, .. } =
        &config.twilio;
    TwilioConfig {
        account_sid: account_sid.clone(),
        auth_tokens: auth_tokens.all().to_vec(),
        api_key: api_key_secret.all().first().map(|secret| ApiKey { sid: api_key_sid.clone(), secret: secret.clone() }),
        base_url: trimmed(base_url),
        public_url: public_url(config),
        connect_timeout: *connect_timeout,
        timeout: *timeout,
    }
}

/// What the adapter must know of the Telnyx application.
pub(crate) fn telnyx(config: &Config) -> TelnyxConfig {
    let Telnyx { connection_id, api_key, public_keys, voice, machine_detection, base_url, .. } = &config.telnyx;
    TelnyxConfig {
        api_key: first(api_key),
        public_keys: public_keys.clone(),
        connection_id: connection_id.clone(),
        base_url: trimmed(base_url),
        public_url: public_url(config),
        voice: voice.clone(),
        machine_detection: *machine_detection,
        replay_window: config.telnyx.replay_window,
        connect_timeout: config.telnyx.connect_timeout,
        timeout: config.telnyx.timeout,
    }
}

/// What the adapter must know of the Retell workspace.
pub(crate) fn retell(config: &Config) -> RetellConfig {
    let Retell { api_keys, agent_id, base_url, replay_window, connect_timeout, timeout, .. } = &config.retell;
    RetellConfig {
        api_key: first(api_keys),
        webhook_keys: api_keys.all().to_vec(),
        agent_id: Some(agent_id.clone()).filter(|id| !id.is_empty()),
        base_url: trimmed(base_url),
        public_url: public_url(config),
        replay_window: *replay_window,
        connect_timeout: *connect_timeout,
        timeout: *timeout,
    }
}

/// An empty one if there is none, which no adapter takes.
fn first(secrets: &Secrets) -> SecretString {
    secrets.all().first().cloned().unwrap_or_default()
}

fn public_url(config: &Config) -> String {
    config.server.public_url.as_ref().map(trimmed).unwrap_or_default()
}

fn trimmed(url: &Url) -> String {
    url.as_str().trim_end_matches('/').to_owned()
}

/// What the public URL is if none is set: only this machine can reach it.
pub(super) fn loopback_url(address: SocketAddr) -> Url {
    Url::parse(&format!("http://{address}")).expect("a socket address is a valid authority")
}
