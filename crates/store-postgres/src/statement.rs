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

/// The statement, as its requests need it: a part that would write nothing is left out.
#[derive(Default)]
pub(crate) struct Statement {
    pub(crate) sql: String,
    arguments: PgArguments,
    count: usize,
}

impl Statement {
    pub(crate) fn of(rows: &Rows<'_>) -> Result<Self, BoxDynError> {
        let mut statement = Self::default();
        let (births, moves, idles) = (&rows.births, &rows.moves, &rows.idles);
        statement.legs(&rows.legs)?;
        statement.keys(births)?;
        statement.births(births)?;
        let keyed = births.iter().any(|(_, step)| step.key.is_some());
        let born = !births.is_empty();
        statement.union(
            "taken (n, id, why, call)",
            "SELECT NULL::int4, NULL::uuid, NULL::int4, NULL::uuid WHERE false",
            &[
                (born, parts::TAKEN_BY_BIRTH),
                (keyed, parts::TAKEN_BY_KEY),
                (!rows.legs.is_empty(), parts::TAKEN_BY_LEG),
                (born, parts::TAKEN_BY_SUBJECT),
            ],
        );
        statement.part(parts::ALLOWED);
        statement.idles(idles)?;
        statement.moves(moves)?;
        statement.union(
            "won (n)",
            "SELECT NULL::int4 WHERE false",
            &[
                (!idles.is_empty(), parts::WON_BY_IDLE),
                (!moves.is_empty(), parts::WON_BY_MOVE),
                (born, parts::WON_BY_BIRTH),
            ],
        );
        statement.part(parts::OK);
        if born {
            statement.part(parts::BORN);
        }
        if !rows.legs.is_empty() {
            statement.part(parts::BOUND);
        }
        if keyed {
            statement.part(parts::KEYED);
        }
        statement.entries(&rows.steps)?;
        statement.effects(&rows.steps)?;
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
        if rows.is_empty() {
            return Ok(());
        }
        self.part(parts::LEGS);
        self.bind(rows.iter().map(|(n, ..)| *n))?;
        self.bind(rows.iter().map(|(_, step, _)| step.id))?;
        self.bind(rows.iter().map(|(_, step, leg)| step.legs[*leg].provider.as_str()))?;
        self.bind(rows.iter().map(|(_, step, leg)| step.legs[*leg].leg.as_str()))?;
        self.bind(rows.iter().map(|(_, step, leg)| step.legs[*leg].lock()))
    }

    fn keys(&mut self, births: &[Numbered<'_>]) -> Result<(), BoxDynError> {
        let rows: Vec<_> = births.iter().filter_map(|(n, step)| Some((*n, step.id, step.key.as_ref()?))).collect();
        if rows.is_empty() {
            return Ok(());
        }
        self.part(parts::KEYS);
        self.bind(rows.iter().map(|(n, ..)| *n))?;
        self.bind(rows.iter().map(|(_, id, _)| *id))?;
        self.bind(rows.iter().map(|(.., (key, _))| key.as_str()))?;
        self.bind(rows.iter().map(|(.., (_, digest))| digest.as_str()))
    }

    fn births(&mut self, rows: &[Numbered<'_>]) -> Result<(), BoxDynError> {
        if rows.is_empty() {
            return Ok(());
        }
        self.part(parts::BIRTHS);
        self.bind(rows.iter().map(|(n, _)| *n))?;
        self.bind(rows.iter().map(|(_, step)| step.id))?;
        self.bind(rows.iter().map(|(_, step)| step.version))?;
        self.bind(rows.iter().map(|(_, step)| step.phase))?;
        self.bind(rows.iter().map(|(_, step)| step.disposition))?;
        self.bind(rows.iter().map(|(_, step)| step.subject.as_deref()))?;
        self.bind(rows.iter().map(|(_, step)| step.deadline))?;
        self.bind(rows.iter().map(|(_, step)| step.born))?;
        self.bind(rows.iter().map(|(_, step)| step.state()))?;
        self.bind(rows.iter().map(|(_, step)| step.birth()))
    }

    fn idles(&mut self, rows: &[Numbered<'_>]) -> Result<(), BoxDynError> {
        if rows.is_empty() {
            return Ok(());
        }
        self.part(parts::IDLE);
        self.bind(rows.iter().map(|(n, _)| *n))?;
        self.bind(rows.iter().map(|(_, step)| step.id))
    }

    fn moves(&mut self, rows: &[Numbered<'_>]) -> Result<(), BoxDynError> {
        if rows.is_empty() {
            return Ok(());
        }
        self.part(parts::MOVED);
        self.bind(rows.iter().map(|(n, _)| *n))?;
        self.bind(rows.iter().map(|(_, step)| step.id))?;
        self.bind(rows.iter().map(|(_, step)| step.base))?;
        self.bind(rows.iter().map(|(_, step)| step.version))?;
        self.bind(rows.iter().map(|(_, step)| step.phase))?;
        self.bind(rows.iter().map(|(_, step)| step.disposition))?;
        self.bind(rows.iter().map(|(_, step)| step.deadline))?;
        self.bind(rows.iter().map(|(_, step)| step.state()))
    }

    fn entries(&mut self, steps: &[Numbered<'_>]) -> Result<(), BoxDynError> {
        let rows: Vec<_> =
            steps.iter().flat_map(|(n, step)| step.journal.iter().map(|noted| (*n, step.id, noted))).collect();
        if rows.is_empty() {
            return Ok(());
        }
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
        if rows.is_empty() {
            return Ok(());
        }
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
        for (part, of) in [(parts::DONE, 0), (parts::LATER, 1), (parts::HELD, 2)] {
            let rows: Vec<_> = settles
                .iter()
                .filter_map(|(n, settle)| {
                    let (kind, until) = match settle.how {
                        Settlement::Done => (0, None),
                        Settlement::Later(until) => (1, Some(until.as_millis())),
                        Settlement::Held(until) => (2, Some(until.as_millis())),
                    };
                    (kind == of).then_some((*n, settle, until))
                })
                .collect();
            if rows.is_empty() {
                continue;
            }
            self.part(part);
            self.bind(rows.iter().map(|(n, ..)| *n))?;
            self.bind(rows.iter().map(|(_, settle, _)| settle.id.call.as_uuid()))?;
            self.bind(rows.iter().map(|(_, settle, _)| settle.id.version.cast_signed()))?;
            self.bind(rows.iter().map(|(_, settle, _)| i32::from(settle.id.index)))?;
            self.bind(rows.iter().map(|(_, settle, _)| settle.attempt.cast_signed()))?;
            self.bind(rows.iter().map(|(.., until)| *until))?;
        }
        Ok(())
    }
}
