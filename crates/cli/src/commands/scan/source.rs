//! Reads one file or object.

use std::error::Error;
use std::io;
use std::path::PathBuf;

use detect::cloudtrail::Body;
use detect::cloudtrail::reader::{Layout, Options};
use detect::finding::Origin;
use jiff::Timestamp;
use trailbell::notification::ObjectRef;
use trailbell::store::StoreErrorKind;

use super::parallel::Sender;
use super::target::{ScanTarget, SourceEvent};
use crate::commands::input::open_log;

pub enum Source {
    /// A log file.
    File {
        path: PathBuf,
        layout: Layout,
    },
    Object {
        object: ObjectRef,
        body: Result<Body, StoreErrorKind>,
    },
    /// Not to be read, and why.
    Skipped {
        path: PathBuf,
        reason: &'static str,
    },
    /// A file or directory that cannot be examined.
    Failed {
        path: PathBuf,
        error: io::Error,
    },
}

impl Source {
    pub fn name(&self) -> String {
        match self {
            Source::File { path, .. }
            | Source::Skipped { path, .. }
            | Source::Failed { path, .. } => path.display().to_string(),
            Source::Object { object, .. } => object.to_string(),
        }
    }
}

/// How sources are read.
pub struct SourceScan<'a> {
    pub target: &'a ScanTarget,
    pub now: Timestamp,
    /// Limit of the inflated bytes of one source.
    pub max_bytes: u64,
}

impl SourceScan<'_> {
    /// Reads one source and sends what comes of it.
    pub fn run(&self, source: Source, events: &Sender<SourceEvent>) {
        // A failed send means that nobody prints any more.
        let send = |event| drop(events.send(event));
        match source {
            Source::Skipped { reason, .. } => send(SourceEvent::Skipped(reason)),
            Source::Failed { error, .. } => send(SourceEvent::Failed(Box::new(error))),
            Source::File { path, layout } => {
                let body = open_log(&path);
                let path = path.display().to_string();
                let origin = |record| Origin::File { path: path.clone(), record };
                self.scan_body(body, layout, &origin, &send);
            }
            Source::Object { object: ObjectRef { bucket, key, .. }, body } => {
                let origin =
                    |record| Origin::Object { bucket: bucket.clone(), key: key.clone(), record };
                self.scan_body(body, Layout::Records, &origin, &send);
            }
        }
    }

    fn scan_body(
        &self,
        body: Result<Body, impl Error + Send + 'static>,
        layout: Layout,
        origin: &dyn Fn(usize) -> Origin,
        send: &dyn Fn(SourceEvent),
    ) {
        let body = match body {
            Ok(body) => body,
            Err(error) => return send(SourceEvent::Failed(Box::new(error))),
        };
        let options = Options { max_bytes: self.max_bytes, layout };
        let (read, end) =
            self.target.scan(body, options, self.now, origin, &mut |event| send(event));
        send(SourceEvent::Read(read));
        if let Err(error) = end {
            send(SourceEvent::Failed(Box::new(error)));
        }
    }
}
