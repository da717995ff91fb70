//! Bounds on all requests together and on each one's time.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::Response;
use tokio::sync::Semaphore;

use super::problem::{Kind, Problem};
use crate::config::Server;

/// How much is worked on at once, and for how long.
#[derive(Clone)]
pub(super) struct Limits {
    slots: Arc<Semaphore>,
    time: Duration,
}

impl Limits {
    pub(super) fn new(server: &Server) -> Self {
        Self { slots: Arc::new(Semaphore::new(server.max_requests)), time: server.request_timeout }
    }

    /// Refuses at once what cannot be begun, and gives up what takes too long. A provider then sends its message again.
    pub(super) async fn keep<T>(&self, work: impl Future<Output = T>) -> Result<T, Problem> {
        let Ok(_slot) = self.slots.try_acquire() else {
            return Err(Problem::new(Kind::Busy, "the server works on as many requests as it may"));
        };
        let late = |_| Problem::new(Kind::TimedOut, format!("not answered within {} s", self.time.as_secs_f32()));
        tokio::time::timeout(self.time, work).await.map_err(late)
    }
}

/// The same for routes.
pub(super) async fn bound(State(limits): State<Limits>, request: Request, next: Next) -> Result<Response, Problem> {
    limits.keep(next.run(request)).await
}
