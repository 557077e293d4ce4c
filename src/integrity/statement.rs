//! What an auditor keeps: what was verified, up to which digest, and what was not.
//!
//! The hash and signature of the last digest of a chain stand for everything before it: each digest
//! is signed over the one before and over the hashes of its log files. A bucket that still has this
//! digest, and is valid, is what it was.

use std::collections::BTreeMap;

use detect::cloudtrail::DigestName;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::chain::{Gap, GapCause, Link};
use super::problem::Verdict;
use super::verified_day::VerifiedDay;
use super::verify::{ChainSummary, CheckedKind, CheckedObject, RegionReport};
use crate::ledger::ChainId;
use detect::text::error::error_chain;

/// Raised when older programs would misread a statement.
const VERSION: u32 = 1;

/// A statement about a time.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Statement {
    /// Of this format.
    pub version: u32,
    /// The program that made it, and its version.
    pub program: String,
    /// When it was made.
    pub made_at: Timestamp,
    /// The first end of a digest that it is about. `None` for all.
    pub since: Option<Timestamp>,
    /// The last end of a digest that it is about. `None` for all there were.
    pub until: Option<Timestamp>,
    /// The chains of digests, sorted.
    pub chains: Vec<ChainStatement>,
    /// Log files that no valid digest covers. `None` if they were not counted.
    pub unverified_log_files: Option<u64>,
}

/// What is stated about one chain of digests.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ChainStatement {
    /// The bucket.
    pub bucket: String,
    /// The account's folder.
    pub folder: String,
    /// Whose log files they list.
    pub account: String,
    /// Where these were recorded.
    pub region: String,
    /// The name of the trail.
    pub trail: String,
    /// It is the chain of backfill digests.
    pub backfill: bool,
    /// The start of the first valid digest.
    pub from: Option<Timestamp>,
    /// The end of the last valid digest.
    pub until: Option<Timestamp>,
    /// The last valid digest.
    pub head: Option<HeadDigest>,
    /// What was verified, by the day of the digests' ends.
    pub days: BTreeMap<String, DayCounts>,
    /// Times that no valid digest covers.
    pub gaps: Vec<GapStatement>,
    /// What is not valid, and why.
    pub not_valid: Vec<NotValid>,
}

/// A digest, so that it cannot be mistaken for another.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HeadDigest {
    /// Its key.
    pub key: String,
    /// SHA-256 of its content, in hexadecimal.
    pub hash: String,
    /// Its signature, in hexadecimal.
    pub signature: String,
}

/// Valid digests and log files.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct DayCounts {
    /// Valid digests.
    pub digests: u64,
    /// Valid log files.
    pub log_files: u64,
}

/// A time that no valid digest covers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct GapStatement {
    /// Its start.
    pub from: Timestamp,
    /// Its end.
    pub until: Timestamp,
    /// Why.
    pub reason: String,
}

/// Something that is not valid.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NotValid {
    /// `digest` or `log`.
    pub kind: String,
    /// Its key.
    pub key: String,
    /// `invalid`, `missing` or `unchecked`.
    pub status: String,
    /// Why.
    pub reason: String,
}

impl HeadDigest {
    /// A digest with a valid signature.
    pub fn new(link: &Link) -> HeadDigest {
        HeadDigest {
            key: link.file.key.clone(),
            hash: link.file.hash.to_string(),
            signature: link.signature.to_ascii_lowercase(),
        }
    }
}

impl Statement {
    /// A statement about the time from `since` to `until`, made at `now`.
    pub fn new(since: Option<Timestamp>, until: Option<Timestamp>, now: Timestamp) -> Statement {
        Statement {
            version: VERSION,
            program: concat!(env!("CARGO_PKG_NAME"), " ", env!("CARGO_PKG_VERSION")).to_owned(),
            made_at: now,
            since,
            until,
            chains: Vec::new(),
            unverified_log_files: None,
        }
    }

    /// Adds what was verified in an account and region of a bucket.
    pub fn add(&mut self, bucket: &str, report: &RegionReport) {
        let chain = |chain| ChainStatement::new(bucket, report, chain);
        self.chains.extend(report.chains.iter().map(chain));
        self.chains.sort_by(|a, b| a.name().cmp(&b.name()));
        *self.unverified_log_files.get_or_insert(0) += report.unverified_logs;
    }

    /// Adds what the function verified of a chain in a day.
    pub fn add_day(&mut self, chain: &ChainId, day: &str, verified: VerifiedDay) {
        let VerifiedDay { digests, log_files, from, until, head, gaps, not_valid } = verified;
        let stated = self.chain_mut(chain);
        stated.from = from;
        stated.until = until;
        stated.head = head;
        stated.days = BTreeMap::from([(day.to_owned(), DayCounts { digests, log_files })]);
        stated.gaps = gaps;
        stated.not_valid.extend(not_valid);
    }

    /// Adds a digest that the function could not check, with all after it.
    pub fn add_unchecked(&mut self, chain: &ChainId, key: &str, reason: &str) {
        self.chain_mut(chain).not_valid.push(NotValid {
            kind: CheckedKind::Digest.as_str().to_owned(),
            key: key.to_owned(),
            status: "unchecked".to_owned(),
            reason: reason.to_owned(),
        });
    }

    fn chain_mut(&mut self, chain: &ChainId) -> &mut ChainStatement {
        let new = ChainStatement::of(chain);
        let at = match self.chains.binary_search_by(|stated| stated.name().cmp(&new.name())) {
            Ok(at) => at,
            Err(at) => {
                self.chains.insert(at, new);
                at
            }
        };
        &mut self.chains[at]
    }

    /// Canonical JSON: keys sorted, no white space. The same statement is always the same text.
    ///
    /// # Errors
    /// Never, for what can be built here.
    pub fn to_canonical_json(&self) -> Result<String, serde_json::Error> {
        Ok(sorted(serde_json::to_value(self)?).to_string())
    }

    /// Reads a statement. The error says what is wrong with the text.
    pub fn from_json(text: &[u8]) -> Result<Statement, String> {
        let statement: Statement =
            serde_json::from_slice(text).map_err(|error| error.to_string())?;
        match statement.version {
            VERSION => Ok(statement),
            version => Err(format!("it is of version {version}; this program reads {VERSION}")),
        }
    }

    /// How what is there now differs from what this states, one line each. Digests and log files
    /// that were not valid then may be now.
    pub fn differences(&self, now: &Statement) -> Vec<String> {
        let mut differences = Vec::new();
        for before in &self.chains {
            let name = before.words();
            let Some(after) = now.chains.iter().find(|after| after.name() == before.name()) else {
                differences.push(format!("{name}: there are no digests any more"));
                continue;
            };
            match (&before.head, &after.head) {
                (Some(before), after) if Some(before) != after.as_ref() => {
                    let after = after.as_ref().map_or("none", |head| &head.key);
                    differences.push(format!(
                        "{name}: the last valid digest was {} (SHA-256 {}), and is {after}",
                        before.key, before.hash
                    ));
                }
                _ => {}
            }
            for (day, counts) in &before.days {
                let there = after.days.get(day).copied().unwrap_or_default();
                if there.digests < counts.digests || there.log_files < counts.log_files {
                    differences.push(format!(
                        "{name}, {day}: {} digests and {} log files were valid, {} and {} are",
                        counts.digests, counts.log_files, there.digests, there.log_files
                    ));
                }
            }
        }
        differences
    }
}

impl ChainStatement {
    /// A chain of which nothing is stated yet.
    fn of(chain: &ChainId) -> ChainStatement {
        let ChainId { bucket, folder, account, region, trail, backfill, .. } = chain.clone();
        ChainStatement {
            bucket,
            folder,
            account,
            region,
            trail,
            backfill,
            from: None,
            until: None,
            head: None,
            days: BTreeMap::new(),
            gaps: Vec::new(),
            not_valid: Vec::new(),
        }
    }

    fn new(bucket: &str, report: &RegionReport, chain: &ChainSummary) -> ChainStatement {
        let objects = &report.objects[chain.objects.clone()];
        let (from, until) = chain.covered.unzip();
        ChainStatement {
            bucket: bucket.to_owned(),
            folder: report.place.folder.clone(),
            account: report.place.account.clone(),
            region: report.place.region.clone(),
            trail: chain.trail.clone(),
            backfill: chain.is_backfill,
            from,
            until,
            head: chain.head.clone(),
            days: count_by_day(objects),
            gaps: chain.gaps.iter().map(GapStatement::new).collect(),
            not_valid: objects.iter().filter_map(NotValid::new).collect(),
        }
    }

    fn name(&self) -> (&str, &str, &str, &str, bool) {
        (&self.bucket, &self.folder, &self.region, &self.trail, self.backfill)
    }

    fn words(&self) -> String {
        let ChainStatement { account, region, trail, .. } = self;
        format!("account {account}, {region}, trail {trail}")
    }
}

/// Log files follow the digest that lists them.
fn count_by_day(objects: &[CheckedObject]) -> BTreeMap<String, DayCounts> {
    let mut days: BTreeMap<String, DayCounts> = BTreeMap::new();
    let mut day = String::new();
    for object in objects {
        if object.kind == CheckedKind::Digest {
            let end = DigestName::from_key(&object.key).map(|name| name.end);
            day = end.map_or(String::new(), |end| end.strftime("%Y-%m-%d").to_string());
        }
        if matches!(object.verdict, Verdict::Valid) {
            let counts = days.entry(day.clone()).or_default();
            match object.kind {
                CheckedKind::Digest => counts.digests += 1,
                CheckedKind::Log => counts.log_files += 1,
            }
        }
    }
    days
}

impl GapStatement {
    fn new(gap: &Gap) -> GapStatement {
        GapStatement { from: gap.from, until: gap.until, reason: gap.cause.explain().to_owned() }
    }
}

impl GapCause {
    /// In words.
    pub fn explain(self) -> &'static str {
        match self {
            GapCause::Digests => "digests are missing or not valid",
            GapCause::Restart => {
                "a new chain of digests begins: logging or validation was stopped, or the trail \
                 replaced"
            }
            GapCause::Elsewhere => "the digests before are in another bucket or folder",
        }
    }
}

impl NotValid {
    fn new(object: &CheckedObject) -> Option<NotValid> {
        let (status, reason) = object.verdict.describe();
        Some(NotValid {
            kind: object.kind.as_str().to_owned(),
            key: object.key.clone(),
            status: status.to_owned(),
            reason: reason?,
        })
    }
}

impl Verdict {
    /// The status, and the reason if it is not valid.
    pub fn describe(&self) -> (&'static str, Option<String>) {
        match self {
            Verdict::Valid => ("valid", None),
            Verdict::Invalid(problem) => ("invalid", Some(error_chain(&**problem))),
            Verdict::Missing(absence) => ("missing", Some(absence.to_string())),
            Verdict::Unchecked(error) => ("unchecked", Some(error_chain(&**error))),
        }
    }
}

impl CheckedKind {
    /// `digest` or `log`.
    pub fn as_str(self) -> &'static str {
        match self {
            CheckedKind::Digest => "digest",
            CheckedKind::Log => "log",
        }
    }
}

/// The value with the keys of all objects sorted.
fn sorted(value: Value) -> Value {
    match value {
        Value::Object(fields) => {
            let fields: BTreeMap<String, Value> =
                fields.into_iter().map(|(name, value)| (name, sorted(value))).collect();
            Value::Object(Map::from_iter(fields))
        }
        Value::Array(items) => items.into_iter().map(sorted).collect(),
        other => other,
    }
}
