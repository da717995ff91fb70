//! Wishes about a call.

use axum::extract::State;
use axum::http::StatusCode;
use call_core::{CallId, Command, Proposer};
use serde::Deserialize;
use utoipa::ToSchema;

use super::view::CallView;
use crate::http::Shared;
use crate::http::body::{Json, Named};
use crate::http::problem::{Document, Kind, Problem};

/// How to hang up. The body may be left out.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct HowToHangUp {
    /// Why, for the call's journal; up to 500 bytes.
    reason: Option<String>,
    /// Whether words that are being spoken may end first.
    after_speech: bool,
}

/// Hang up a call
///
/// Cancels it before it is answered, hangs it up after. The first wish wins: while the call is ending, and after, it
/// refuses.
#[utoipa::path(
    post, path = "/v1/calls/{id}/hangup", operation_id = "hang_up", tag = "calls",
    params(("id" = String, Path, description = "The call")),
    request_body = Option<HowToHangUp>,
    responses(
        (status = 202, description = "The wish is stored; the call as it is now", body = CallView),
        (status = 400, description = "Not a call id, or the body is not JSON", body = Document, content_type = "application/problem+json"),
        (status = 401, description = "No valid token", body = Document, content_type = "application/problem+json"),
        (status = 404, description = "No such call", body = Document, content_type = "application/problem+json"),
        (status = 409, description = "The call refused, for the `reason` given", body = Document, content_type = "application/problem+json"),
        (status = 422, description = "A field is invalid", body = Document, content_type = "application/problem+json"),
        (status = 503, description = "Busy, too slow, or the store does not answer", body = Document, content_type = "application/problem+json"),
    ),
)]
pub(crate) async fn hangup(
    State(shared): State<Shared>,
    Named(id): Named,
    Json(how): Json<Option<HowToHangUp>>,
) -> Result<(StatusCode, axum::Json<CallView>), Problem> {
    let HowToHangUp { reason, after_speech } = how.unwrap_or_default();
    if reason.as_ref().is_some_and(|reason| reason.len() > 500) {
        return Err(Problem::new(Kind::Invalid, "reason: must be at most 500 bytes"));
    }
    wish(&shared, id, Command::Hangup { proposer: Proposer::Operator, reason, after_speech }).await
}

/// Ask the provider what is true of a call
///
/// The question goes through the outbox; its answer is in the journal and moves the call if there is news.
#[utoipa::path(
    post, path = "/v1/calls/{id}/reconcile", operation_id = "reconcile", tag = "calls",
    params(("id" = String, Path, description = "The call")),
    responses(
        (status = 202, description = "The provider is being asked; the call as it is now", body = CallView),
        (status = 400, description = "Not a call id", body = Document, content_type = "application/problem+json"),
        (status = 401, description = "No valid token", body = Document, content_type = "application/problem+json"),
        (status = 404, description = "No such call", body = Document, content_type = "application/problem+json"),
        (status = 409, description = "The call refused, for the `reason` given", body = Document, content_type = "application/problem+json"),
        (status = 503, description = "Busy, too slow, or the store does not answer", body = Document, content_type = "application/problem+json"),
    ),
)]
pub(crate) async fn reconcile(
    State(shared): State<Shared>,
    Named(id): Named,
) -> Result<(StatusCode, axum::Json<CallView>), Problem> {
    wish(&shared, id, Command::Reconcile).await
}

pub(super) async fn wish(
    shared: &Shared,
    id: CallId,
    command: Command,
) -> Result<(StatusCode, axum::Json<CallView>), Problem> {
    let handled = shared.switchboard.command(id, command).await?;
    match handled.ignored {
        Some(reason) => Err(Problem::refused(id, reason)),
        None => Ok((StatusCode::ACCEPTED, axum::Json(CallView::from(&handled.call)))),
    }
}
