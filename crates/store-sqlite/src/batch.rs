//! One transaction for any number of requests: one question what is stored, verdicts in memory, one script that writes
//! what was admitted. Each request gets its own verdict; none can make another fail.

use std::collections::{HashMap, HashSet};

use call_core::port::{Parked, Settle, Settlement, StoreError};
use call_core::{CallId, EffectId};
use sqlx::SqliteConnection;

use crate::calls::Step;
use crate::mailbox::Parking;
use crate::rows::{Cell, Rows};

/// A leg as it is kept: provider and id.
pub(crate) type LegName = (String, String);

/// What was true when the transaction began, and what the admitted requests have made of it.
#[derive(Debug, Default)]
struct Truth {
    versions: HashMap<CallId, u64>,
    legs: HashMap<LegName, CallId>,
    keys: HashMap<String, CallId>,
    subjects: HashMap<String, CallId>,
}

/// What is asked at the beginning. `IMMEDIATE`: from here to the end nobody else writes, in no process.
pub(crate) const ASK: &str = "
BEGIN IMMEDIATE;
SELECT 0, '', '', calls.id, calls.version
    FROM json_each(?) AS j CROSS JOIN calls ON calls.id = j.value
UNION ALL SELECT 1, legs.provider, legs.leg, legs.call, 0
    FROM json_each(?) AS j CROSS JOIN legs ON legs.provider = j.value ->> 0 AND legs.leg = j.value ->> 1
UNION ALL SELECT 2, keys.key, '', keys.call, 0
    FROM json_each(?) AS j CROSS JOIN keys ON keys.key = j.value
UNION ALL SELECT 3, calls.subject, '', calls.id, 0
    FROM json_each(?) AS j CROSS JOIN calls ON calls.subject = j.value AND calls.disposition IS NULL
";

/// What is written: one statement a table and kind of change, each over any number of rows. Changes come before births,
/// for the end of a call frees its subject.
pub(crate) const WRITE: &str = "
UPDATE calls SET version = j.value ->> 1, phase = j.value ->> 2, disposition = j.value ->> 3,
    deadline = j.value ->> 5, state = j.value ->> 7
    FROM json_each(?) AS j WHERE calls.id = j.value ->> 0;
INSERT INTO calls (id, version, phase, disposition, subject, deadline, born, state)
    SELECT value ->> 0, value ->> 1, value ->> 2, value ->> 3, value ->> 4, value ->> 5, value ->> 6, value ->> 7
    FROM json_each(?);
INSERT INTO births (call, birth) SELECT value ->> 0, value ->> 1 FROM json_each(?);
INSERT INTO legs (provider, leg, call) SELECT value ->> 0, value ->> 1, value ->> 2 FROM json_each(?);
INSERT INTO keys (key, call, digest) SELECT value ->> 0, value ->> 1, value ->> 2 FROM json_each(?);
INSERT INTO journal (call, version, at, ignored, entry)
    SELECT value ->> 0, value ->> 1, value ->> 2, value ->> 3, value ->> 4 FROM json_each(?);
INSERT INTO outbox (call, version, place, kind, effect, since, visible)
    SELECT value ->> 0, value ->> 1, value ->> 2, value ->> 3, value ->> 4, value ->> 5, value ->> 5
    FROM json_each(?);
DELETE FROM mailbox WHERE id IN (SELECT value FROM json_each(?));
DELETE FROM outbox WHERE (call, version, place) IN
    (SELECT o.call, o.version, o.place FROM json_each(?) AS j CROSS JOIN outbox AS o
        ON o.call = j.value ->> 0 AND o.version = j.value ->> 1 AND o.place = j.value ->> 2
        WHERE o.attempt = j.value ->> 3 AND o.claimed);
UPDATE outbox SET visible = j.value ->> 4, deferrals = deferrals + 1, claimed = 0
    FROM json_each(?) AS j
    WHERE call = j.value ->> 0 AND version = j.value ->> 1 AND place = j.value ->> 2
        AND attempt = j.value ->> 3 AND claimed;
UPDATE outbox SET visible = j.value ->> 4
    FROM json_each(?) AS j
    WHERE call = j.value ->> 0 AND version = j.value ->> 1 AND place = j.value ->> 2
        AND attempt = j.value ->> 3 AND claimed;
INSERT INTO mailbox (provider, leg, signal, since, until)
    SELECT value ->> 0, value ->> 1, value ->> 2, value ->> 3, value ->> 4 FROM json_each(?);
";

/// What requests want to know before they are judged.
#[derive(Debug, Default)]
pub(crate) struct Question {
    calls: Rows,
    legs: Rows,
    keys: Rows,
    subjects: Rows,
}

impl Question {
    pub(crate) fn of_step(&mut self, step: &Step) {
        self.calls.push_one(Cell::Text(&step.id.to_string()));
        for leg in &step.legs {
            self.of_leg(leg);
        }
        if let Some(key) = &step.key {
            self.keys.push_one(Cell::Text(key));
        }
        if let (0, Some(subject)) = (step.base, &step.subject) {
            self.subjects.push_one(Cell::Text(subject));
        }
    }

    pub(crate) fn of_leg(&mut self, (provider, leg): &LegName) {
        self.legs.push(&[Cell::Text(provider), Cell::Text(leg)]);
    }
}

/// The transaction.
#[derive(Debug, Default)]
pub(crate) struct Batch {
    truth: Truth,
    /// The last row of each call, and whether the call is born here.
    calls: Vec<(Rows, bool)>,
    places: HashMap<CallId, usize>,
    births: Rows,
    legs: Rows,
    keys: Rows,
    journal: Rows,
    outbox: Rows,
    adopted: Rows,
    done: Rows,
    later: Rows,
    held: Rows,
    parked: Rows,
    settled: HashSet<(EffectId, u32)>,
}

impl Batch {
    /// Begins the transaction.
    pub(crate) async fn begin(connection: &mut SqliteConnection, question: &Question) -> Result<Self, sqlx::Error> {
        let asked = sqlx::query_as::<_, (i64, String, String, String, i64)>(ASK)
            .bind(question.calls.to_json())
            .bind(question.legs.to_json())
            .bind(question.keys.to_json())
            .bind(question.subjects.to_json());
        let mut truth = Truth::default();
        for (kind, first, second, call, version) in asked.fetch_all(connection).await? {
            let call: CallId = call.parse().map_err(|e| sqlx::Error::Decode(Box::new(e)))?;
            match kind {
                0 => _ = truth.versions.insert(call, version.cast_unsigned()),
                1 => _ = truth.legs.insert((first, second), call),
                2 => _ = truth.keys.insert(first, call),
                _ => _ = truth.subjects.insert(first, call),
            }
        }
        Ok(Self { truth, ..Self::default() })
    }

    /// Takes a step in, or says why not.
    pub(crate) fn step(&mut self, step: &Step) -> Result<(), StoreError> {
        self.truth.check(step)?;
        self.journal.append(&step.journal);
        for &id in &step.adopts {
            self.adopted.push_one(Cell::Number(id));
        }
        if let Some(settle) = &step.settles {
            self.settle(settle);
        }
        if step.moves() {
            self.births.append(&step.birth);
            self.outbox.append(&step.effects);
            self.keep(step);
        }
        Ok(())
    }

    fn keep(&mut self, step: &Step) {
        let truth = &mut self.truth;
        truth.versions.insert(step.id, step.version);
        let id = step.id.to_string();
        for (provider, leg) in &step.legs {
            let name = (provider.clone(), leg.clone());
            if truth.legs.insert(name, step.id).is_none() {
                self.legs.push(&[Cell::Text(provider), Cell::Text(leg), Cell::Text(&id)]);
            }
        }
        if let Some(key) = &step.key {
            truth.keys.insert(key.clone(), step.id);
            self.keys.push(&[Cell::Text(key), Cell::Text(&id), Cell::Text(&step.digest)]);
        }
        if let Some(subject) = &step.subject {
            if step.open {
                truth.subjects.insert(subject.clone(), step.id);
            } else if truth.subjects.get(subject) == Some(&step.id) {
                truth.subjects.remove(subject);
            }
        }
        match self.places.get(&step.id) {
            // A call that moves twice in one batch is written once.
            Some(&place) => self.calls[place].0 = step.row.clone(),
            None => {
                self.places.insert(step.id, self.calls.len());
                self.calls.push((step.row.clone(), step.base == 0));
            }
        }
    }

    /// Takes a settlement in. Only the first one of a claim counts; older ones fail on the attempt in the table.
    pub(crate) fn settle(&mut self, settle: &Settle) {
        let Settle { id, attempt, how } = settle;
        let ends = !matches!(how, Settlement::Held(_));
        if ends && !self.settled.insert((*id, *attempt)) {
            return;
        }
        let call = id.call.to_string();
        let (version, place) = (Cell::Number(id.version.cast_signed()), Cell::Number(id.index.into()));
        let name = [Cell::Text(&call), version, place, Cell::Number((*attempt).into())];
        match how {
            Settlement::Done => self.done.push(&name),
            Settlement::Held(until) => {
                let [call, version, place, attempt] = name;
                self.held.push(&[call, version, place, attempt, Cell::Number(until.as_millis())]);
            }
            Settlement::Later(at) => {
                let [call, version, place, attempt] = name;
                self.later.push(&[call, version, place, attempt, Cell::Number(at.as_millis())]);
            }
        }
    }

    /// Keeps signals, or names the call that their leg is bound to.
    pub(crate) fn park(&mut self, parking: &Parking) -> Parked {
        match self.truth.legs.get(&parking.leg) {
            Some(&call) => Parked::Bound(call),
            None => {
                self.parked.append(&parking.rows);
                Parked::Kept
            }
        }
    }

    /// Writes everything that was taken in. The transaction stays open.
    pub(crate) async fn write(self, connection: &mut SqliteConnection) -> Result<(), sqlx::Error> {
        let (mut moved, mut born) = (Rows::default(), Rows::default());
        for (row, is_birth) in &self.calls {
            if *is_birth { born.append(row) } else { moved.append(row) }
        }
        let rows = [
            moved,
            born,
            self.births,
            self.legs,
            self.keys,
            self.journal,
            self.outbox,
            self.adopted,
            self.done,
            self.later,
            self.held,
            self.parked,
        ];
        if rows.iter().all(Rows::is_empty) {
            return Ok(());
        }
        let script = rows.iter().fold(sqlx::query(WRITE), |script, rows| script.bind(rows.to_json()));
        script.execute(connection).await?;
        Ok(())
    }
}

impl Truth {
    /// The order of these checks is part of the port's contract.
    fn check(&self, step: &Step) -> Result<(), StoreError> {
        let stored = self.versions.get(&step.id).copied().unwrap_or(0);
        if !step.moves() {
            return if stored == 0 { Err(StoreError::Conflict) } else { Ok(()) };
        }
        if stored != step.base {
            return Err(StoreError::Conflict);
        }
        if let Some(&other) = step.key.as_ref().and_then(|key| self.keys.get(key)) {
            return Err(StoreError::KeyTaken(other));
        }
        if let Some(&other) = step.legs.iter().find_map(|leg| self.legs.get(leg).filter(|call| **call != step.id)) {
            return Err(StoreError::LegTaken(other));
        }
        match step.subject.as_ref().and_then(|subject| self.subjects.get(subject)) {
            Some(&other) if step.open && other != step.id => Err(StoreError::SubjectBusy(other)),
            Some(_) | None => Ok(()),
        }
    }
}
