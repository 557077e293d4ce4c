//! What a thread does with one file or object.

use std::error::Error;
use std::io::{self, Read};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use detect::cloudtrail::Body;
use detect::cloudtrail::reader::Options;
use detect::finding::Origin;
use jiff::Timestamp;
use trailbell::notification::ObjectRef;
use trailbell::store::{StoreErrorKind, open_file};

use crate::commands::files::Entry;
use crate::commands::parallel::Sender;
use crate::commands::scan_target::{ScanTarget, SourceEvent};
use crate::commands::stats::Cost;

/// Where a body comes from.
pub enum Source {
    Entry(Entry),
    Object(ObjectRef, Result<Body, StoreErrorKind>),
}

/// What became of a source. The last one is `Skipped`, `Unreadable` or `Read`.
pub enum Event {
    /// It is not read, and why.
    Skipped(&'static str),
    /// It is to be read.
    Opened,
    SourceEvent(SourceEvent),
    /// It could not be read, or not to its end.
    Unreadable(Box<dyn Error + Send>),
    /// It was read, to its end or not.
    Read(Cost),
}

/// How sources are looked at.
pub struct SourceScan<'a> {
    pub scan_target: &'a ScanTarget,
    pub now: Timestamp,
    /// Inflated bytes accepted of one source.
    pub max_bytes: u64,
}

impl Source {
    /// For people.
    pub fn name(&self) -> String {
        match self {
            Source::Entry(
                Entry::Log { path, .. }
                | Entry::Skipped { path, .. }
                | Entry::Unreadable { path, .. },
            ) => path.display().to_string(),
            Source::Object(object, _) => object.to_string(),
        }
    }
}

impl SourceScan<'_> {
    /// Looks at one source, and sends what becomes of it. Where nobody listens any more, that is no
    /// matter.
    pub fn of(&self, source: Source, news: &Sender<Event>) {
        let send = |event| drop(news.send(event));
        match source {
            Source::Entry(Entry::Skipped { reason, .. }) => send(Event::Skipped(reason)),
            Source::Entry(Entry::Unreadable { error, .. }) => {
                send(Event::Unreadable(Box::new(error)))
            }
            Source::Entry(Entry::Log { path, lines }) => {
                send(Event::Opened);
                let start = Instant::now();
                let (body, name) = (open_file(&path), path.display().to_string());
                let origin = |record| Origin::File { path: name.clone(), record };
                self.body(body, lines, start.elapsed(), &origin, &send);
            }
            Source::Object(object, body) => {
                send(Event::Opened);
                let (bucket, key) = (&object.bucket, &object.key);
                let origin =
                    |record| Origin::Object { bucket: bucket.clone(), key: key.clone(), record };
                self.body(body, false, Duration::ZERO, &origin, &send);
            }
        }
    }

    fn body(
        &self,
        body: Result<Body, impl Error + Send + 'static>,
        lines: bool,
        opening: Duration,
        origin: &dyn Fn(usize) -> Origin,
        send: &dyn Fn(Event),
    ) {
        let (body, stored) = match body {
            Ok(body) => counted(body),
            Err(error) => return send(Event::Unreadable(Box::new(error))),
        };
        let options = Options { max_bytes: self.max_bytes, lines };
        let (read, end) = self
            .scan_target
            .through(body, options, self.now, origin, &mut |sight| send(Event::SourceEvent(sight)));
        let stored = stored.load(Ordering::Relaxed);
        send(Event::Read(Cost { stored, opening, read }));
        if let Err(error) = end {
            send(Event::Unreadable(Box::new(error)));
        }
    }
}

/// The body, and how many of its stored bytes were taken, once it is read.
fn counted(body: Body) -> (Body, Arc<AtomicU64>) {
    match body {
        Body::Whole(bytes) => {
            let count = Arc::new(AtomicU64::new(bytes.len() as u64));
            (Body::Whole(bytes), count)
        }
        Body::Stream(stream) => {
            let count = Arc::<AtomicU64>::default();
            (Body::Stream(Box::new(Counted { stream, count: Arc::clone(&count) })), count)
        }
    }
}

struct Counted {
    stream: Box<dyn Read + Send>,
    count: Arc<AtomicU64>,
}

impl Read for Counted {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let count = self.stream.read(into)?;
        self.count.fetch_add(count as u64, Ordering::Relaxed);
        Ok(count)
    }
}
