//! Effects that wait to be performed.

use std::time::Duration;

use call_core::port::{Job, Lane, StoreError};
use call_core::{CallId, EffectId, Timestamp};
use sqlx::types::Uuid;

use crate::calls::most;
use crate::error::unreadable;
use crate::line::Lines;

macro_rules! claim {
    ($lane:literal) => {
        concat!(
            "WITH next AS MATERIALIZED (SELECT ctid AS row FROM outbox WHERE visible <= $2 AND ",
            $lane,
            " ORDER BY visible, call, version, place LIMIT $3 FOR UPDATE SKIP LOCKED)
            UPDATE outbox SET visible = $1, attempt = attempt + 1, claimed = true FROM next
            WHERE outbox.ctid = next.row RETURNING call, version, place, effect::text, since, attempt, deferrals"
        )
    };
}

/// The statement of a lane. Its condition is written out, so that its own index is used. What another worker is about to
/// claim is passed over, not waited for.
pub(crate) const fn statement(lane: Lane) -> &'static str {
    match lane {
        Lane::News => claim!("kind = 'publish'"),
        Lane::Acts => claim!("kind <> 'publish'"),
    }
}

pub(crate) async fn claim(
    lines: &Lines,
    lane: Lane,
    now: Timestamp,
    lease: Duration,
    limit: usize,
) -> Result<Vec<Job>, StoreError> {
    if limit == 0 {
        return Ok(Vec::new());
    }
    let lease = now + lease;
    let claim = sqlx::query_as::<_, Row>(statement(lane)).bind(lease.as_millis()).bind(now.as_millis());
    let rows = lines.once(claim.bind(most(limit))).await?;
    let (mut jobs, mut strange) = (Vec::with_capacity(rows.len()), None);
    for row in rows {
        match job(row, lease) {
            Ok(job) => jobs.push(job),
            Err(error) => strange = Some(error),
        }
    }
    // An effect that this version cannot read waits for a version that can; it must not stop the others.
    match strange {
        Some(error) if jobs.is_empty() => Err(error),
        Some(_) | None => {
            jobs.sort_unstable_by_key(|job| (job.since, job.id));
            Ok(jobs)
        }
    }
}

type Row = (Uuid, i64, i32, String, i64, i32, i32);

fn job((call, version, place, effect, since, attempt, deferrals): Row, lease: Timestamp) -> Result<Job, StoreError> {
    let index = u16::try_from(place).map_err(unreadable)?;
    Ok(Job {
        id: EffectId { call: CallId::from_uuid(call), version: version.cast_unsigned(), index },
        effect: serde_json::from_str(&effect).map_err(unreadable)?,
        attempt: attempt.cast_unsigned(),
        deferrals: deferrals.cast_unsigned(),
        since: Timestamp::from_millis(since),
        lease,
    })
}
