//! Retell's face of the network.

use std::sync::Arc;

use axum::Router;

use crate::{config::Secret, network::Caller, world::World};

/// The Retell account.
#[derive(Debug, Clone)]
pub struct RetellConfig {
    /// The API key: bearer token of the REST API, and key of every signature.
    pub api_key: Secret,
}

impl Default for RetellConfig {
    fn default() -> Self {
        Self { api_key: Secret::new("key_simulated") }
    }
}

/// One Retell account on the network.
#[derive(Debug)]
pub(crate) struct Face {
    pub(crate) world: Arc<World>,
    pub(crate) base_url: String,
}

impl Face {
    pub(crate) fn new(world: Arc<World>, base_url: String) -> Arc<Self> {
        Arc::new(Self { world, base_url })
    }

    /// A person calls one of our numbers; returns the call's id.
    pub(crate) fn ring(self: &Arc<Self>, caller: Caller) -> String {
        tracing::warn!(to = caller.number.number, from = caller.from, "nobody answers at Retell yet");
        self.base_url.clone()
    }
}

/// Below `/retell`: what `https://api.retellai.com` serves.
pub(crate) fn router(face: Arc<Face>) -> Router {
    let _ = &face.world;
    Router::new()
}
