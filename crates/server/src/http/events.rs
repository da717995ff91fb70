//! Live events: told by the outbox, heard by whoever listens.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use axum::extract::State;
use axum::response::Sse;
use axum::response::sse::{Event as Line, KeepAlive};
use call_core::port::Subscriber;
use call_core::{CallId, EffectId, Event};
use futures::{Stream, StreamExt, stream};
use serde::Serialize;
use tokio::sync::broadcast::error::RecvError;
use tokio::sync::{Semaphore, broadcast};

use super::Shared;
use super::problem::{Document, Kind, Problem};

/// How many events a listener may fall behind before it is told that it missed some.
const BACKLOG: usize = 4096;
/// How often a silent stream shows that it lives.
const HEARTBEAT: Duration = Duration::from_secs(15);

/// One event as subscribers get it.
#[derive(Debug, Clone, Serialize)]
pub struct Notice {
    /// The effect that told it: the same id means the same event, told again.
    pub id: EffectId,
    /// Which call.
    pub call: CallId,
    /// Its name, such as `call.ended`.
    #[serde(rename = "type")]
    pub name: &'static str,
    /// What happened.
    #[serde(flatten)]
    pub event: Event,
}

/// Where events are told.
#[derive(Clone)]
pub(crate) struct Events {
    sender: broadcast::Sender<Notice>,
    listeners: Arc<Semaphore>,
}

impl Events {
    pub(crate) fn new(max_listeners: usize) -> Self {
        Self { sender: broadcast::Sender::new(BACKLOG), listeners: Arc::new(Semaphore::new(max_listeners)) }
    }

    pub(crate) fn subscribe(&self) -> broadcast::Receiver<Notice> {
        self.sender.subscribe()
    }
}

#[async_trait]
impl Subscriber for Events {
    async fn tell(&self, id: &EffectId, event: &Event) {
        // Nobody listening is no failure.
        let _heard = self.sender.send(Notice { id: *id, call: id.call, name: event.name(), event: event.clone() });
    }
}

/// Live events
///
/// Server-sent events, from now on. Each has the event's name, such as `call.ended`; the same `id` means the same
/// event, told again. An event `lagged` says how many were missed by a client that reads too slowly; what happened
/// meanwhile is in `GET /v1/calls`.
#[utoipa::path(
    get, path = "/v1/events", operation_id = "listen", tag = "events",
    responses(
        (status = 200, description = "The events, as they happen", content_type = "text/event-stream", body = String),
        (status = 401, description = "No valid token", body = Document, content_type = "application/problem+json"),
        (status = 503, description = "Too many listeners", body = Document, content_type = "application/problem+json"),
    ),
)]
pub(super) async fn listen(
    State(shared): State<Shared>,
) -> Result<Sse<impl Stream<Item = Result<Line, Infallible>> + use<>>, Problem> {
    let Ok(seat) = shared.events.listeners.clone().try_acquire_owned() else {
        return Err(Problem::new(Kind::Busy, "as many clients listen as may"));
    };
    let told = stream::unfold((shared.events.subscribe(), seat), |(mut receiver, seat)| async move {
        let line = match receiver.recv().await {
            Ok(notice) => line(&notice),
            Err(RecvError::Lagged(missed)) => Line::default().event("lagged").data(missed.to_string()),
            Err(RecvError::Closed) => return None,
        };
        Some((Ok(line), (receiver, seat)))
    });
    let told = told.take_until(shared.draining.clone().cancelled_owned());
    Ok(Sse::new(told).keep_alive(KeepAlive::new().interval(HEARTBEAT)))
}

fn line(notice: &Notice) -> Line {
    let line = Line::default().id(notice.id.to_string()).event(notice.name);
    // Its fields are names and numbers, so writing it cannot fail; if it did, the id and name still tell.
    line.json_data(notice).unwrap_or_else(|_| Line::default().id(notice.id.to_string()).event(notice.name).data("{}"))
}
