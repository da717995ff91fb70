//! The skeleton of `docs/providers.md` keeps the laws, and the page shows it as it is.
#![allow(clippy::unwrap_used, missing_docs, unreachable_pub, reason = "a test, and an example")]

#[path = "../examples/skeleton/laws.rs"]
mod laws;
#[path = "../examples/skeleton/skeleton.rs"]
mod skeleton;

use laws::AtAcme;

provider_laws::provider_laws!(AtAcme);

/// Between its marks, the page holds the file.
#[test]
fn the_page_shows_the_skeleton_as_it_is() {
    let page = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/providers.md");
    let written = std::fs::read_to_string(page).unwrap();
    let code = include_str!("../examples/skeleton/skeleton.rs");
    assert!(code.lines().count() < 150, "the skeleton has {} lines", code.lines().count());
    let (before, rest) = written.split_once("<!-- skeleton -->\n").expect("the mark of its beginning");
    let (_, after) = rest.split_once("<!-- /skeleton -->").expect("the mark of its end");
    let fresh = format!("{before}<!-- skeleton -->\n```rust\n{code}```\n<!-- /skeleton -->{after}");
    if std::env::var_os("UPDATE_DOCS").is_some() {
        std::fs::write(page, &fresh).unwrap();
    }
    assert!(
        std::fs::read_to_string(page).unwrap() == fresh,
        "docs/providers.md is out of date: UPDATE_DOCS=1 cargo test -p provider-laws --test skeleton"
    );
}
