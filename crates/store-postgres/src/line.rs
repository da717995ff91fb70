//! Connections that come back by themselves.
//!
//! Not sqlx's pool: that one asks the server after each use whether the connection still lives, one more round trip for
//! every statement. Here a connection is asked only when it has rested.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use call_core::port::StoreError;
use sqlx::postgres::{PgArguments, PgConnection, PgRow};
use sqlx::query::QueryAs;
use sqlx::{Connection as _, FromRow, Postgres};
use tokio::sync::Semaphore;
use tokio::time::timeout;

use crate::error::{Refused, ends_connection, is_cut, refused, store, timed_out};
use crate::schema::Server;

/// A connection that rested for longer is asked whether it lives before it is used: a lone event then costs one more
/// round trip, and a database that was restarted at night costs none.
const RESTED: Duration = Duration::from_secs(1);

/// A connection older than this is made anew, so that what the server keeps for it does not grow without end.
const AGED: Duration = Duration::from_secs(30 * 60);

/// A question whose answer has rows of `O`.
pub(crate) type Question<'q, O> = QueryAs<'q, Postgres, O, PgArguments>;

/// Rows that can be read.
pub(crate) trait Row: for<'r> FromRow<'r, PgRow> + Send + Unpin {}

impl<O: for<'r> FromRow<'r, PgRow> + Send + Unpin> Row for O {}

/// One connection, made when it is needed.
#[derive(Debug)]
pub(crate) struct Line {
    server: Arc<Server>,
    held: Option<Held>,
}

#[derive(Debug)]
struct Held {
    connection: PgConnection,
    made: Instant,
    used: Instant,
}

impl Line {
    pub(crate) const fn new(server: Arc<Server>) -> Self {
        Self { server, held: None }
    }

    /// Asks once. If it fails for want of a connection, it is unknown whether the server did what was asked.
    pub(crate) async fn ask<O: Row>(&mut self, question: Question<'_, O>) -> Result<Vec<O>, sqlx::Error> {
        // Taken out, so that a connection is lost, and not used again in the middle of an answer, if nobody waits to the end.
        let mut held = self.take().await?;
        let answer = timeout(self.server.patience(), question.fetch_all(&mut held.connection)).await;
        let answer = answer.unwrap_or_else(|_| Err(timed_out()));
        if !answer.as_ref().is_err_and(ends_connection) {
            held.used = Instant::now();
            self.held = Some(held);
        }
        answer
    }

    async fn take(&mut self) -> Result<Held, sqlx::Error> {
        if let Some(mut held) = self.held.take() {
            if held.made.elapsed() > AGED {
                let _ = timeout(self.server.patience(), held.connection.close()).await;
            } else if held.used.elapsed() < RESTED
                || matches!(timeout(self.server.patience(), held.connection.ping()).await, Ok(Ok(())))
            {
                return Ok(held);
            }
        }
        let connection = self.server.connect().await?;
        let now = Instant::now();
        Ok(Held { connection, made: now, used: now })
    }

    /// Says farewell to the server.
    pub(crate) async fn close(&mut self) {
        if let Some(held) = self.held.take() {
            let _ = timeout(self.server.patience(), held.connection.close()).await;
        }
    }
}

/// A few lines, for whoever comes.
#[derive(Debug)]
pub(crate) struct Lines {
    server: Arc<Server>,
    most: u32,
    places: Semaphore,
    free: Mutex<Vec<Line>>,
}

impl Lines {
    pub(crate) const fn new(server: Arc<Server>, most: u32) -> Self {
        Self { server, most, places: Semaphore::const_new(most as usize), free: Mutex::new(Vec::new()) }
    }

    /// Asks for what changes nothing: if the connection was cut, asks again on a new one.
    pub(crate) async fn read<'q, O: Row>(&self, question: impl Fn() -> Question<'q, O>) -> Result<Vec<O>, StoreError> {
        self.with(async |line: &mut Line| match line.ask(question()).await {
            Err(error) if is_cut(&error) => line.ask(question()).await,
            answer => answer,
        })
        .await
    }

    /// Asks once, for whatever must not be done twice.
    pub(crate) async fn once<O: Row>(&self, question: Question<'_, O>) -> Result<Vec<O>, StoreError> {
        self.with(async |line: &mut Line| line.ask(question).await).await
    }

    async fn with<T>(&self, ask: impl AsyncFnOnce(&mut Line) -> Result<T, sqlx::Error>) -> Result<T, StoreError> {
        let place = timeout(self.server.patience(), self.places.acquire()).await;
        let _place = place.map_err(|_| refused(Refused::Busy))?.map_err(|_| refused(Refused::Closed))?;
        let mut line = self.lock().pop().unwrap_or_else(|| Line::new(Arc::clone(&self.server)));
        let answer = ask(&mut line).await;
        self.lock().push(line);
        answer.map_err(|error| store(Arc::new(error)))
    }

    /// Takes no more questions, waits for the answers that are on their way, and hangs up.
    pub(crate) async fn close(&self) {
        let all = self.places.acquire_many(self.most).await;
        self.places.close();
        drop(all);
        let lines = std::mem::take(&mut *self.lock());
        for mut line in lines {
            line.close().await;
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Vec<Line>> {
        self.free.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
