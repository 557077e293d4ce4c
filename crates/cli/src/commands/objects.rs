//! What `scan` reads of S3.

use std::error::Error;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use detect::cloudtrail::{Body, S3Prefix};
use futures::{StreamExt, stream};
use tokio::runtime::Runtime;
use tokio::sync::mpsc;
use trailbell::app::wiring::Aws;
use trailbell::notification::ObjectRef;
use trailbell::store::walk::{Wanted, names_a_day, walk};
use trailbell::store::{ObjectStore, S3Store, StoreErrorKind};

use crate::commands::output;
use crate::commands::window::Window;

/// How many objects are fetched at once, ahead of reading: enough to hide the network's delay, few
/// enough to stay small.
const AHEAD: usize = 8;

/// The paths of the command line that are in S3, as bucket and prefix, and those that are not.
pub fn apart(paths: &[PathBuf]) -> (Vec<(String, String)>, Vec<PathBuf>) {
    let mut remote = Vec::new();
    let mut local = Vec::new();
    for path in paths {
        match in_s3(path) {
            Some(place) => remote.push(place),
            None => local.push(path.clone()),
        }
    }
    (remote, local)
}

fn in_s3(path: &Path) -> Option<(String, String)> {
    let place = S3Prefix::parse(path.to_str()?)?;
    Some((place.bucket, place.prefix))
}

/// A bucket holds years: refuses to read all of it by mistake.
pub fn must_end(bucket: &str, prefix: &str, window: Window) -> Result<(), String> {
    if window.since.is_some() || names_a_day(prefix) {
        return Ok(());
    }
    let advice = "say how far back with --since, or name a day: …/2026/03/12/";
    Err(format!("s3://{bucket}/{prefix}: {advice}"))
}

/// Log objects to read, and the runtime that fetches them.
pub struct Objects {
    runtime: Runtime,
    store: Arc<S3Store>,
    /// In the order of the command line, those of each place sorted by key.
    pub found: Vec<ObjectRef>,
}

impl Objects {
    /// Finds the log objects at `places`. Where there are no places, nothing is asked of AWS.
    pub fn find(
        places: &[(String, String)],
        window: Window,
        region: &(dyn Fn(&str) -> bool + Sync),
    ) -> Result<Objects, Box<dyn Error>> {
        places.iter().try_for_each(|(bucket, prefix)| must_end(bucket, prefix, window))?;
        // Two workers: a large object is fetched while this thread waits for its bytes.
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
        let store = Arc::new(S3Store::new(runtime.block_on(Aws::from_default_chain().s3())));
        let wanted = Wanted { since: window.since, until: window.until, region };
        let mut found = Vec::new();
        for (bucket, prefix) in places {
            let keys = runtime.block_on(walk(&*store, bucket, prefix, &wanted))?;
            if keys.is_empty() {
                output::say(format_args!(
                    "trailbell: s3://{bucket}/{prefix}: no log object of that time"
                ));
            }
            found.extend(keys.into_iter().map(|key| ObjectRef {
                bucket: bucket.clone(),
                key,
                version_id: None,
            }));
        }
        Ok(Objects { runtime, store, found })
    }

    /// The objects' bodies, in their order, fetched ahead.
    pub fn bodies(&self) -> impl Iterator<Item = (ObjectRef, Result<Body, StoreErrorKind>)> {
        let (sender, mut receiver) = mpsc::channel(1);
        let (store, objects) = (Arc::clone(&self.store), self.found.clone());
        self.runtime.spawn(async move {
            let fetch = |object: ObjectRef| {
                let store = Arc::clone(&store);
                async move { (store.open(&object).await.map_err(|error| error.kind), object) }
            };
            let mut bodies = stream::iter(objects).map(fetch).buffered(AHEAD);
            while let Some((body, object)) = bodies.next().await {
                if sender.send((object, body)).await.is_err() {
                    return;
                }
            }
        });
        std::iter::from_fn(move || receiver.blocking_recv())
    }
}
