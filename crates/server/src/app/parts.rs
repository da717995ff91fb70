//! The parts that the configuration names.

use std::net::SocketAddr;
use std::sync::Arc;

use adapter_twilio::{ApiKey, ConfigError, TwilioConfig, TwilioHook};
use url::Url;

use super::{Pair, StartError};
use crate::config::{Config, Twilio};

/// The configured providers, each with its webhooks.
pub(super) fn providers(config: &Config) -> Result<Vec<Pair>, StartError> {
    let mut pairs = Vec::new();
    if config.twilio.is_wanted() {
        pairs.push(twilio(config).map_err(|error| StartError::Part(format!("twilio.{error}")))?);
    }
    Ok(pairs)
}

fn twilio(config: &Config) -> Result<Pair, ConfigError> {
    let Twilio { account_sid, auth_tokens, api_key_sid, api_key_secret, base_url, connect_timeout, timeout, .. } =
        &config.twilio;
    let ours = TwilioConfig {
        account_sid: account_sid.clone(),
        auth_tokens: auth_tokens.all().to_vec(),
        api_key: api_key_secret.all().first().map(|secret| ApiKey { sid: api_key_sid.clone(), secret: secret.clone() }),
        base_url: trimmed(base_url),
        public_url: config.server.public_url.as_ref().map(trimmed).unwrap_or_default(),
        connect_timeout: *connect_timeout,
        timeout: *timeout,
    };
    Ok((Arc::new(TwilioHook::new(&ours)?), Arc::new(adapter_twilio::Twilio::new(&ours)?)))
}

fn trimmed(url: &Url) -> String {
    url.as_str().trim_end_matches('/').to_owned()
}

/// What the public URL is if none is set: only this machine can reach it.
pub(super) fn loopback_url(address: SocketAddr) -> Url {
    Url::parse(&format!("http://{address}")).expect("a socket address is a valid authority")
}
