//! Calls: what a commit writes, made ready, and what is read of them.

use std::hash::{DefaultHasher, Hash, Hasher};

use call_core::journal::Entry;
use call_core::port::{Commit, Counts, Filter, Page, Settle, StoreError, restore};
use call_core::{Call, CallId, EffectId, Leg, PhaseName, Timestamp};
use serde::Serialize;
use sqlx::types::Uuid;
use sqlx::{Postgres, QueryBuilder};

use crate::error::unreadable;
use crate::line::Lines;
use crate::rows::{LegName, name, named};

/// A commit made ready on its caller's own task, so that the writer only puts rows together.
#[derive(Debug)]
pub(crate) struct Step {
    pub(crate) id: Uuid,
    pub(crate) base: i64,
    pub(crate) version: i64,
    pub(crate) phase: &'static str,
    pub(crate) disposition: Option<&'static str>,
    pub(crate) subject: Option<String>,
    pub(crate) deadline: Option<i64>,
    pub(crate) born: i64,
    /// The birth as JSON; of a birth.
    pub(crate) birth: Option<String>,
    /// The state as JSON; of a step that moves.
    pub(crate) state: Option<String>,
    pub(crate) legs: Vec<LegName>,
    /// The key and its digest.
    pub(crate) key: Option<(String, String)>,
    pub(crate) journal: Vec<Noted>,
    pub(crate) effects: Vec<Asked>,
    pub(crate) adopts: Vec<i64>,
    pub(crate) settles: Option<Settle>,
    /// What it touches that another step may touch too.
    pub(crate) touches: Vec<u64>,
}

/// A row of the journal.
#[derive(Debug)]
pub(crate) struct Noted {
    pub(crate) version: i64,
    pub(crate) at: i64,
    pub(crate) ignored: Option<&'static str>,
    pub(crate) entry: String,
}

/// A row of the outbox.
#[derive(Debug)]
pub(crate) struct Asked {
    pub(crate) version: i64,
    pub(crate) place: i32,
    pub(crate) kind: &'static str,
    pub(crate) effect: String,
    pub(crate) since: i64,
}

impl Step {
    pub(crate) fn new(commit: Commit) -> Result<Self, StoreError> {
        let call = &commit.call;
        let moves = commit.moves();
        let journal = commit.entries.iter().map(|entry| {
            Ok(Noted {
                version: entry.version.cast_signed(),
                at: entry.at.as_millis(),
                ignored: entry.ignored.map(call_core::Reason::as_str),
                entry: json(entry)?,
            })
        });
        let since = commit.at().as_millis();
        let effects = commit.effects.iter().map(|(id, effect)| {
            Ok(Asked {
                version: id.version.cast_signed(),
                place: id.index.into(),
                kind: effect.as_str(),
                effect: json(effect)?,
                since,
            })
        });
        let mut step = Self {
            id: call.id().as_uuid(),
            base: commit.base.cast_signed(),
            version: call.version().cast_signed(),
            phase: call.phase_name().as_str(),
            disposition: call.outcome().map(|outcome| outcome.disposition.as_str()),
            subject: call.subject().map(|subject| name(&subject.0).into_owned()),
            deadline: call.next_deadline().map(Timestamp::as_millis),
            born: call.birth().at.as_millis(),
            birth: (moves && commit.base == 0).then(|| json(&**call.birth())).transpose()?,
            state: moves.then(|| json(call.state())).transpose()?,
            legs: if moves { commit.legs().map(LegName::new).collect() } else { Vec::new() },
            key: commit.key.as_ref().map(|key| (name(&key.key).into_owned(), name(&key.digest).into_owned())),
            journal: journal.collect::<Result<_, StoreError>>()?,
            effects: effects.collect::<Result<_, StoreError>>()?,
            adopts: commit.adopts.clone(),
            settles: commit.settles.clone(),
            touches: Vec::new(),
        };
        step.touches = step.footprint();
        Ok(step)
    }

    /// Whether the call changes, or only its journal grows.
    pub(crate) const fn moves(&self) -> bool {
        self.base != self.version
    }

    pub(crate) const fn is_birth(&self) -> bool {
        self.moves() && self.base == 0
    }

    /// Two steps with a number in common are not written by one statement, where one could not see the other.
    fn footprint(&self) -> Vec<u64> {
        let mut touches = Vec::with_capacity(4);
        if self.moves() {
            touches.push(mark(&(0, self.id)));
        }
        if let Some((key, _)) = &self.key {
            touches.push(mark(&(1, key)));
        }
        touches.extend(self.legs.iter().map(|leg| mark(&(2, leg.lock()))));
        if let (true, Some(subject)) = (self.is_birth(), &self.subject) {
            touches.push(mark(&(3, subject)));
        }
        touches.extend(self.settles.iter().map(|settle| touches_effect(&settle.id)));
        touches
    }
}

fn json(of: &impl Serialize) -> Result<String, StoreError> {
    serde_json::to_string(of).map_err(unreadable)
}

/// What a settlement touches.
pub(crate) fn touches_effect(id: &EffectId) -> u64 {
    mark(&(4, id.call.as_uuid(), id.version, id.index))
}

fn mark(of: &impl Hash) -> u64 {
    let mut hasher = DefaultHasher::new();
    of.hash(&mut hasher);
    hasher.finish()
}

pub(crate) const FIND: &str = "SELECT call FROM legs WHERE provider = $1 AND leg = $2";

pub(crate) const FIND_KEY: &str = "SELECT call, digest FROM keys WHERE key = $1";

pub(crate) const DUE: &str =
    "SELECT id FROM calls WHERE deadline IS NOT NULL AND deadline <= $1 ORDER BY deadline, id LIMIT $2";

pub(crate) const JOURNAL: &str =
    "SELECT entry::text FROM journal WHERE call = $1 ORDER BY version, ignored IS NULL, seq";

/// Ended calls are left out: counting them would read the whole table.
pub(crate) const COUNTS: &str = "
SELECT 'phase', phase, NULL::uuid, count(*) FROM calls WHERE phase <> 'ended' GROUP BY phase
UNION ALL SELECT * FROM (
    SELECT 'open', NULL, id, born FROM calls WHERE phase <> 'ended' ORDER BY born, id LIMIT 10) AS oldest
UNION ALL SELECT 'due', NULL, NULL, min(deadline) FROM calls WHERE deadline IS NOT NULL AND deadline <= $1
UNION ALL SELECT 'parked', NULL, NULL, count(*) FROM mailbox
UNION ALL SELECT 'outbox', NULL, NULL, count(*) FROM outbox
UNION ALL SELECT 'since', NULL, NULL, min(since) FROM outbox";

pub(crate) async fn find(lines: &Lines, leg: &Leg) -> Result<Option<CallId>, StoreError> {
    let LegName { provider, leg } = LegName::new(leg);
    let found = lines.read(|| sqlx::query_as::<_, (Uuid,)>(FIND).bind(&provider).bind(&leg)).await?;
    Ok(found.first().map(|(id,)| CallId::from_uuid(*id)))
}

pub(crate) async fn find_key(lines: &Lines, key: &str) -> Result<Option<(CallId, String)>, StoreError> {
    let key = name(key);
    let found = lines.read(|| sqlx::query_as::<_, (Uuid, String)>(FIND_KEY).bind(&*key)).await?;
    Ok(found.into_iter().next().map(|(id, digest)| (CallId::from_uuid(id), named(digest))))
}

pub(crate) async fn due(lines: &Lines, now: Timestamp, limit: usize) -> Result<Vec<CallId>, StoreError> {
    let due = lines.read(|| sqlx::query_as::<_, (Uuid,)>(DUE).bind(now.as_millis()).bind(most(limit))).await?;
    Ok(due.into_iter().map(|(id,)| CallId::from_uuid(id)).collect())
}

pub(crate) async fn journal(lines: &Lines, id: CallId) -> Result<Vec<Entry>, StoreError> {
    let entries = lines.read(|| sqlx::query_as::<_, (String,)>(JOURNAL).bind(id.as_uuid())).await?;
    entries.iter().map(|(entry,)| serde_json::from_str(entry).map_err(unreadable)).collect()
}

pub(crate) async fn list(lines: &Lines, filter: &Filter, page: &Page) -> Result<Vec<Call>, StoreError> {
    // The text of the statement depends on the filter alone; so many filters there are, so many statements are kept.
    let mut query = QueryBuilder::<Postgres>::new(
        "SELECT birth::text, state::text FROM calls JOIN births ON births.call = calls.id WHERE true",
    );
    if !filter.phases.is_empty() {
        let phases: Vec<&str> = filter.phases.iter().map(|phase| phase.as_str()).collect();
        query.push(" AND phase = ANY (").push_bind(phases).push(")");
        if !filter.phases.contains(&PhaseName::Ended) {
            query.push(" AND phase <> 'ended'");
        }
    }
    if let Some(disposition) = filter.disposition {
        query.push(" AND disposition = ").push_bind(disposition.as_str());
    }
    if let Some(subject) = &filter.subject {
        query.push(" AND births.subject = ").push_bind(name(&subject.0).into_owned());
    }
    if let Some(at) = filter.open_before {
        query.push(" AND phase <> 'ended' AND born < ").push_bind(at.as_millis());
    }
    if let Some(before) = page.before {
        query.push(" AND calls.id < ").push_bind(before.as_uuid());
    }
    query.push(" ORDER BY calls.id DESC LIMIT ").push_bind(most(page.limit));
    let rows = lines.once(query.build_query_as::<(String, String)>()).await?;
    rows.iter().map(|(birth, state)| restore(birth, state)).collect()
}

pub(crate) async fn counts(lines: &Lines, now: Timestamp) -> Result<Counts, StoreError> {
    type Row = (String, Option<String>, Option<Uuid>, Option<i64>);
    let mut counts = Counts::default();
    for (what, phase, id, number) in lines.read(|| sqlx::query_as::<_, Row>(COUNTS).bind(now.as_millis())).await? {
        match (what.as_str(), phase, id, number) {
            ("phase", Some(phase), _, Some(count)) => {
                // A phase of a later version has no place here.
                let known = PhaseName::ALL.into_iter().find(|known| known.as_str() == phase);
                counts.phases.extend(known.map(|phase| (phase, count.cast_unsigned())));
            }
            ("open", _, Some(id), Some(born)) => {
                counts.oldest_open.push((CallId::from_uuid(id), Timestamp::from_millis(born)));
            }
            ("due", .., at) => counts.oldest_due = at.map(Timestamp::from_millis),
            ("since", .., at) => counts.oldest_effect = at.map(Timestamp::from_millis),
            ("parked", .., Some(count)) => counts.parked = count.cast_unsigned(),
            ("outbox", .., Some(count)) => counts.outbox = count.cast_unsigned(),
            (what, ..) => return Err(unreadable(format!("a count of `{what}`"))),
        }
    }
    Ok(counts)
}

/// A limit as PostgreSQL takes it.
pub(crate) fn most(limit: usize) -> i64 {
    i64::try_from(limit).unwrap_or(i64::MAX)
}
