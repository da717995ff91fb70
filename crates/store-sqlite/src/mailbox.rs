//! Signals that wait for their call.

use call_core::port::{ParkedSignal, StoreError};
use call_core::{CallId, Leg, Signal, Timestamp};
use sqlx::{SqliteConnection, SqlitePool};

use crate::batch::LegName;
use crate::calls::{call_id, leg_name, most, time};
use crate::error::{unavailable, unreadable};
use crate::rows::{Cell, Rows, named};

/// Signals to be kept, made ready on their caller's own task.
#[derive(Debug)]
pub(crate) struct Parking {
    pub(crate) leg: LegName,
    pub(crate) rows: Rows,
}

impl Parking {
    pub(crate) fn new(leg: &Leg, signals: &[Signal], now: Timestamp, until: Timestamp) -> Result<Self, StoreError> {
        let name = leg_name(leg);
        let mut rows = Rows::default();
        for signal in signals {
            let json = serde_json::to_string(signal).map_err(unreadable)?;
            rows.push(&[Cell::Text(&name.0), Cell::Text(&name.1), Cell::Json(&json), time(now), time(until)]);
        }
        Ok(Self { leg: name, rows })
    }
}

type Row = (i64, String, String, String, i64, i64);

fn parked_signal((id, provider, leg, signal, since, until): Row) -> Result<ParkedSignal, StoreError> {
    Ok(ParkedSignal {
        id,
        leg: Leg::new(named(provider).into(), named(leg)),
        signal: serde_json::from_str(&signal).map_err(unreadable)?,
        since: Timestamp::from_millis(since),
        until: Timestamp::from_millis(until),
    })
}

pub(crate) async fn parked(reads: &SqlitePool, leg: &Leg) -> Result<Vec<ParkedSignal>, StoreError> {
    const PARKED: &str =
        "SELECT id, provider, leg, signal, since, until FROM mailbox WHERE provider = ? AND leg = ? ORDER BY id";
    let (provider, leg) = leg_name(leg);
    let rows = sqlx::query_as::<_, Row>(PARKED).bind(provider).bind(leg).fetch_all(reads).await;
    rows.map_err(unavailable)?.into_iter().map(parked_signal).collect()
}

pub(crate) async fn all(reads: &SqlitePool, limit: usize) -> Result<Vec<ParkedSignal>, StoreError> {
    const ALL: &str = "SELECT id, provider, leg, signal, since, until FROM mailbox ORDER BY id LIMIT ?";
    let rows = sqlx::query_as::<_, Row>(ALL).bind(most(limit)).fetch_all(reads).await;
    rows.map_err(unavailable)?.into_iter().map(parked_signal).collect()
}

pub(crate) async fn stranded(reads: &SqlitePool, limit: usize) -> Result<Vec<(CallId, Leg)>, StoreError> {
    const STRANDED: &str = "
SELECT legs.call, legs.provider, legs.leg FROM mailbox JOIN legs USING (provider, leg)
GROUP BY legs.provider, legs.leg ORDER BY min(mailbox.id) LIMIT ?";
    let rows = sqlx::query_as::<_, (String, String, String)>(STRANDED).bind(most(limit)).fetch_all(reads).await;
    let rows = rows.map_err(unavailable)?.into_iter();
    rows.map(|(call, provider, leg)| Ok((call_id(&call)?, Leg::new(named(provider).into(), named(leg))))).collect()
}

/// Gives up what nobody came for, in the writer's transaction.
pub(crate) async fn expire(connection: &mut SqliteConnection, now: Timestamp) -> Result<u64, sqlx::Error> {
    const EXPIRE: &str = "DELETE FROM mailbox WHERE until <= ?";
    Ok(sqlx::query(EXPIRE).bind(now.as_millis()).execute(connection).await?.rows_affected())
}
