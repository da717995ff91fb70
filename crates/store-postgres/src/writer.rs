//! Those who write. A lone request goes straight to the database; what queued while the last statement ran becomes the
//! next one, so that a durable write costs its share of one round trip and one flush of the disk.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Instant;

use call_core::port::{Settle, StoreError};
use tokio::sync::oneshot;

use crate::batch::{self, Verdict, Work};
use crate::calls::{Step, touches_effect};
use crate::desk::{Desk, Hand};
use crate::error::{Refused, is_race, may_be_of_one, refused, store, timed_out};
use crate::line::Line;
use crate::schema::Server;

/// How often a request of its own is tried again when another transaction was in the way and has ended.
const RACES: usize = 8;

#[derive(Debug)]
pub(crate) struct Request {
    work: Work,
    answer: oneshot::Sender<Verdict>,
}

/// The writers of a store. What concerns one call always comes to the same one.
#[derive(Debug)]
pub(crate) struct Writer(Vec<Desk<Pen>>);

impl Writer {
    pub(crate) fn start(server: &Arc<Server>, pens: usize) -> Self {
        let desk = || Desk::new(vec![Pen { server: Arc::clone(server), line: Line::new(Arc::clone(server)) }]);
        Self((0..pens).map(|_| desk()).collect())
    }

    pub(crate) async fn commit(&self, step: Step) -> Verdict {
        // The end of a UUIDv7 is random.
        let place = step.id.as_bytes()[15];
        self.ask(place, Work::Step(Box::new(step))).await
    }

    pub(crate) async fn settle(&self, settles: Vec<Settle>) -> Verdict {
        let Some(first) = settles.first() else { return Ok(()) };
        let place = first.id.call.as_uuid().as_bytes()[15];
        self.ask(place, Work::Settle(settles)).await
    }

    async fn ask(&self, place: u8, work: Work) -> Verdict {
        let (answer, heard) = oneshot::channel();
        self.0[usize::from(place) % self.0.len()].put(Request { work, answer }).map_err(refused)?;
        heard.await.map_err(|_| refused(Refused::Closed))?
    }

    pub(crate) async fn close(&self) {
        for desk in &self.0 {
            desk.close().await;
        }
    }
}

/// One connection that writes.
#[derive(Debug)]
pub(crate) struct Pen {
    server: Arc<Server>,
    line: Line,
}

impl Hand for Pen {
    type Request = Request;

    const MOST: usize = 256;

    async fn serve(&mut self, requests: Vec<Request>) -> Vec<Request> {
        let (now, later) = apart(requests);
        let works: Vec<&Work> = now.iter().map(|request| &request.work).collect();
        let verdicts = self.write(&works).await;
        for (request, verdict) in now.into_iter().zip(verdicts) {
            // Whoever asked may have gone; what was stored stays.
            let _ = request.answer.send(verdict);
        }
        later
    }

    async fn leave(mut self) {
        self.line.close().await;
    }
}

impl Pen {
    async fn write(&mut self, works: &[&Work]) -> Vec<Verdict> {
        match batch::write(&mut self.line, works).await {
            Ok(verdicts) => verdicts,
            Err(error) if is_race(&error) || (works.len() > 1 && may_be_of_one(&error)) => self.write_each(works).await,
            Err(error) => {
                let error = Arc::new(error);
                works.iter().map(|_| Err(store(Arc::clone(&error)))).collect()
            }
        }
    }

    /// The batch failed, and nothing of it is stored; each request gets a statement of its own. Not without end, though:
    /// if a few of them wait for a lock, all others in the queue wait with them.
    async fn write_each(&mut self, works: &[&Work]) -> Vec<Verdict> {
        let end = Instant::now() + 2 * self.server.patience();
        let mut verdicts = Vec::with_capacity(works.len());
        for work in works {
            verdicts.push(match Instant::now() < end {
                true => self.write_one(work).await,
                false => Err(store(Arc::new(timed_out()))),
            });
        }
        verdicts
    }

    async fn write_one(&mut self, work: &Work) -> Verdict {
        let mut tries = 0;
        loop {
            tries += 1;
            match batch::write(&mut self.line, &[work]).await {
                // Whoever was in the way has committed by now, so that the next look sees it and can name it.
                Err(error) if is_race(&error) && tries < RACES => {}
                Err(error) => return Err(store(Arc::new(error))),
                Ok(mut verdicts) => return verdicts.pop().unwrap_or(Err(StoreError::Conflict)),
            }
        }
    }
}

/// What one statement can write, and what must wait for the next one because it touches the same things: there it is
/// judged on what the first one made of them. Nobody overtakes whoever waits for the same thing.
fn apart(requests: Vec<Request>) -> (Vec<Request>, Vec<Request>) {
    if requests.len() == 1 {
        return (requests, Vec::new());
    }
    let mut touched = HashSet::new();
    requests.into_iter().partition(|request| {
        let touches = request.work.touches();
        let free = touches.iter().all(|mark| !touched.contains(mark));
        touched.extend(touches);
        free
    })
}

impl Work {
    fn touches(&self) -> Vec<u64> {
        match self {
            Self::Step(step) => step.touches.clone(),
            Self::Settle(settles) => settles.iter().map(|settle| touches_effect(&settle.id)).collect(),
        }
    }
}
