//! Bodies and query strings, read with problems for answers.

use axum::body::Body;
use axum::extract::{FromRequest, FromRequestParts, Path, Query, Request};
use axum::http::header::CONTENT_TYPE;
use axum::http::request::Parts;
use bytes::{Bytes, BytesMut};
use call_core::CallId;
use futures::StreamExt;
use serde::de::DeserializeOwned;

use super::Shared;
use super::problem::{Kind, Problem};

/// A JSON body. An absent one is read as `null`, so that a type may have a default.
pub(super) struct Json<T>(pub(super) T);

impl<T: DeserializeOwned> FromRequest<Shared> for Json<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, shared: &Shared) -> Result<Self, Problem> {
        let is_json = request.headers().get(CONTENT_TYPE).is_none_or(|kind| {
            kind.to_str().is_ok_and(|kind| kind.split(';').next().is_some_and(|kind| kind.trim() == "application/json"))
        });
        let body = read(request.into_body(), shared.config.server.max_body).await?;
        if !is_json && !body.is_empty() {
            return Err(Problem::new(Kind::UnsupportedMediaType, "the body's Content-Type is not application/json"));
        }
        let body = if body.is_empty() { b"null" } else { &body[..] };
        serde_json::from_slice(body).map(Self).map_err(|error| {
            let kind = if error.is_data() { Kind::Invalid } else { Kind::BadRequest };
            Problem::new(kind, format!("the body cannot be read: {error}"))
        })
    }
}

/// Reads a body up to a limit, and not a byte further.
pub(super) async fn read(body: Body, limit: usize) -> Result<Bytes, Problem> {
    let mut stream = body.into_data_stream();
    let mut read = BytesMut::new();
    while let Some(part) = stream.next().await {
        let part = part.map_err(|_| Problem::new(Kind::BadRequest, "the body broke off"))?;
        if read.len() + part.len() > limit {
            return Err(Problem::new(Kind::TooLarge, format!("the body is larger than {limit} bytes")));
        }
        read.extend_from_slice(&part);
    }
    Ok(read.freeze())
}

/// The parameters behind the `?`.
pub(super) struct Params<T>(pub(super) T);

impl<T: DeserializeOwned + Send> FromRequestParts<Shared> for Params<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &Shared) -> Result<Self, Problem> {
        let bad = |error: axum::extract::rejection::QueryRejection| Problem::new(Kind::BadRequest, error.body_text());
        Query::try_from_uri(&parts.uri).map(|Query(params)| Self(params)).map_err(bad)
    }
}

/// The call that a path names.
pub(super) struct Named(pub(super) CallId);

impl FromRequestParts<Shared> for Named {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, shared: &Shared) -> Result<Self, Problem> {
        let bad = |detail: String| Problem::new(Kind::BadRequest, detail);
        let Path(id) = Path::<String>::from_request_parts(parts, shared).await.map_err(|e| bad(e.body_text()))?;
        id.parse().map(Self).map_err(|error: call_core::CallIdError| bad(error.to_string()))
    }
}
