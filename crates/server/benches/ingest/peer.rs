//! What the server is measured against on each database: the same reads and writes, asked for by something that does
//! nothing else, in the same run.

mod documents;
mod pgbench;

use std::path::Path;
use std::time::Duration;

use tokio::runtime::Handle;

use crate::ceiling;
use crate::database::Server;
use documents::Documents;
use pgbench::Pgbench;

/// The measure of a database.
pub(crate) struct Peer<'a> {
    server: &'a Server,
    runtime: &'a Handle,
    kind: Kind,
}

enum Kind {
    /// SQLite is a library: its own best is what our store makes of it, without a server around.
    Store,
    /// PostgreSQL's own load generator with our store's statements, one event at a time.
    Pgbench(Pgbench),
    /// Bare compare-and-set updates of the same documents.
    Documents(Documents),
}

impl<'a> Peer<'a> {
    /// Work of ours, where the peer needs any, is done on `runtime`, as the server's is.
    pub(crate) async fn prepare(server: &'a Server, runtime: &'a Handle, home: &Path) -> Self {
        let kind = match server {
            Server::Sqlite(_) => Kind::Store,
            Server::Postgres(postgres) => Kind::Pgbench(Pgbench::prepare(postgres, server.place("").await, home).await),
            Server::Mongo(_) => Kind::Documents(Documents::prepare(server.place("").await).await),
        };
        Self { server, runtime, kind }
    }

    pub(crate) const fn name(&self) -> &'static str {
        match self.kind {
            Kind::Store => "store + outbox",
            Kind::Pgbench(_) => "pgbench",
            Kind::Documents(_) => "find_one_and_update",
        }
    }

    /// Events per second, with so many clients that each ask when they are answered.
    pub(crate) async fn rate(&self, clients: usize, time: Duration) -> f64 {
        match &self.kind {
            Kind::Store => {
                // As many calls as take about that long.
                let calls = (time.as_secs_f64() * if clients == 1 { 300.0 } else { 2_000.0 }) as usize;
                let calls = calls.max(1).next_multiple_of(clients);
                ceiling::store(self.server, self.runtime, clients, calls, true).await.rate()
            }
            Kind::Pgbench(pgbench) => pgbench.ours(clients, time).await,
            Kind::Documents(documents) => documents.rate(self.runtime, clients, time).await,
        }
    }

    /// Events per second of the least that could write the same rows, where that is something else.
    pub(crate) async fn plain(&self, clients: usize, time: Duration) -> Option<f64> {
        match &self.kind {
            Kind::Pgbench(pgbench) => Some(pgbench.plain(clients, time).await),
            Kind::Store | Kind::Documents(_) => None,
        }
    }
}
