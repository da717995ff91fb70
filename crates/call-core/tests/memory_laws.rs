//! The reference store keeps the laws.
#![allow(clippy::unwrap_used, reason = "a test")]

use std::sync::Arc;

use call_core::testkit::MemoryStore;
use call_core::testkit::laws::FreshStore;

struct Fresh(Arc<MemoryStore>);

impl FreshStore for Fresh {
    type Store = MemoryStore;

    async fn fresh() -> Self {
        Self(Arc::new(MemoryStore::new()))
    }

    fn store(&self) -> Arc<MemoryStore> {
        Arc::clone(&self.0)
    }
}

call_core::store_laws!(tokio::test, Fresh);
