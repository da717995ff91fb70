//! Real databases for tests, and a TCP proxy that fails on demand.
//!
//! [`Postgres::shared`] and [`Mongo::shared`] give the server of this test run: the one that an environment variable
//! names, or one that is started now and ends with this process, however that ends. Each test takes a database of its
//! own with `fresh`. Tests that kill the server take a server of their own with `own`.
//!
//! ```no_run
//! let database = databases::Postgres::shared().fresh();
//! // Connect to `database.url()`. It is dropped with `database`.
//! ```
//!
//! Nothing is skipped quietly: where a server is missing, the test fails and says how to install it.

mod account;
mod database;
mod guard;
mod mongo;
mod port;
mod postgres;
mod program;
mod proxy;
mod server;
mod wire;

pub use database::Database;
pub use mongo::Mongo;
pub use postgres::Postgres;
pub use proxy::Proxy;

/// Tells the person who runs the tests, past the harness that keeps the output of tests that succeed.
fn announce(line: &str) {
    use std::io::Write;
    // Nobody may be listening, and that is no reason to fail.
    let _ = writeln!(std::io::stderr(), "{line}");
}
