//! Proof that log files are complete and unchanged, by CloudTrail's signed digest files.
//!
//! Every hour, CloudTrail writes a digest for each account, region and trail: the names and hashes
//! of the log files that it delivered, signed, with the hash and signature of the digest before.
//! "Valid" is said only of what a valid signature covers. What could not be checked is neither
//! valid nor invalid.
//!
//! | module | what it does |
//! |---|---|
//! | [`digest`] | reads a digest file, and says what its signature covers |
//! | [`signature`] | verifies a signature |
//! | [`keys`] | CloudTrail's public keys: from CloudTrail, or from a file |
//! | [`chain`] | what follows what, and what is missing in between |
//! | [`check`] | checks one digest, or one log file |
//! | [`statement`] | what an auditor keeps of it |
//! | [`verified_day`] | what the function knows of a day, for a statement |
//! | [`verify`] | checks all digests and log files of an account and region |
//!
//! Source:
//! <https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-log-file-custom-validation.html>

pub mod chain;
pub mod check;
pub mod digest;
pub mod keys;
mod problem;
pub mod signature;
pub mod statement;
mod verification;
pub mod verified_day;
pub mod verify;

pub use problem::{Absence, CheckError, IntegrityProblem, Verdict};
pub use verification::{Verification, VerifyMode};
