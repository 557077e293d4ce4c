//! A store of which only the first few objects come at once.

use std::sync::Arc;
use std::sync::atomic::{AtomicI32, Ordering};

use async_trait::async_trait;
use bytes::Bytes;
use detect::cloudtrail::Body;
use tokio::time::{Instant, sleep_until};
use trailbell::notification::ObjectRef;
use trailbell::store::{
    Listing, ObjectStore, OpenObject, Page, SmallObject, StoreError, WriteCondition, Written,
};

use crate::ledger::memory::Memory;

/// Log objects after the first `quick` come when time is over.
#[derive(Clone)]
pub struct Slow {
    pub memory: Memory,
    pub quick: Arc<AtomicI32>,
    pub until: Instant,
}

#[async_trait]
impl ObjectStore for Slow {
    async fn open(&self, object: &ObjectRef) -> Result<Body, StoreError> {
        let opened = self.memory.open(object).await;
        if self.quick.fetch_sub(1, Ordering::SeqCst) <= 0 {
            sleep_until(self.until).await;
        }
        opened
    }

    async fn open_with_metadata(&self, object: &ObjectRef) -> Result<OpenObject, StoreError> {
        self.memory.open_with_metadata(object).await
    }

    async fn get(&self, bucket: &str, key: &str) -> Result<SmallObject, StoreError> {
        self.memory.get(bucket, key).await
    }

    async fn put(
        &self,
        bucket: &str,
        key: &str,
        bytes: Bytes,
        condition: WriteCondition,
    ) -> Result<Written, StoreError> {
        self.memory.put(bucket, key, bytes, condition).await
    }

    async fn delete(&self, bucket: &str, key: &str) -> Result<(), StoreError> {
        self.memory.delete(bucket, key).await
    }

    async fn list(&self, listing: &Listing) -> Result<Page, StoreError> {
        self.memory.list(listing).await
    }
}
