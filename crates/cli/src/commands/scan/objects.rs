//! Log objects in S3.

use std::sync::Arc;

use anyhow::Result;
use detect::cloudtrail::S3Prefix;
use futures::{StreamExt, stream};
use tokio::runtime::Runtime;
use tokio::sync::mpsc;
use trailbell::notification::ObjectRef;
use trailbell::store::walk::{KeyFilter, PlaceFilter, log_keys};
use trailbell::store::{ObjectStore, S3Store};

use super::source::Source;
use crate::commands::aws::AwsArgs;
use crate::commands::output::print_error;
use crate::commands::setup;
use crate::commands::time_range::TimeRange;

/// Objects fetched ahead: enough to hide the network's latency, few enough to stay small.
const CONCURRENCY: usize = 8;

/// Log objects to read, and the runtime that fetches them.
pub struct Objects {
    runtime: Runtime,
    store: Arc<S3Store>,
    pub found: Vec<ObjectRef>,
}

impl Objects {
    /// Finds the log objects at `places`, in their order, and in each by key.
    pub fn find(
        places: &[S3Prefix],
        range: TimeRange,
        is_wanted: PlaceFilter<'_>,
        aws: &AwsArgs,
    ) -> Result<Objects> {
        places.iter().try_for_each(|place| range.check_bounded(place))?;
        let runtime = setup::build_runtime()?;
        let store = Arc::new(S3Store::new(runtime.block_on(aws.connect().s3())));
        let filter = KeyFilter { since: range.since, until: range.until, place: is_wanted };
        let mut found = Vec::new();
        for place in places {
            let S3Prefix { bucket, prefix } = place;
            let keys = runtime.block_on(log_keys(&*store, bucket, prefix, &filter))?;
            if keys.is_empty() {
                print_error(format_args!("{place}: no log objects in that time"));
            }
            let object = |key| ObjectRef { bucket: bucket.clone(), key, version_id: None };
            found.extend(keys.into_iter().map(object));
        }
        Ok(Objects { runtime, store, found })
    }

    /// Fetches the objects, ahead of reading, in their order.
    pub fn fetch(&self) -> impl Iterator<Item = Source> {
        let (sender, mut receiver) = mpsc::channel(1);
        let store = Arc::clone(&self.store);
        let objects = self.found.clone();
        self.runtime.spawn(async move {
            let fetch = |object: ObjectRef| {
                let store = Arc::clone(&store);
                async move {
                    let body = store.open(&object).await.map_err(|error| error.kind);
                    Source::Object { object, body }
                }
            };
            let mut sources = stream::iter(objects).map(fetch).buffered(CONCURRENCY);
            while let Some(source) = sources.next().await {
                if sender.send(source).await.is_err() {
                    return;
                }
            }
        });
        std::iter::from_fn(move || receiver.blocking_recv())
    }
}
