//! Hears of legs that are bound, by any server: one connection that listens, for all who wait.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use sqlx::postgres::{PgListener, PgPoolOptions};
use tokio::sync::broadcast;
use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout};

use crate::schema::Server;

/// The channel on which a commit tells the lock numbers of the legs that it binds. Also named in `parts::BOUND`.
pub(crate) const CHANNEL: &str = "call_bound";

/// How long silence is believed before the line is tested.
const SILENCE: Duration = Duration::from_secs(20);

/// How long to wait before listening again after a failure.
const PAUSE: Duration = Duration::from_millis(500);

/// How much news may wait for somebody slow, who then looks as if all of it concerned him.
const BACKLOG: usize = 1024;

/// A leg's lock number; `None`: something may have been missed.
type News = Option<i64>;

/// The ear of a store. It begins to listen when somebody first waits.
#[derive(Debug)]
pub(crate) struct Hearing {
    server: Arc<Server>,
    news: broadcast::Sender<News>,
    task: Mutex<Option<JoinHandle<()>>>,
}

impl Hearing {
    pub(crate) fn new(server: Arc<Server>) -> Self {
        Self { server, news: broadcast::channel(BACKLOG).0, task: Mutex::new(None) }
    }

    /// Returns when the leg may have been bound.
    pub(crate) async fn bound(&self, lock: i64) {
        let mut news = self.news.subscribe();
        self.listen();
        while let Ok(Some(heard)) = news.recv().await {
            if heard == lock {
                return;
            }
        }
    }

    /// Hears no more.
    pub(crate) fn close(&self) {
        let task = self.task.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(task) = task {
            task.abort();
        }
    }

    fn listen(&self) {
        let mut task = self.task.lock().unwrap_or_else(PoisonError::into_inner);
        task.get_or_insert_with(|| tokio::spawn(run(Arc::clone(&self.server), self.news.clone())));
    }
}

impl Drop for Hearing {
    fn drop(&mut self) {
        self.close();
    }
}

async fn run(server: Arc<Server>, news: broadcast::Sender<News>) {
    loop {
        let failed = hear(&server, &news).await;
        tracing::debug!(error = ?failed.err(), "no longer listening for bound legs; whoever waits looks by schedule");
        sleep(PAUSE).await;
    }
}

/// Listens until the line fails.
async fn hear(server: &Server, news: &broadcast::Sender<News>) -> Result<(), sqlx::Error> {
    let pool = PgPoolOptions::new().max_connections(1).max_lifetime(None).idle_timeout(None);
    let pool = pool.acquire_timeout(server.patience()).connect_lazy_with(server.options().clone());
    let mut listener = PgListener::connect_with(&pool).await?;
    listener.eager_reconnect(false);
    listener.listen(CHANNEL).await?;
    // What was bound before is not heard.
    let _ = news.send(None);
    loop {
        match timeout(SILENCE, listener.try_recv()).await {
            // Nobody may be waiting.
            Ok(Ok(Some(heard))) => _ = news.send(heard.payload().parse().ok()),
            Ok(Ok(None)) => return Ok(()),
            Ok(Err(error)) => return Err(error),
            Err(_) => {
                let test = timeout(server.patience(), sqlx::query("SELECT 1").execute(&mut listener)).await;
                test.unwrap_or_else(|_| Err(crate::error::timed_out()))?;
            }
        }
    }
}
