//! CloudTrail's public keys. Each region has its own, and they change.

use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};
use std::{fs, io};

use aws_sdk_cloudtrail::config::{Builder, Region};
use aws_sdk_cloudtrail::primitives::DateTime;
use aws_sdk_cloudtrail::{Client, types};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use detect::text::clean;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use thiserror::Error;
use tokio::sync::Mutex as AsyncMutex;

use crate::aws_error::{AwsError, AwsErrorKind};

/// A digest is signed when it is written: at most this long after the time that it covers.
pub const SIGNING_DELAY: SignedDuration = SignedDuration::from_hours(2);

/// How long the answer of a region is used.
const ANSWER_HOLDS: Duration = Duration::from_secs(600);

const LIST: &str = "cloudtrail:ListPublicKeys";

/// Public keys by fingerprint.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PublicKeys {
    by_fingerprint: BTreeMap<String, Vec<PublicKey>>,
}

/// A public key and when it was used.
#[derive(Debug, Clone, PartialEq, Eq)]
struct PublicKey {
    /// DER of an `RSAPublicKey`.
    der: Vec<u8>,
    valid_from: Option<Timestamp>,
    valid_until: Option<Timestamp>,
}

/// Public keys cannot be had.
#[derive(Debug, Error)]
pub enum KeysError {
    /// CloudTrail did not list them.
    #[error("CloudTrail's public keys of {region} cannot be listed")]
    List {
        /// The region that was asked.
        region: String,
        /// Why.
        #[source]
        error: Box<AwsError>,
    },
    /// The name of a folder that is no region. It must not become a part of a host name.
    #[error("{} is not the name of a region", clean::short_name(.0, 60))]
    NotRegion(String),
    /// The text is not the output of `aws cloudtrail list-public-keys`.
    #[error("expected the output of `aws cloudtrail list-public-keys`")]
    NotKeyList(#[source] serde_json::Error),
    /// One key of the list cannot be used.
    #[error("the key {}: {problem}", clean::short_name(fingerprint, 80))]
    BadKey {
        /// Its fingerprint.
        fingerprint: String,
        /// What is wrong.
        problem: &'static str,
    },
}

impl KeysError {
    /// Returns true if CloudTrail does not know this account in the region: it is not enabled, or a
    /// policy of the organization denies everything there.
    ///
    /// Source:
    /// <https://docs.aws.amazon.com/accounts/latest/reference/manage-acct-regions.html>
    pub fn is_region_closed(&self) -> bool {
        let KeysError::List { error, .. } = self else { return false };
        let by_policy =
            error.message.as_deref().is_some_and(|it| it.contains("service control policy"));
        match error.kind {
            AwsErrorKind::Denied => by_policy || error.code.as_deref() == Some("OptInRequired"),
            AwsErrorKind::Credentials => {
                let code = error.code.as_deref();
                matches!(code, Some("UnrecognizedClientException" | "InvalidClientTokenId"))
            }
            _ => error.code.as_deref() == Some("OptInRequired"),
        }
    }
}

/// A file of public keys cannot be used.
#[derive(Debug, Error)]
#[error("cannot use the public keys in {}", path.display())]
pub struct PublicKeysError {
    path: PathBuf,
    #[source]
    problem: KeysFileProblem,
}

#[derive(Debug, Error)]
enum KeysFileProblem {
    #[error(transparent)]
    Io(io::Error),
    #[error(transparent)]
    Keys(KeysError),
    #[error("there are no keys in it")]
    Empty,
}

impl PublicKeys {
    /// Reads the output of `aws cloudtrail list-public-keys`.
    ///
    /// # Errors
    /// Fails if a key cannot be used.
    pub fn from_json(text: &[u8]) -> Result<PublicKeys, KeysError> {
        let list: KeyList = serde_json::from_slice(text).map_err(KeysError::NotKeyList)?;
        let mut keys = PublicKeys::default();
        for key in list.keys {
            let bad = |problem| KeysError::BadKey { fingerprint: key.fingerprint.clone(), problem };
            let der = STANDARD.decode(&key.value);
            let der = der.map_err(|_| bad("its value is not base64"))?;
            let time = |time: &Option<KeyTime>| time.as_ref().map(KeyTime::timestamp).transpose();
            let valid_from = time(&key.valid_from).map_err(bad)?;
            let valid_until = time(&key.valid_until).map_err(bad)?;
            keys.add(&key.fingerprint, PublicKey { der, valid_from, valid_until });
        }
        Ok(keys)
    }

    /// Writes what [`PublicKeys::from_json`] reads.
    ///
    /// # Errors
    /// A key cannot be written as JSON.
    pub fn to_json(&self) -> serde_json::Result<Vec<u8>> {
        let time = |time: Option<Timestamp>| time.map(|time| KeyTime::Text(time.to_string()));
        let listed = |(fingerprint, key): (&String, &PublicKey)| ListedKey {
            fingerprint: fingerprint.clone(),
            value: STANDARD.encode(&key.der),
            valid_from: time(key.valid_from),
            valid_until: time(key.valid_until),
        };
        let of_fingerprint = |(fingerprint, keys): (_, &Vec<PublicKey>)| {
            keys.iter().map(|key| listed((fingerprint, key))).collect::<Vec<_>>()
        };
        let keys = self.by_fingerprint.iter().flat_map(of_fingerprint).collect();
        serde_json::to_vec(&KeyList { keys })
    }

    /// Returns true if there is no key.
    pub fn is_empty(&self) -> bool {
        self.by_fingerprint.is_empty()
    }

    /// Reads a file with the output of `aws cloudtrail list-public-keys`. Blocks.
    ///
    /// # Errors
    /// Fails if the file cannot be read, has no keys, or has one that cannot be used.
    pub fn from_file(path: &Path) -> Result<PublicKeys, PublicKeysError> {
        let error = |problem| PublicKeysError { path: path.to_owned(), problem };
        let text = fs::read(path).map_err(|io| error(KeysFileProblem::Io(io)))?;
        let keys = PublicKeys::from_json(&text).map_err(|it| error(KeysFileProblem::Keys(it)))?;
        match keys.is_empty() {
            true => Err(error(KeysFileProblem::Empty)),
            false => Ok(keys),
        }
    }

    /// Adds other keys.
    pub fn extend(&mut self, others: PublicKeys) {
        for (fingerprint, keys) in others.by_fingerprint {
            keys.into_iter().for_each(|key| self.add(&fingerprint, key));
        }
    }

    /// The keys with a fingerprint that were used at some time from `from` to `until`, as DER.
    pub fn find(
        &self,
        fingerprint: &str,
        from: Timestamp,
        until: Timestamp,
    ) -> impl Iterator<Item = &[u8]> {
        let keys = self.by_fingerprint.get(fingerprint).into_iter().flatten();
        let was_used = move |key: &&PublicKey| {
            key.valid_from.is_none_or(|start| start <= until)
                && key.valid_until.is_none_or(|end| from <= end)
        };
        keys.filter(was_used).map(|key| key.der.as_slice())
    }

    fn add(&mut self, fingerprint: &str, key: PublicKey) {
        let keys = self.by_fingerprint.entry(fingerprint.to_owned()).or_default();
        if !keys.contains(&key) {
            keys.push(key);
        }
    }

    fn add_listed(&mut self, key: types::PublicKey) {
        if let (Some(value), Some(fingerprint)) = (key.value, key.fingerprint) {
            let time = |time: Option<DateTime>| Timestamp::from_second(time?.secs()).ok();
            let valid_from = time(key.validity_start_time);
            let valid_until = time(key.validity_end_time);
            let der = value.into_inner();
            self.add(&fingerprint, PublicKey { der, valid_from, valid_until });
        }
    }
}

#[derive(Serialize, Deserialize)]
struct KeyList {
    #[serde(rename = "PublicKeyList")]
    keys: Vec<ListedKey>,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct ListedKey {
    fingerprint: String,
    value: String,
    #[serde(rename = "ValidityStartTime", skip_serializing_if = "Option::is_none")]
    valid_from: Option<KeyTime>,
    #[serde(rename = "ValidityEndTime", skip_serializing_if = "Option::is_none")]
    valid_until: Option<KeyTime>,
}

/// Version 2 of the AWS CLI prints texts, version 1 seconds.
#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum KeyTime {
    Seconds(f64),
    Text(String),
}

impl KeyTime {
    fn timestamp(&self) -> Result<Timestamp, &'static str> {
        let time = match self {
            KeyTime::Seconds(seconds) => Timestamp::from_second(*seconds as i64).ok(),
            KeyTime::Text(text) => text.parse().ok(),
        };
        time.ok_or("the time of its validity is not a time")
    }
}

/// Where public keys come from.
#[derive(Debug)]
pub enum KeySource {
    /// Files: the same for all regions.
    Known(PublicKeys),
    /// CloudTrail itself.
    CloudTrail(Box<CloudTrailKeys>),
}

impl KeySource {
    /// The keys of a region that were used at some time from `from` to `until`, and perhaps others.
    ///
    /// # Errors
    /// CloudTrail did not list them.
    pub async fn keys(
        &self,
        region: &str,
        from: Timestamp,
        until: Timestamp,
    ) -> Result<PublicKeys, Arc<KeysError>> {
        match self {
            KeySource::Known(keys) => Ok(keys.clone()),
            KeySource::CloudTrail(keys) => keys.keys(region, from, until).await,
        }
    }
}

/// CloudTrail's keys, listed as they are needed. What a region answered holds for some minutes.
#[derive(Debug)]
pub struct CloudTrailKeys {
    /// Everything but the region.
    config: Builder,
    // A std mutex: nothing awaits under it.
    regions: Mutex<HashMap<String, Arc<AsyncMutex<RegionKeys>>>>,
    /// What was kept of earlier lists, by the region. Likewise.
    known: Mutex<HashMap<String, PublicKeys>>,
}

#[derive(Debug, Default)]
struct RegionKeys {
    /// When CloudTrail was asked, if it was.
    asked: Option<Instant>,
    listed: Option<(Timestamp, Timestamp)>,
    keys: PublicKeys,
    failure: Option<Arc<KeysError>>,
}

impl CloudTrailKeys {
    /// Lists keys with clients of this configuration, one for each region.
    pub fn new(config: Builder) -> CloudTrailKeys {
        CloudTrailKeys { config, regions: Mutex::default(), known: Mutex::default() }
    }

    /// The keys of a region that are remembered. `None` if none ever were.
    pub fn known(&self, region: &str) -> Option<PublicKeys> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner).get(region).cloned()
    }

    /// Remembers the keys of a region.
    pub fn remember(&self, region: &str, keys: PublicKeys) {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        known.insert(region.to_owned(), keys);
    }

    async fn keys(
        &self,
        region: &str,
        from: Timestamp,
        until: Timestamp,
    ) -> Result<PublicKeys, Arc<KeysError>> {
        if !is_region(region) {
            return Err(Arc::new(KeysError::NotRegion(region.to_owned())));
        }
        let known = {
            let mut regions = self.regions.lock().unwrap_or_else(PoisonError::into_inner);
            Arc::clone(regions.entry(region.to_owned()).or_default())
        };
        let mut known = known.lock().await;
        // A newer key may be missing, and what was denied may be allowed now.
        if known.asked.is_none_or(|asked| asked.elapsed() >= ANSWER_HOLDS) {
            *known = RegionKeys { asked: Some(Instant::now()), ..RegionKeys::default() };
        }
        if let Some(failure) = &known.failure {
            return Err(Arc::clone(failure));
        }
        let wanted = match known.listed {
            Some((start, end)) if start <= from && until <= end => return Ok(known.keys.clone()),
            Some((start, end)) => (start.min(from), end.max(until)),
            None => (from, until),
        };
        match self.list(region, wanted).await {
            Ok(keys) => {
                known.listed = Some(wanted);
                known.keys.extend(keys);
                Ok(known.keys.clone())
            }
            Err(error) => {
                let error = Box::new(error);
                let error = Arc::new(KeysError::List { region: region.to_owned(), error });
                known.failure = Some(Arc::clone(&error));
                Err(error)
            }
        }
    }

    async fn list(
        &self,
        region: &str,
        (from, until): (Timestamp, Timestamp),
    ) -> Result<PublicKeys, AwsError> {
        let region = Region::new(region.to_owned());
        let client = Client::from_conf(self.config.clone().region(region.clone()).build());
        let time = |time: Timestamp| DateTime::from_secs(time.as_second());
        let mut keys = PublicKeys::default();
        let mut next = None;
        loop {
            let list = client.list_public_keys().start_time(time(from)).end_time(time(until));
            let page = list.set_next_token(next).send().await;
            let page = page.map_err(|error| AwsError::from_sdk(error, Some(&region), LIST))?;
            page.public_key_list.into_iter().flatten().for_each(|key| keys.add_listed(key));
            next = page.next_token.filter(|token| !token.is_empty());
            if next.is_none() {
                return Ok(keys);
            }
        }
    }
}

/// Returns true for what can be the name of a region, and cannot change a host name around it.
pub fn is_region(name: &str) -> bool {
    let is_part = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    (1..=32).contains(&name.len()) && name.bytes().all(is_part)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    const KEYS: &str = r#"{"PublicKeyList": [
        {"Fingerprint": "aa", "Value": "AQID", "ValidityStartTime": "2026-03-01T00:00:00+00:00",
         "ValidityEndTime": "2026-04-01T02:00:00.123+02:00"},
        {"Fingerprint": "aa", "Value": "BAUG", "ValidityStartTime": 1775001600.5},
        {"Fingerprint": "bb", "Value": "Bwg="}
    ]}"#;

    #[test]
    fn keys_are_found_by_fingerprint_and_time() {
        let keys = PublicKeys::from_json(KEYS.as_bytes()).unwrap();
        for (fingerprint, from, until, expected) in [
            ("aa", "2026-03-10T00:00:00Z", "2026-03-10T02:00:00Z", &[&[1, 2, 3][..]][..]),
            ("aa", "2026-03-31T23:00:00Z", "2026-04-01T01:00:00Z", &[&[1, 2, 3], &[4, 5, 6]]),
            ("aa", "2026-04-02T00:00:00Z", "2026-04-02T02:00:00Z", &[&[4, 5, 6]]),
            ("aa", "2026-02-01T00:00:00Z", "2026-02-01T02:00:00Z", &[]),
            ("bb", "2020-01-01T00:00:00Z", "2020-01-01T00:00:00Z", &[&[7, 8]]),
            ("AA", "2026-03-10T00:00:00Z", "2026-03-10T02:00:00Z", &[]),
        ] {
            let found: Vec<_> = keys.find(fingerprint, at(from), at(until)).collect();
            assert_eq!(found, expected, "{fingerprint} {from}");
        }
    }

    #[test]
    fn a_file_that_is_not_a_list_of_keys_says_why() {
        for (text, expected) in [
            ("", "expected the output of `aws cloudtrail list-public-keys`"),
            ("{}", "expected the output of `aws cloudtrail list-public-keys`"),
            (
                r#"{"PublicKeyList":[{"Fingerprint":"aa","Value":"*"}]}"#,
                "the key aa: its value is not base64",
            ),
            (
                r#"{"PublicKeyList":[{"Fingerprint":"a\u001ba","Value":"","ValidityEndTime":"x"}]}"#,
                "the key \"a\\u{1b}a\": the time of its validity is not a time",
            ),
        ] {
            let error = PublicKeys::from_json(text.as_bytes()).unwrap_err();
            assert_eq!(error.to_string(), expected, "{text}");
        }
    }

    #[test]
    fn a_folder_cannot_become_another_host() {
        for region in ["us-east-1", "us-gov-west-1", "eusc-de-east-1"] {
            assert!(is_region(region), "{region}");
        }
        for name in
            ["", "evil.example.com#", "a.b", "a@b", "a:1", "US-EAST-1", "ü", &"a".repeat(33)]
        {
            assert!(!is_region(name), "{name}");
        }
    }
}
