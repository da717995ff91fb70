//! Copying the log into the file, off the commit path. SQLite would do it inside some unlucky commit.

use sqlx::{Connection as _, SqliteConnection};
use tokio::sync::watch;

use crate::schema::File;
use crate::writer::{Weak, Work};

/// After how many written requests the log is copied.
const EVERY: u64 = 512;

/// How many pages (of 4 KiB) the log may hold before the writer is asked to pause for the rest of the copying. While
/// it writes, the log never becomes empty, and only an empty log begins anew.
const LONG: i64 = 4096;

/// Copies until the writer is gone.
pub(crate) async fn run(file: File, mut progress: watch::Receiver<u64>, writer: Weak) {
    let mut connection: Option<SqliteConnection> = None;
    let mut copied = 0;
    while progress.wait_for(|written| *written >= copied + EVERY).await.is_ok() {
        copied = *progress.borrow_and_update();
        // What fails here is tried again later: the log is as good as the file.
        let connection = match &mut connection {
            Some(connection) => connection,
            gone => match file.writer().await {
                Ok(made) => gone.insert(made),
                Err(_) => continue,
            },
        };
        if let Ok(pages) = copy(connection, "PASSIVE").await
            && pages > LONG
            && let Some(writer) = writer.upgrade()
        {
            let _ = writer.ask(Work::Checkpoint).await;
        }
    }
    if let Some(connection) = connection {
        let _ = connection.close().await;
    }
}

/// Copies what can be copied, and says how many pages the log holds.
pub(crate) async fn copy(connection: &mut SqliteConnection, mode: &'static str) -> Result<i64, sqlx::Error> {
    let copy = match mode {
        "TRUNCATE" => "PRAGMA wal_checkpoint(TRUNCATE)",
        _ => "PRAGMA wal_checkpoint(PASSIVE)",
    };
    let (_busy, pages, _copied): (i64, i64, i64) = sqlx::query_as(copy).fetch_one(connection).await?;
    Ok(pages)
}
