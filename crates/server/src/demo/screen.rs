//! The live table: redrawn in place on a terminal, one line a second elsewhere.

use std::cell::Cell;
use std::fmt::Write as _;
use std::io::{IsTerminal, Write as _};

use call_core::{Disposition, PhaseName};

use super::tally::Tally;

pub(super) struct Screen {
    terminal: bool,
    /// How many lines the last table took.
    drawn: Cell<usize>,
    looks: Cell<usize>,
}

impl Screen {
    pub(super) fn open() -> Self {
        Self { terminal: std::io::stdout().is_terminal(), drawn: Cell::new(0), looks: Cell::new(0) }
    }

    pub(super) fn show(&self, tally: &Tally) {
        let look = self.looks.replace(self.looks.get() + 1);
        if self.terminal {
            let table = table(tally);
            // Up to where the table began, and over it.
            let up = if self.drawn.get() > 0 { format!("\x1b[{}A", self.drawn.get()) } else { String::new() };
            self.drawn.set(table.lines().count());
            print!("{up}\x1b[J{table}");
            // A closed terminal is no reason to stop the demo.
            let _ = std::io::stdout().flush();
        } else if look.is_multiple_of(4) {
            println!("{}", line(tally));
        }
    }
}

/// Characters of the longest bar.
const BAR: usize = 48;

fn table(tally: &Tally) -> String {
    let mut text = String::new();
    let total = tally.phases.values().sum::<usize>().max(1);
    for phase in PhaseName::ALL {
        let calls = tally.in_phase(phase);
        // A single call is seen too.
        let bar = "\u{2588}".repeat((calls * BAR).div_ceil(total));
        let _ = writeln!(text, "  {:<12}{calls:>4} {bar}", phase.as_str());
    }
    text.push('\n');
    let faults: u64 = tally.faults.values().sum();
    for (name, numbers) in [
        ("wishes", vec![("placed", tally.placed), ("rang us", tally.inbound), ("subject busy", tally.refused)]),
        ("ended", Disposition::ALL.iter().map(|d| (d.as_str(), tally.ended.get(d).copied().unwrap_or(0))).collect()),
        ("truth", vec![("inferred", tally.inferred), ("corrected", tally.corrected), ("stale closed", tally.stale)]),
    ] {
        let _ = write!(text, "  {name:<10}");
        for (word, number) in numbers {
            let _ = write!(text, "  {word} {number:<4}");
        }
        text.push('\n');
    }
    let _ = writeln!(
        text,
        "  webhooks    faults injected {faults:<4}  duplicates {:<4}  refused {:<4}  parked {:<4}",
        tally.duplicates, tally.forged, tally.parked
    );
    text
}

fn line(tally: &Tally) -> String {
    let phases: Vec<String> =
        PhaseName::ALL.iter().map(|phase| format!("{} {}", phase.as_str(), tally.in_phase(*phase))).collect();
    let faults: u64 = tally.faults.values().sum();
    format!(
        "placed {}  {}  faults {faults}  corrected {}  parked {}  stale closed {}",
        tally.placed,
        phases.join("  "),
        tally.corrected,
        tally.parked,
        tally.stale
    )
}
