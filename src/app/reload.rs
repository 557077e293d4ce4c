//! Rules and exceptions that the operator keeps in S3: read at the first invocation, and reloaded
//! when they change.
//!
//! - Rules that cannot be used at first fail the invocation. Later, the last good ones stay in use.
//! - Exceptions with an error are not used at all: they never silence an alert. If they cannot be
//!   fetched, the last good ones stay in use.
//!
//! Either way the warnings of [`Detections`] and the report say so until it is fixed.

use std::collections::BTreeMap;

use detect::cloudtrail::S3Prefix;
use detect::rule::{
    DetectionSettings, Detections, EmbeddedSets, LoadedExceptions, LoadedRules, RuleSet, RulesError,
};
use detect::text::error::error_chain;
use futures::{StreamExt, TryStreamExt, stream};
use jiff::{SignedDuration, Timestamp};
use thiserror::Error;
use tracing::debug;

use crate::app::config::{Config, DetectionsPlace};
use crate::store::{Listing, ObjectStore, StoreError, list_pages};

/// How long what was read is taken to be the latest.
const CHECK_INTERVAL: SignedDuration = SignedDuration::from_secs(60);

/// How many files are fetched at once.
const CONCURRENCY: usize = 8;

/// No file is larger: 1 MiB, as in directories.
const MAX_FILE_BYTES: usize = 1 << 20;

/// Reloads rules and exceptions from S3.
pub struct Reload {
    store: Box<dyn ObjectStore>,
    rule_sets: EmbeddedSets,
    settings: DetectionSettings,
    rules: Option<DetectionsPlace>,
    exceptions: Option<DetectionsPlace>,
    last_check: Option<Timestamp>,
    fetched: Option<Fetched>,
    /// Why what was fetched is not the latest.
    fetch_errors: Vec<String>,
    rules_in_use: Option<RuleSet>,
}

/// The files of both places, as they were fetched.
#[derive(Debug, Default, PartialEq)]
struct Fetched {
    rules: Files,
    exceptions: Files,
}

/// Files by their `s3://` names.
type Files = BTreeMap<String, File>;

/// A file as it was fetched. Two with the same ETag are equal.
#[derive(Debug, Clone)]
struct File {
    etag: String,
    /// Text that is not UTF-8 is an error when it is read as TOML.
    text: String,
}

impl PartialEq for File {
    fn eq(&self, other: &File) -> bool {
        self.etag == other.etag
    }
}

/// There are no rules to run with.
#[derive(Debug, Error)]
pub enum ReloadError {
    /// They could not be fetched.
    #[error(transparent)]
    Fetch(#[from] FetchError),
    /// They cannot be used.
    #[error(transparent)]
    Rules(#[from] RulesError),
}

/// Rules or exceptions could not be fetched.
#[derive(Debug, Error)]
pub enum FetchError {
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// There is nothing to fetch.
    #[error("there is no .toml file in {place}")]
    NoFile {
        /// Bucket, and folder or key.
        place: S3Prefix,
    },
    /// A file is too large to be meant.
    #[error("{file} is larger than 1 MiB")]
    TooLarge {
        /// Bucket and key.
        file: String,
    },
}

impl Reload {
    /// Reloads what the configuration keeps in S3. Rules and exceptions elsewhere are read too.
    pub fn new(config: &Config, store: Box<dyn ObjectStore>) -> Reload {
        Reload {
            store,
            rule_sets: config.rule_sets.clone(),
            settings: config.detection_settings(),
            rules: config.rules.clone(),
            exceptions: config.exceptions.clone(),
            last_check: None,
            fetched: None,
            fetch_errors: Vec::new(),
            rules_in_use: None,
        }
    }

    /// Returns what to use from now on, or `None` if nothing changed since the last call. Asks the
    /// store at most once a minute.
    ///
    /// # Errors
    /// At the first call the rules could not be fetched, or cannot be used.
    pub async fn check(&mut self, now: Timestamp) -> Result<Option<Detections>, ReloadError> {
        let is_fresh = |last: Timestamp| now.duration_since(last).abs() < CHECK_INTERVAL;
        if self.last_check.is_some_and(is_fresh) {
            return Ok(None);
        }
        let (fetched, mut errors) = self.fetch().await?;
        self.last_check = Some(now);
        if self.fetched.as_ref() == Some(&fetched) && errors == self.fetch_errors {
            return Ok(None);
        }
        self.fetch_errors.clone_from(&errors);
        let rules = self.load_rules(&fetched.rules, &mut errors)?;
        let exceptions = self.load_exceptions(&fetched.exceptions, &rules);
        debug!(rules = rules.rules().len(), "reloaded");
        self.fetched = Some(fetched);
        self.rules_in_use = Some(rules.clone());
        let detections = Detections::with_loaded(rules, exceptions)
            .with_settings(self.settings.clone())
            .with_reload_errors(errors);
        Ok(Some(detections))
    }

    /// The files of both places. If a place cannot be fetched, its last files and the reason; fails
    /// if rules were never fetched.
    async fn fetch(&self) -> Result<(Fetched, Vec<String>), ReloadError> {
        let mut errors = Vec::new();
        let rules = fetch_files(&*self.store, self.rules.as_ref()).await;
        let exceptions = fetch_files(&*self.store, self.exceptions.as_ref()).await;
        let rules = match (rules, &self.fetched) {
            (Ok(files), _) => files,
            (Err(error), None) => return Err(error.into()),
            (Err(error), Some(last)) => {
                errors.push(kept("rules", &error));
                last.rules.clone()
            }
        };
        let exceptions = exceptions.unwrap_or_else(|error| {
            errors.push(kept("exceptions", &error));
            self.fetched.as_ref().map(|last| last.exceptions.clone()).unwrap_or_default()
        });
        Ok((Fetched { rules, exceptions }, errors))
    }

    fn load_exceptions(&self, files: &Files, rules: &RuleSet) -> LoadedExceptions {
        let mut loaded = match &self.exceptions {
            Some(DetectionsPlace::Local(path)) => {
                LoadedExceptions::from_paths(std::slice::from_ref(path))
            }
            Some(DetectionsPlace::S3(_)) => LoadedExceptions::from_texts(texts(files)),
            None => LoadedExceptions::default(),
        };
        loaded.check_rules(rules);
        loaded.check_privileged(rules, &self.settings.privileged_groups);
        loaded
    }

    /// The rules of these files, or those in use if they cannot be used.
    fn load_rules(&self, files: &Files, errors: &mut Vec<String>) -> Result<RuleSet, ReloadError> {
        let mut sources = LoadedRules::from_sets(&self.rule_sets);
        match &self.rules {
            Some(DetectionsPlace::Local(path)) => sources.add_source(LoadedRules::from_path(path)),
            Some(DetectionsPlace::S3(_)) => {
                sources.add_source(LoadedRules::from_texts(texts(files)))
            }
            None => {}
        }
        match (sources.into_complete_rule_set(), &self.rules_in_use) {
            (Ok(rules), _) => Ok(rules),
            (Err(error), None) => Err(error.into()),
            (Err(error), Some(rules)) => {
                errors.push(kept("rules", &error));
                Ok(rules.clone())
            }
        }
    }
}

fn kept(what: &str, error: &dyn std::error::Error) -> String {
    format!("the last good {what} stay in use: {}", error_chain(error))
}

fn texts(files: &Files) -> impl Iterator<Item = (&str, &str)> {
    files.iter().map(|(name, file)| (name.as_str(), file.text.as_str()))
}

/// Every `*.toml` in a place in S3, which is a folder or one file; nothing for another place.
async fn fetch_files(
    store: &dyn ObjectStore,
    place: Option<&DetectionsPlace>,
) -> Result<Files, FetchError> {
    let Some(DetectionsPlace::S3(place)) = place else { return Ok(Files::new()) };
    let mut keys = Vec::new();
    let listing = Listing {
        bucket: place.bucket.clone(),
        prefix: place.prefix.clone(),
        ..Listing::default()
    };
    let is_file = place.prefix.ends_with(".toml");
    let is_meant = |key: &String| key.ends_with(".toml") && (!is_file || *key == place.prefix);
    list_pages(store, listing, |page| {
        keys.extend(page.keys.into_iter().filter(is_meant));
        true
    })
    .await?;
    if keys.is_empty() {
        return Err(FetchError::NoFile { place: place.clone() });
    }
    let fetched = keys.into_iter().map(|key| fetch_file(store, &place.bucket, key));
    stream::iter(fetched).buffered(CONCURRENCY).try_collect().await
}

async fn fetch_file(
    store: &dyn ObjectStore,
    bucket: &str,
    key: String,
) -> Result<(String, File), FetchError> {
    let name = format!("s3://{bucket}/{key}");
    let object = store.get(bucket, &key).await?;
    if object.bytes.len() > MAX_FILE_BYTES {
        return Err(FetchError::TooLarge { file: name });
    }
    let text = String::from_utf8_lossy(&object.bytes).into_owned();
    Ok((name, File { etag: object.etag, text }))
}
