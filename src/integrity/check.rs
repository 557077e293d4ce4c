//! Checks one digest, or one log file.

use std::collections::BTreeMap;
use std::sync::Arc;

use detect::cloudtrail::content::{hash_content, inflate_content};
use detect::cloudtrail::key::ObjectKind;
use detect::cloudtrail::{Body, DigestName, ReadError, ReadProblem};
use jiff::{SignedDuration, Timestamp};

use super::chain::Link;
use super::digest::{DigestFile, LogFile, MAX_DIGEST_BYTES};
use super::keys::{KeySource, KeysError, PublicKeys, SIGNING_DELAY};
use super::problem::{Absence, CheckError, IntegrityProblem, Verdict};
use super::signature::{ALGORITHM, decode_hex, is_signed_by};
use crate::notification::ObjectRef;
use crate::store::{ObjectStore, OpenObject};

/// When a backfill digest was signed may be off by this.
const BACKFILL_TOLERANCE: SignedDuration = SignedDuration::from_hours(1);

/// Where objects and public keys are read.
pub struct Checker<'a> {
    /// Digests and log files.
    pub store: &'a dyn ObjectStore,
    /// Public keys.
    pub keys: &'a KeySource,
    /// The limit in inflated bytes of a log file.
    pub max_log_bytes: u64,
}

/// The public keys of a region, or why there are none.
pub type RegionKeys = Result<PublicKeys, Arc<KeysError>>;

impl Checker<'_> {
    /// Checks the digest in a place: content, place and signature. Returns it if it is valid.
    pub async fn check_digest(
        &self,
        bucket: &str,
        key: &str,
        keys: &RegionKeys,
    ) -> (Verdict, Option<Link>) {
        match self.read_digest(bucket, key, keys).await {
            Ok(link) => (Verdict::Valid, Some(link)),
            Err(verdict) => (verdict, None),
        }
    }

    async fn read_digest(
        &self,
        bucket: &str,
        key: &str,
        keys: &RegionKeys,
    ) -> Result<Link, Verdict> {
        let object = object(bucket, key);
        let opened = self.store.open_with_metadata(&object).await;
        let OpenObject { body, metadata } = opened.map_err(unreadable)?;
        let file = blocking(move || read_file(body)).await??;
        if (file.bucket.as_str(), file.key.as_str()) != (bucket, key) {
            let DigestFile { bucket, key, .. } = file;
            return Err(invalid(IntegrityProblem::Moved { bucket, key }));
        }
        let metadata = metadata.ok_or_else(|| unchecked(CheckError::NoMetadata))?;
        let signature = verify_signature(&file, &metadata, keys).await?;
        Ok(Link { file, signature })
    }

    /// Checks a log file that a valid digest lists.
    pub async fn check_log(&self, log: &LogFile, account: &str, digest_key: &str) -> Verdict {
        match self.compare_log(log, account).await {
            Ok(()) => Verdict::Valid,
            Err(Verdict::Missing(_)) => {
                Verdict::Missing(Absence::ListedByDigest(digest_key.to_owned()))
            }
            Err(verdict) => verdict,
        }
    }

    async fn compare_log(&self, log: &LogFile, account: &str) -> Result<(), Verdict> {
        if !is_log_of(&log.key, account) {
            return Err(invalid(IntegrityProblem::ForeignLogFile(account.to_owned())));
        }
        let body = self.store.open(&object(&log.bucket, &log.key)).await.map_err(unreadable)?;
        let max_bytes = self.max_log_bytes;
        let actual = blocking(move || hash_content(body, max_bytes)).await?.map_err(damaged)?;
        match actual == log.hash {
            true => Ok(()),
            false => Err(invalid(IntegrityProblem::Changed { expected: log.hash, actual })),
        }
    }
}

fn read_file(body: Body) -> Result<DigestFile, Verdict> {
    let content = inflate_content(body, MAX_DIGEST_BYTES).map_err(|error| match error.problem {
        // CloudTrail writes none that is so large.
        ReadProblem::TooLarge { .. } => invalid(IntegrityProblem::Damaged(error)),
        _ => damaged(error),
    })?;
    DigestFile::from_json(&content).map_err(|why| invalid(IntegrityProblem::NotDigest(why)))
}

/// Returns the signature, in hexadecimal, if it is that of CloudTrail over the digest.
async fn verify_signature(
    file: &DigestFile,
    metadata: &BTreeMap<String, String>,
    keys: &RegionKeys,
) -> Result<String, Verdict> {
    let signature = metadata.get("signature");
    let text = signature.ok_or_else(|| invalid(IntegrityProblem::Unsigned))?;
    let algorithm = metadata.get("signature-algorithm").map_or("", String::as_str);
    if algorithm != ALGORITHM {
        return Err(invalid(IntegrityProblem::UnknownAlgorithm(algorithm.to_owned())));
    }
    let signature = decode_hex(text).filter(|signature| !signature.is_empty());
    let signature = signature.ok_or_else(|| invalid(IntegrityProblem::MalformedSignature))?;
    let keys = keys.as_ref().map_err(|error| unchecked(CheckError::Keys(Arc::clone(error))))?;
    let (from, until) = signing_time(file, metadata);
    let mut keys = keys.find(&file.key_fingerprint, from, until).peekable();
    if keys.peek().is_none() {
        return Err(invalid(IntegrityProblem::UnknownKey(file.key_fingerprint.clone())));
    }
    let message = file.string_to_sign();
    match keys.any(|key| is_signed_by(key, message.as_bytes(), &signature)) {
        true => Ok(text.clone()),
        false => Err(invalid(IntegrityProblem::WrongSignature)),
    }
}

/// When a digest can have been signed.
fn signing_time(file: &DigestFile, metadata: &BTreeMap<String, String>) -> (Timestamp, Timestamp) {
    let generated = metadata.get("backfill-generation-timestamp");
    let is_backfill = DigestName::from_key(&file.key).is_some_and(|name| name.is_backfill);
    match generated.filter(|_| is_backfill).and_then(|text| text.parse::<Timestamp>().ok()) {
        Some(time) => (
            time.checked_sub(BACKFILL_TOLERANCE).unwrap_or(time),
            time.checked_add(BACKFILL_TOLERANCE).unwrap_or(time),
        ),
        None => (file.end, file.end.checked_add(SIGNING_DELAY).unwrap_or(file.end)),
    }
}

/// Returns true if the key is that of a log file of the account.
pub fn is_log_of(key: &str, account: &str) -> bool {
    let name = key.rsplit_once('/').map_or(key, |(_, name)| name);
    let is_plain = !key.split('/').any(|part| matches!(part, "." | ".."));
    is_plain
        && matches!(ObjectKind::from_key(key), ObjectKind::Log { .. })
        && name.split_once('_').is_some_and(|(first, _)| first == account)
}

fn object(bucket: &str, key: &str) -> ObjectRef {
    ObjectRef { bucket: bucket.to_owned(), key: key.to_owned(), version_id: None }
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, Verdict> {
    let done = tokio::task::spawn_blocking(work).await;
    done.map_err(|error| unchecked(CheckError::Task(error.to_string())))
}

fn invalid(problem: IntegrityProblem) -> Verdict {
    Verdict::Invalid(Arc::new(problem))
}

fn unchecked(error: CheckError) -> Verdict {
    Verdict::Unchecked(Arc::new(error))
}

fn unreadable(error: crate::store::StoreError) -> Verdict {
    match error.is_not_found() {
        true => Verdict::Missing(Absence::Gone),
        false => unchecked(CheckError::Store(error)),
    }
}

/// What the stored bytes say for themselves is the fault of their writer. That they cannot be
/// read, or are too many, is not known to be.
fn damaged(error: ReadError) -> Verdict {
    match error.problem {
        ReadProblem::Io(_) | ReadProblem::TooLarge { .. } => unchecked(CheckError::Read(error)),
        _ => invalid(IntegrityProblem::Damaged(error)),
    }
}
