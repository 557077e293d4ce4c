//! Reads one file or object.

use std::error::Error;
use std::io::{self, Read};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use detect::cloudtrail::Body;
use detect::cloudtrail::reader::Options;
use detect::finding::Origin;
use jiff::Timestamp;
use trailbell::notification::ObjectRef;
use trailbell::store::{StoreErrorKind, open_file};

use super::parallel::Sender;
use super::target::{ScanTarget, SourceEvent};
use super::totals::SourceCost;

pub enum Source {
    /// A log file, and whether its name says that each line is a record.
    File {
        path: PathBuf,
        lines: bool,
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
            Source::File { path, lines } => {
                let start = Instant::now();
                let body = open_file(&path);
                let opening = start.elapsed();
                let path = path.display().to_string();
                let origin = |record| Origin::File { path: path.clone(), record };
                self.scan_body(body, lines, opening, &origin, &send);
            }
            Source::Object { object: ObjectRef { bucket, key, .. }, body } => {
                let origin =
                    |record| Origin::Object { bucket: bucket.clone(), key: key.clone(), record };
                self.scan_body(body, false, Duration::ZERO, &origin, &send);
            }
        }
    }

    fn scan_body(
        &self,
        body: Result<Body, impl Error + Send + 'static>,
        lines: bool,
        opening: Duration,
        origin: &dyn Fn(usize) -> Origin,
        send: &dyn Fn(SourceEvent),
    ) {
        let (body, stored) = match body {
            Ok(body) => count_stored(body),
            Err(error) => return send(SourceEvent::Failed(Box::new(error))),
        };
        let options = Options { max_bytes: self.max_bytes, lines };
        let (read, end) =
            self.target.scan(body, options, self.now, origin, &mut |event| send(event));
        let stored = stored.load(Ordering::Relaxed);
        send(SourceEvent::Read(SourceCost { stored, opening, read }));
        if let Err(error) = end {
            send(SourceEvent::Failed(Box::new(error)));
        }
    }
}

/// Returns the body with a counter of its stored bytes, which is complete after the body was read.
fn count_stored(body: Body) -> (Body, Arc<AtomicU64>) {
    let count = Arc::<AtomicU64>::default();
    let body = match body {
        Body::Whole(bytes) => {
            count.store(bytes.len() as u64, Ordering::Relaxed);
            Body::Whole(bytes)
        }
        Body::Stream(stream) => {
            Body::Stream(Box::new(CountedStream { stream, count: Arc::clone(&count) }))
        }
    };
    (body, count)
}

struct CountedStream {
    stream: Box<dyn Read + Send>,
    count: Arc<AtomicU64>,
}

impl Read for CountedStream {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.stream.read(buffer)?;
        self.count.fetch_add(count as u64, Ordering::Relaxed);
        Ok(count)
    }
}
