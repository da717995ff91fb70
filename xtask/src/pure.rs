//! The core stays pure: what it may depend on is a closed list.

use std::process::Command;

use anyhow::{Context, Result, bail};

/// Whatever brings a runtime, a socket, a driver or a clock would have to be named here, in review.
const ALLOWED: &[&str] = &[
    "call-core",
    "async-trait",
    "futures-core",
    "futures-task",
    "futures-util",
    "jiff",
    "jiff-core",
    "serde",
    "serde_core",
    "serde_derive",
    "serde_json",
    "thiserror",
    "thiserror-impl",
    "uuid",
    // Of serde_json and the derives.
    "itoa",
    "memchr",
    "pin-project-lite",
    "proc-macro2",
    "quote",
    "ryu",
    "slab",
    "syn",
    "unicode-ident",
    "zmij",
];

/// Crates that must be nowhere in the workspace: `ring` is the one TLS provider, and nothing needs OpenSSL.
const BANNED: &[&str] = &["aws-lc-sys", "openssl-sys"];

/// Fails if the core's normal dependencies hold anything else, or the workspace a banned crate.
pub(crate) fn check() -> Result<()> {
    let core = tree(&["--package", "call-core"])?;
    let strangers: Vec<&String> = core.iter().filter(|name| !ALLOWED.contains(&name.as_str())).collect();
    if !strangers.is_empty() {
        bail!("call-core must stay pure, but depends on {strangers:?}; see xtask/src/pure.rs");
    }
    println!("call-core depends on {} crates, none of them a runtime, client or driver", core.len() - 1);
    let all = tree(&["--workspace"])?;
    if let Some(banned) = BANNED.iter().find(|name| all.iter().any(|n| n == *name)) {
        bail!(
            "{banned} is in the dependency tree; run `cargo tree --workspace --invert {banned}` to see who brings it"
        );
    }
    Ok(())
}

/// The names of all normal dependencies.
fn tree(selection: &[&str]) -> Result<Vec<String>> {
    let output = Command::new("cargo")
        .args(["tree", "--edges", "normal", "--prefix", "none", "--format", "{p}"])
        .args(selection)
        .output()
        .context("cargo tree could not be started")?;
    if !output.status.success() {
        bail!("cargo tree failed: {}", String::from_utf8_lossy(&output.stderr));
    }
    let mut names: Vec<String> = String::from_utf8_lossy(&output.stdout)
        .lines()
        .filter_map(|line| line.split_whitespace().next().map(str::to_owned))
        .collect();
    names.sort();
    names.dedup();
    Ok(names)
}
