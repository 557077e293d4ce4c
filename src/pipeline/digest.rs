//! One digest of CloudTrail: its signature is verified, the log files that it lists are read, hashed
//! and matched against the rules in one pass, and it is placed in the chain of its trail. What is
//! not as CloudTrail wrote it becomes a finding.
//!
//! The head of the chain moves last, and nothing depends on how often, in which order or by how many
//! workers that is done: every finding has one id, and the head only moves forward.

use std::collections::BTreeMap;
use std::ops::AddAssign;

use detect::cloudtrail::content::{ContentHash, hash_content};
use detect::cloudtrail::key::digest_end;
use detect::cloudtrail::reader::ReadStats;
use detect::cloudtrail::{DigestName, ReadProblem};
use detect::finding::integrity::{IntegrityEvent, IntegrityKind};
use detect::text::error::error_chain;
use futures::future::join_all;
use jiff::Timestamp;

use super::findings;
use super::invocation::Invocation;
use super::object::{ObjectResults, Scanned, read_listed_log};
use super::packed::PackedFinding;
use super::problem::{Problem, Remedy};
use super::report::ObjectOutcome;
use crate::integrity::chain::{CADENCE, Link, TOLERANCE};
use crate::integrity::check::{Checker, RegionKeys, is_log_of};
use crate::integrity::digest::{LogFile, PreviousDigest};
use crate::integrity::keys::SIGNING_DELAY;
use crate::integrity::{IntegrityProblem, Verdict, VerifyMode};
use crate::ledger::{ChainHead, ChainId, Ledger, LedgerError, StoredLedger, VerifiedDigest};
use crate::notification::ObjectRef;
use crate::store::{Listing, list_pages};

/// Log files of a digest that are read at once.
const CONCURRENCY: usize = 4;

/// Digests between the head and one that was announced, at most: a longer way is left to the sweep,
/// which begins at the head.
const MAX_WALK: usize = 6;

/// What was verified.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct VerifiedCounts {
    /// Digests with a valid signature.
    pub(crate) digests: u64,
    /// Log files that are what a digest says.
    pub(crate) log_files: u64,
    /// Findings about log files and digests.
    pub(crate) failures: u64,
    /// Digests that could not be verified: retried by sweeps.
    pub(crate) unverified: u64,
}

impl AddAssign for VerifiedCounts {
    fn add_assign(&mut self, other: VerifiedCounts) {
        self.digests += other.digests;
        self.log_files += other.log_files;
        self.failures += other.failures;
        self.unverified += other.unverified;
    }
}

/// Verifies a digest that was announced.
pub(crate) async fn process_digest(
    invocation: &Invocation,
    object: &ObjectRef,
    now: Timestamp,
) -> ObjectResults {
    verify(invocation, object, now, MAX_WALK).await
}

/// Verifies a digest that a sweep found, and all between the head of its chain and it.
pub(crate) async fn process_listed_digest(
    invocation: &Invocation,
    object: &ObjectRef,
    now: Timestamp,
) -> ObjectResults {
    verify(invocation, object, now, usize::MAX).await
}

async fn verify(
    invocation: &Invocation,
    object: &ObjectRef,
    now: Timestamp,
    max_walk: usize,
) -> ObjectResults {
    let pipeline = &invocation.pipeline;
    let ledger = match (&pipeline.ledger, pipeline.verification.mode) {
        (Ledger::Stored(ledger), VerifyMode::Rules | VerifyMode::All) => ledger,
        (_, VerifyMode::Off) => return skipped(object, "digests are not verified"),
        _ => return skipped(object, "digests are verified only with a ledger"),
    };
    let Some((chain, end)) = chain_of(object) else {
        return skipped(object, "not named as a digest of CloudTrail");
    };
    let until = end.checked_add(SIGNING_DELAY).unwrap_or(end);
    let keys = pipeline.verification.keys.keys(&chain.region, end, until).await;
    let verification = DigestVerification {
        invocation,
        ledger,
        checker: Checker {
            store: &*pipeline.store,
            keys: &pipeline.verification.keys,
            max_log_bytes: pipeline.max_object_bytes,
        },
        keys,
        chain,
        now,
        max_walk,
        events: Vec::new(),
        counts: VerifiedCounts::default(),
        results: ObjectResults::unread(ObjectOutcome::Scanned),
    };
    verification.run(object).await
}

fn skipped(object: &ObjectRef, why: &str) -> ObjectResults {
    ObjectResults::noted(ObjectOutcome::Skipped, object, why)
}

/// The chain of a digest, and the end of its hour, by its key.
pub(crate) fn chain_of(object: &ObjectRef) -> Option<(ChainId, Timestamp)> {
    let name = DigestName::from_key(&object.key)?;
    let (folder, _) = object.key.rsplit_once("CloudTrail-Digest/")?;
    let chain = ChainId {
        bucket: object.bucket.clone(),
        folder: folder.to_owned(),
        account: name.account.to_owned(),
        region: name.region.to_owned(),
        trail: name.trail.to_owned(),
        home_region: name.home_region.to_owned(),
        backfill: name.is_backfill,
    };
    Some((chain, name.end))
}

/// The work on one digest, and on those between the head of its chain and it.
struct DigestVerification<'a> {
    invocation: &'a Invocation,
    ledger: &'a StoredLedger,
    checker: Checker<'a>,
    keys: RegionKeys,
    chain: ChainId,
    now: Timestamp,
    max_walk: usize,
    /// What is not as CloudTrail wrote it.
    events: Vec<IntegrityEvent>,
    counts: VerifiedCounts,
    /// What was read.
    results: ObjectResults,
}

/// Why a digest is left to a later try.
enum Left {
    /// It could not be verified: sweeps retry.
    Unverified(String),
    /// The time is over.
    Deadline,
    /// It is far from the head of its chain: the sweep comes to it.
    ToSweep,
}

impl From<LedgerError> for Left {
    fn from(error: LedgerError) -> Left {
        Left::Unverified(error_chain(&error))
    }
}

/// The log files and digests on the way from the head of a chain.
#[derive(Default)]
struct Walk {
    gaps: u64,
}

/// A digest that should come before another one.
struct Expected {
    key: String,
    end: Timestamp,
    /// What the next one says of it. `None` if only the cadence says that it should be there.
    named: Option<PreviousDigest>,
    named_by: String,
}

impl DigestVerification<'_> {
    async fn run(mut self, object: &ObjectRef) -> ObjectResults {
        let (verdict, link) =
            self.checker.check_digest(&object.bucket, &object.key, &self.keys).await;
        let moved = match (verdict, link) {
            (_, Some(link)) => self.verify_valid(link).await,
            (Verdict::Invalid(problem), _) => {
                self.forged(&object.key, digest_end(&object.key), &problem);
                Ok(None)
            }
            (Verdict::Unchecked(error), _) => Err(Left::Unverified(error_chain(&*error))),
            (Verdict::Valid | Verdict::Missing(_), None) => {
                return ObjectResults::noted(ObjectOutcome::Gone, object, "no such object");
            }
        };
        self.alert().await;
        let moved = match moved {
            // What could not be alerted is found again.
            Ok(Some(digest)) if self.has_delivered() => {
                let moved = self.ledger.move_chain_head(&self.chain, &digest).await;
                moved.map_err(Left::from)
            }
            Ok(_) => Ok(()),
            Err(left) => Err(left),
        };
        if let Err(left) = moved {
            self.leave(object, left);
        }
        self.results.verified = self.counts;
        self.results
    }

    fn has_delivered(&self) -> bool {
        let problems = &self.results.deliveries.problems;
        !problems.iter().any(|problem| problem.remedy == Remedy::Retry)
    }

    fn leave(&mut self, object: &ObjectRef, left: Left) {
        let (outcome, what, remedy) = match left {
            Left::ToSweep => {
                let note = format!("{object}: far from the last verified digest, left to sweeps");
                return self.results.deliveries.notes.push(note);
            }
            Left::Deadline => {
                let what = "not verified in time".to_owned();
                (ObjectOutcome::Deadline, what, Remedy::NextSweep)
            }
            Left::Unverified(why) => {
                self.counts.unverified += 1;
                (ObjectOutcome::Failed, format!("not verified: {why}"), Remedy::NextSweep)
            }
        };
        self.results.outcome = outcome;
        self.results.deliveries.problems.push(Problem { place: object.to_string(), what, remedy });
    }

    /// Verifies the log files of a digest, and what is between the head of the chain and it. Returns
    /// what the head moves to. `None` if it stays.
    async fn verify_valid(&mut self, link: Link) -> Result<Option<VerifiedDigest>, Left> {
        let head = self.ledger.chain_head(&self.chain).await?;
        if let Some(head) = head.as_ref().filter(|head| link.file.end <= head.end) {
            // Verified before, unless it is another one in the place of the head.
            if link.file.end == head.end && link.file.hash.to_string() != head.hash {
                self.replaced(&link.file.key, link.file.end, &head.key);
            }
            return Ok(None);
        }
        self.verify_logs(&link).await?;
        let mut walk = Walk::default();
        if let Some(head) = &head {
            self.walk_back(&link, head, &mut walk).await?;
        }
        Ok(Some(VerifiedDigest {
            key: link.file.key,
            start: link.file.start,
            end: link.file.end,
            hash: link.file.hash.to_string(),
            signature: link.signature,
            digests: self.counts.digests,
            log_files: self.counts.log_files,
            gaps: walk.gaps,
        }))
    }

    /// Verifies what lies between the head of the chain and a digest.
    async fn walk_back(
        &mut self,
        link: &Link,
        head: &ChainHead,
        walk: &mut Walk,
    ) -> Result<(), Left> {
        let mut next = self.before(link, head, walk);
        let mut steps = 0;
        while let Some(expected) = next {
            if self.invocation.is_over() {
                return Err(Left::Deadline);
            }
            if steps == self.max_walk {
                return Err(Left::ToSweep);
            }
            steps += 1;
            next = self.verify_before(expected, head, walk).await?;
        }
        Ok(())
    }

    /// The digest before this one, as this one says. `None` at the head, or where the chain begins.
    fn before(&mut self, link: &Link, head: &ChainHead, walk: &mut Walk) -> Option<Expected> {
        let file = &link.file;
        let Some(previous) = &file.previous else {
            let why = "the first digest of a new chain follows";
            return self.restarted(head, file.start, why, walk);
        };
        if previous.key == head.key && previous.bucket == self.chain.bucket {
            let is_head = previous.hash.to_string() == head.hash
                && previous.signature.eq_ignore_ascii_case(&head.signature);
            if !is_head {
                self.replaced(&head.key, head.end, &file.key);
            }
            return None;
        }
        let end = digest_end(&previous.key).filter(|end| {
            previous.bucket == self.chain.bucket && self.chain.key_at(*end) == previous.key
        });
        match end {
            None => {
                let why = "the digests before are in another bucket or folder";
                self.restarted(head, file.start, why, walk)
            }
            Some(end) if end <= head.end => {
                self.replaced(&head.key, head.end, &file.key);
                None
            }
            Some(end) => Some(Expected {
                key: previous.key.clone(),
                end,
                named: Some(previous.clone()),
                named_by: file.key.clone(),
            }),
        }
    }

    /// Verifies a digest that should be there. Returns the one before it.
    async fn verify_before(
        &mut self,
        expected: Expected,
        head: &ChainHead,
        walk: &mut Walk,
    ) -> Result<Option<Expected>, Left> {
        let Expected { key, end, named, named_by } = &expected;
        let (verdict, link) = self.checker.check_digest(&self.chain.bucket, key, &self.keys).await;
        match (verdict, link) {
            (Verdict::Unchecked(error), _) => {
                return Err(Left::Unverified(error_chain(&*error)));
            }
            (_, Some(link)) => {
                let is_other = named.as_ref().is_some_and(|named| {
                    link.file.hash != named.hash
                        || !link.signature.eq_ignore_ascii_case(&named.signature)
                });
                if !is_other {
                    self.verify_logs(&link).await?;
                    return Ok(self.before(&link, head, walk));
                }
                self.replaced(key, *end, named_by);
            }
            (Verdict::Invalid(problem), _) => self.forged(key, Some(*end), &problem),
            (Verdict::Missing(_) | Verdict::Valid, None) => {
                let reason = match named {
                    Some(_) => "the next digest names it, and there is no such object",
                    None => "the trail writes one every hour, and there is no such object",
                };
                let digest = named.as_ref().map(|_| named_by.clone());
                self.add(IntegrityKind::DigestMissing, key, reason, digest, (*end, *end));
            }
        }
        walk.gaps += 1;
        Ok(self.derived_before(*end, head))
    }

    /// The digest of the hour before, by the cadence. `None` if that is the head.
    fn derived_before(&self, end: Timestamp, head: &ChainHead) -> Option<Expected> {
        let end = end.checked_sub(CADENCE).ok()?;
        let is_between = end.duration_since(head.end) > TOLERANCE && !self.chain.backfill;
        let key = self.chain.key_at(end);
        is_between.then(|| Expected { key, end, named: None, named_by: String::new() })
    }

    /// Reads the log files that a digest lists, if their region matters, and counts it.
    async fn verify_logs(&mut self, link: &Link) -> Result<(), Left> {
        self.counts.digests += 1;
        let pipeline = &self.invocation.pipeline;
        let is_all = pipeline.verification.mode == VerifyMode::All;
        if !is_all && !pipeline.detections.can_match_in(&self.chain.account, &self.chain.region) {
            return Ok(());
        }
        let unread = self.unread_logs(&link.file.log_files).await?;
        self.counts.log_files += (link.file.log_files.len() - unread.len()) as u64;
        let mut left = None;
        for logs in unread.chunks(CONCURRENCY) {
            if self.invocation.is_over() {
                return Err(Left::Deadline);
            }
            let reads =
                logs.iter().map(|log| read_log(self.invocation, &self.chain, self.now, log));
            for (log, LogRead { results, check }) in logs.iter().zip(join_all(reads).await) {
                self.add_read(results);
                match check {
                    LogCheck::Same => self.counts.log_files += 1,
                    LogCheck::Problem(kind, reason) => {
                        let digest = Some(link.file.key.clone());
                        let time = (link.file.start, link.file.end);
                        self.add(kind, &log.key, &reason, digest, time);
                    }
                    LogCheck::Unknown(why) => left = Some(Left::Unverified(why)),
                }
            }
        }
        left.map_or(Ok(()), Err)
    }

    /// The log files of a digest that must be read. The others were read by a sweep, which matched
    /// what the digest says, and are as they were then.
    async fn unread_logs<'l>(&self, logs: &'l [LogFile]) -> Result<Vec<&'l LogFile>, Left> {
        let mut unread = Vec::new();
        if logs.is_empty() {
            return Ok(unread);
        }
        let known = self.invocation.contents(self.ledger).await?;
        let mut by_hour: BTreeMap<&str, Vec<(&LogFile, Timestamp)>> = BTreeMap::new();
        for log in logs {
            let read = known.find(&object_of(log)).filter(|content| content.hash == log.hash);
            match (read, hour_prefix(&log.key)) {
                (Some(content), Some(hour)) if log.bucket == self.chain.bucket => {
                    by_hour.entry(hour).or_default().push((log, content.read_after));
                }
                _ => unread.push(log),
            }
        }
        for (hour, logs) in by_hour {
            let written = self.list_written(hour).await?;
            let is_as_read = |(log, read_after): &(&LogFile, Timestamp)| {
                written.get(&log.key).is_some_and(|written| written <= read_after)
            };
            unread.extend(logs.iter().filter(|log| !is_as_read(log)).map(|(log, _)| *log));
        }
        Ok(unread)
    }

    /// When the objects whose keys begin with `prefix` were written. Without those of which the
    /// store does not say.
    async fn list_written(&self, prefix: &str) -> Result<BTreeMap<String, Timestamp>, Left> {
        let mut written = BTreeMap::new();
        let bucket = self.chain.bucket.clone();
        let listing = Listing { bucket, prefix: prefix.to_owned(), ..Listing::default() };
        let listed = list_pages(&*self.invocation.pipeline.store, listing, |page| {
            written.extend(page.keys.into_iter().zip(page.modified));
            true
        });
        listed.await.map_err(|error| Left::Unverified(error_chain(&error)))?;
        Ok(written)
    }

    /// Adds what was read of a log file. It was, or will be, an object of its own.
    fn add_read(&mut self, log: ObjectResults) {
        let ReadStats { bytes, records, parsed, .. } = log.read;
        self.results.read.bytes += bytes;
        self.results.read.records += records;
        self.results.read.parsed += parsed;
        self.results.findings += log.findings;
        self.results.deliveries += log.deliveries;
    }

    fn forged(&mut self, key: &str, end: Option<Timestamp>, problem: &IntegrityProblem) {
        let end = end.unwrap_or(self.now);
        let reason = error_chain(problem);
        self.add(IntegrityKind::DigestForged, key, &reason, None, (end, end));
    }

    fn replaced(&mut self, key: &str, end: Timestamp, next: &str) {
        let reason = "the next digest was signed over another one in this place";
        let digest = Some(next.to_owned());
        self.add(IntegrityKind::DigestForged, key, reason, digest, (end, end));
    }

    fn restarted(
        &mut self,
        head: &ChainHead,
        start: Timestamp,
        why: &str,
        walk: &mut Walk,
    ) -> Option<Expected> {
        walk.gaps += 1;
        let time = (head.end, start.max(head.end));
        self.add(IntegrityKind::ChainRestarted, &head.key, why, None, time);
        None
    }

    /// Adds a finding. `time`: the hour that is not proven, or the end of a digest's hour twice.
    fn add(
        &mut self,
        kind: IntegrityKind,
        key: &str,
        reason: &str,
        digest: Option<String>,
        (from, until): (Timestamp, Timestamp),
    ) {
        let from = if from == until { until.checked_sub(CADENCE).unwrap_or(from) } else { from };
        self.events.push(event(&self.chain, kind, key, reason, digest, (from, until)));
    }

    async fn alert(&mut self) {
        let events = std::mem::take(&mut self.events);
        self.counts.failures += events.len() as u64;
        let results = alert(self.invocation, events, self.now).await;
        self.results.findings += results.findings;
        self.results.deliveries += results.deliveries;
    }
}

/// What is wrong with an object of a chain.
pub(crate) fn event(
    chain: &ChainId,
    kind: IntegrityKind,
    key: &str,
    reason: &str,
    digest: Option<String>,
    (from, until): (Timestamp, Timestamp),
) -> IntegrityEvent {
    IntegrityEvent {
        kind,
        account: chain.account.clone(),
        region: chain.region.clone(),
        trail: chain.trail.clone(),
        bucket: chain.bucket.clone(),
        key: key.to_owned(),
        reason: reason.to_owned(),
        digest,
        from,
        until,
    }
}

/// Alerts on what is wrong, as on other findings.
pub(crate) async fn alert(
    invocation: &Invocation,
    events: Vec<IntegrityEvent>,
    now: Timestamp,
) -> ObjectResults {
    let mut results = ObjectResults::unread(ObjectOutcome::Scanned);
    let exceptions = &invocation.pipeline.detections.exceptions;
    let found = events.iter().filter_map(|event| event.finding(exceptions, now));
    let found: Vec<PackedFinding> = found.map(PackedFinding::pack).collect();
    results.findings = found.len() as u64;
    results.deliveries = findings::process(invocation, found).await;
    results
}

/// A log file that was read.
struct LogRead {
    results: ObjectResults,
    check: LogCheck,
}

/// What a log file is, compared with what a digest says.
enum LogCheck {
    Same,
    Problem(IntegrityKind, String),
    /// It could not be read.
    Unknown(String),
}

impl LogRead {
    fn unread(check: LogCheck) -> LogRead {
        LogRead { results: ObjectResults::unread(ObjectOutcome::Scanned), check }
    }
}

fn object_of(log: &LogFile) -> ObjectRef {
    ObjectRef { bucket: log.bucket.clone(), key: log.key.clone(), version_id: None }
}

/// The part of a log file's key up to the hour in its name: those of a digest share few of them.
fn hour_prefix(key: &str) -> Option<&str> {
    let time = key.rfind("Z_")?;
    key.get(..time.checked_sub(2)?)
}

async fn read_log(
    invocation: &Invocation,
    chain: &ChainId,
    now: Timestamp,
    log: &LogFile,
) -> LogRead {
    if !is_log_of(&log.key, &chain.account) {
        let why =
            "the digest lists it, and it is not named as a log file of the account".to_owned();
        return LogRead::unread(LogCheck::Problem(IntegrityKind::LogFileUnreadable, why));
    }
    let object = object_of(log);
    let body = match invocation.pipeline.store.open(&object).await {
        Ok(body) => body,
        Err(error) if error.is_not_found() => {
            let why = "a digest lists it, and there is no such object".to_owned();
            return LogRead::unread(LogCheck::Problem(IntegrityKind::LogFileMissing, why));
        }
        Err(error) => return LogRead::unread(LogCheck::Unknown(error_chain(&error))),
    };
    let (mut results, scanned) = read_listed_log(invocation, &object, now, body).await;
    let Some(Scanned { read, error, .. }) = scanned else {
        let check = LogCheck::Unknown(format!("{object}: not read"));
        return LogRead { results, check };
    };
    results.read = read;
    let check = match (read.hash, error) {
        (Some(hash), _) if hash == log.hash => LogCheck::Same,
        (Some(hash), _) => LogCheck::changed(log, hash),
        (None, None) => {
            LogCheck::Problem(IntegrityKind::LogFileUnreadable, "it is not gzip".to_owned())
        }
        (None, Some(error)) => match error.problem {
            ReadProblem::Io(_) | ReadProblem::TooLarge { .. } => {
                LogCheck::Unknown(format!("{object}: {}", error_chain(&error)))
            }
            ReadProblem::Gzip(_) => {
                LogCheck::Problem(IntegrityKind::LogFileUnreadable, error_chain(&error))
            }
            // The records cannot be read, which says nothing of who wrote them.
            _ => hash_log(invocation, &object, log).await,
        },
    };
    LogRead { results, check }
}

/// Compares a log file without reading its records.
async fn hash_log(invocation: &Invocation, object: &ObjectRef, log: &LogFile) -> LogCheck {
    let body = match invocation.pipeline.store.open(object).await {
        Ok(body) => body,
        Err(error) => return LogCheck::Unknown(error_chain(&error)),
    };
    let max_bytes = invocation.pipeline.max_object_bytes;
    match tokio::task::spawn_blocking(move || hash_content(body, max_bytes)).await {
        Ok(Ok(hash)) if hash == log.hash => LogCheck::Same,
        Ok(Ok(hash)) => LogCheck::changed(log, hash),
        Ok(Err(error)) => LogCheck::Unknown(format!("{object}: {}", error_chain(&error))),
        Err(error) => LogCheck::Unknown(format!("{object}: {error}")),
    }
}

impl LogCheck {
    fn changed(log: &LogFile, hash: ContentHash) -> LogCheck {
        let then = log.hash;
        let why = format!("the SHA-256 of its content is {hash}, and was {then} when delivered");
        LogCheck::Problem(IntegrityKind::LogFileChanged, why)
    }
}
