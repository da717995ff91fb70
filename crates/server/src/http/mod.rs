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
use axum::extract::{Request, State};
use axum::http::HeaderValue;
use axum::http::header::CONNECTION;
use axum::middleware::{Next, from_fn_with_state};
use axum::response::Response;
use axum::routing::{any, get};
use call_core::ProviderName;
use call_core::port::{Clock, Hook, Provider, Store, Sweep, Switchboard, Tools};
use tokio_util::sync::CancellationToken;
use url::Url;

use crate::config::Config;
use crate::telemetry::{Ears, Metrics};
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
    pub(crate) providers: BTreeMap<ProviderName, Arc<dyn Provider>>,
    pub(crate) tools: Tools,
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) ears: Arc<Ears>,
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
    // Counted apart, so that no crowd of users keeps a provider's message out, nor the other way round.
    let limits = || from_fn_with_state(Limits::new(&shared.config.server), limit::bound);
    let (api, _) = openapi::routes().split_for_parts();
    let api = api.layer(from_fn_with_state(gate, auth::check)).route("/v1/openapi.json", get(openapi::serve));
    let hooks = shared.hooks.keys().fold(Router::new(), |routes, name| {
        let routes = routes.route(&format!("/hooks/{name}"), any(hooks::receive));
        routes.route(&format!("/hooks/{name}/{{*path}}"), any(hooks::receive))
    });
    Router::new()
        .merge(api.layer(limits()))
        .merge(hooks.layer(limits()))
        // Signs of life are told even when the rest is at its limit.
        .route("/healthz", get(health::live))
        .route("/readyz", get(health::ready))
        .route("/metrics", get(health::metrics))
        .fallback(|| async { Problem::new(Kind::NoSuchRoute, "there is nothing at this path") })
        .method_not_allowed_fallback(|| async { Problem::new(Kind::MethodNotAllowed, "the path takes other methods") })
        .layer(from_fn_with_state(shared.clone(), part))
        .with_state(shared)
}

/// From the beginning of a shutdown every answer asks its client to connect anew, which a balancer takes elsewhere.
async fn part(State(shared): State<Shared>, request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    if shared.draining.is_cancelled() {
        response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
    }
    response
}
