//! MongoDB keeps the laws of stores.

use std::sync::Arc;

use call_core::port::Store;
use call_core::testkit::laws::FreshStore;
use databases::{Database, Mongo};
use store_mongo::{MongoStore, Options};

struct Fresh {
    store: Arc<MongoStore>,
    database: Database,
}

async fn open(database: &Database) -> Arc<MongoStore> {
    Arc::new(MongoStore::open(database.url(), Options::default()).await.unwrap())
}

impl FreshStore for Fresh {
    type Store = MongoStore;

    async fn fresh() -> Self {
        let database = Mongo::shared().fresh();
        MongoStore::migrate(database.url()).await.unwrap();
        Self { store: open(&database).await, database }
    }

    fn store(&self) -> Arc<MongoStore> {
        Arc::clone(&self.store)
    }

    async fn beside(&self) -> Arc<MongoStore> {
        open(&self.database).await
    }

    async fn reopen(self) -> Option<Self> {
        self.store.close().await;
        Some(Self { store: open(&self.database).await, database: self.database })
    }
}

call_core::store_laws!(tokio::test(flavor = "multi_thread", worker_threads = 2), Fresh);
