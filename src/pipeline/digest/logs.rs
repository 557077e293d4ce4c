//! The log files that a digest lists: each was read by a sweep, or is read, hashed and matched
//! against the rules now, in one pass.

use std::collections::BTreeMap;

use detect::cloudtrail::ReadProblem;
use detect::cloudtrail::content::{ContentHash, hash_content};
use detect::cloudtrail::reader::ReadStats;
use detect::finding::integrity::IntegrityKind;
use detect::text::error::error_chain;
use futures::future::join_all;
use jiff::Timestamp;

use super::{DigestVerification, Left};
use crate::integrity::VerifyMode;
use crate::integrity::chain::Link;
use crate::integrity::check::is_log_of;
use crate::integrity::digest::LogFile;
use crate::ledger::ChainId;
use crate::notification::ObjectRef;
use crate::pipeline::invocation::Invocation;
use crate::pipeline::object::{ObjectResults, Scanned, read_listed_log};
use crate::pipeline::report::ObjectOutcome;
use crate::store::{Listing, list_pages};

/// Log files of a digest that are read at once.
const CONCURRENCY: usize = 4;

impl DigestVerification<'_> {
    /// Reads the log files that a digest lists, if their region matters, and counts it.
    pub(super) async fn verify_logs(&mut self, link: &Link) -> Result<(), Left> {
        self.counts.digests += 1;
        self.day(link.file.end).add_digest(link);
        let pipeline = &self.invocation.pipeline;
        let is_all = pipeline.verification.mode == VerifyMode::All;
        if !is_all && !pipeline.detections.can_match_in(&self.chain.account, &self.chain.region) {
            return Ok(());
        }
        let unread = self.unread_logs(&link.file.log_files).await?;
        self.add_verified_logs(link, (link.file.log_files.len() - unread.len()) as u64);
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
                    LogCheck::Same => self.add_verified_logs(link, 1),
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

    fn add_verified_logs(&mut self, link: &Link, count: u64) {
        self.counts.log_files += count;
        self.day(link.file.end).log_files += count;
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
