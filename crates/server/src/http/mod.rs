//! The HTTP server: webhooks for providers, a JSON API for users, signs of life for operators.

mod api;
mod auth;
mod body;
pub(crate) mod events;
mod health;
mod hooks;
mod limit;
pub(crate) mod openapi;
mod problem;

use std::collections::BTreeMap;
use std::ops::Deref;
use std::sync::Arc;

use axum::Router;
use axum::middleware::from_fn_with_state;
use axum::routing::{any, get};
use call_core::port::{Clock, Hook, Store, Sweep, Switchboard};
use tokio_util::sync::CancellationToken;
use url::Url;

use crate::config::Config;
use crate::telemetry::Metrics;
use crate::workers::Pulse;

use auth::Gate;
use events::Events;
use limit::Limits;
use problem::{Kind, Problem};

/// What all handlers share.
#[derive(Clone)]
pub(crate) struct Shared(Arc<Inner>);

pub(crate) struct Inner {
    pub(crate) config: Config,
    pub(crate) public_url: Url,
    pub(crate) open_api: bool,
    pub(crate) store: Arc<dyn Store>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) switchboard: Switchboard,
    pub(crate) sweep: Sweep,
    pub(crate) hooks: BTreeMap<String, Arc<dyn Hook>>,
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) events: Events,
    pub(crate) draining: CancellationToken,
    pub(crate) pulses: [Pulse; 2],
}

impl Shared {
    pub(crate) fn new(inner: Inner) -> Self {
        Self(Arc::new(inner))
    }
}

impl Deref for Shared {
    type Target = Inner;

    fn deref(&self) -> &Inner {
        &self.0
    }
}

/// Every route. A provider that is not configured has none.
pub(crate) fn router(shared: Shared) -> Router {
    let gate = Gate::new(&shared.config.api.tokens, shared.open_api);
    let limits = Limits::new(&shared.config.server);
    let (api, _) = openapi::routes().split_for_parts();
    let mut work = Router::new().merge(api.layer(from_fn_with_state(gate, auth::check)));
    for name in shared.hooks.keys() {
        work = work
            .route(&format!("/hooks/{name}"), any(hooks::receive))
            .route(&format!("/hooks/{name}/{{*path}}"), any(hooks::receive));
    }
    work.route("/v1/openapi.json", get(openapi::serve))
        .fallback(|| async { Problem::new(Kind::NoSuchRoute, "there is nothing at this path") })
        .method_not_allowed_fallback(|| async { Problem::new(Kind::MethodNotAllowed, "the path takes other methods") })
        .layer(from_fn_with_state(limits, limit::bound))
        // Signs of life are told even when the rest is at its limit.
        .route("/healthz", get(health::live))
        .route("/readyz", get(health::ready))
        .route("/metrics", get(health::metrics))
        .with_state(shared)
}
