//! Checks all digests of an account and region, and the log files that they list.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::sync::Arc;

use detect::cloudtrail::DigestName;
use detect::cloudtrail::key::delivery_time;
use futures::{StreamExt, stream};
use jiff::{SignedDuration, Timestamp};

use super::chain::{CADENCE, ChainReport, Gap, Link, Surroundings, examine_chain, remove_replaced};
use super::check::{Checker, RegionKeys};
use super::digest::LogFile;
use super::keys::SIGNING_DELAY;
use super::problem::{IntegrityProblem, Verdict};
use super::statement::HeadDigest;
use crate::store::StoreError;
use crate::store::walk::{AccountRegion, KeyFilter};

/// Objects of one region that are checked at once: enough to hide the network's latency.
const CONCURRENCY: usize = 16;

/// What to verify.
pub struct Scope<'a> {
    /// The bucket.
    pub bucket: &'a str,
    /// The first end of a digest that matters. `None` for all.
    pub since: Option<Timestamp>,
    /// The last end of a digest that matters. `None` for all.
    pub until: Option<Timestamp>,
    /// Digests that end until then should be there. `None` if only the log files show it: then a
    /// digest should be there two hours before the newest log file.
    pub due: Option<Timestamp>,
    /// Returns true for the name of a trail that matters.
    pub trail: &'a (dyn Fn(&str) -> bool + Sync),
    /// Receives how many more objects are to be checked, and how many were.
    pub progress: &'a (dyn Fn(Progress) + Sync),
}

/// How far it got.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Progress {
    /// So many more objects are to be checked.
    Found(usize),
    /// An object was checked.
    Checked,
}

/// What comes of an account and region.
#[derive(Debug)]
pub struct RegionReport {
    /// The account and region.
    pub place: AccountRegion,
    /// Every digest and log file, in the order of their trails and times.
    pub objects: Vec<CheckedObject>,
    /// The trails whose digests are there.
    pub chains: Vec<ChainSummary>,
    /// Log files that no valid digest covers.
    pub unverified_logs: u64,
}

/// A digest or log file, and what a check says about it.
#[derive(Debug, Clone)]
pub struct CheckedObject {
    /// What it is.
    pub kind: CheckedKind,
    /// Its key. The bucket is the one that was verified, unless `bucket` says otherwise.
    pub key: String,
    /// The bucket.
    pub bucket: String,
    /// What the check says.
    pub verdict: Verdict,
}

/// What was checked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CheckedKind {
    /// A digest.
    Digest,
    /// A log file.
    Log,
}

/// What comes of one trail's digests in a region.
#[derive(Debug)]
pub struct ChainSummary {
    /// The name of the trail.
    pub trail: String,
    /// It is the chain of the trail's backfill digests.
    pub is_backfill: bool,
    /// The range of `objects` in [`RegionReport`] that belongs to it.
    pub objects: std::ops::Range<usize>,
    /// From the start of the first to the end of the last valid digest. `None` if there is none.
    pub covered: Option<(Timestamp, Timestamp)>,
    /// The last valid digest.
    pub head: Option<HeadDigest>,
    /// Times in between, or after them, that no valid digest covers.
    pub gaps: Vec<Gap>,
}

/// A trail's digests in the region, by their ends.
struct Chain {
    /// A name of it, of any time.
    name: String,
    keys: BTreeMap<Timestamp, String>,
    verdicts: BTreeMap<Timestamp, Verdict>,
    links: Vec<Link>,
}

/// The trail, where it was created, the account and region in the name, and whether the digests are
/// backfill.
type ChainId = (String, String, String, String, bool);

/// Verifies an account and region.
///
/// # Errors
/// A list was refused.
pub async fn verify_region(
    checker: &Checker<'_>,
    scope: &Scope<'_>,
    place: AccountRegion,
) -> Result<RegionReport, StoreError> {
    let mut chains = find_chains(checker, scope, &place).await?;
    let keys = region_keys(checker, &chains, &place).await;
    for chain in &mut chains {
        chain.check(checker, scope, &keys).await;
    }
    let logs = LogFiles::find(checker, scope, &place, &chains).await?;
    let mut report =
        RegionReport { place, objects: Vec::new(), chains: Vec::new(), unverified_logs: 0 };
    let mut seen = HashSet::new();
    for (index, chain) in chains.iter().enumerate() {
        let others = chains.iter().enumerate().filter(|(other, _)| *other != index);
        let others: Vec<&Chain> = others.map(|(_, chain)| chain).collect();
        if let Some(name) = chain.parsed_name()
            && (scope.trail)(name.trail)
        {
            let found = chain.examine(scope, &report.place, &logs, &others);
            add_chain(checker, scope, chain, name, found, &mut seen, &mut report).await;
        }
    }
    report.unverified_logs = logs.count_in_range(scope, &chains);
    Ok(report)
}

/// Finds the digests of the range, and those just before and after it: they show what is missing at
/// its ends.
async fn find_chains(
    checker: &Checker<'_>,
    scope: &Scope<'_>,
    place: &AccountRegion,
) -> Result<Vec<Chain>, StoreError> {
    let day = SignedDuration::from_hours(24);
    let since = scope.since.map(|since| since.checked_sub(day).unwrap_or(since));
    let filter = KeyFilter { since, until: scope.until, place: &|_, _| true };
    let found = place.digest_keys(checker.store, scope.bucket, &filter).await?;
    let mut chains: BTreeMap<ChainId, Chain> = BTreeMap::new();
    for key in found {
        let Some(name) = DigestName::from_key(&key) else { continue };
        let [trail, home, account, region] =
            [name.trail, name.home_region, name.account, name.region].map(str::to_owned);
        let (id, end) = ((trail, home, account, region, name.is_backfill), name.end);
        let new = || Chain {
            name: key.clone(),
            keys: BTreeMap::new(),
            verdicts: BTreeMap::new(),
            links: Vec::new(),
        };
        chains.entry(id).or_insert_with(new).keys.insert(end, key);
    }
    Ok(chains.into_values().map(|chain| chain.limited_to(scope)).collect())
}

/// The public keys that the digests of a region need.
async fn region_keys(checker: &Checker<'_>, chains: &[Chain], place: &AccountRegion) -> RegionKeys {
    let ends = || chains.iter().flat_map(|chain| chain.keys.keys().copied());
    let (Some(from), Some(until)) = (ends().min(), ends().max()) else {
        return Ok(Default::default());
    };
    let until = until.checked_add(SIGNING_DELAY).unwrap_or(until);
    checker.keys.keys(&place.region, from, until).await
}

impl Scope<'_> {
    fn contains(&self, end: Timestamp) -> bool {
        self.since.is_none_or(|since| since <= end) && self.until.is_none_or(|until| end <= until)
    }
}

impl Chain {
    fn parsed_name(&self) -> Option<DigestName<'_>> {
        DigestName::from_key(&self.name)
    }

    /// Leaves out all digests outside the range but the last one before and the first one after it.
    fn limited_to(mut self, scope: &Scope<'_>) -> Chain {
        if let Some(since) = scope.since {
            let last_before = self.keys.range(..since).next_back().map(|(end, _)| *end);
            self.keys = self.keys.split_off(&last_before.unwrap_or(since));
        }
        if let Some(until) = scope.until {
            let after = (std::ops::Bound::Excluded(until), std::ops::Bound::Unbounded);
            let first_after = self.keys.range(after).next().map(|(end, _)| *end);
            self.keys.retain(|end, _| *end <= until || Some(*end) == first_after);
        }
        self
    }

    async fn check(&mut self, checker: &Checker<'_>, scope: &Scope<'_>, keys: &RegionKeys) {
        (scope.progress)(Progress::Found(self.keys.len()));
        let check = |(end, key): (&Timestamp, &String)| {
            let (end, key) = (*end, key.clone());
            async move {
                let checked = checker.check_digest(scope.bucket, &key, keys).await;
                (scope.progress)(Progress::Checked);
                (end, checked)
            }
        };
        let mut checked = stream::iter(self.keys.iter().map(check)).buffered(CONCURRENCY);
        while let Some((end, (verdict, link))) = checked.next().await {
            self.verdicts.insert(end, verdict);
            self.links.extend(link);
        }
        let is_backfill = self.parsed_name().is_some_and(|name| name.is_backfill);
        for (end, next) in remove_replaced(&mut self.links, is_backfill) {
            let replaced = Arc::new(IntegrityProblem::Replaced(next));
            self.verdicts.insert(end, Verdict::Invalid(replaced));
        }
    }

    /// Finds what is missing in the range, by what the digests and the log files say.
    fn examine(
        &self,
        scope: &Scope<'_>,
        place: &AccountRegion,
        logs: &LogFiles,
        others: &[&Chain],
    ) -> ChainReport {
        let Some(name) = self.parsed_name() else { return ChainReport::default() };
        let due = scope.due.or_else(|| logs.newest?.checked_sub(SIGNING_DELAY).ok());
        let is_due = |end: Timestamp| {
            let is_due = due.is_some_and(|due| end <= due);
            let is_in_range = scope.until.is_none_or(|until| end <= until);
            // A trail may have ended, and another one goes on.
            let is_covered = others.iter().any(|other| other.covers(end));
            is_due && is_in_range && (!is_covered || logs.has_uncovered(end))
        };
        let surroundings = Surroundings {
            present: &self.keys,
            key_at: &|end| name.key_at(&place.folder, end),
            is_due: &is_due,
            had_log_files: &|end| scope.contains(end) && logs.has_uncovered_until(end),
            is_backfill: name.is_backfill,
        };
        let mut report = examine_chain(&self.links, &surroundings);
        report.missing.retain(|end, _| scope.contains(*end));
        report.gaps.retain_mut(|gap| {
            gap.from = gap.from.max(scope.since.unwrap_or(gap.from));
            gap.until = gap.until.min(scope.until.unwrap_or(gap.until));
            gap.from < gap.until
        });
        report
    }

    fn covers(&self, time: Timestamp) -> bool {
        self.links.iter().any(|link| link.file.start < time && time <= link.file.end)
    }

    fn head(&self, scope: &Scope<'_>) -> Option<HeadDigest> {
        let is_in_range = |link: &&Link| scope.contains(link.file.end);
        self.links.iter().rev().find(is_in_range).map(HeadDigest::new)
    }

    fn covered(&self, scope: &Scope<'_>) -> Option<(Timestamp, Timestamp)> {
        let mut links = self.links.iter().filter(|link| scope.contains(link.file.end));
        let first = links.next()?;
        Some((first.file.start, links.next_back().unwrap_or(first).file.end))
    }
}

/// Adds a trail's digests, each followed by its log files.
async fn add_chain(
    checker: &Checker<'_>,
    scope: &Scope<'_>,
    chain: &Chain,
    name: DigestName<'_>,
    found: ChainReport,
    seen: &mut HashSet<LogFile>,
    report: &mut RegionReport,
) {
    let start = report.objects.len();
    let mut digests: BTreeMap<Timestamp, CheckedObject> = BTreeMap::new();
    let digest = |key: &String, verdict| CheckedObject {
        kind: CheckedKind::Digest,
        key: key.clone(),
        bucket: scope.bucket.to_owned(),
        verdict,
    };
    for (end, key) in chain.keys.iter().filter(|(end, _)| scope.contains(**end)) {
        let verdict = chain.verdicts.get(end).cloned();
        digests.extend(verdict.map(|verdict| (*end, digest(key, verdict))));
    }
    for (end, missing) in found.missing {
        digests.insert(end, digest(&missing.key, Verdict::Missing(missing.absence)));
    }
    let mut logs = check_logs(checker, scope, chain, seen).await;
    for (end, digest) in digests {
        report.objects.push(digest);
        report.objects.extend(logs.remove(&end).unwrap_or_default());
    }
    report.chains.push(ChainSummary {
        trail: name.trail.to_owned(),
        is_backfill: name.is_backfill,
        objects: start..report.objects.len(),
        covered: chain.covered(scope),
        head: chain.head(scope),
        gaps: found.gaps,
    });
}

/// Checks the log files that valid digests in the range list, by the ends of these. Each log file
/// is checked once.
async fn check_logs(
    checker: &Checker<'_>,
    scope: &Scope<'_>,
    chain: &Chain,
    seen: &mut HashSet<LogFile>,
) -> BTreeMap<Timestamp, Vec<CheckedObject>> {
    let mut wanted = Vec::new();
    for link in chain.links.iter().filter(|link| scope.contains(link.file.end)) {
        for log in &link.file.log_files {
            if seen.insert(log.clone()) {
                wanted.push((link, log));
            }
        }
    }
    (scope.progress)(Progress::Found(wanted.len()));
    let check = |(link, log)| check_log(checker, scope, link, log);
    let mut checked = stream::iter(wanted.into_iter().map(check)).buffered(CONCURRENCY);
    let mut logs: BTreeMap<Timestamp, Vec<CheckedObject>> = BTreeMap::new();
    while let Some((end, log)) = checked.next().await {
        logs.entry(end).or_default().push(log);
    }
    logs
}

async fn check_log(
    checker: &Checker<'_>,
    scope: &Scope<'_>,
    link: &Link,
    log: &LogFile,
) -> (Timestamp, CheckedObject) {
    let verdict = checker.check_log(log, &link.file.account, &link.file.key).await;
    (scope.progress)(Progress::Checked);
    let LogFile { bucket, key, .. } = log.clone();
    (link.file.end, CheckedObject { kind: CheckedKind::Log, key, bucket, verdict })
}

/// The log files of a region that no valid digest lists.
struct LogFiles {
    /// When they were delivered, with repetitions.
    uncovered: Vec<Timestamp>,
    /// When the newest log file was delivered, covered or not.
    newest: Option<Timestamp>,
}

impl LogFiles {
    async fn find(
        checker: &Checker<'_>,
        scope: &Scope<'_>,
        place: &AccountRegion,
        chains: &[Chain],
    ) -> Result<LogFiles, StoreError> {
        let filter = KeyFilter { since: scope.since, until: scope.until, place: &|_, _| true };
        let keys = place.log_keys(checker.store, scope.bucket, &filter).await?;
        let covered: BTreeSet<&str> = chains
            .iter()
            .flat_map(|chain| &chain.links)
            .flat_map(|link| &link.file.log_files)
            .filter(|log| log.bucket == scope.bucket)
            .map(|log| log.key.as_str())
            .collect();
        let newest = keys.iter().filter_map(|key| delivery_time(key)).max();
        let uncovered = keys.iter().filter(|key| !covered.contains(key.as_str()));
        let mut uncovered: Vec<_> = uncovered.filter_map(|key| delivery_time(key)).collect();
        uncovered.sort_unstable();
        Ok(LogFiles { uncovered, newest })
    }

    /// Returns true if a digest that ends at `end` should list a log file that none lists.
    fn has_uncovered(&self, end: Timestamp) -> bool {
        let start = end.checked_sub(CADENCE).unwrap_or(end);
        self.uncovered.iter().any(|time| start < *time && *time <= end)
    }

    fn has_uncovered_until(&self, end: Timestamp) -> bool {
        self.uncovered.first().is_some_and(|time| *time <= end)
    }

    /// How many belong to digests of the range.
    fn count_in_range(&self, scope: &Scope<'_>, chains: &[Chain]) -> u64 {
        let ticks: BTreeSet<i64> = chains
            .iter()
            .filter_map(|chain| Some(chain.links.last()?.file.end.as_second()))
            .map(|second| second.rem_euclid(CADENCE.as_secs()))
            .collect();
        let is_in_range = |time: &&Timestamp| match ticks.is_empty() {
            true => scope.contains(**time),
            false => ticks.iter().any(|tick| scope.contains(next_end(**time, *tick))),
        };
        self.uncovered.iter().filter(is_in_range).count() as u64
    }
}

/// The end of the digest that lists a log file delivered at `time`, if digests end `tick` seconds
/// after the hour.
fn next_end(time: Timestamp, tick: i64) -> Timestamp {
    let wait = (tick - time.as_second()).rem_euclid(CADENCE.as_secs());
    time.checked_add(SignedDuration::from_secs(wait)).unwrap_or(time)
}
