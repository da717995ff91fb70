//! Effects that wait to be performed.

use call_core::port::{Job, Lane, StoreError};
use call_core::{EffectId, Timestamp};
use sqlx::{SqliteConnection, SqlitePool};

use crate::calls::{call_id, most};
use crate::error::{unavailable, unreadable};

/// A wish for something to do.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Claim {
    pub(crate) lane: Lane,
    pub(crate) now: Timestamp,
    pub(crate) lease: Timestamp,
    pub(crate) limit: usize,
}

/// The statements of a lane. Its condition is written out, so that its own index is used.
pub(crate) struct Statements {
    pub(crate) any: &'static str,
    pub(crate) claim: &'static str,
}

macro_rules! statements {
    ($lane:literal) => {
        Statements {
            any: concat!("SELECT EXISTS (SELECT 1 FROM outbox WHERE visible <= ? AND ", $lane, ")"),
            claim: concat!(
                "UPDATE outbox SET visible = ?1, attempt = attempt + 1, claimed = 1
                WHERE (call, version, place) IN
                    (SELECT call, version, place FROM outbox WHERE visible <= ?2 AND ",
                $lane,
                " ORDER BY visible, call, version, place LIMIT ?3)
                RETURNING call, version, place, effect, since, attempt, deferrals"
            ),
        }
    };
}

pub(crate) const fn statements(lane: Lane) -> Statements {
    match lane {
        Lane::News => statements!("kind = 'publish'"),
        Lane::Acts => statements!("kind <> 'publish'"),
    }
}

/// Whether there is anything to claim. An idle worker that asks often does not disturb the writer.
pub(crate) async fn any(reads: &SqlitePool, claim: &Claim) -> Result<bool, StoreError> {
    let any =
        sqlx::query_scalar::<_, bool>(statements(claim.lane).any).bind(claim.now.as_millis()).fetch_one(reads).await;
    any.map(|any| any && claim.limit > 0).map_err(unavailable)
}

/// Takes jobs, in the writer's transaction.
pub(crate) async fn claim(
    connection: &mut SqliteConnection,
    claim: &Claim,
) -> Result<Result<Vec<Job>, StoreError>, sqlx::Error> {
    let claimed = sqlx::query_as::<_, Row>(statements(claim.lane).claim)
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
