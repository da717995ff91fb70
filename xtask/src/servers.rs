//! One PostgreSQL and one MongoDB server for all test processes of a run, unless somebody names their own.

use anyhow::Result;
use databases::{Mongo, Postgres};

/// Starts what is not given, so that a missing server is known before anything is compiled. It ends with this process.
pub(crate) fn start() -> Result<()> {
    // Each tells what it is when it starts; their URLs may hold passwords.
    environment();
    Ok(())
}

/// What tells the tests where the servers are.
pub(crate) fn environment() -> Vec<(String, String)> {
    let mut servers = vec![("TEST_DATABASE_URL".to_owned(), Postgres::shared().url().to_owned())];
    if !Mongo::is_skipped() {
        servers.push(("TEST_MONGODB_URI".to_owned(), Mongo::shared().url().to_owned()));
    }
    servers
}

/// The packages that cannot be tested without a server that is skipped.
pub(crate) fn untestable() -> Vec<&'static str> {
    if Mongo::is_skipped() { vec!["store-mongo"] } else { Vec::new() }
}
