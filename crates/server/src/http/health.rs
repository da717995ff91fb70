//! Signs of life.
//!
//! `/healthz` is liveness: 200 as long as the process answers, for what is wrong with calls is not mended by a restart.
//! Its body says `degraded`, and what to look at, when calls seem stuck (post-mortem 3.5). `/readyz` says whether to
//! send requests here: 503 while the store or a worker does not answer, and from the beginning of a shutdown.

use axum::Json;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use call_core::CallId;
use call_core::port::{Filter, Page};
use serde::Serialize;
use utoipa::ToSchema;

use super::Shared;

/// Whether the server lives, and whether its calls do well.
#[derive(Serialize, ToSchema)]
pub(super) struct Health {
    /// `ok` or `degraded`.
    status: &'static str,
    /// What to look at, one sentence each; empty when all is well.
    look_at: Vec<String>,
    /// Calls that have been open for too long.
    #[schema(value_type = Vec<String>)]
    stuck: Vec<CallId>,
}

/// Whether requests should be sent here.
#[derive(Serialize, ToSchema)]
pub(super) struct Readiness {
    /// Whether they should.
    ready: bool,
    /// Why not.
    because: Vec<String>,
}

/// Liveness
///
/// 200 as long as the process answers. `degraded` when more calls than `health.stuck_count` have been open for longer
/// than `health.stuck_after`, when a worker is silent, or when calls end while their provider's webhooks do not arrive.
#[utoipa::path(
    get, path = "/healthz", operation_id = "health", tag = "operation", security(()),
    responses((status = 200, description = "The process lives", body = Health)),
)]
pub(super) async fn live(State(shared): State<Shared>) -> Json<Health> {
    let health = &shared.config.health;
    let open_before = shared.clock.now() - health.stuck_after;
    let filter = Filter { open_before: Some(open_before), ..Filter::default() };
    let page = Page { before: None, limit: health.stuck_count.saturating_add(1) };
    let mut look_at = Vec::new();
    let mut stuck = Vec::new();
    match shared.store.list(&filter, &page).await {
        Ok(calls) if calls.len() > health.stuck_count => {
            stuck = calls.iter().map(call_core::Call::id).collect();
            look_at.push(format!(
                "more than {} calls have been open for over {} s: see GET /v1/calls?open_before={open_before}",
                health.stuck_count,
                health.stuck_after.as_secs()
            ));
        }
        Ok(_) => {}
        Err(error) => look_at.push(format!("the store: {error}")),
    }
    look_at.extend(shared.pulses.iter().filter_map(crate::workers::Pulse::trouble));
    look_at.extend(shared.ears.trouble());
    let status = if look_at.is_empty() { "ok" } else { "degraded" };
    Json(Health { status, look_at, stuck })
}

/// Readiness
#[utoipa::path(
    get, path = "/readyz", operation_id = "readiness", tag = "operation", security(()),
    responses(
        (status = 200, description = "Send requests here", body = Readiness),
        (status = 503, description = "Send them elsewhere", body = Readiness),
    ),
)]
pub(super) async fn ready(State(shared): State<Shared>) -> Response {
    let mut because: Vec<String> = shared.pulses.iter().filter_map(crate::workers::Pulse::trouble).collect();
    if shared.draining.is_cancelled() {
        because.push("the server is shutting down".to_owned());
    }
    if let Err(error) = shared.store.ping().await {
        because.push(format!("the store: {error}"));
    }
    let ready = because.is_empty();
    let status = if ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    (status, Json(Readiness { ready, because })).into_response()
}

/// Prometheus metrics
#[utoipa::path(
    get, path = "/metrics", operation_id = "metrics", tag = "operation", security(()),
    responses((status = 200, description = "Text exposition format", body = String, content_type = "text/plain")),
)]
pub(super) async fn metrics(State(shared): State<Shared>) -> Response {
    let now = shared.clock.now();
    let counts = shared.store.counts(now).await;
    if let Err(error) = &counts {
        tracing::warn!(error = crate::workers::chain(error), "the store cannot be counted");
    }
    let text = shared.metrics.render(counts.ok().as_ref(), now);
    ([(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], text).into_response()
}
