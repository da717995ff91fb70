//! The way in: webhooks go straight to their handler, everything else through the router.
//!
//! A server hears a hundred webhooks for every other request, and a router's way (matching, layers in boxes, what it notes
//! down for handlers) costs a webhook a tenth of its time.

use std::convert::Infallible;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use axum::Router;
use axum::extract::Request;
use axum::response::{IntoResponse, Response};
use tower::Service;

use super::hooks::HookPath;
use super::limit::Limits;
use super::{Shared, hooks, part, router};

/// Answers every request.
#[derive(Clone)]
pub(crate) struct Front {
    shared: Shared,
    limits: Limits,
    rest: Router,
}

impl Front {
    pub(crate) fn new(shared: Shared) -> Self {
        // Counted apart, so that no crowd of users keeps a provider's message out, nor the other way round.
        let limits = Limits::new(&shared.config.server);
        Self { rest: router(shared.clone()), shared, limits }
    }
}

impl Service<Request> for Front {
    type Response = Response;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Response, Infallible>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request) -> Self::Future {
        let Some(path) = HookPath::of(&self.shared, request.uri()) else { return Box::pin(self.rest.call(request)) };
        let (shared, limits) = (self.shared.clone(), self.limits.clone());
        Box::pin(async move {
            let answer = limits.keep(hooks::receive(&shared, path, request)).await;
            Ok(part(&shared, answer.into_response()))
        })
    }
}
