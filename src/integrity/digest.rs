//! What a digest file says.
//!
//! Source:
//! <https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-log-file-validation-digest-file-structure.html>

use detect::cloudtrail::content::ContentHash;
use jiff::Timestamp;
use serde::Deserialize;

/// The largest digest file, in inflated bytes: more than 200,000 log files in one hour.
pub const MAX_DIGEST_BYTES: u64 = 128 * 1024 * 1024;

const HASH_ALGORITHM: &str = "SHA-256";

/// The content of a digest file. Until its signature is verified, anyone may have written it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DigestFile {
    /// Whose log files it lists.
    pub account: String,
    /// The start of the time in which they were delivered.
    pub start: Timestamp,
    /// The end of that time, included.
    pub end: Timestamp,
    /// The bucket for which it was written.
    pub bucket: String,
    /// The key for which it was written.
    pub key: String,
    /// Which public key verifies the signature.
    pub key_fingerprint: String,
    /// The digest before. `None` in the first one of a chain.
    pub previous: Option<PreviousDigest>,
    /// The log files that were delivered.
    pub log_files: Vec<LogFile>,
    /// The hash of this digest.
    pub hash: ContentHash,
    /// `digestEndTime` and `previousDigestSignature` as they are written: parts of what is signed.
    end_text: String,
    previous_signature: Option<String>,
}

/// What a digest says about the one before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PreviousDigest {
    /// Its bucket.
    pub bucket: String,
    /// Its key.
    pub key: String,
    /// The hash of its content.
    pub hash: ContentHash,
    /// Its signature, in hexadecimal.
    pub signature: String,
}

/// A log file in a digest.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct LogFile {
    /// Its bucket.
    pub bucket: String,
    /// Its key.
    pub key: String,
    /// The hash of its inflated content.
    pub hash: ContentHash,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Content {
    aws_account_id: String,
    digest_start_time: String,
    digest_end_time: String,
    digest_s3_bucket: String,
    digest_s3_object: String,
    digest_public_key_fingerprint: String,
    previous_digest_s3_bucket: Option<String>,
    previous_digest_s3_object: Option<String>,
    previous_digest_hash_value: Option<String>,
    previous_digest_hash_algorithm: Option<String>,
    previous_digest_signature: Option<String>,
    log_files: Vec<LogFileContent>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct LogFileContent {
    s3_bucket: String,
    s3_object: String,
    hash_value: String,
    hash_algorithm: String,
}

impl DigestFile {
    /// Reads the inflated content of a digest file.
    ///
    /// # Errors
    /// Returns why the content is not that of a digest. The text may quote the content.
    pub fn from_json(content: &[u8]) -> Result<DigestFile, String> {
        let parsed: Content = serde_json::from_slice(content).map_err(|error| error.to_string())?;
        let log_files = parsed.log_files.into_iter().map(LogFileContent::log_file);
        Ok(DigestFile {
            account: parsed.aws_account_id,
            start: parse_time("digestStartTime", &parsed.digest_start_time)?,
            end: parse_time("digestEndTime", &parsed.digest_end_time)?,
            bucket: parsed.digest_s3_bucket,
            key: parsed.digest_s3_object,
            key_fingerprint: parsed.digest_public_key_fingerprint,
            previous: previous(
                [
                    parsed.previous_digest_s3_bucket,
                    parsed.previous_digest_s3_object,
                    parsed.previous_digest_signature.clone(),
                ],
                parsed.previous_digest_hash_value,
                parsed.previous_digest_hash_algorithm,
            )?,
            log_files: log_files.collect::<Result<_, _>>()?,
            hash: ContentHash::of(content),
            end_text: parsed.digest_end_time,
            previous_signature: parsed.previous_digest_signature,
        })
    }

    /// What the signature is made of.
    pub fn string_to_sign(&self) -> String {
        let DigestFile { end_text, bucket, key, hash, previous_signature, .. } = self;
        let previous = previous_signature.as_deref().unwrap_or("null");
        format!("{end_text}\n{bucket}/{key}\n{hash}\n{previous}")
    }
}

impl LogFileContent {
    fn log_file(self) -> Result<LogFile, String> {
        let hash = parse_hash("logFiles", &self.hash_value, &self.hash_algorithm)?;
        Ok(LogFile { bucket: self.s3_bucket, key: self.s3_object, hash })
    }
}

/// `texts`: bucket, key and signature.
fn previous(
    texts: [Option<String>; 3],
    hash: Option<String>,
    algorithm: Option<String>,
) -> Result<Option<PreviousDigest>, String> {
    match (texts, hash, algorithm) {
        ([None, None, None], None, None) => Ok(None),
        ([Some(bucket), Some(key), Some(signature)], Some(hash), Some(algorithm)) => {
            let hash = parse_hash("previousDigestHashValue", &hash, &algorithm)?;
            Ok(Some(PreviousDigest { bucket, key, hash, signature }))
        }
        _ => Err("it names the digest before by half".to_owned()),
    }
}

fn parse_time(field: &str, text: &str) -> Result<Timestamp, String> {
    text.parse().map_err(|_| format!("{field} is not a time"))
}

fn parse_hash(field: &str, text: &str, algorithm: &str) -> Result<ContentHash, String> {
    if algorithm != HASH_ALGORITHM {
        return Err(format!("{field} has a hash that is not {HASH_ALGORITHM}"));
    }
    text.parse().map_err(|error| format!("{field}: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn content() -> Value {
        json!({
            "awsAccountId": "111122223333",
            "digestStartTime": "2026-03-01T09:00:12Z",
            "digestEndTime": "2026-03-01T10:00:12Z",
            "digestS3Bucket": "logs",
            "digestS3Object": "AWSLogs/digest.json.gz",
            "digestPublicKeyFingerprint": "31e8b5433410dfb61a9dc45cc65b22ff",
            "digestSignatureAlgorithm": "SHA256withRSA",
            "newestEventTime": null,
            "oldestEventTime": null,
            "previousDigestS3Bucket": "logs",
            "previousDigestS3Object": "AWSLogs/before.json.gz",
            "previousDigestHashValue": "ab".repeat(32),
            "previousDigestHashAlgorithm": "SHA-256",
            "previousDigestSignature": "50887ccffad4c002b97caa37cc9dc626",
            "logFiles": [{
                "s3Bucket": "logs",
                "s3Object": "AWSLogs/log.json.gz",
                "hashValue": "cd".repeat(32),
                "hashAlgorithm": "SHA-256",
                "newestEventTime": "2026-03-01T09:55:00Z",
                "oldestEventTime": "2026-03-01T09:50:00Z",
            }],
        })
    }

    fn read(content: &Value) -> Result<DigestFile, String> {
        DigestFile::from_json(content.to_string().as_bytes())
    }

    #[test]
    fn the_signature_covers_time_place_hash_and_the_signature_before() {
        let mut first = content();
        let digest = read(&first).unwrap();
        let expected = format!(
            "2026-03-01T10:00:12Z\nlogs/AWSLogs/digest.json.gz\n{}\n50887ccffad4c002b97caa37cc9dc626",
            ContentHash::of(first.to_string().as_bytes())
        );
        assert_eq!(digest.string_to_sign(), expected);
        assert_eq!(digest.previous.unwrap().key, "AWSLogs/before.json.gz");
        assert_eq!(digest.log_files[0].key, "AWSLogs/log.json.gz");
        for (name, value) in first.as_object_mut().unwrap() {
            if name.starts_with("previousDigest") {
                *value = Value::Null;
            }
        }
        let digest = read(&first).unwrap();
        assert_eq!(digest.previous, None);
        assert!(digest.string_to_sign().ends_with("\nnull"));
    }

    #[test]
    fn other_content_is_not_that_of_a_digest() {
        for (pointer, value, expected) in [
            ("/awsAccountId", Value::Null, "invalid type: null"),
            ("/digestEndTime", json!("yesterday"), "digestEndTime is not a time"),
            ("/digestStartTime", json!(1), "invalid type: integer `1`"),
            ("/previousDigestSignature", Value::Null, "it names the digest before by half"),
            ("/previousDigestHashValue", json!("ab"), "previousDigestHashValue: a SHA-256 hash"),
            ("/previousDigestHashAlgorithm", json!("MD5"), "a hash that is not SHA-256"),
            ("/logFiles", json!({}), "invalid type: map"),
            ("/logFiles/0/hashAlgorithm", json!("MD5"), "logFiles has a hash that is not SHA-256"),
            ("/logFiles/0/hashValue", json!("x".repeat(64)), "logFiles: a SHA-256 hash has 64"),
            ("/logFiles/0/s3Object", json!(["x"]), "invalid type: sequence"),
        ] {
            let mut content = content();
            *content.pointer_mut(pointer).unwrap() = value;
            let error = read(&content).unwrap_err();
            assert!(error.contains(expected), "{pointer}: {error}");
        }
        for text in ["", "[]", "{}", "not JSON", "\u{0}", &"[".repeat(100_000)] {
            assert!(DigestFile::from_json(text.as_bytes()).is_err(), "{text:.10}");
        }
    }
}
