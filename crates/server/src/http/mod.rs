//! The HTTP server: webhooks for providers, a JSON API for users, signs of life for operators.

mod api;
mod auth;
mod body;
pub(crate) mod events;
mod front;
mod health;
mod hooks;
mod limit;
pub(crate) mod openapi;
mod problem;

use std::collections::BTreeMap;
use std::ops::Deref;
use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::http::HeaderValue;
use axum::http::header::CONNECTION;
use axum::middleware::{from_fn_with_state, map_response_with_state};
use axum::response::Response;
use axum::routing::get;
use call_core::ProviderName;
use call_core::port::{Clock, Hook, Provider, Store, Sweep, Switchboard, Tools};
use tokio_util::sync::CancellationToken;
use url::Url;

use crate::config::Config;
use crate::telemetry::{Ears, Metrics};
use crate::workers::Pulse;

pub(crate) use front::Front;

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

/// Every route but the webhooks'.
fn router(shared: Shared) -> Router {
    let gate = Gate::new(&shared.config.api.tokens, shared.open_api);
    let limits = from_fn_with_state(Limits::new(&shared.config.server), limit::bound);
    let (api, _) = openapi::routes().split_for_parts();
    let api = api.layer(from_fn_with_state(gate, auth::check)).route("/v1/openapi.json", get(openapi::serve));
    Router::new()
        .merge(api.layer(limits))
        // Signs of life are told even when the rest is at its limit.
        .route("/healthz", get(health::live))
        .route("/readyz", get(health::ready))
        .route("/metrics", get(health::metrics))
        .fallback(|| async { Problem::new(Kind::NoSuchRoute, "there is nothing at this path") })
        .method_not_allowed_fallback(|| async { Problem::new(Kind::MethodNotAllowed, "the path takes other methods") })
        .layer(map_response_with_state(shared.clone(), async |State(shared): State<Shared>, response| {
            part(&shared, response)
        }))
        .with_state(shared)
}

/// From the beginning of a shutdown every answer asks its client to connect anew, which a balancer takes elsewhere.
fn part(shared: &Shared, mut response: Response) -> Response {
    if shared.draining.is_cancelled() {
        response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
    }
    response
}
