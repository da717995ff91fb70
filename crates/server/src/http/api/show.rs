//! One call, and its journal.

use axum::Json;
use axum::extract::State;
use call_core::journal::Entry;
use call_core::{Birth, CallId};
use serde::Serialize;
use utoipa::ToSchema;

use super::full::CallInFull;
use crate::http::Shared;
use crate::http::body::Named;
use crate::http::problem::{Document, Problem};

/// Look at a call
#[utoipa::path(
    get, path = "/v1/calls/{id}", operation_id = "show_call", tag = "calls",
    params(("id" = String, Path, description = "The call")),
    responses(
        (status = 200, description = "The call, as last stored, with what was said in it", body = CallInFull),
        (status = 400, description = "Not a call id", body = Document, content_type = "application/problem+json"),
        (status = 401, description = "No valid token", body = Document, content_type = "application/problem+json"),
        (status = 404, description = "No such call", body = Document, content_type = "application/problem+json"),
        (status = 503, description = "The store does not answer", body = Document, content_type = "application/problem+json"),
    ),
)]
pub(crate) async fn show(State(shared): State<Shared>, Named(id): Named) -> Result<Json<CallInFull>, Problem> {
    let call = shared.store.load(id).await?.ok_or_else(|| Problem::no_such_call(id))?;
    let entries = shared.store.journal(id).await?;
    Ok(Json(CallInFull::new(&call, &entries)))
}

/// Everything that ever reached a call: with the rules, it gives the call again exactly.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Journal {
    /// The call.
    #[schema(value_type = String, format = Uuid)]
    call: CallId,
    /// How it came to be: plan, policy, time.
    #[schema(value_type = Object)]
    birth: Birth,
    /// Every input with its time, the version that it met, and why it was ignored if it was; in order.
    #[schema(value_type = Vec<Object>)]
    entries: Vec<Entry>,
}

/// Read a call's journal
#[utoipa::path(
    get, path = "/v1/calls/{id}/journal", operation_id = "read_journal", tag = "calls",
    params(("id" = String, Path, description = "The call")),
    responses(
        (status = 200, description = "The journal", body = Journal),
        (status = 400, description = "Not a call id", body = Document, content_type = "application/problem+json"),
        (status = 401, description = "No valid token", body = Document, content_type = "application/problem+json"),
        (status = 404, description = "No such call", body = Document, content_type = "application/problem+json"),
        (status = 503, description = "The store does not answer", body = Document, content_type = "application/problem+json"),
    ),
)]
pub(crate) async fn journal(State(shared): State<Shared>, Named(id): Named) -> Result<Json<Journal>, Problem> {
    let call = shared.store.load(id).await?.ok_or_else(|| Problem::no_such_call(id))?;
    let entries = shared.store.journal(id).await?;
    Ok(Json(Journal { call: id, birth: (**call.birth()).clone(), entries }))
}
