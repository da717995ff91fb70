//! Telnyx's face of the network: commands, signed events.

use std::sync::Arc;

use axum::Router;

use crate::{config::Secret, network::Caller, world::World};

/// The Telnyx account.
#[derive(Debug, Clone)]
pub struct TelnyxConfig {
    /// The API key: bearer token of the REST API.
    pub api_key: Secret,
}

impl Default for TelnyxConfig {
    fn default() -> Self {
        Self { api_key: Secret::new("KEYsimulated") }
    }
}

/// One Telnyx account on the network.
#[derive(Debug)]
pub(crate) struct Face {
    pub(crate) world: Arc<World>,
    pub(crate) base_url: String,
}

impl Face {
    pub(crate) fn new(world: Arc<World>, base_url: String) -> Arc<Self> {
        Arc::new(Self { world, base_url })
    }

    pub(crate) fn public_key(&self) -> String {
        String::new()
    }

    /// A person calls one of our numbers; returns the call's id.
    pub(crate) fn ring(self: &Arc<Self>, caller: Caller) -> String {
        tracing::warn!(to = caller.number.number, from = caller.from, "nobody answers at Telnyx yet");
        self.base_url.clone()
    }
}

pub(crate) fn router(face: Arc<Face>) -> Router {
    let _ = &face.world;
    Router::new()
}
