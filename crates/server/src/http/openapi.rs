//! The OpenAPI 3.1 document: made from the handlers themselves, so it cannot say less than they do.

use axum::Json;
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::{Modify, OpenApi};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::{Shared, api, events, health, hooks};

#[derive(OpenApi)]
#[openapi(
    info(
        title = "call-server",
        description = "Places, watches and ends phone calls. Errors are RFC 9457 problem documents; lists are paged by cursor; \
            creation is made safe to repeat by an Idempotency-Key.",
        license(name = "MIT OR Apache-2.0", identifier = "MIT OR Apache-2.0"),
    ),
    servers((url = "/")),
    tags(
        (name = "calls", description = "Place calls, look at them, end them"),
        (name = "engine", description = "Deadlines and the mailbox"),
        (name = "events", description = "What happens, as it happens"),
        (name = "webhooks", description = "For providers, who sign what they send"),
        (name = "operation", description = "Signs of life; no token needed"),
    ),
    paths(serve, hooks::receive, health::live, health::ready, health::metrics),
    security(("token" = [])),
    modifiers(&Token),
)]
struct Document;

struct Token;

impl Modify for Token {
    fn modify(&self, document: &mut utoipa::openapi::OpenApi) {
        let scheme =
            HttpBuilder::new().scheme(HttpAuthScheme::Bearer).description(Some("One of the server's API tokens"));
        let components = document.components.get_or_insert_default();
        components.add_security_scheme("token", SecurityScheme::Http(scheme.build()));
    }
}

/// The API's routes together with their documentation.
pub(super) fn routes() -> OpenApiRouter<Shared> {
    OpenApiRouter::with_openapi(Document::openapi())
        .routes(routes!(api::place::place, api::list::list))
        .routes(routes!(api::show::show))
        .routes(routes!(api::show::journal))
        .routes(routes!(api::command::command))
        .routes(routes!(api::wish::hangup))
        .routes(routes!(api::wish::reconcile))
        .routes(routes!(api::engine::sweep))
        .routes(routes!(api::engine::parked))
        .routes(routes!(events::listen))
}

/// The document, as `GET /v1/openapi.json` and `call-server openapi` show it.
#[must_use]
pub fn document() -> utoipa::openapi::OpenApi {
    routes().split_for_parts().1
}

/// This document
#[utoipa::path(
    get, path = "/v1/openapi.json", operation_id = "openapi", tag = "operation", security(()),
    responses((status = 200, description = "OpenAPI 3.1", body = Object, content_type = "application/json")),
)]
pub(super) async fn serve() -> Json<utoipa::openapi::OpenApi> {
    Json(document())
}
