//! What comes of a check.

use std::sync::Arc;

use detect::cloudtrail::ReadError;
use detect::cloudtrail::content::ContentHash;
use detect::text::clean;
use thiserror::Error;

use super::keys::KeysError;
use crate::store::StoreError;

/// What a check says about a digest or a log file.
#[derive(Debug, Clone)]
pub enum Verdict {
    /// It is what CloudTrail wrote: a valid signature covers it.
    Valid,
    /// It is not what CloudTrail wrote.
    Invalid(Arc<IntegrityProblem>),
    /// It should be there, and is not.
    Missing(Absence),
    /// Nothing is known about it.
    Unchecked(Arc<CheckError>),
}

/// Why a digest or a log file is not what CloudTrail wrote.
///
/// Texts in it may be written by anyone who can write to the bucket.
#[derive(Debug, Error)]
pub enum IntegrityProblem {
    /// Not gzip, truncated, damaged, or followed by other data.
    #[error("not what CloudTrail wrote")]
    Damaged(#[source] ReadError),
    /// Not the JSON of a digest.
    #[error("not a digest file: {}", clean::text(.0, 300))]
    NotDigest(String),
    /// The digest was written for another place.
    #[error(
        "moved: it was written as s3://{}/{}",
        clean::text(bucket, 100),
        clean::text(key, 1100)
    )]
    Moved {
        /// The bucket for which it was written.
        bucket: String,
        /// The key for which it was written.
        key: String,
    },
    /// The metadata has no signature.
    #[error("no signature in its metadata")]
    Unsigned,
    /// The signature is of an algorithm that CloudTrail does not use.
    #[error("the signature algorithm is {}, not SHA256withRSA", clean::short_name(.0, 60))]
    UnknownAlgorithm(String),
    /// The signature is not hexadecimal.
    #[error("the signature is not hexadecimal")]
    MalformedSignature,
    /// No known key of CloudTrail has this fingerprint at that time.
    #[error("there is no public key {} for that time", clean::short_name(.0, 80))]
    UnknownKey(String),
    /// The signature is not that of the key.
    #[error("the signature does not match: it was changed, or CloudTrail did not write it")]
    WrongSignature,
    /// The digest is signed, but the next one was signed over another one.
    #[error("replaced: the next digest {} names another hash or signature", clean::text(.0, 1100))]
    Replaced(String),
    /// A log file that cannot belong to the digest that lists it.
    #[error("not the name of a log file of account {0}")]
    ForeignLogFile(String),
    /// The content has another hash.
    #[error("changed: the SHA-256 of its content is {actual}, and was {expected} when delivered")]
    Changed {
        /// The hash in the digest.
        expected: ContentHash,
        /// The hash of what is there.
        actual: ContentHash,
    },
}

/// How it is known that something should be there.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum Absence {
    /// The next digest names it.
    #[error("no such object: the next digest names it ({})", clean::text(.0, 1100))]
    NamedByNextDigest(String),
    /// A digest was due an hour after, or before, another.
    #[error("no such object: its name follows from the hourly cadence of the trail")]
    HourlyCadence,
    /// It was listed a moment before.
    #[error("no such object any more")]
    Gone,
    /// A digest lists the log file.
    #[error("no such object: a digest lists it ({})", clean::text(.0, 1100))]
    ListedByDigest(String),
}

/// Why nothing is known about a digest or a log file.
#[derive(Debug, Error)]
pub enum CheckError {
    /// The object cannot be read.
    #[error("cannot be read")]
    Store(#[source] StoreError),
    /// The object cannot be read to its end, or is larger than the limit.
    #[error("cannot be read to its end")]
    Read(#[source] ReadError),
    /// There are no public keys.
    #[error("the signature cannot be verified")]
    Keys(#[source] Arc<KeysError>),
    /// A copy of a digest without its metadata.
    #[error("the copy has no metadata, and so no signature")]
    NoMetadata,
    /// The task that checked it failed.
    #[error("the check failed: {0}")]
    Task(String),
}
