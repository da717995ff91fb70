//! Forgetting: calls that ended long ago, each with all that belongs to it.

use call_core::port::StoreError;
use call_core::{CallId, Timestamp};

use crate::calls::most;
use crate::line::Lines;

const FORGET: &str = "SELECT forget_calls($1, $2)";

/// Forgets, and says how many calls. Names sort by birth, so the oldest are the first of the primary key.
pub(crate) async fn prune(lines: &Lines, born_before: Timestamp, limit: usize) -> Result<u64, StoreError> {
    let before = CallId::new(born_before, [0; 10]).as_uuid();
    let gone = lines.once(sqlx::query_as::<_, (i64,)>(FORGET).bind(before).bind(most(limit))).await?;
    Ok(gone.first().map_or(0, |(gone,)| gone.cast_unsigned()))
}
