//! Tests of the store through its public face, on a real server.
#![allow(clippy::unwrap_used, missing_docs, reason = "tests")]

mod laws;

use databases::{Database, Postgres};
use store_postgres::PostgresStore;

/// A database of one's own, with tables.
fn fresh() -> Database {
    Postgres::shared().fresh_prepared("calls", |url| {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(PostgresStore::migrate(url)).unwrap();
    })
}
