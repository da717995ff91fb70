//! Loads calls. A lone load goes straight to the database; what was asked for while every loader was busy becomes one
//! question: a round trip costs more than finding a call, and every webhook begins with a load.

use std::collections::HashMap;
use std::sync::Arc;

use call_core::port::{StoreError, restore};
use call_core::{Call, CallId};
use sqlx::types::Uuid;
use tokio::sync::oneshot;

use crate::desk::{Desk, Hand};
use crate::error::{Refused, is_cut, refused, store};
use crate::line::Line;
use crate::schema::Server;

pub(crate) const LOAD: &str = "SELECT i.id, c.birth, c.state FROM unnest($1::uuid[]) AS i (id) CROSS JOIN LATERAL (
    SELECT births.birth::text, calls.state::text FROM calls JOIN births ON births.call = calls.id
    WHERE calls.id = i.id OFFSET 0) AS c";

/// A call as it is kept: birth and state.
type Kept = Arc<(String, String)>;

type Answer = Result<Option<Kept>, Arc<sqlx::Error>>;

#[derive(Debug)]
pub(crate) struct Request {
    id: CallId,
    answer: oneshot::Sender<Answer>,
}

/// Those who load.
#[derive(Debug)]
pub(crate) struct Loader(Desk<Asker>);

impl Loader {
    pub(crate) fn start(server: &Arc<Server>, hands: usize) -> Self {
        Self(Desk::new((0..hands).map(|_| Asker(Line::new(Arc::clone(server)))).collect()))
    }

    /// The call as it is after every commit that was answered before.
    pub(crate) async fn load(&self, id: CallId) -> Result<Option<Call>, StoreError> {
        let (answer, heard) = oneshot::channel();
        self.0.put(Request { id, answer }).map_err(refused)?;
        let kept = heard.await.map_err(|_| refused(Refused::Closed))?;
        // Whoever asked reads the JSON, on a task of its own.
        kept.map_err(store)?.map(|kept| restore(&kept.0, &kept.1)).transpose()
    }

    pub(crate) async fn close(&self) {
        self.0.close().await;
    }
}

#[derive(Debug)]
pub(crate) struct Asker(Line);

impl Asker {
    async fn ask(&mut self, requests: &[Request]) -> Result<HashMap<Uuid, Kept>, sqlx::Error> {
        let ids: Vec<Uuid> = requests.iter().map(|request| request.id.as_uuid()).collect();
        let load = || sqlx::query_as::<_, (Uuid, String, String)>(LOAD).bind(&ids);
        let rows = match self.0.ask(load()).await {
            // The database was restarted, perhaps; asking twice changes nothing.
            Err(error) if is_cut(&error) => self.0.ask(load()).await?,
            answer => answer?,
        };
        Ok(rows.into_iter().map(|(id, birth, state)| (id, Arc::new((birth, state)))).collect())
    }
}

impl Hand for Asker {
    type Request = Request;

    const MOST: usize = 64;

    async fn serve(&mut self, requests: Vec<Request>) -> Vec<Request> {
        let found = self.ask(&requests).await.map_err(Arc::new);
        for request in requests {
            let kept = match &found {
                Ok(found) => Ok(found.get(&request.id.as_uuid()).cloned()),
                Err(error) => Err(Arc::clone(error)),
            };
            // Whoever asked may have gone.
            let _ = request.answer.send(kept);
        }
        Vec::new()
    }

    async fn leave(mut self) {
        self.0.close().await;
    }
}
