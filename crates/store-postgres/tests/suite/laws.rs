//! PostgreSQL keeps the laws of stores.

use std::sync::Arc;

use call_core::port::Store as _;
use call_core::testkit::laws::FreshStore;
use databases::Database;
use store_postgres::{Options, PostgresStore};

struct Fresh {
    store: Arc<PostgresStore>,
    database: Database,
}

async fn open(url: &str) -> Arc<PostgresStore> {
    Arc::new(PostgresStore::open(url, &Options::default()).await.unwrap())
}

impl FreshStore for Fresh {
    type Store = PostgresStore;

    async fn fresh() -> Self {
        let database = crate::fresh();
        Self { store: open(database.url()).await, database }
    }

    fn store(&self) -> Arc<PostgresStore> {
        Arc::clone(&self.store)
    }

    async fn beside(&self) -> Arc<PostgresStore> {
        open(self.database.url()).await
    }

    async fn reopen(self) -> Option<Self> {
        self.store.close().await;
        Some(Self { store: open(self.database.url()).await, database: self.database })
    }
}

call_core::store_laws!(tokio::test(flavor = "multi_thread", worker_threads = 2), Fresh);
