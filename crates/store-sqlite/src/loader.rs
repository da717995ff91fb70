//! Loads calls. Those that were asked for while the last question ran become one question: handing it to SQLite's thread
//! and taking the connection from the pool costs more than finding a call, and every webhook begins with a load.

use std::sync::Arc;

use call_core::port::{StoreError, restore};
use call_core::{Call, CallId};
use sqlx::SqlitePool;
use tokio::sync::{mpsc, oneshot};

use crate::error::{Refused, unavailable};
use crate::rows::{Cell, Rows};

/// How many calls one question may ask for. More would make the first one wait for the last one.
const MOST: usize = 64;

pub(crate) const LOAD: &str = "SELECT j.key, births.birth, calls.state FROM json_each(?) AS j
    CROSS JOIN calls ON calls.id = j.value CROSS JOIN births ON births.call = calls.id";

/// A call as it is kept: birth and state.
type Kept = (String, String);

struct Request {
    id: CallId,
    answer: oneshot::Sender<Result<Option<Kept>, Arc<sqlx::Error>>>,
}

/// A hand on the task that loads. The task ends with its last hand.
#[derive(Debug)]
pub(crate) struct Loader(mpsc::Sender<Request>);

impl Loader {
    pub(crate) fn start(reads: SqlitePool) -> Self {
        let (sender, queue) = mpsc::channel(MOST);
        tokio::spawn(run(reads, queue));
        Self(sender)
    }

    /// The call as it is after every commit that was answered before.
    pub(crate) async fn load(&self, id: CallId) -> Result<Option<Call>, StoreError> {
        let (answer, heard) = oneshot::channel();
        self.0.send(Request { id, answer }).await.map_err(|_| unavailable(Refused::Closed))?;
        let kept = heard.await.map_err(|_| unavailable(Refused::Closed))?;
        // Whoever asked reads the JSON, on a task of its own.
        let kept = kept.map_err(|error| StoreError::Unavailable(error))?;
        kept.map(|(birth, state)| restore(&birth, &state)).transpose()
    }
}

async fn run(reads: SqlitePool, mut queue: mpsc::Receiver<Request>) {
    let mut requests = Vec::with_capacity(MOST);
    while queue.recv_many(&mut requests, MOST).await > 0 {
        match ask(&reads, &requests).await {
            Ok(found) => {
                for (request, kept) in requests.drain(..).zip(found) {
                    // Whoever asked may have gone.
                    let _ = request.answer.send(Ok(kept));
                }
            }
            Err(error) => {
                let error = Arc::new(error);
                for request in requests.drain(..) {
                    let _ = request.answer.send(Err(Arc::clone(&error)));
                }
            }
        }
    }
}

/// What is kept for each request, in their order.
async fn ask(reads: &SqlitePool, requests: &[Request]) -> Result<Vec<Option<Kept>>, sqlx::Error> {
    let mut ids = Rows::default();
    for request in requests {
        ids.push_one(Cell::Text(&request.id.to_string()));
    }
    let rows: Vec<(i64, String, String)> = sqlx::query_as(LOAD).bind(ids.to_json()).fetch_all(reads).await?;
    let mut found = vec![None; requests.len()];
    for (place, birth, state) in rows {
        if let Some(kept) = usize::try_from(place).ok().and_then(|place| found.get_mut(place)) {
            *kept = Some((birth, state));
        }
    }
    Ok(found)
}
