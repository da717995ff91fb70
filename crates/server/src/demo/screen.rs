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

fn table(tally: &Tally) -> String {
    let mut text = String::new();
    let ended = |d: Disposition| tally.ended.get(&d).copied().unwrap_or(0);
    let faults: u64 = tally.faults.values().sum();
    let _ = writeln!(
        text,
        "  wished   placed {:>4}   rang us {:>4}   refused {:>4}",
        tally.placed, tally.inbound, tally.refused
    );
    let _ = write!(text, "  now     ");
    for phase in PhaseName::ALL {
        let _ = write!(text, " {} {:>4}  ", phase.as_str(), tally.in_phase(phase));
    }
    let _ = write!(text, "\n  ended   ");
    for disposition in Disposition::ALL {
        let _ = write!(text, " {} {:>3}  ", disposition.as_str(), ended(disposition));
    }
    let _ = writeln!(
        text,
        "\n  faults   injected {faults:>4}   duplicates {:>4}   forged and refused {:>4}   parked {:>3}",
        tally.duplicates, tally.forged, tally.parked
    );
    let _ = writeln!(
        text,
        "  truth    inferred {:>4}   corrected {:>4}   outbox {:>4}",
        tally.inferred, tally.corrected, tally.outbox
    );
    text
}

fn line(tally: &Tally) -> String {
    let phases: Vec<String> =
        PhaseName::ALL.iter().map(|phase| format!("{} {}", phase.as_str(), tally.in_phase(*phase))).collect();
    let faults: u64 = tally.faults.values().sum();
    format!(
        "placed {}  {}  faults {faults}  corrected {}  parked {}",
        tally.placed,
        phases.join("  "),
        tally.corrected,
        tally.parked
    )
}
