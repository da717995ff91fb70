//! The one task that writes. What queued while the last commit ran becomes one transaction, so that a durable write
//! costs its share of one disk flush; a lone request goes straight through.

use std::sync::Arc;

use call_core::port::{Job, Parked, Settle, StoreError};
use call_core::{CallId, Timestamp};
use sqlx::{Connection as _, SqliteConnection};
use tokio::sync::{mpsc, oneshot, watch};

use crate::batch::{Batch, Question};
use crate::calls::Step;
use crate::checkpoint;
use crate::error::{Refused, may_be_of_one, unavailable};
use crate::mailbox::{self, Parking};
use crate::outbox::{self, Claim};
use crate::prune::{self, Prune};
use crate::schema::File;

/// How many requests may become one transaction. More would make the first one wait for the last one's rows.
const MOST: usize = 512;

/// How many requests may wait before those who ask must wait to ask.
const QUEUE: usize = 4096;

/// What can be asked of the writer.
#[derive(Debug)]
pub(crate) enum Work {
    Step(Box<Step>),
    Park(Parking),
    Settle(Vec<Settle>),
    Claim(Claim),
    Expire(Timestamp),
    Prune(Prune),
    /// Copies the log into the file while nobody writes, so that the log can begin anew.
    Checkpoint,
    /// Takes no more requests, and ends when those accepted are done.
    Close,
}

/// What a request learns.
#[derive(Debug, Default)]
pub(crate) struct Answer {
    pub(crate) bound: Option<CallId>,
    pub(crate) jobs: Vec<Job>,
    /// How many were given up or forgotten.
    pub(crate) gone: u64,
}

type Verdict = Result<Answer, StoreError>;

struct Request {
    work: Work,
    answer: oneshot::Sender<Verdict>,
}

/// A hand on the writer.
#[derive(Debug, Clone)]
pub(crate) struct Writer {
    queue: mpsc::Sender<Request>,
    /// How many requests were written. Ends with the writer.
    progress: watch::Receiver<u64>,
}

impl Writer {
    /// Starts the writer and its checkpointer.
    pub(crate) fn start(file: File, connection: SqliteConnection) -> Self {
        let (sender, queue) = mpsc::channel(QUEUE);
        let (written, progress) = watch::channel(0);
        let writer = Self { queue: sender, progress };
        tokio::spawn(checkpoint::run(file.clone(), writer.progress.clone(), writer.downgrade()));
        tokio::spawn(Loop { file, connection: Some(connection), written }.run(queue));
        writer
    }

    pub(crate) async fn ask(&self, work: Work) -> Verdict {
        let (answer, heard) = oneshot::channel();
        self.queue.send(Request { work, answer }).await.map_err(|_| unavailable(Refused::Closed))?;
        heard.await.map_err(|_| unavailable(Refused::Closed))?
    }

    /// Waits until the writer has done all that it accepted and let go of the file.
    pub(crate) async fn ended(&self) {
        let mut progress = self.progress.clone();
        while progress.changed().await.is_ok() {}
    }

    fn downgrade(&self) -> Weak {
        Weak { queue: self.queue.downgrade(), progress: self.progress.clone() }
    }
}

/// A hand on the writer that does not keep it: the checkpointer's, which must not keep alive a store that everybody
/// else has dropped.
pub(crate) struct Weak {
    queue: mpsc::WeakSender<Request>,
    progress: watch::Receiver<u64>,
}

impl Weak {
    pub(crate) fn upgrade(&self) -> Option<Writer> {
        Some(Writer { queue: self.queue.upgrade()?, progress: self.progress.clone() })
    }
}

struct Loop {
    file: File,
    /// `None` after a failure that the connection did not survive.
    connection: Option<SqliteConnection>,
    written: watch::Sender<u64>,
}

impl Loop {
    async fn run(mut self, mut queue: mpsc::Receiver<Request>) {
        let mut requests = Vec::with_capacity(MOST);
        while queue.recv_many(&mut requests, MOST).await > 0 {
            if requests.iter().any(|request| matches!(request.work, Work::Close)) {
                queue.close();
            }
            self.serve(&mut requests).await;
        }
        if let Some(mut connection) = self.connection.take() {
            // The file alone is then a full copy. If somebody reads it still, the log stays beside it, as good.
            let _ = checkpoint::copy(&mut connection, "TRUNCATE").await;
            let _ = connection.close().await;
        }
    }

    async fn serve(&mut self, requests: &mut Vec<Request>) {
        let works: Vec<&Work> = requests.iter().map(|request| &request.work).collect();
        let verdicts = match self.transact(&works).await {
            Ok(verdicts) => verdicts,
            Err(error) if may_be_of_one(&error) && works.len() > 1 => {
                let mut verdicts = Vec::with_capacity(works.len());
                for work in works {
                    let alone = self.transact(&[work]).await;
                    verdicts.push(alone.map_or_else(|e| Err(unavailable(e)), |mut one| one.swap_remove(0)));
                }
                verdicts
            }
            Err(error) => {
                let error: Arc<sqlx::Error> = Arc::new(error);
                works.iter().map(|_| Err(StoreError::Unavailable(Arc::clone(&error) as _))).collect()
            }
        };
        self.written.send_modify(|written| *written += requests.len() as u64);
        for (request, verdict) in requests.drain(..).zip(verdicts) {
            // Whoever asked may have gone; what was stored stays.
            let _ = request.answer.send(verdict);
        }
    }

    /// One transaction, whole or not at all.
    async fn transact(&mut self, works: &[&Work]) -> Result<Vec<Verdict>, sqlx::Error> {
        let connection = match &mut self.connection {
            Some(connection) => connection,
            gone => gone.insert(self.file.writer().await?),
        };
        let answer = attempt(connection, works).await;
        if answer.is_err() && sqlx::query("ROLLBACK").execute(&mut *connection).await.is_err() {
            // Nothing was open: it never began, or SQLite rolled back by itself. Or the connection is broken.
            if connection.ping().await.is_err() {
                self.connection = None;
            }
        }
        answer
    }
}

async fn attempt(connection: &mut SqliteConnection, works: &[&Work]) -> Result<Vec<Verdict>, sqlx::Error> {
    let mut question = Question::default();
    for work in works {
        match work {
            Work::Step(step) => question.of_step(step),
            Work::Park(parking) => question.of_leg(&parking.leg),
            Work::Settle(_) | Work::Claim(_) | Work::Expire(_) | Work::Prune(_) | Work::Checkpoint | Work::Close => {}
        }
    }
    let mut batch = Batch::begin(connection, &question).await?;
    let mut verdicts = Vec::with_capacity(works.len());
    for work in works {
        verdicts.push(match work {
            Work::Step(step) => batch.step(step).map(|()| Answer::default()),
            Work::Park(parking) => {
                let bound = match batch.park(parking) {
                    Parked::Kept => None,
                    Parked::Bound(call) => Some(call),
                };
                Ok(Answer { bound, ..Answer::default() })
            }
            Work::Settle(settlements) => {
                for settle in settlements {
                    batch.settle(settle);
                }
                Ok(Answer::default())
            }
            Work::Claim(_) | Work::Expire(_) | Work::Prune(_) | Work::Checkpoint | Work::Close => Ok(Answer::default()),
        });
    }
    batch.write(connection).await?;
    for (work, verdict) in works.iter().zip(&mut verdicts) {
        match work {
            Work::Claim(claim) => {
                let jobs = outbox::claim(connection, claim).await?;
                *verdict = jobs.map(|jobs| Answer { jobs, ..Answer::default() });
            }
            Work::Expire(now) => {
                let gone = mailbox::expire(connection, *now).await?;
                *verdict = Ok(Answer { gone, ..Answer::default() });
            }
            Work::Prune(wish) => {
                let gone = prune::prune(connection, *wish).await?;
                *verdict = Ok(Answer { gone, ..Answer::default() });
            }
            Work::Step(_) | Work::Park(_) | Work::Settle(_) | Work::Checkpoint | Work::Close => {}
        }
    }
    sqlx::query("COMMIT").execute(&mut *connection).await?;
    if works.iter().any(|work| matches!(work, Work::Checkpoint)) {
        checkpoint::copy(connection, "PASSIVE").await?;
    }
    Ok(verdicts)
}
