//! Signals that wait for their call.

use call_core::port::{Parked, ParkedSignal, StoreError};
use call_core::{CallId, Leg, Signal, Timestamp};
use sqlx::types::Uuid;

use crate::calls::most;
use crate::error::unreadable;
use crate::line::Lines;
use crate::rows::LegName;

pub(crate) const PARK: &str = "SELECT park_signals($1, $2, $3, $4, $5, $6)";

/// Found by the leg, and put in order after that (`OFFSET 0`; see `parts`).
pub(crate) const PARKED: &str = "SELECT * FROM (
        SELECT id, provider, leg, signal::text, since, until FROM mailbox WHERE provider = $1 AND leg = $2 OFFSET 0) AS m
    ORDER BY id";

const ALL: &str = "SELECT id, provider, leg, signal::text, since, until FROM mailbox ORDER BY id LIMIT $1";

pub(crate) const STRANDED: &str = "SELECT l.call, m.provider, m.leg FROM mailbox AS m CROSS JOIN LATERAL (
        SELECT legs.call FROM legs WHERE legs.provider = m.provider AND legs.leg = m.leg OFFSET 0) AS l
    GROUP BY l.call, m.provider, m.leg ORDER BY min(m.id) LIMIT $1";

pub(crate) const EXPIRE: &str =
    "WITH gone AS (DELETE FROM mailbox WHERE until <= $1 RETURNING id) SELECT count(*) FROM gone";

/// Keeps signals, or names the call that their leg is bound to.
pub(crate) async fn park(
    lines: &Lines,
    leg: &Leg,
    signals: &[Signal],
    now: Timestamp,
    until: Timestamp,
) -> Result<Parked, StoreError> {
    let name = LegName::new(leg);
    let signals: Result<Vec<String>, _> = signals.iter().map(serde_json::to_string).collect();
    let park = sqlx::query_as::<_, (Option<Uuid>,)>(PARK)
        .bind(&name.provider)
        .bind(&name.leg)
        .bind(name.lock())
        .bind(signals.map_err(unreadable)?)
        .bind(now.as_millis())
        .bind(until.as_millis());
    let answer = lines.once(park).await?;
    let bound = answer.first().and_then(|(call,)| *call);
    Ok(bound.map_or(Parked::Kept, |call| Parked::Bound(CallId::from_uuid(call))))
}

type Row = (i64, String, String, String, i64, i64);

fn parked_signal((id, provider, leg, signal, since, until): Row) -> Result<ParkedSignal, StoreError> {
    Ok(ParkedSignal {
        id,
        leg: LegName::restore(provider, leg),
        signal: serde_json::from_str(&signal).map_err(unreadable)?,
        since: Timestamp::from_millis(since),
        until: Timestamp::from_millis(until),
    })
}

pub(crate) async fn parked(lines: &Lines, leg: &Leg) -> Result<Vec<ParkedSignal>, StoreError> {
    let LegName { provider, leg } = LegName::new(leg);
    let rows = lines.read(|| sqlx::query_as::<_, Row>(PARKED).bind(&provider).bind(&leg)).await?;
    rows.into_iter().map(parked_signal).collect()
}

pub(crate) async fn all(lines: &Lines, limit: usize) -> Result<Vec<ParkedSignal>, StoreError> {
    let rows = lines.read(|| sqlx::query_as::<_, Row>(ALL).bind(most(limit))).await?;
    rows.into_iter().map(parked_signal).collect()
}

pub(crate) async fn stranded(lines: &Lines, limit: usize) -> Result<Vec<(CallId, Leg)>, StoreError> {
    let rows = lines.read(|| sqlx::query_as::<_, (Uuid, String, String)>(STRANDED).bind(most(limit))).await?;
    let rows = rows.into_iter();
    Ok(rows.map(|(call, provider, leg)| (CallId::from_uuid(call), LegName::restore(provider, leg))).collect())
}

/// Gives up what nobody came for.
pub(crate) async fn expire(lines: &Lines, now: Timestamp) -> Result<u64, StoreError> {
    let gone = lines.once(sqlx::query_as::<_, (i64,)>(EXPIRE).bind(now.as_millis())).await?;
    Ok(gone.first().map_or(0, |(gone,)| gone.cast_unsigned()))
}
