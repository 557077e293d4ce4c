//! A store and a sink in memory. They fail on request, and a worker that uses them can be stopped
//! before and after every effect.

use std::collections::BTreeMap;
use std::future::poll_fn;
use std::sync::{Arc, Mutex};
use std::task::Poll;
use std::time::Duration;

use alert::Alert;
use async_trait::async_trait;
use bytes::Bytes;
use detect::cloudtrail::Body;
use detect::subscriptions::Subscriptions;
use jiff::{SignedDuration, Timestamp};
use trailbell::aws_error::{AwsError, AwsErrorKind};
use trailbell::notification::ObjectRef;
use trailbell::sink::{AlertSink, MessageId, PublishError};
use trailbell::store::{
    Action, Listing, ObjectStore, OpenObject, Page, SmallObject, StoreError, StoreErrorKind,
    WriteCondition, Written,
};

/// What goes wrong with one call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// Nothing.
    None,
    /// It has no effect and fails, as with a 503.
    Refused,
    /// It has its effect, and its answer is lost.
    Lost,
    /// A put meets another write: 409.
    Conflict,
}

type Faults = Box<dyn FnMut(&str, &str) -> Fault + Send>;

/// A store, shared by all its clones.
#[derive(Clone)]
pub struct Memory {
    world: Arc<Mutex<World>>,
}

struct World {
    objects: BTreeMap<String, SmallObject>,
    metadata: BTreeMap<String, BTreeMap<String, String>>,
    date: Timestamp,
    etags: u64,
    faults: Faults,
    latency: Duration,
    page_size: usize,
    calls: Vec<String>,
}

impl Memory {
    /// An empty store whose clock shows 2026-03-01 10:00 UTC.
    pub fn new() -> Memory {
        let date = "2026-03-01T10:00:00Z".parse().unwrap();
        let faults: Faults = Box::new(|_, _| Fault::None);
        let world = World {
            objects: BTreeMap::new(),
            metadata: BTreeMap::new(),
            date,
            etags: 0,
            faults,
            latency: Duration::ZERO,
            page_size: 5,
            calls: Vec::new(),
        };
        Memory { world: Arc::new(Mutex::new(world)) }
    }

    /// Decides what goes wrong, by verb (`open`, `get`, `put`, `delete`, `list`) and key.
    pub fn fail(&self, faults: impl FnMut(&str, &str) -> Fault + Send + 'static) {
        self.world.lock().unwrap().faults = Box::new(faults);
    }

    /// Makes every call take this long.
    pub fn slow_down(&self, latency: Duration) {
        self.world.lock().unwrap().latency = latency;
    }

    /// Lists as many keys at once as S3 does.
    pub fn list_large_pages(&self) {
        self.world.lock().unwrap().page_size = 1_000;
    }

    /// Moves the store's clock forward.
    pub fn advance(&self, seconds: i64) {
        let mut world = self.world.lock().unwrap();
        world.date = world.date.checked_add(SignedDuration::from_secs(seconds)).unwrap();
    }

    /// All keys below a prefix.
    pub fn keys(&self, prefix: &str) -> Vec<String> {
        let world = self.world.lock().unwrap();
        world.objects.keys().filter(|key| key.starts_with(prefix)).cloned().collect()
    }

    /// An object's text.
    pub fn text(&self, key: &str) -> Option<String> {
        let world = self.world.lock().unwrap();
        world.objects.get(key).map(|object| String::from_utf8_lossy(&object.bytes).into_owned())
    }

    /// Writes an object whatever the faults.
    pub fn write(&self, key: &str, text: &str) {
        self.world.lock().unwrap().write(key, Bytes::from(text.to_owned()));
    }

    /// Writes an object with metadata whatever the faults.
    pub fn write_with(&self, key: &str, bytes: Vec<u8>, metadata: &BTreeMap<String, String>) {
        let mut world = self.world.lock().unwrap();
        world.write(key, Bytes::from(bytes));
        world.metadata.insert(key.to_owned(), metadata.clone());
    }

    /// Deletes all objects below a prefix, whatever the faults.
    pub fn remove(&self, prefix: &str) {
        self.world.lock().unwrap().objects.retain(|key, _| !key.starts_with(prefix));
    }

    /// Takes the calls since the last time, as `verb key`.
    pub fn take_calls(&self) -> Vec<String> {
        std::mem::take(&mut self.world.lock().unwrap().calls)
    }

    async fn call<T>(
        &self,
        verb: &str,
        key: &str,
        effect: impl FnOnce(&mut World) -> T,
    ) -> Result<T, Fault> {
        step().await;
        let latency = self.world.lock().unwrap().latency;
        if !latency.is_zero() {
            tokio::time::sleep(latency).await;
        }
        let (fault, result) = {
            let mut world = self.world.lock().unwrap();
            world.calls.push(format!("{verb} {key}"));
            let fault = (world.faults)(verb, key);
            let done = matches!(fault, Fault::None | Fault::Lost);
            (fault, done.then(|| effect(&mut world)))
        };
        step().await;
        result.filter(|_| fault == Fault::None).ok_or(fault)
    }
}

impl World {
    fn write(&mut self, key: &str, bytes: Bytes) -> Written {
        self.etags += 1;
        let (etag, date) = (format!("etag-{}", self.etags), self.date);
        let object = SmallObject { bytes, etag: etag.clone(), modified: date, date };
        self.objects.insert(key.to_owned(), object);
        Written { etag, date }
    }
}

/// Yields once: a worker that is polled by hand can be stopped here.
async fn step() {
    let mut passed = false;
    poll_fn(|context| {
        if std::mem::replace(&mut passed, true) {
            return Poll::Ready(());
        }
        context.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}

fn refused() -> StoreErrorKind {
    StoreErrorKind::Other("503: slow down".to_owned())
}

#[async_trait]
impl ObjectStore for Memory {
    async fn open(&self, object: &ObjectRef) -> Result<Body, StoreError> {
        let bytes =
            self.call("open", &object.key, |world| world.objects.get(&object.key).cloned()).await;
        read(&object.bucket, &object.key, bytes).map(|object| Body::Whole(object.bytes))
    }

    async fn open_with_metadata(&self, object: &ObjectRef) -> Result<OpenObject, StoreError> {
        let body = self.open(object).await?;
        let metadata = self.world.lock().unwrap().metadata.get(&object.key).cloned();
        Ok(OpenObject { body, metadata })
    }

    async fn get(&self, bucket: &str, key: &str) -> Result<SmallObject, StoreError> {
        let got = self.call("get", key, |world| {
            let date = world.date;
            world.objects.get(key).cloned().map(|object| SmallObject { date, ..object })
        });
        read(bucket, key, got.await)
    }

    async fn put(
        &self,
        bucket: &str,
        key: &str,
        bytes: Bytes,
        condition: WriteCondition,
    ) -> Result<Written, StoreError> {
        let put = self.call("put", key, |world| {
            let now = world.objects.get(key).map(|object| object.etag.clone());
            let holds = match condition {
                WriteCondition::None => true,
                WriteCondition::IfNoneMatch => now.is_none(),
                WriteCondition::IfMatch(etag) => now == Some(etag),
            };
            if holds {
                Ok(world.write(key, bytes))
            } else {
                Err(StoreErrorKind::PreconditionFailed)
            }
        });
        let written = match put.await {
            Ok(result) => result,
            Err(Fault::Conflict) => Err(StoreErrorKind::Conflict),
            Err(_) => Err(refused()),
        };
        written.map_err(|kind| StoreError::new(Action::Write, bucket, key, kind))
    }

    async fn delete(&self, bucket: &str, key: &str) -> Result<(), StoreError> {
        self.call("delete", key, |world| world.objects.remove(key))
            .await
            .map(|_| ())
            .map_err(|_| StoreError::new(Action::Delete, bucket, key, refused()))
    }

    async fn list(&self, listing: &Listing) -> Result<Page, StoreError> {
        self.call("list", &listing.prefix, |world| page(world, listing))
            .await
            .map_err(|_| StoreError::new(Action::List, &listing.bucket, &listing.prefix, refused()))
    }
}

fn read(
    bucket: &str,
    key: &str,
    got: Result<Option<SmallObject>, Fault>,
) -> Result<SmallObject, StoreError> {
    let object = got.map_err(|_| refused()).and_then(|it| it.ok_or(StoreErrorKind::NotFound));
    object.map_err(|kind| StoreError::new(Action::Read, bucket, key, kind))
}

/// A page: of five keys, so that tests need several, unless a test wants larger ones.
fn page(world: &World, listing: &Listing) -> Page {
    let after = listing.continuation.as_ref().or(listing.start_after.as_ref());
    let mut page = Page::default();
    let start = after.map_or(&listing.prefix, |after| after.max(&listing.prefix)).clone();
    let keys = world.objects.range(start..).map(|(key, _)| key);
    for key in keys.take_while(|key| key.starts_with(&listing.prefix)) {
        let rest = &key[listing.prefix.len()..];
        let folder = rest
            .find('/')
            .filter(|_| listing.folders)
            .map(|end| &key[..listing.prefix.len() + end + 1]);
        let shown = folder.unwrap_or(key);
        if after.is_some_and(|after| shown <= after.as_str())
            || page.prefixes.last().map(String::as_str) == Some(shown)
        {
            continue;
        }
        if page.keys.len() + page.prefixes.len() == world.page_size {
            page.next = page.keys.last().max(page.prefixes.last()).cloned();
            return page;
        }
        if folder.is_some() {
            page.prefixes.push(shown.to_owned())
        } else {
            page.keys.push(shown.to_owned());
            page.modified.push(world.objects[key].modified);
        }
    }
    page
}

/// A sink that keeps what it accepts, shared by all its clones.
#[derive(Clone, Default)]
pub struct Topic {
    accepted: Arc<Mutex<Vec<Alert>>>,
    /// The ids of findings that were sent, singly or in summaries.
    sent: Arc<Mutex<Vec<String>>>,
    asked: Arc<Mutex<usize>>,
    faults: Arc<Mutex<Vec<Fault>>>,
    /// What it answers when it is asked who subscribes. `None` if it refuses.
    subscriptions: Arc<Mutex<Option<Subscriptions>>>,
    is_topic: bool,
}

impl Topic {
    /// A sink with subscriptions.
    pub fn with_subscriptions() -> Topic {
        Topic { is_topic: true, ..Topic::default() }
    }

    /// Sets how many subscribe. If `None`, that cannot be asked.
    pub fn subscribe(&self, subscriptions: Option<Subscriptions>) {
        *self.subscriptions.lock().unwrap() = subscriptions;
    }

    /// The alerts that were accepted.
    pub fn accepted(&self) -> Vec<Alert> {
        self.accepted.lock().unwrap().clone()
    }

    /// The ids of findings that were sent, without the first `skipped`.
    pub fn sent_after(&self, skipped: usize) -> Vec<String> {
        self.sent.lock().unwrap()[skipped..].to_vec()
    }

    /// How many findings were sent, singly or in summaries.
    pub fn sent_count(&self) -> usize {
        self.sent.lock().unwrap().len()
    }

    /// How many alerts it was asked to accept.
    pub fn asked(&self) -> usize {
        *self.asked.lock().unwrap()
    }

    /// What goes wrong with the next alerts, in order.
    pub fn fail(&self, faults: &[Fault]) {
        *self.faults.lock().unwrap() = faults.iter().rev().copied().collect();
    }
}

/// The ids of the findings in an alert.
fn members(alert: &Alert) -> Vec<String> {
    match alert.document["trailbell"]["members"].as_array() {
        Some(members) => {
            members.iter().map(|member| member["id"].as_str().unwrap().to_owned()).collect()
        }
        None => vec![alert.finding.to_string()],
    }
}

fn answer(fault: Fault) -> AwsError {
    match fault {
        Fault::Lost => AwsError::new(AwsErrorKind::Unreachable, "no answer"),
        Fault::Conflict => AwsError::new(AwsErrorKind::Throttled, "throttled"),
        Fault::None | Fault::Refused => AwsError::new(AwsErrorKind::Other, "invalid"),
    }
}

#[async_trait]
impl AlertSink for Topic {
    async fn publish(&self, alerts: &[Alert]) -> Vec<Result<MessageId, PublishError>> {
        let mut results = Vec::new();
        for alert in alerts {
            step().await;
            *self.asked.lock().unwrap() += 1;
            let fault = self.faults.lock().unwrap().pop().unwrap_or(Fault::None);
            if matches!(fault, Fault::None | Fault::Lost) {
                self.sent.lock().unwrap().extend(members(alert));
                self.accepted.lock().unwrap().push(alert.clone());
            }
            step().await;
            let ok = fault == Fault::None;
            results.push(if ok {
                Ok(format!("m-{}", alert.finding))
            } else {
                Err(PublishError::from_aws("topic", answer(fault)))
            });
        }
        results
    }

    async fn subscriptions(&self) -> Result<Option<Subscriptions>, AwsError> {
        match *self.subscriptions.lock().unwrap() {
            Some(counted) => Ok(Some(counted)),
            None if self.is_topic => Err(AwsError::new(AwsErrorKind::Other, "AccessDenied")),
            None => Ok(None),
        }
    }
}

/// A store in memory whose lists below some prefixes never end.
pub struct HangingStore {
    pub memory: Memory,
    pub prefixes: &'static [&'static str],
}

#[async_trait]
impl ObjectStore for HangingStore {
    async fn open(&self, object: &ObjectRef) -> Result<Body, StoreError> {
        self.memory.open(object).await
    }

    async fn open_with_metadata(&self, object: &ObjectRef) -> Result<OpenObject, StoreError> {
        self.memory.open_with_metadata(object).await
    }

    async fn get(&self, bucket: &str, key: &str) -> Result<SmallObject, StoreError> {
        if self.prefixes.iter().any(|prefix| key.starts_with(prefix)) {
            std::future::pending::<()>().await;
        }
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
        if self.prefixes.iter().any(|prefix| listing.prefix.starts_with(prefix)) {
            std::future::pending::<()>().await;
        }
        self.memory.list(listing).await
    }
}

/// A store in memory that checks a condition and writes later: it honours conditions of one write
/// after the other, and not of writes at once.
#[derive(Clone)]
pub struct RacyStore(pub Memory);

#[async_trait]
impl ObjectStore for RacyStore {
    async fn open(&self, object: &ObjectRef) -> Result<Body, StoreError> {
        self.0.open(object).await
    }

    async fn open_with_metadata(&self, object: &ObjectRef) -> Result<OpenObject, StoreError> {
        self.0.open_with_metadata(object).await
    }

    async fn get(&self, bucket: &str, key: &str) -> Result<SmallObject, StoreError> {
        self.0.get(bucket, key).await
    }

    async fn put(
        &self,
        bucket: &str,
        key: &str,
        bytes: Bytes,
        condition: WriteCondition,
    ) -> Result<Written, StoreError> {
        let current = self.0.get(bucket, key).await.ok().map(|object| object.etag);
        let holds = match condition {
            WriteCondition::None => true,
            WriteCondition::IfNoneMatch => current.is_none(),
            WriteCondition::IfMatch(etag) => current == Some(etag),
        };
        if !holds {
            let kind = StoreErrorKind::PreconditionFailed;
            return Err(StoreError::new(Action::Write, bucket, key, kind));
        }
        self.0.put(bucket, key, bytes, WriteCondition::None).await
    }

    async fn delete(&self, bucket: &str, key: &str) -> Result<(), StoreError> {
        self.0.delete(bucket, key).await
    }

    async fn list(&self, listing: &Listing) -> Result<Page, StoreError> {
        self.0.list(listing).await
    }
}
