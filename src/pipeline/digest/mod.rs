//! One digest of CloudTrail: its signature is verified, the log files that it lists are read,
//! hashed and matched against the rules in one pass, and it is placed in the chain of its trail.
//! What is not as CloudTrail wrote it becomes a finding.
//!
//! The head of the chain moves last, and nothing depends on how often, in which order or by how
//! many workers that is done: every finding has one id, and the head only moves forward.

mod keys;
mod logs;
mod problems;
mod rounds;
mod walk;

use std::collections::BTreeMap;
use std::ops::AddAssign;

use detect::cloudtrail::DigestName;
use detect::cloudtrail::key::digest_end;
use detect::finding::integrity::IntegrityEvent;
use detect::text::error::error_chain;
use jiff::Timestamp;

use super::invocation::Invocation;
use super::object::ObjectResults;
use super::problem::{Problem, Remedy};
use super::report::ObjectOutcome;
use crate::integrity::chain::Link;
use crate::integrity::check::Checker;
use crate::integrity::verified_day::VerifiedDay;
use crate::integrity::{CheckError, Verdict, VerifyMode};
use crate::ledger::{ChainId, Ledger, LedgerError, StoredLedger, VerifiedDigest};
use crate::notification::ObjectRef;
use keys::DigestKeys;

pub(crate) use problems::{alert, event};
pub(crate) use rounds::rounds;

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
    let keys = DigestKeys::load(&pipeline.verification.keys, ledger, &chain, end, now).await;
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
        days: BTreeMap::new(),
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
    keys: DigestKeys<'a>,
    chain: ChainId,
    now: Timestamp,
    max_walk: usize,
    /// What is not as CloudTrail wrote it.
    events: Vec<IntegrityEvent>,
    /// What the head of the chain is to know of the way, by the day of the digests' ends.
    days: BTreeMap<String, VerifiedDay>,
    counts: VerifiedCounts,
    /// What was read.
    results: ObjectResults,
}

/// Why a digest is left to a later try.
enum Left {
    /// It could not be verified: sweeps retry.
    Unverified(String),
    /// It cannot be verified here, and no rule looks at its region.
    Closed(String),
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
impl DigestVerification<'_> {
    async fn run(mut self, object: &ObjectRef) -> ObjectResults {
        let (verdict, link) = self.check(&object.key).await;
        let moved = match (verdict, link) {
            (_, Some(link)) => self.verify_valid(link).await,
            (Verdict::Invalid(problem), _) => {
                self.forged(&object.key, digest_end(&object.key), &problem);
                Ok(None)
            }
            (Verdict::Unchecked(error), _) => Err(self.unchecked(&error)),
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
        self.results.deliveries.problems.extend(self.keys.problem);
        self.results
    }

    async fn check(&mut self, key: &str) -> (Verdict, Option<Link>) {
        self.keys.check(&self.checker, &self.chain, key, self.now).await
    }

    /// Why a digest is left that could not be checked. A region that is closed to this account
    /// stays closed: that is noted, and no problem where the rules look at other regions only.
    fn unchecked(&self, error: &CheckError) -> Left {
        let why = error_chain(error);
        let detections = &self.invocation.pipeline.detections;
        let matters = detections.can_match_in(&self.chain.account, &self.chain.region);
        match error {
            CheckError::Keys(keys) if keys.is_region_closed() && !matters => Left::Closed(why),
            _ => Left::Unverified(why),
        }
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
            Left::Closed(why) => {
                self.results.outcome = ObjectOutcome::Skipped;
                let note = format!("{object}: not verified: {why}");
                return self.results.deliveries.notes.push(note);
            }
            Left::Unverified(why) => {
                self.counts.unverified += 1;
                (ObjectOutcome::Failed, format!("not verified: {why}"), Remedy::NextSweep)
            }
        };
        self.results.outcome = outcome;
        self.results.deliveries.problems.push(Problem { place: object.to_string(), what, remedy });
    }

    /// Verifies the log files of a digest, and what is between the head of the chain and it.
    /// Returns what the head moves to. `None` if it stays.
    async fn verify_valid(&mut self, link: Link) -> Result<Option<VerifiedDigest>, Left> {
        let head = self.ledger.chain_head(&self.chain).await?;
        if let Some(head) = head.as_ref().filter(|head| link.file.end <= head.end) {
            // Verified before, unless it is another one in the place of the head.
            if link.file.end == head.end && link.file.hash.to_string() != head.hash {
                self.replaced(&link.file.key, link.file.end, &head.key);
            }
            if link.file.end <= head.since {
                let note = "older than the first digest that was verified of its chain";
                self.results.deliveries.notes.push(format!("{}: {note}", link.file.key));
            }
            return Ok(None);
        }
        self.verify_logs(&link).await?;
        if let Some(head) = &head {
            self.walk_back(&link, head).await?;
        }
        Ok(Some(VerifiedDigest {
            key: link.file.key,
            start: link.file.start,
            end: link.file.end,
            hash: link.file.hash.to_string(),
            signature: link.signature,
            after: head.map(|head| head.end),
            days: std::mem::take(&mut self.days),
        }))
    }
}
