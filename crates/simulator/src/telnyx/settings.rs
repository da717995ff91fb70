//! The Telnyx account, as it is when the network starts.

use std::fmt;

use crate::config::Secret;

/// The Telnyx account. Start from [`TelnyxConfig::default`] and set what matters.
#[derive(Clone)]
pub struct TelnyxConfig {
    /// The API key: bearer token of the REST API.
    pub api_key: Secret,
    /// Seed of the Ed25519 key that signs webhooks; [`Network::telnyx_public_key`](crate::Network::telnyx_public_key)
    /// shows the public half.
    pub signing_seed: [u8; 32],
    /// The account's Call Control application.
    pub connection_id: String,
    /// Where the application's webhooks go, unless a call brings an address of its own. `None`: nowhere, and no call can
    /// be placed.
    pub webhook_url: Option<String>,
    /// Where they go when that address fails.
    pub webhook_failover_url: Option<String>,
    /// `2`, or `1`, which is what Telnyx gives to a new application and whose messages have another shape.
    pub webhook_api_version: String,
    /// Whether `call.cost` is sent.
    pub call_cost_in_webhooks: bool,
}

impl Default for TelnyxConfig {
    fn default() -> Self {
        Self {
            api_key: Secret::new("KEY0123456789ABCDEF_simulated"),
            signing_seed: std::array::from_fn(|index| index as u8),
            connection_id: "2481632640128256512".into(),
            webhook_url: None,
            webhook_failover_url: None,
            webhook_api_version: "2".into(),
            call_cost_in_webhooks: false,
        }
    }
}

impl fmt::Debug for TelnyxConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TelnyxConfig")
            .field("connection_id", &self.connection_id)
            .field("webhook_url", &self.webhook_url)
            .field("webhook_api_version", &self.webhook_api_version)
            .finish_non_exhaustive()
    }
}
