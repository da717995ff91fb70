//! The statement that commits, put together for the requests at hand.

use std::fmt::Write as _;

use call_core::port::{Settle, Settlement};
use sqlx::error::BoxDynError;
use sqlx::postgres::PgArguments;
use sqlx::types::Uuid;
use sqlx::{Arguments as _, AssertSqlSafe, Encode, Postgres, Type};

use crate::batch::{Numbered, Rows};
use crate::calls::Step;
use crate::line::Question;
use crate::parts;

/// What is told of a request: its number, a refusal, the call that it is refused for, and the version found. Who won is
/// told by a row without a refusal.
pub(crate) type Told = (i32, Option<i32>, Option<Uuid>, Option<i64>);

/// The statement, as its requests need it. Parts that are often not needed are left out, but not each by itself: every
/// combination is a statement that the database prepares and keeps, and there shall be few.
#[derive(Default)]
pub(crate) struct Statement {
    pub(crate) sql: String,
    arguments: PgArguments,
    count: usize,
}

impl Statement {
    pub(crate) fn of(rows: &Rows<'_>) -> Result<Self, BoxDynError> {
        let mut statement = Self::default();
        let Rows { births, moves, idles, .. } = rows;
        let (born, moved, idle) = (!births.is_empty(), !moves.is_empty(), !idles.is_empty());
        if born || moved {
            statement.legs(&rows.legs)?;
        }
        if born {
            statement.keys(births)?;
            statement.births(births)?;
        }
        statement.union(
            "taken (n, id, why, call)",
            "SELECT NULL::int4, NULL::uuid, NULL::int4, NULL::uuid WHERE false",
            &[
                (born, parts::TAKEN_BY_BIRTH),
                (born, parts::TAKEN_BY_KEY),
                (born || moved, parts::TAKEN_BY_LEG),
                (born, parts::TAKEN_BY_SUBJECT),
            ],
        );
        statement.part(parts::ALLOWED);
        if idle {
            statement.idles(idles)?;
        }
        if moved {
            statement.moves(moves)?;
        }
        statement.union(
            "won (n)",
            "SELECT NULL::int4 WHERE false",
            &[(idle, parts::WON_BY_IDLE), (moved, parts::WON_BY_MOVE), (born, parts::WON_BY_BIRTH)],
        );
        statement.part(parts::OK);
        if born {
            statement.part(parts::BORN);
            statement.part(parts::KEYED);
        }
        if born || moved {
            statement.part(parts::BOUND);
            statement.effects(&rows.steps)?;
        }
        if born || moved || idle {
            statement.entries(&rows.steps)?;
        }
        statement.adoptions(&rows.steps)?;
        statement.settlements(&rows.settles)?;
        statement.sql.push_str(parts::TELL);
        Ok(statement)
    }

    pub(crate) fn question(self) -> Question<'static, Told> {
        sqlx::query_as_with(AssertSqlSafe(self.sql), self.arguments)
    }

    /// Adds a part; each `?` in it becomes the next parameter.
    fn part(&mut self, text: &str) {
        self.sql.push_str(if self.sql.is_empty() { "WITH " } else { ",\n" });
        for (n, piece) in text.split('?').enumerate() {
            if n > 0 {
                self.count += 1;
                // Writing to a string cannot fail.
                let _ = write!(self.sql, "${}", self.count);
            }
            self.sql.push_str(piece);
        }
    }

    fn union(&mut self, name: &str, nothing: &str, branches: &[(bool, &str)]) {
        let there: Vec<&str> = branches.iter().filter(|(there, _)| *there).map(|(_, branch)| *branch).collect();
        let body = if there.is_empty() { nothing.to_owned() } else { there.join("\n    UNION ALL ") };
        self.part(&format!("{name} AS MATERIALIZED (\n    {body})"));
    }

    fn bind<'v, T>(&mut self, column: impl Iterator<Item = T>) -> Result<(), BoxDynError>
    where
        Vec<T>: Encode<'v, Postgres> + Type<Postgres>,
    {
        self.arguments.add(column.collect::<Vec<T>>())
    }

    fn legs(&mut self, rows: &[(i32, &Step, usize)]) -> Result<(), BoxDynError> {
        self.part(parts::LEGS);
        self.bind(rows.iter().map(|(n, ..)| *n))?;
        self.bind(rows.iter().map(|(_, step, _)| step.id))?;
        self.bind(rows.iter().map(|(_, step, leg)| step.legs[*leg].provider.as_str()))?;
        self.bind(rows.iter().map(|(_, step, leg)| step.legs[*leg].leg.as_str()))?;
        self.bind(rows.iter().map(|(_, step, leg)| step.legs[*leg].lock()))
    }

    fn keys(&mut self, births: &[Numbered<'_>]) -> Result<(), BoxDynError> {
        let rows: Vec<_> = births.iter().filter_map(|(n, step)| Some((*n, step.id, step.key.as_ref()?))).collect();
        self.part(parts::KEYS);
        self.bind(rows.iter().map(|(n, ..)| *n))?;
        self.bind(rows.iter().map(|(_, id, _)| *id))?;
        self.bind(rows.iter().map(|(.., (key, _))| key.as_str()))?;
        self.bind(rows.iter().map(|(.., (_, digest))| digest.as_str()))
    }

    fn births(&mut self, rows: &[Numbered<'_>]) -> Result<(), BoxDynError> {
        self.part(parts::BIRTHS);
        self.bind(rows.iter().map(|(n, _)| *n))?;
        self.bind(rows.iter().map(|(_, step)| step.id))?;
        self.bind(rows.iter().map(|(_, step)| step.version))?;
        self.bind(rows.iter().map(|(_, step)| step.phase))?;
        self.bind(rows.iter().map(|(_, step)| step.disposition))?;
        self.bind(rows.iter().map(|(_, step)| step.subject.as_deref()))?;
        self.bind(rows.iter().map(|(_, step)| step.deadline))?;
        self.bind(rows.iter().map(|(_, step)| step.born))?;
        self.bind(rows.iter().map(|(_, step)| step.state.as_deref()))?;
        self.bind(rows.iter().map(|(_, step)| step.birth.as_deref()))
    }

    fn idles(&mut self, rows: &[Numbered<'_>]) -> Result<(), BoxDynError> {
        self.part(parts::IDLE);
        self.bind(rows.iter().map(|(n, _)| *n))?;
        self.bind(rows.iter().map(|(_, step)| step.id))
    }

    fn moves(&mut self, rows: &[Numbered<'_>]) -> Result<(), BoxDynError> {
        self.part(parts::MOVED);
        self.bind(rows.iter().map(|(n, _)| *n))?;
        self.bind(rows.iter().map(|(_, step)| step.id))?;
        self.bind(rows.iter().map(|(_, step)| step.base))?;
        self.bind(rows.iter().map(|(_, step)| step.version))?;
        self.bind(rows.iter().map(|(_, step)| step.phase))?;
        self.bind(rows.iter().map(|(_, step)| step.disposition))?;
        self.bind(rows.iter().map(|(_, step)| step.deadline))?;
        self.bind(rows.iter().map(|(_, step)| step.state.as_deref()))
    }

    fn entries(&mut self, steps: &[Numbered<'_>]) -> Result<(), BoxDynError> {
        let rows: Vec<_> =
            steps.iter().flat_map(|(n, step)| step.journal.iter().map(|noted| (*n, step.id, noted))).collect();
        self.part(parts::NOTED);
        self.bind(rows.iter().map(|(n, ..)| *n))?;
        self.bind(rows.iter().map(|(_, id, _)| *id))?;
        self.bind(rows.iter().map(|(.., noted)| noted.version))?;
        self.bind(rows.iter().map(|(.., noted)| noted.at))?;
        self.bind(rows.iter().map(|(.., noted)| noted.ignored))?;
        self.bind(rows.iter().map(|(.., noted)| noted.entry.as_str()))
    }

    fn effects(&mut self, steps: &[Numbered<'_>]) -> Result<(), BoxDynError> {
        let rows: Vec<_> =
            steps.iter().flat_map(|(n, step)| step.effects.iter().map(|asked| (*n, step.id, asked))).collect();
        self.part(parts::ASKED);
        self.bind(rows.iter().map(|(n, ..)| *n))?;
        self.bind(rows.iter().map(|(_, id, _)| *id))?;
        self.bind(rows.iter().map(|(.., asked)| asked.version))?;
        self.bind(rows.iter().map(|(.., asked)| asked.place))?;
        self.bind(rows.iter().map(|(.., asked)| asked.kind))?;
        self.bind(rows.iter().map(|(.., asked)| asked.effect.as_str()))?;
        self.bind(rows.iter().map(|(.., asked)| asked.since))
    }

    fn adoptions(&mut self, steps: &[Numbered<'_>]) -> Result<(), BoxDynError> {
        let rows: Vec<_> = steps.iter().flat_map(|(n, step)| step.adopts.iter().map(|id| (*n, *id))).collect();
        if rows.is_empty() {
            return Ok(());
        }
        self.part(parts::ADOPTED);
        self.bind(rows.iter().map(|(n, _)| *n))?;
        self.bind(rows.iter().map(|(_, id)| *id))
    }

    fn settlements(&mut self, settles: &[(Option<i32>, &Settle)]) -> Result<(), BoxDynError> {
        let how = |how: fn(&Settlement) -> Option<i64>| {
            let rows = settles.iter().filter_map(move |(n, settle)| Some((*n, *settle, how(&settle.how)?)));
            rows.collect::<Vec<_>>()
        };
        let done = how(|how| matches!(how, Settlement::Done).then_some(0));
        let later = how(|how| if let Settlement::Later(at) = how { Some(at.as_millis()) } else { None });
        let held = how(|how| if let Settlement::Held(at) = how { Some(at.as_millis()) } else { None });
        if !done.is_empty() {
            self.settlement(parts::DONE, &done)?;
        }
        if !(later.is_empty() && held.is_empty()) {
            self.settlement(parts::LATER, &later)?;
            self.settlement(parts::HELD, &held)?;
        }
        Ok(())
    }

    fn settlement(&mut self, part: &str, rows: &[(Option<i32>, &Settle, i64)]) -> Result<(), BoxDynError> {
        self.part(part);
        self.bind(rows.iter().map(|(n, ..)| *n))?;
        self.bind(rows.iter().map(|(_, settle, _)| settle.id.call.as_uuid()))?;
        self.bind(rows.iter().map(|(_, settle, _)| settle.id.version.cast_signed()))?;
        self.bind(rows.iter().map(|(_, settle, _)| i32::from(settle.id.index)))?;
        self.bind(rows.iter().map(|(_, settle, _)| settle.attempt.cast_signed()))?;
        self.bind(rows.iter().map(|(.., until)| *until))
    }
}
