//! Lists of calls.

use axum::Json;
use axum::extract::State;
use call_core::port::{Filter, Page};
use call_core::{CallId, Disposition, PhaseName, Subject, Timestamp};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::schema::DispositionSchema;
use super::view::CallView;
use crate::http::Shared;
use crate::http::body::Params;
use crate::http::problem::{Document, Kind, Problem};

/// Which calls, and how many.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct Which {
    /// How many at most, 1 to 200; 50 if absent.
    #[param(minimum = 1, maximum = 200)]
    limit: Option<usize>,
    /// Only calls older than this one: the `next` of the page before.
    #[param(value_type = Option<String>)]
    before: Option<CallId>,
    /// Only calls in these phases, separated by commas: `dialing`, `ringing`, `live`, `ending`, `ended`.
    phase: Option<String>,
    /// Only calls that ended so.
    #[param(value_type = Option<DispositionSchema>)]
    disposition: Option<Disposition>,
    /// Only calls about this subject.
    subject: Option<String>,
    /// Only calls that have been open since before this moment (RFC 3339): what looks stuck.
    #[param(value_type = Option<String>)]
    open_before: Option<Timestamp>,
}

/// A page of calls, newest first.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Calls {
    /// The calls.
    calls: Vec<CallView>,
    /// What to give as `before` for the next page; absent on the last one.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = Uuid)]
    next: Option<CallId>,
}

/// List calls
#[utoipa::path(
    get, path = "/v1/calls", operation_id = "list_calls", tag = "calls",
    params(Which),
    responses(
        (status = 200, description = "A page of calls, newest first", body = Calls),
        (status = 400, description = "A parameter is not understood", body = Document, content_type = "application/problem+json"),
        (status = 401, description = "No valid token", body = Document, content_type = "application/problem+json"),
        (status = 503, description = "The store does not answer", body = Document, content_type = "application/problem+json"),
    ),
)]
pub(crate) async fn list(State(shared): State<Shared>, Params(which): Params<Which>) -> Result<Json<Calls>, Problem> {
    let limit = which.limit.unwrap_or(Page::default().limit);
    if !(1..=200).contains(&limit) {
        return Err(Problem::new(Kind::BadRequest, "limit: must be 1 to 200"));
    }
    let filter = Filter {
        phases: phases(which.phase.as_deref())?,
        disposition: which.disposition,
        subject: which.subject.map(Subject),
        open_before: which.open_before,
    };
    // One more than asked for tells whether there is a next page.
    let mut calls = shared.store.list(&filter, &Page { before: which.before, limit: limit + 1 }).await?;
    let more = calls.len() > limit;
    calls.truncate(limit);
    let next = calls.last().map(call_core::Call::id).filter(|_| more);
    Ok(Json(Calls { calls: calls.iter().map(CallView::from).collect(), next }))
}

fn phases(words: Option<&str>) -> Result<Vec<PhaseName>, Problem> {
    let phase = |word: &str| {
        let found = PhaseName::ALL.into_iter().find(|phase| phase.as_str() == word);
        found.ok_or_else(|| Problem::new(Kind::BadRequest, format!("phase: there is no phase {word:?}")))
    };
    words.map_or_else(|| Ok(Vec::new()), |words| words.split(',').map(|word| phase(word.trim())).collect())
}
