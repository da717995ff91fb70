//! Developer commands. `cargo xtask test` is what the README gives for tests and what CI runs.

mod pure;
mod servers;
mod sim;
mod step;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

use step::{Step, cargo};

#[derive(Parser)]
#[command(bin_name = "cargo xtask", about = "Developer commands of the call lifecycle engine")]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Everything that must be green: format, lints, purity of the core, all tests, laws, properties, documentation.
    Test,
    /// The quick part of it: format, lints, purity. No tests.
    Check,
    /// The core's dependency tree holds no runtime, HTTP client or database driver.
    Pure,
    /// Licences, banned crates and sources (installs cargo-deny if it is missing).
    Deny,
    /// All benchmarks, in release mode. The figures and how to read them are in docs/performance.md.
    Bench {
        /// Only benchmark targets whose name contains this.
        name: Option<String>,
    },
    /// Writes the generated documents anew (docs/transitions.md).
    Docs,
    /// Deterministic simulation: a million call lives, or ten (`--calls 10000000`), or one seed again (`--seed N`).
    Sim(sim::Simulation),
}

fn main() -> ExitCode {
    let steps = match Cli::parse().command {
        Command::Test => [check(), test()].concat(),
        Command::Check => check(),
        Command::Pure => vec![Step::own("purity of the core", pure::check)],
        Command::Deny => deny(),
        Command::Bench { name } => bench(name.as_deref()),
        Command::Docs => vec![docs()],
        Command::Sim(simulation) => vec![simulation.step()],
    };
    step::run(&steps)
}

fn check() -> Vec<Step> {
    vec![
        cargo("format", &["fmt", "--all", "--check"]),
        Step::own("purity of the core", pure::check),
        cargo("lints", &["clippy", "--workspace", "--all-targets", "--all-features", "--", "--deny", "warnings"]),
    ]
}

fn test() -> Vec<Step> {
    vec![
        Step::own("databases", servers::start),
        // The end-to-end tests start these as processes.
        cargo("binaries", &["build", "--workspace", "--bins"]),
        // Without features: what is tested is what is shipped, and no planted bug is even compiled.
        cargo("tests", &["test", "--workspace", "--no-fail-fast"])
            .without(servers::untestable())
            .env_of(servers::environment),
        sim::million(),
        sim::planted(),
        cargo("documentation", &["doc", "--workspace", "--no-deps", "--all-features"])
            .env("RUSTDOCFLAGS", "--deny warnings"),
    ]
}

fn deny() -> Vec<Step> {
    let mut steps = Vec::new();
    if !step::succeeds("cargo", &["deny", "--version"]) {
        steps.push(cargo("install cargo-deny", &["install", "cargo-deny", "--version", "0.20.2", "--locked"]));
    }
    steps.push(cargo("licences, bans, sources", &["deny", "check", "bans", "licenses", "sources"]));
    steps
}

fn bench(name: Option<&str>) -> Vec<Step> {
    ["transition", "commit", "ingest", "sweep"]
        .into_iter()
        .filter(|bench| name.is_none_or(|name| bench.contains(name)))
        .map(|bench| cargo(bench, &["bench", "--workspace", "--bench", bench]))
        .collect()
}

fn docs() -> Step {
    cargo("docs/transitions.md", &["test", "--package", "call-core", "--test", "docs"]).env("UPDATE_DOCS", "1")
}
