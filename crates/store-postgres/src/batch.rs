//! Any number of requests in one statement, each judged for itself.

use std::collections::HashSet;

use call_core::CallId;
use call_core::port::{Settle, Settlement, StoreError};

use crate::calls::Step;
use crate::line::Line;
use crate::statement::{Statement, Told};

/// What can be asked of the writer.
#[derive(Debug)]
pub(crate) enum Work {
    Step(Box<Step>),
    Settle(Vec<Settle>),
}

pub(crate) type Verdict = Result<(), StoreError>;

/// Stores what the requests ask for, in one statement, and judges each. If it fails, nothing is stored; if the line was
/// lost, that is unknown.
///
/// No two of the requests may touch the same thing.
pub(crate) async fn write(line: &mut Line, works: &[&Work]) -> Result<Vec<Verdict>, sqlx::Error> {
    let statement = Statement::of(&Rows::of(works)).map_err(sqlx::Error::Encode)?;
    Ok(judge(works, line.ask(statement.question()).await?))
}

/// The order of the refusals is part of the port's contract.
fn judge(works: &[&Work], mut told: Vec<Told>) -> Vec<Verdict> {
    let mut verdicts: Vec<Verdict> = works
        .iter()
        .map(|work| match work {
            // Neither among those who won nor refused by name: the version had moved.
            Work::Step(_) => Err(StoreError::Conflict),
            Work::Settle(_) => Ok(()),
        })
        .collect();
    // The first refusal is written last.
    told.sort_unstable_by_key(|(n, why, ..)| (*n, std::cmp::Reverse(*why)));
    for (n, why, call, seen) in told {
        let place = usize::try_from(n).unwrap_or(usize::MAX);
        let (Some(verdict), Some(Work::Step(step))) = (verdicts.get_mut(place), works.get(place)) else { continue };
        *verdict = match (why, call.map(CallId::from_uuid)) {
            (None, _) => Ok(()),
            (Some(_), _) if seen.unwrap_or(0) != step.base => Err(StoreError::Conflict),
            (Some(KEY), Some(call)) => Err(StoreError::KeyTaken(call)),
            (Some(LEG), Some(call)) => Err(StoreError::LegTaken(call)),
            (Some(SUBJECT), Some(call)) => Err(StoreError::SubjectBusy(call)),
            (Some(_), _) => Err(StoreError::Conflict),
        };
    }
    verdicts
}

const KEY: i32 = 1;
const LEG: i32 = 2;
const SUBJECT: i32 = 3;

/// A step, and the number of its request.
pub(crate) type Numbered<'w> = (i32, &'w Step);

/// Requests by what they need of the statement.
#[derive(Debug, Default)]
pub(crate) struct Rows<'w> {
    pub(crate) births: Vec<Numbered<'w>>,
    pub(crate) moves: Vec<Numbered<'w>>,
    /// Steps that only make the journal grow.
    pub(crate) idles: Vec<Numbered<'w>>,
    /// All three.
    pub(crate) steps: Vec<Numbered<'w>>,
    /// Each leg of each step, by its place there.
    pub(crate) legs: Vec<(i32, &'w Step, usize)>,
    /// Settlements, with the number of the step that they are part of.
    pub(crate) settles: Vec<(Option<i32>, &'w Settle)>,
}

impl<'w> Rows<'w> {
    /// Rows are locked in the order of their names, here and on every other server: of two that write the same rows, one
    /// waits for the other, and never both.
    pub(crate) fn of(works: &[&'w Work]) -> Self {
        let mut rows = Self::default();
        for (n, work) in (0..).zip(works) {
            match work {
                Work::Step(step) => {
                    rows.steps.push((n, step));
                    rows.settles.extend(step.settles.iter().map(|settle| (Some(n), settle)));
                }
                Work::Settle(settles) => rows.settles.extend(last_words(settles).map(|settle| (None, settle))),
            }
        }
        rows.steps.sort_by_key(|(_, step)| step.id);
        rows.settles.sort_by_key(|(_, settle)| settle.id);
        for &(n, step) in &rows.steps {
            let group = match step.base {
                _ if !step.moves() => &mut rows.idles,
                0 => &mut rows.births,
                _ => &mut rows.moves,
            };
            group.push((n, step));
            rows.legs.extend((0..step.legs.len()).map(|leg| (n, step, leg)));
        }
        rows.legs.sort_by_cached_key(|(_, step, leg)| step.legs[*leg].lock());
        rows
    }
}

/// What a list of settlements comes to for each claim: its first end, or else how long it was last held.
fn last_words(settles: &[Settle]) -> impl Iterator<Item = &Settle> {
    let is_end = |settle: &&Settle| !matches!(settle.how, Settlement::Held(_));
    let mut told = HashSet::new();
    settles
        .iter()
        .filter(is_end)
        .chain(settles.iter().rev())
        .filter(move |settle| told.insert((settle.id, settle.attempt)))
}
