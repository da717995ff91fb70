//! Effects that wait to be performed.

use call_core::port::{Job, StoreError};
use call_core::{EffectId, Timestamp};
use sqlx::{SqliteConnection, SqlitePool};

use crate::calls::{call_id, most};
use crate::error::{unavailable, unreadable};

/// A wish for something to do.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Claim {
    pub(crate) now: Timestamp,
    pub(crate) lease: Timestamp,
    pub(crate) limit: usize,
}

pub(crate) const ANY: &str = "SELECT EXISTS (SELECT 1 FROM outbox WHERE visible <= ?)";

pub(crate) const CLAIM: &str = "
UPDATE outbox SET visible = ?1, attempt = attempt + 1, claimed = 1
WHERE (call, version, place) IN
    (SELECT call, version, place FROM outbox WHERE visible <= ?2 ORDER BY visible, call, version, place LIMIT ?3)
RETURNING call, version, place, effect, since, attempt, deferrals";

/// Whether there is anything to claim. An idle worker that asks often does not disturb the writer.
pub(crate) async fn any(reads: &SqlitePool, claim: &Claim) -> Result<bool, StoreError> {
    let any = sqlx::query_scalar::<_, bool>(ANY).bind(claim.now.as_millis()).fetch_one(reads).await;
    any.map(|any| any && claim.limit > 0).map_err(unavailable)
}

/// Takes jobs, in the writer's transaction.
pub(crate) async fn claim(
    connection: &mut SqliteConnection,
    claim: &Claim,
) -> Result<Result<Vec<Job>, StoreError>, sqlx::Error> {
    let claimed = sqlx::query_as::<_, Row>(CLAIM)
        .bind(claim.lease.as_millis())
        .bind(claim.now.as_millis())
        .bind(most(claim.limit));
    let rows = claimed.fetch_all(connection).await?;
    let (mut jobs, mut strange) = (Vec::with_capacity(rows.len()), None);
    for row in rows {
        match job(row, claim.lease) {
            Ok(job) => jobs.push(job),
            Err(error) => strange = Some(error),
        }
    }
    // An effect that this version cannot read waits for a version that can; it must not stop the others.
    match strange {
        Some(error) if jobs.is_empty() => Ok(Err(error)),
        Some(_) | None => {
            jobs.sort_unstable_by_key(|job| (job.since, job.id));
            Ok(Ok(jobs))
        }
    }
}

type Row = (String, i64, i64, String, i64, i64, i64);

fn job((call, version, place, effect, since, attempt, deferrals): Row, lease: Timestamp) -> Result<Job, StoreError> {
    let index = u16::try_from(place).map_err(unreadable)?;
    Ok(Job {
        id: EffectId { call: call_id(&call)?, version: version.cast_unsigned(), index },
        effect: serde_json::from_str(&effect).map_err(unreadable)?,
        attempt: u32::try_from(attempt).map_err(unreadable)?,
        deferrals: u32::try_from(deferrals).map_err(unreadable)?,
        since: Timestamp::from_millis(since),
        lease,
    })
}
