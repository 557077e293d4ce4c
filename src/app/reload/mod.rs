//! Rules and exceptions that the operator keeps in S3: read at the first invocation, and again when
//! they changed.
//!
//! - Rules that cannot be used at the first reading fail the invocation, loudly. Later, the last
//!   good ones stay in use.
//! - Exceptions whose text cannot be used are not used at all: they never silence an alert. Where
//!   they cannot be fetched, the last good ones stay in use.
//!
//! Either way [`Detections::warnings`] and the report say so, until it is mended.

mod place;

use detect::rule::{Detections, LoadedExceptions, LoadedRules, RuleSet, RulesError};
use detect::text::error::error_chain;
use jiff::{SignedDuration, Timestamp};
pub use place::FetchError;
use place::Texts;
use thiserror::Error;

use crate::app::config::{Config, DetectionsPlace};
use crate::store::ObjectStore;

/// How long what was read is taken to be the latest.
const FRESH: SignedDuration = SignedDuration::from_secs(60);

/// Follows rules and exceptions in S3.
pub struct Reload {
    store: Box<dyn ObjectStore>,
    default_rules: bool,
    rules: Option<DetectionsPlace>,
    exceptions: Option<DetectionsPlace>,
    checked: Option<Timestamp>,
    /// What was read last, by place.
    seen: Option<Seen>,
    /// The rules in use.
    in_use: Option<RuleSet>,
    /// What is wrong with the last reading, that was told.
    told: Vec<String>,
}

/// The texts of both places, as they were read.
#[derive(Debug, Default, PartialEq)]
struct Seen {
    rules: Texts,
    exceptions: Texts,
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

impl Reload {
    /// Follows what the configuration names in S3; none where it names nothing there.
    pub fn new(config: &Config, store: Box<dyn ObjectStore>) -> Reload {
        let (rules, exceptions) = (config.rules.clone(), config.exceptions.clone());
        let (checked, seen, in_use, told) = (None, None, None, Vec::new());
        Reload {
            store,
            default_rules: config.default_rules,
            rules,
            exceptions,
            checked,
            seen,
            in_use,
            told,
        }
    }

    /// What to use from now on; none where nothing changed since the last time. Asks the store at
    /// most once a minute.
    ///
    /// # Errors
    /// There is nothing to use: at the first reading the rules could not be fetched, or cannot be
    /// used.
    pub async fn changed(&mut self, now: Timestamp) -> Result<Option<Detections>, ReloadError> {
        if self.checked.is_some_and(|checked| now.duration_since(checked).abs() < FRESH) {
            return Ok(None);
        }
        let (fetched, mut troubles) = self.fetch().await?;
        self.checked = Some(now);
        let same = self.seen.as_ref() == Some(&fetched);
        if same && troubles == self.told {
            return Ok(None);
        }
        self.told.clone_from(&troubles);
        let rules = self.rules_of(&fetched.rules, &mut troubles)?;
        let detections =
            Detections::with_loaded(rules.clone(), self.exceptions_of(&fetched.exceptions, &rules));
        (self.seen, self.in_use) = (Some(fetched), Some(rules));
        Ok(Some(detections.with_reload_errors(troubles)))
    }

    /// Both places' texts. One that cannot be fetched is as it was, with the reason; rules must
    /// have been there once.
    async fn fetch(&self) -> Result<(Seen, Vec<String>), ReloadError> {
        let mut troubles = Vec::new();
        let rules = place::texts(&*self.store, self.rules.as_ref()).await;
        let exceptions = place::texts(&*self.store, self.exceptions.as_ref()).await;
        let rules = match (rules, &self.seen) {
            (Ok(texts), _) => texts,
            (Err(error), None) => return Err(error.into()),
            (Err(error), Some(seen)) => {
                troubles.push(format!("the rules are those of before: {}", error_chain(&error)));
                seen.rules.clone()
            }
        };
        let exceptions = exceptions.unwrap_or_else(|error| {
            let error = error_chain(&error);
            troubles
                .push(format!("the exceptions are those of before, if there were any: {error}"));
            self.seen.as_ref().map(|seen| seen.exceptions.clone()).unwrap_or_default()
        });
        Ok((Seen { rules, exceptions }, troubles))
    }

    fn exceptions_of(&self, texts: &Texts, rules: &RuleSet) -> LoadedExceptions {
        let mut loaded = match &self.exceptions {
            Some(DetectionsPlace::Local(path)) => {
                LoadedExceptions::from_paths(std::slice::from_ref(path))
            }
            Some(DetectionsPlace::S3 { .. }) => LoadedExceptions::from_texts(named(texts)),
            None => LoadedExceptions::default(),
        };
        loaded.check_rules(rules);
        loaded
    }

    /// The rules of these texts; where they cannot be used, those in use.
    fn rules_of(&self, texts: &Texts, troubles: &mut Vec<String>) -> Result<RuleSet, ReloadError> {
        let mut gathered = LoadedRules::from_paths(self.default_rules, &[]);
        match &self.rules {
            Some(DetectionsPlace::Local(path)) => gathered.add_source(LoadedRules::from_path(path)),
            Some(DetectionsPlace::S3 { .. }) => {
                gathered.add_source(LoadedRules::from_texts(named(texts)))
            }
            None => {}
        }
        match (gathered.into_complete_rule_set(), &self.in_use) {
            (Ok(rules), _) => Ok(rules),
            (Err(error), None) => Err(error.into()),
            (Err(error), Some(rules)) => {
                troubles.push(format!("the rules are those of before: {error}"));
                Ok(rules.clone())
            }
        }
    }
}

fn named(texts: &Texts) -> impl Iterator<Item = (&str, &str)> {
    texts.iter().map(|(name, text)| (name.as_str(), text.text.as_str()))
}
