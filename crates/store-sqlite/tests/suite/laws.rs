//! SQLite keeps the laws of stores.

use std::sync::Arc;

use call_core::port::Store as _;
use call_core::testkit::laws::FreshStore;
use store_sqlite::SqliteStore;
use tempfile::TempDir;

struct Fresh {
    store: Arc<SqliteStore>,
    directory: TempDir,
}

async fn open(directory: TempDir) -> Fresh {
    let store = SqliteStore::open(directory.path().join("calls.db").to_str().unwrap()).await.unwrap();
    Fresh { store: Arc::new(store), directory }
}

impl FreshStore for Fresh {
    type Store = SqliteStore;

    async fn fresh() -> Self {
        open(TempDir::new().unwrap()).await
    }

    fn store(&self) -> Arc<SqliteStore> {
        Arc::clone(&self.store)
    }

    async fn beside(&self) -> Arc<SqliteStore> {
        Arc::new(SqliteStore::open(self.directory.path().join("calls.db").to_str().unwrap()).await.unwrap())
    }

    async fn reopen(self) -> Option<Self> {
        self.store.close().await;
        Some(open(self.directory).await)
    }
}

call_core::store_laws!(tokio::test(flavor = "multi_thread", worker_threads = 2), Fresh);
