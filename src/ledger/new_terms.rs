//! New terms: the history of each combination of values, and since when rules have watched.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Mutex, PoisonError};

use detect::new_terms::{History, Match};
use detect::rule::{NewTerms, RuleInfo};
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::error::{LedgerProblem, Result};
use super::keys;
use super::stored::{StoredLedger, Swap};
use crate::store::SmallObject;

/// How often a history is written. Workers of a burst contend.
const TRIES: u32 = 12;

/// Histories in each of the two parts of the cache, about 400 bytes each.
const MAX_CACHED: usize = 10_000;

/// The version of the stored form of [`WatchedRules`].
const VERSION: u32 = 1;

/// The histories that an instance has met, between its invocations too. Bounded: those not used
/// for a while are forgotten, and read again.
#[derive(Debug, Default)]
pub(crate) struct HistoryCache {
    recent: HashMap<String, CachedHistory>,
    /// Those that were recent before `recent` was full.
    older: HashMap<String, CachedHistory>,
    watched: WatchedRules,
}

#[derive(Debug, Clone, Default)]
struct CachedHistory {
    /// As it is in the ledger, at least.
    stored: History,
    /// With what was seen since.
    seen: History,
}

/// Since when rules with new terms have watched, by their ids.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct WatchedRules {
    version: u32,
    rules: BTreeMap<String, WatchedRule>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct WatchedRule {
    /// A rule with other fields starts over.
    fields: Vec<String>,
    since: Timestamp,
}

/// What a history is of.
#[derive(Debug, Clone, Copy)]
pub struct HistoryKey<'a> {
    /// The rule's id.
    pub rule: &'a str,
    /// See [`history_id`](detect::new_terms::history_id).
    pub id: &'a str,
    /// The rule's window.
    pub window: SignedDuration,
}

impl Default for WatchedRules {
    fn default() -> WatchedRules {
        WatchedRules { version: VERSION, rules: BTreeMap::new() }
    }
}

impl WatchedRules {
    /// Those in an object. What is damaged starts long ago: rather too many alerts than none.
    fn decode(object: &SmallObject, rules: &[WatchRequest<'_>]) -> Result<Self, LedgerProblem> {
        match serde_json::from_slice::<WatchedRules>(&object.bytes) {
            Ok(watched) if watched.version > VERSION => {
                Err(LedgerProblem::Unexpected("a later version of the program wrote it"))
            }
            Ok(watched) => Ok(watched),
            Err(_) => {
                let mut watched = WatchedRules::default();
                watched.add(rules, Timestamp::UNIX_EPOCH);
                Ok(watched)
            }
        }
    }

    fn has(&self, request: &WatchRequest<'_>) -> bool {
        self.rules.get(request.id).is_some_and(|rule| rule.fields == request.new_terms.fields)
    }

    /// Adds those that are missing.
    fn add(&mut self, rules: &[WatchRequest<'_>], since: Timestamp) {
        for request in rules {
            if !self.has(request) {
                let fields = request.new_terms.fields.clone();
                self.rules.insert(request.id.to_owned(), WatchedRule { fields, since });
            }
        }
    }
}

/// A rule that watches from now on, or has watched before.
#[derive(Debug, Clone, Copy)]
pub struct WatchRequest<'r> {
    id: &'r str,
    new_terms: &'r NewTerms,
}

impl<'r> WatchRequest<'r> {
    /// Returns `None` if the rule does not look for new values.
    pub fn new(rule: &'r RuleInfo) -> Option<WatchRequest<'r>> {
        Some(WatchRequest { id: &rule.id, new_terms: rule.new_terms.as_ref()? })
    }
}

impl HistoryCache {
    /// Adds matches to a history that is known, and returns for each whether it is new. Returns
    /// `None` if the history is not known, or is to be stored.
    pub(crate) fn add_known(
        &mut self,
        key: HistoryKey<'_>,
        matches: &[Match],
    ) -> Option<Vec<bool>> {
        let CachedHistory { stored, mut seen } = self.take(key.id)?;
        let before = seen.clone();
        let answers: Vec<bool> = matches.iter().map(|it| seen.add(it, key.window)).collect();
        let is_to_be_stored = seen.differs_from(&stored, key.window);
        if is_to_be_stored {
            seen = before;
        }
        self.insert(key.id, CachedHistory { stored, seen });
        (!is_to_be_stored).then_some(answers)
    }

    /// Adds matches to a history that is kept nowhere else.
    pub(crate) fn add(&mut self, key: HistoryKey<'_>, matches: &[Match]) -> Vec<bool> {
        let mut seen = self.take(key.id).unwrap_or_default().seen;
        let answers = matches.iter().map(|it| seen.add(it, key.window)).collect();
        self.insert(key.id, CachedHistory { stored: seen.clone(), seen });
        answers
    }

    fn seen(&self, id: &str) -> History {
        let known = self.recent.get(id).or_else(|| self.older.get(id));
        known.map(|history| history.seen.clone()).unwrap_or_default()
    }

    fn take(&mut self, id: &str) -> Option<CachedHistory> {
        self.recent.remove(id).or_else(|| self.older.remove(id))
    }

    fn insert(&mut self, id: &str, history: CachedHistory) {
        if self.recent.len() >= MAX_CACHED {
            self.older = std::mem::take(&mut self.recent);
        }
        self.recent.insert(id.to_owned(), history);
    }
}

impl StoredLedger {
    /// Returns for each match of a combination, by time, whether it is new, and remembers it before
    /// it is alerted. A match that was new before still is.
    pub async fn add_matches(&self, key: HistoryKey<'_>, matches: &[Match]) -> Result<Vec<bool>> {
        if let Some(answers) = self.cached(|cache| cache.add_known(key, matches)) {
            return Ok(answers);
        }
        let known = self.cached(|cache| cache.seen(key.id));
        let next = |object: Option<&SmallObject>| {
            let stored = read_history(object)?;
            let mut seen = stored.clone();
            seen.merge(&known, key.window);
            let answers: Vec<bool> = matches.iter().map(|it| seen.add(it, key.window)).collect();
            if !seen.differs_from(&stored, key.window) {
                return Ok(Swap::Keep((answers, CachedHistory { stored, seen })));
            }
            let bytes = serde_json::to_vec(&seen)?.into();
            Ok(Swap::Replace(bytes, |_| (answers, CachedHistory { stored: seen.clone(), seen })))
        };
        let (answers, history) = self.swap(&keys::history(key.rule, key.id), TRIES, next).await?;
        self.cached(|cache| cache.insert(key.id, history));
        Ok(answers)
    }

    /// The same for a dry run: nothing is stored.
    pub async fn peek_matches(&self, key: HistoryKey<'_>, matches: &[Match]) -> Result<Vec<bool>> {
        let name = keys::history(key.rule, key.id);
        if self.cached(|cache| cache.take(key.id).map(|it| cache.insert(key.id, it))).is_none() {
            let object = self.get(&name).await?;
            let seen = read_history(object.as_ref()).map_err(|it| self.error(&name, it))?;
            let history = CachedHistory { stored: seen.clone(), seen };
            self.cached(|cache| cache.insert(key.id, history));
        }
        Ok(self.cached(|cache| cache.add(key, matches)))
    }

    /// Since when rules have watched: those that are not known yet watch from `now` on. Asks the
    /// ledger once for each instance and set of rules.
    pub async fn watch(
        &self,
        rules: &[WatchRequest<'_>],
        now: Timestamp,
    ) -> Result<BTreeMap<String, Timestamp>> {
        let known = self.cached(|cache| {
            let watched = &cache.watched;
            rules.iter().all(|rule| watched.has(rule)).then(|| watched.clone())
        });
        let watched = match known {
            Some(watched) => watched,
            None => self.update_watched(rules, |watched| watched.add(rules, now)).await?,
        };
        Ok(watched.rules.into_iter().map(|(id, rule)| (id, rule.since)).collect())
    }

    /// The same for a dry run: nothing is stored.
    pub async fn peek_watched(
        &self,
        rules: &[WatchRequest<'_>],
        now: Timestamp,
    ) -> Result<BTreeMap<String, Timestamp>> {
        let object = self.get(keys::WATCHED).await?;
        let watched = object.map(|object| WatchedRules::decode(&object, rules)).transpose();
        let mut watched = watched.map_err(|it| self.error(keys::WATCHED, it))?.unwrap_or_default();
        watched.add(rules, now);
        Ok(watched.rules.into_iter().map(|(id, rule)| (id, rule.since)).collect())
    }

    /// Records that the histories of rules begin at `since`, or earlier.
    pub async fn learned(&self, rules: &[WatchRequest<'_>], since: Timestamp) -> Result<()> {
        let learn = |watched: &mut WatchedRules| {
            watched.add(rules, since);
            for request in rules {
                let known = watched.rules.get_mut(request.id);
                known.into_iter().for_each(|rule| rule.since = rule.since.min(since));
            }
        };
        self.update_watched(rules, learn).await.map(drop)
    }

    async fn update_watched(
        &self,
        rules: &[WatchRequest<'_>],
        update: impl Fn(&mut WatchedRules),
    ) -> Result<WatchedRules> {
        let next = |object: Option<&SmallObject>| {
            let before = object.map(|object| WatchedRules::decode(object, rules)).transpose()?;
            let before = before.unwrap_or_default();
            let mut after = before.clone();
            update(&mut after);
            if object.is_some() && after == before {
                return Ok(Swap::Keep(after));
            }
            Ok(Swap::Replace(serde_json::to_vec(&after)?.into(), |_| after))
        };
        let watched = self.swap(keys::WATCHED, TRIES, next).await?;
        self.cached(|cache| cache.watched = watched.clone());
        Ok(watched)
    }

    fn cached<T>(&self, access: impl FnOnce(&mut HistoryCache) -> T) -> T {
        access(&mut lock(&self.histories))
    }
}

/// A history that is damaged starts over: at worst an alert is sent twice.
fn read_history(object: Option<&SmallObject>) -> Result<History, LedgerProblem> {
    let decoded = object.map(|object| History::decode(&object.bytes)).transpose();
    Ok(decoded.map_err(LedgerProblem::Incidents)?.flatten().unwrap_or_default())
}

fn lock(cache: &Mutex<HistoryCache>) -> std::sync::MutexGuard<'_, HistoryCache> {
    cache.lock().unwrap_or_else(PoisonError::into_inner)
}
