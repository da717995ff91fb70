//! `docs/providers.md` tells what each provider can do: its tables are held against what the adapter does.

use std::collections::BTreeMap;
use std::path::Path;

use crate::{Adapter, acts, scripts};

/// The rows of the page's tables that have a column for this provider: what, and its cell.
fn rows<A: Adapter>() -> BTreeMap<String, String> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/providers.md");
    let page = std::fs::read_to_string(path).expect("docs/providers.md");
    let mut rows = BTreeMap::new();
    let mut column = None;
    for line in page.lines() {
        let cells: Vec<&str> = line.trim_matches(['|', ' ']).split(" | ").map(str::trim).collect();
        let is_row = line.starts_with('|');
        let is_head = is_row && cells.iter().any(|cell| cell.eq_ignore_ascii_case(A::NAME.as_str()));
        if is_head {
            column = cells.iter().position(|cell| cell.eq_ignore_ascii_case(A::NAME.as_str()));
        } else if !is_row {
            column = None;
        } else if let Some(cell) = column.and_then(|column| cells.get(column)) {
            rows.insert(cells[0].trim_matches('`').to_owned(), (*cell).to_owned());
        }
    }
    rows
}

/// A provider without a column, such as one that only tests know, has nothing to be told wrongly.
fn marks<A: Adapter>(what: &str, can: impl Fn(&str) -> bool, names: &[&str]) {
    let rows = rows::<A>();
    if rows.is_empty() {
        return;
    }
    for name in names {
        let cell = rows.get(*name).unwrap_or_else(|| panic!("no row tells of the {what} `{name}`"));
        let expected = if can(name) { '✓' } else { '–' };
        assert!(cell.starts_with(expected), "{what} `{name}` of {}: the page says {cell:?}, not {expected}", A::NAME);
    }
}

/// Each act and each script: `✓`, or `–` where it is refused.
pub fn the_page_tells_what_it_can_do<A: Adapter>() {
    let mut names: Vec<&str> = acts::<A>().iter().map(|act| act.name).collect();
    names.extend(scripts().map(|(name, _)| name));
    marks::<A>("act", |name| !A::CANNOT.contains(&name), &names);
}

/// Each kind of fact: `✓`, or `–` where no message of the provider tells it.
pub fn the_page_tells_what_it_says<A: Adapter>() {
    let facts = A::recordings().facts();
    marks::<A>("fact", |name| facts.contains_key(name), &FACTS);
}

const FACTS: [&str; 15] = [
    "progress",
    "answered",
    "ended",
    "stream",
    "speech",
    "turn",
    "transcript",
    "detected",
    "digits",
    "recording",
    "billed",
    "measured",
    "analyzed",
    "tool-call",
    "unknown",
];
