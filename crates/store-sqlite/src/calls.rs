//! Calls: what a commit writes, made ready, and what is read of them.

use call_core::journal::Entry;
use call_core::port::{Commit, Counts, Filter, Page, Settle, StoreError, restore};
use call_core::{Call, CallId, Leg, PhaseName, Timestamp};
use sqlx::{QueryBuilder, Sqlite, SqlitePool};

use crate::batch::LegName;
use crate::error::{unavailable, unreadable};
use crate::rows::{Cell, Rows, name};

/// A commit made ready on its caller's own task, so that the writer only compares and concatenates.
#[derive(Debug)]
pub(crate) struct Step {
    pub(crate) id: CallId,
    pub(crate) base: u64,
    pub(crate) version: u64,
    pub(crate) open: bool,
    pub(crate) subject: Option<String>,
    pub(crate) legs: Vec<LegName>,
    pub(crate) key: Option<String>,
    pub(crate) digest: String,
    pub(crate) row: Rows,
    pub(crate) birth: Rows,
    pub(crate) journal: Rows,
    pub(crate) effects: Rows,
    pub(crate) adopts: Vec<i64>,
    pub(crate) settles: Option<Settle>,
}

impl Step {
    pub(crate) fn new(commit: Commit) -> Result<Self, StoreError> {
        let call = &commit.call;
        let id = call.id().to_string();
        let subject = call.subject().map(|subject| name(&subject.0).into_owned());
        let (mut row, mut birth) = (Rows::default(), Rows::default());
        if commit.moves() {
            let (birth_json, state) = commit.to_json()?;
            row.push(&[
                Cell::Text(&id),
                number(call.version()),
                Cell::Text(call.phase_name().as_str()),
                Cell::from(call.outcome().map(|outcome| outcome.disposition.as_str())),
                Cell::from(subject.as_deref()),
                call.next_deadline().map_or(Cell::Null, time),
                time(call.birth().at),
                Cell::Json(&state),
            ]);
            if commit.base == 0 {
                birth.push(&[Cell::Text(&id), Cell::Json(&birth_json)]);
            }
        }
        let mut journal = Rows::default();
        for entry in commit.entries.iter() {
            let json = serde_json::to_string(entry).map_err(unreadable)?;
            let ignored = Cell::from(entry.ignored.map(call_core::Reason::as_str));
            journal.push(&[Cell::Text(&id), number(entry.version), time(entry.at), ignored, Cell::Json(&json)]);
        }
        let mut effects = Rows::default();
        for (effect_id, effect) in commit.effects.iter() {
            let json = serde_json::to_string(effect).map_err(unreadable)?;
            let place = Cell::Number(effect_id.index.into());
            let (kind, since) = (Cell::Text(effect.as_str()), time(commit.at()));
            effects.push(&[Cell::Text(&id), number(effect_id.version), place, kind, Cell::Json(&json), since]);
        }
        let (key, digest) = commit
            .key
            .as_ref()
            .map_or((None, String::new()), |key| (Some(name(&key.key).into_owned()), name(&key.digest).into_owned()));
        Ok(Self {
            id: call.id(),
            base: commit.base,
            version: call.version(),
            open: !call.has_ended(),
            subject,
            legs: if commit.moves() { commit.legs().map(leg_name).collect() } else { Vec::new() },
            key,
            digest,
            row,
            birth,
            journal,
            effects,
            adopts: commit.adopts,
            settles: commit.settles,
        })
    }

    pub(crate) const fn moves(&self) -> bool {
        self.base != self.version
    }
}

/// A leg as it is kept.
pub(crate) fn leg_name(leg: &Leg) -> LegName {
    (name(leg.provider.as_str()).into_owned(), name(&leg.id).into_owned())
}

pub(crate) const fn number(value: u64) -> Cell<'static> {
    Cell::Number(value.cast_signed())
}

pub(crate) const fn time(at: Timestamp) -> Cell<'static> {
    Cell::Number(at.as_millis())
}

pub(crate) fn call_id(kept: &str) -> Result<CallId, StoreError> {
    kept.parse().map_err(unreadable)
}

pub(crate) const DUE: &str =
    "SELECT id FROM calls WHERE deadline IS NOT NULL AND deadline <= ? ORDER BY deadline, id LIMIT ?";

pub(crate) async fn find(reads: &SqlitePool, leg: &Leg) -> Result<Option<CallId>, StoreError> {
    const FIND: &str = "SELECT call FROM legs WHERE provider = ? AND leg = ?";
    let (provider, leg) = leg_name(leg);
    let found = sqlx::query_scalar::<_, String>(FIND).bind(provider).bind(leg).fetch_optional(reads).await;
    found.map_err(unavailable)?.map(|id| call_id(&id)).transpose()
}

pub(crate) async fn find_key(reads: &SqlitePool, key: &str) -> Result<Option<(CallId, String)>, StoreError> {
    const FIND: &str = "SELECT call, digest FROM keys WHERE key = ?";
    let found = sqlx::query_as::<_, (String, String)>(FIND).bind(name(key).into_owned()).fetch_optional(reads).await;
    found.map_err(unavailable)?.map(|(id, digest)| Ok((call_id(&id)?, crate::rows::named(digest)))).transpose()
}

pub(crate) async fn due(reads: &SqlitePool, now: Timestamp, limit: usize) -> Result<Vec<CallId>, StoreError> {
    let due = sqlx::query_scalar::<_, String>(DUE).bind(now.as_millis()).bind(most(limit)).fetch_all(reads).await;
    due.map_err(unavailable)?.iter().map(|id| call_id(id)).collect()
}

pub(crate) async fn journal(reads: &SqlitePool, id: CallId) -> Result<Vec<Entry>, StoreError> {
    const JOURNAL: &str = "SELECT entry FROM journal WHERE call = ? ORDER BY version, ignored IS NULL, seq";
    let entries = sqlx::query_scalar::<_, String>(JOURNAL).bind(id.to_string()).fetch_all(reads).await;
    entries.map_err(unavailable)?.iter().map(|entry| serde_json::from_str(entry).map_err(unreadable)).collect()
}

pub(crate) async fn list(reads: &SqlitePool, filter: &Filter, page: &Page) -> Result<Vec<Call>, StoreError> {
    let mut query =
        QueryBuilder::<Sqlite>::new("SELECT birth, state FROM calls JOIN births ON births.call = calls.id WHERE true");
    if !filter.phases.is_empty() {
        query.push(" AND phase IN (");
        let mut phases = query.separated(", ");
        for phase in &filter.phases {
            phases.push_bind(phase.as_str());
        }
        query.push(")");
        if !filter.phases.contains(&PhaseName::Ended) {
            query.push(" AND disposition IS NULL");
        }
    }
    if let Some(disposition) = filter.disposition {
        query.push(" AND disposition = ").push_bind(disposition.as_str());
    }
    if let Some(subject) = &filter.subject {
        query.push(" AND subject = ").push_bind(name(&subject.0).into_owned());
    }
    if let Some(at) = filter.open_before {
        query.push(" AND disposition IS NULL AND born < ").push_bind(at.as_millis());
    }
    if let Some(before) = page.before {
        query.push(" AND calls.id < ").push_bind(before.to_string());
    }
    query.push(" ORDER BY calls.id DESC LIMIT ").push_bind(most(page.limit));
    let rows = query.build_query_as::<(String, String)>().fetch_all(reads).await.map_err(unavailable)?;
    rows.iter().map(|(birth, state)| restore(birth, state)).collect()
}

pub(crate) async fn counts(reads: &SqlitePool, now: Timestamp) -> Result<Counts, StoreError> {
    // Ended calls are left out: counting them would read the whole table.
    const PHASES: &str = "SELECT phase, count(*) FROM calls WHERE disposition IS NULL GROUP BY phase";
    const OPEN: &str = "SELECT id, born FROM calls WHERE disposition IS NULL ORDER BY born, id LIMIT 10";
    const REST: &str = "SELECT
        (SELECT min(deadline) FROM calls WHERE deadline IS NOT NULL AND deadline <= ?),
        (SELECT count(*) FROM mailbox), (SELECT count(*) FROM outbox), (SELECT min(since) FROM outbox)";
    let mut snapshot = reads.begin().await.map_err(unavailable)?;
    let phases: Vec<(String, i64)> = sqlx::query_as(PHASES).fetch_all(&mut *snapshot).await.map_err(unavailable)?;
    let open: Vec<(String, i64)> = sqlx::query_as(OPEN).fetch_all(&mut *snapshot).await.map_err(unavailable)?;
    let rest = sqlx::query_as::<_, (Option<i64>, i64, i64, Option<i64>)>(REST).bind(now.as_millis());
    let (due, parked, outbox, since) = rest.fetch_one(&mut *snapshot).await.map_err(unavailable)?;
    let count = |phase: PhaseName| phases.iter().find(|(name, _)| name == phase.as_str()).map(|(_, n)| (phase, *n));
    Ok(Counts {
        phases: PhaseName::ALL.into_iter().filter_map(count).map(|(name, n)| (name, n.cast_unsigned())).collect(),
        oldest_due: due.map(Timestamp::from_millis),
        parked: parked.cast_unsigned(),
        outbox: outbox.cast_unsigned(),
        oldest_effect: since.map(Timestamp::from_millis),
        oldest_open: open
            .iter()
            .map(|(id, born)| Ok((call_id(id)?, Timestamp::from_millis(*born))))
            .collect::<Result<_, StoreError>>()?,
    })
}

/// A limit as SQLite takes it.
pub(crate) fn most(limit: usize) -> i64 {
    i64::try_from(limit).unwrap_or(i64::MAX)
}
