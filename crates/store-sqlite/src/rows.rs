//! Rows on their way into SQLite: one JSON array per statement, taken apart there by `json_each`. One statement then
//! writes any number of rows, for the price of one.

use std::borrow::Cow;
use std::fmt::Write as _;

/// One value of a row.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Cell<'a> {
    Text(&'a str),
    Number(i64),
    /// JSON text, stored as it is.
    Json(&'a str),
    Null,
}

impl<'a> From<Option<&'a str>> for Cell<'a> {
    fn from(text: Option<&'a str>) -> Self {
        text.map_or(Self::Null, Self::Text)
    }
}

/// Rows of one statement.
#[derive(Debug, Clone, Default)]
pub(crate) struct Rows(String);

impl Rows {
    pub(crate) fn push(&mut self, cells: &[Cell<'_>]) {
        self.separate();
        for (n, cell) in cells.iter().enumerate() {
            self.0.push(if n == 0 { '[' } else { ',' });
            self.write(*cell);
        }
        self.0.push(']');
    }

    /// A row of one value, bare.
    pub(crate) fn push_one(&mut self, cell: Cell<'_>) {
        self.separate();
        self.write(cell);
    }

    fn write(&mut self, cell: Cell<'_>) {
        match cell {
            Cell::Text(text) => quote(&mut self.0, text),
            // Writing to a string cannot fail.
            Cell::Number(number) => _ = write!(self.0, "{number}"),
            Cell::Json(json) => self.0.push_str(json),
            Cell::Null => self.0.push_str("null"),
        }
    }

    pub(crate) fn append(&mut self, other: &Self) {
        if !other.0.is_empty() {
            self.separate();
            self.0.push_str(&other.0);
        }
    }

    pub(crate) const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The rows as a JSON array.
    pub(crate) fn to_json(&self) -> String {
        format!("[{}]", self.0)
    }

    fn separate(&mut self) {
        if !self.0.is_empty() {
            self.0.push(',');
        }
    }
}

fn quote(into: &mut String, text: &str) {
    into.push('"');
    for c in text.chars() {
        match c {
            '"' => into.push_str("\\\""),
            '\\' => into.push_str("\\\\"),
            c if c < ' ' => _ = write!(into, "\\u{:04x}", c as u32),
            c => into.push(c),
        }
    }
    into.push('"');
}

/// A name from outside (leg, subject, key) as it is kept in a column. SQLite's text ends at a NUL, so two names that
/// differ only behind one would be taken for each other; it is written `\0`, and `\` therefore `\\`.
pub(crate) fn name(text: &str) -> Cow<'_, str> {
    if text.contains(['\0', '\\']) {
        Cow::Owned(text.replace('\\', r"\\").replace('\0', r"\0"))
    } else {
        Cow::Borrowed(text)
    }
}

/// The name that is kept so.
pub(crate) fn named(kept: String) -> String {
    if !kept.contains('\\') {
        return kept;
    }
    let mut name = String::with_capacity(kept.len());
    let mut chars = kept.chars();
    while let Some(c) = chars.next() {
        match c {
            '\\' => name.push(if chars.next() == Some('0') { '\0' } else { '\\' }),
            c => name.push(c),
        }
    }
    name
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_comes_back_and_none_is_taken_for_another() {
        let odd = ["", "CA1", "\0", "\\", "\\0", "\\\\0", "a\0b", "a\\\0", "ü\"\n"];
        let kept: Vec<_> = odd.iter().map(|text| name(text).into_owned()).collect();
        assert!(kept.iter().all(|text| !text.contains('\0')));
        assert_eq!(kept.iter().collect::<std::collections::BTreeSet<_>>().len(), odd.len());
        assert_eq!(kept.into_iter().map(named).collect::<Vec<_>>(), odd);
    }

    #[test]
    fn rows_are_json() {
        let mut rows = Rows::default();
        rows.push(&[Cell::Text("a\"\\\n\u{1}ü"), Cell::Number(-1), Cell::Json("{\"b\":1}"), Cell::Null]);
        rows.push(&[Cell::from(None), Cell::from(Some("x"))]);
        let parsed: serde_json::Value = serde_json::from_str(&rows.to_json()).unwrap();
        assert_eq!(parsed, serde_json::json!([["a\"\\\n\u{1}ü", -1, {"b": 1}, null], [null, "x"]]));
    }
}
