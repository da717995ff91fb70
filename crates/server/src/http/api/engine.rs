//! The engine itself: its deadlines and its mailbox.

use axum::Json;
use axum::extract::State;
use call_core::port::{ParkedSignal, SweepReport};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::http::Shared;
use crate::http::body::Params;
use crate::http::problem::{Document, Problem};

/// How many parked signals are shown at most.
const SHOWN: usize = 500;

/// How to sweep.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(default, deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct How {
    /// Only tell what a sweep would do.
    dry_run: bool,
}

/// What a sweep looked at, asked and closed.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = SweepReport)]
pub(crate) struct Report {
    /// `at`, `dry_run`, `calls` (each with `call`, its phase `before` and `after`, whether the provider is `asked`,
    /// whether a hang-up is asked for in `hung_up`, and how it was `closed`), `adopted` and `expired` signals.
    #[serde(flatten)]
    #[schema(value_type = Object)]
    report: SweepReport,
}

/// Act on due deadlines now
///
/// The server does this by itself all the time; this is for looking (`dry_run`) and for impatience.
#[utoipa::path(
    post, path = "/v1/sweep", operation_id = "sweep", tag = "engine",
    params(How),
    responses(
        (status = 200, description = "What was, or would be, done", body = Report),
        (status = 400, description = "A parameter is not understood", body = Document, content_type = "application/problem+json"),
        (status = 401, description = "No valid token", body = Document, content_type = "application/problem+json"),
        (status = 503, description = "The store does not answer", body = Document, content_type = "application/problem+json"),
    ),
)]
pub(crate) async fn sweep(State(shared): State<Shared>, Params(how): Params<How>) -> Result<Json<Report>, Problem> {
    let report = shared.sweep.sweep(shared.config.sweep.batch, how.dry_run).await?;
    Ok(Json(Report { report }))
}

/// Signals that wait for their call.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Mailbox {
    /// The signals, oldest first: `id`, `leg`, `signal`, `since` and `until`.
    #[schema(value_type = Vec<Object>)]
    signals: Vec<ParkedSignal>,
}

/// Look into the mailbox
///
/// Genuine webhooks about calls that are not known (yet), oldest first, 500 at most.
#[utoipa::path(
    get, path = "/v1/parked", operation_id = "list_parked", tag = "engine",
    responses(
        (status = 200, description = "The signals", body = Mailbox),
        (status = 401, description = "No valid token", body = Document, content_type = "application/problem+json"),
        (status = 503, description = "The store does not answer", body = Document, content_type = "application/problem+json"),
    ),
)]
pub(crate) async fn parked(State(shared): State<Shared>) -> Result<Json<Mailbox>, Problem> {
    Ok(Json(Mailbox { signals: shared.store.mailbox(SHOWN).await? }))
}
