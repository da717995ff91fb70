//! Forgetting: calls that ended long ago, each with all that belongs to it.

use call_core::{CallId, Timestamp};
use sqlx::SqliteConnection;

use crate::calls::most;
use crate::rows::{Cell, Rows};

/// A wish to forget.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Prune {
    pub(crate) born_before: Timestamp,
    pub(crate) limit: usize,
}

/// The calls themselves. Names sort by birth, so the oldest are the first of the primary key.
pub(crate) const CALLS: &str = "
DELETE FROM calls WHERE id IN
    (SELECT id FROM calls WHERE id < ? AND disposition IS NOT NULL
        AND NOT EXISTS (SELECT 1 FROM outbox WHERE outbox.call = calls.id)
        ORDER BY id LIMIT ?)
RETURNING id";

/// All else that is kept of them.
pub(crate) const REST: &str = "
DELETE FROM births WHERE call IN (SELECT value FROM json_each(?));
DELETE FROM legs WHERE call IN (SELECT value FROM json_each(?));
DELETE FROM keys WHERE call IN (SELECT value FROM json_each(?));
DELETE FROM journal WHERE call IN (SELECT value FROM json_each(?));
";

/// Forgets, in the writer's transaction, and says how many calls.
pub(crate) async fn prune(connection: &mut SqliteConnection, wish: Prune) -> Result<u64, sqlx::Error> {
    let before = CallId::new(wish.born_before, [0; 10]).to_string();
    let gone = sqlx::query_scalar::<_, String>(CALLS).bind(before).bind(most(wish.limit));
    let gone = gone.fetch_all(&mut *connection).await?;
    if !gone.is_empty() {
        let mut ids = Rows::default();
        for id in &gone {
            ids.push_one(Cell::Text(id));
        }
        let ids = ids.to_json();
        let rest = REST.matches('?').fold(sqlx::query(REST), |rest, _| rest.bind(ids.clone()));
        rest.execute(connection).await?;
    }
    Ok(gone.len() as u64)
}
