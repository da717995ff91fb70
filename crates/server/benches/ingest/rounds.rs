//! Figures that are measured several times in turn, so that what else the machine does falls on all of them alike.

use crate::report::Table;

/// A figure for each round.
pub(crate) struct Series {
    pub(crate) name: String,
    pub(crate) rounds: Vec<f64>,
}

impl Series {
    pub(crate) const fn new(name: String) -> Self {
        Self { name, rounds: Vec::new() }
    }

    /// The ratio to another series within each round.
    pub(crate) fn over(&self, other: &Self) -> Self {
        let rounds = self.rounds.iter().zip(&other.rounds).map(|(one, other)| one / other).collect();
        Self { name: format!("{} ÷ {}", self.name, other.name), rounds }
    }

    pub(crate) fn median(&self) -> f64 {
        self.sorted()[self.rounds.len() / 2]
    }

    fn range(&self) -> (f64, f64) {
        let sorted = self.sorted();
        (sorted[0], sorted[sorted.len() - 1])
    }

    fn sorted(&self) -> Vec<f64> {
        let mut sorted = self.rounds.clone();
        sorted.sort_unstable_by(f64::total_cmp);
        sorted
    }
}

/// What a figure should reach.
#[derive(Clone, Copy)]
pub(crate) enum Aim {
    AtLeast(f64),
    AtMost(f64),
}

impl Aim {
    fn verdict(self, figure: f64) -> String {
        let (sign, bound, met) = match self {
            Self::AtLeast(bound) => ("≥", bound, figure >= bound),
            Self::AtMost(bound) => ("≤", bound, figure <= bound),
        };
        format!("{sign} {bound}: {}", if met { "met" } else { "MISSED" })
    }
}

/// A table of figures with their aims.
pub(crate) struct Verdicts(Table);

impl Verdicts {
    pub(crate) fn new() -> Self {
        Self(Table::new(&[
            "figure                                           ",
            "median",
            "lowest",
            "highest",
            "aim            ",
        ]))
    }

    /// A series that was not measured on this database has no row.
    pub(crate) fn row(&self, series: &Series, aim: Option<Aim>) {
        if series.rounds.is_empty() {
            return;
        }
        let (median, (lowest, highest)) = (series.median(), series.range());
        let digits = if median < 10.0 { 2 } else { 0 };
        let number = |figure: f64| format!("{figure:.digits$}");
        let verdict = aim.map_or_else(|| "-".to_owned(), |aim| aim.verdict(median));
        self.0.row(&[series.name.clone(), number(median), number(lowest), number(highest), verdict]);
    }
}
