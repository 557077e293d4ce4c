//! Correlations: the marks of findings, found by listing, and the incidents that they make.
//!
//! Each finding writes its marks first and lists afterwards. So the last of an incident to write
//! one sees all of the others, in whatever order they arrived.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::RangeInclusive;
use std::sync::Arc;
use std::time::Duration;

use detect::correlation::{
    CorrelationAlertData, FolderWalk, Incident, Incidents, Mark, PlacedMark, later_folders,
    without_repeats,
};
use detect::finding::{Finding, FindingId};
use detect::rule::{Condition, Correlation};
use detect::text::error::error_chain;
use futures::future::join_all;
use jiff::Timestamp;

use super::claim::{Claim, ClaimOutcome};
use super::entry::Content;
use super::error::{LedgerProblem, Result};
use super::keys;
use super::stored::{StoredLedger, Swap};
use crate::store::{SmallObject, encode_key_part};

/// Marks of one rule that are kept in memory of one folder.
const MAX_MARKS: usize = 2_000;

/// Marks of one rule that are read in one folder: 50 pages of S3's.
const MAX_READ: usize = 50_000;

/// Folders that the findings of one object lead to, with those of later names.
const MAX_FOLDERS: usize = 5_000;

/// How often incidents are written. More than other objects, since the workers of a burst contend.
const TRIES: u32 = 12;

/// Requests in flight at once.
const CONCURRENCY: usize = 8;

/// What came of correlating.
#[derive(Debug, Default)]
pub struct ClaimedCorrelations {
    /// The alerts that this worker delivers.
    pub claims: Vec<Claim>,
    /// The keys of folders of one rule that have more marks than are read.
    pub cut: Vec<String>,
}

/// The evaluation of one correlation.
struct Evaluation<'a> {
    ledger: &'a StoredLedger,
    correlation: &'a Correlation,
    lease: Duration,
}

impl StoredLedger {
    /// Writes the marks of findings of one correlation, and claims the alerts of their incidents
    /// that were not sent yet. Repeating it changes nothing. An incident is written before its
    /// alert is claimed: after a crash in between, the next worker at the incident claims it.
    pub async fn correlate(
        &self,
        correlation: &Correlation,
        marks: &[PlacedMark],
        lease: Duration,
    ) -> Result<ClaimedCorrelations> {
        let evaluation = Evaluation { ledger: self, correlation, lease };
        evaluation.put_marks(marks).await?;
        evaluation.claim_alerts(marks).await
    }

    /// Reads findings, in the order of their ids. Returns those that can be read, and why another
    /// cannot.
    pub async fn read_findings(&self, ids: &[FindingId]) -> (Vec<Finding>, Option<String>) {
        let mut findings = Vec::new();
        let mut failure = None;
        for batch in ids.chunks(CONCURRENCY) {
            for read in join_all(batch.iter().map(|id| self.read_finding(id))).await {
                match read {
                    Ok(finding) => findings.push(finding),
                    Err(error) => failure = Some(error_chain(&error)),
                }
            }
        }
        (findings, failure)
    }

    async fn read_finding(&self, id: &FindingId) -> Result<Finding> {
        let error = |problem| self.error(&keys::entry(id), problem);
        let unexpected = |what| error(LedgerProblem::Unexpected(what));
        let snapshot = self.read_entry(id).await?;
        let snapshot = snapshot.ok_or_else(|| unexpected("the entry is gone"))?;
        match snapshot.entry.map_err(error)?.content {
            Content::Finding(finding) => Ok(Arc::unwrap_or_clone(finding)),
            _ => Err(unexpected("the entry is not of a finding")),
        }
    }
}

impl Evaluation<'_> {
    async fn put_marks(&self, marks: &[PlacedMark]) -> Result<()> {
        let key = |placed: &PlacedMark| {
            format!("{}{}", self.folder_key(&placed.folder), placed.mark.key_name())
        };
        let marks = without_repeats(self.correlation, marks.to_vec(), |placed| {
            (placed.folder.clone(), placed.mark.target.clone())
        });
        let keys: Vec<String> = marks.iter().map(key).collect();
        for batch in keys.chunks(CONCURRENCY) {
            self.ledger.put_markers(batch).await?;
        }
        Ok(())
    }

    /// Claims the alerts of the incidents around the marks, and of those that groups have under
    /// their later names.
    async fn claim_alerts(&self, marks: &[PlacedMark]) -> Result<ClaimedCorrelations> {
        let mut queue: BTreeMap<String, Vec<Timestamp>> = BTreeMap::new();
        for placed in marks {
            queue.entry(placed.folder.clone()).or_default().push(placed.mark.time);
        }
        let mut claimed = ClaimedCorrelations::default();
        let mut done = BTreeSet::new();
        while !queue.is_empty() && done.len() < MAX_FOLDERS {
            let batch: Vec<_> =
                std::iter::from_fn(|| queue.pop_first()).take(CONCURRENCY).collect();
            let evaluated = batch.iter().map(|(folder, times)| self.evaluate(folder, times));
            for ((_, times), evaluated) in batch.iter().zip(join_all(evaluated).await) {
                let (marks, found) = evaluated?;
                for time in times {
                    let later = later_folders(&marks, *time);
                    for folder in later.filter(|folder| !done.contains(*folder)) {
                        queue.entry(folder.to_owned()).or_default().push(*time);
                    }
                }
                claimed.claims.extend(found.claims);
                claimed.cut.extend(found.cut);
            }
            done.extend(batch.into_iter().map(|(folder, _)| folder));
        }
        claimed.cut.extend(queue.keys().map(|folder| self.folder_key(folder)));
        Ok(claimed)
    }

    /// Claims the alerts of a folder's incidents around these times. Returns its marks too, with
    /// those that its group left under earlier names.
    async fn evaluate(
        &self,
        folder: &str,
        times: &[Timestamp],
    ) -> Result<(Vec<Mark>, ClaimedCorrelations)> {
        // All that one occurrence with an event at one of these times can contain.
        let timespan = self.correlation.timespan;
        let first = times.iter().min().and_then(|time| time.checked_sub(timespan).ok());
        let last = times.iter().max().and_then(|time| time.checked_add(timespan).ok());
        let range = first.unwrap_or(Timestamp::MIN)..=last.unwrap_or(Timestamp::MAX);
        let mut walk = FolderWalk::new(folder);
        let mut found = ClaimedCorrelations::default();
        while let Some(next) = walk.next_folder() {
            let key = self.folder_key(&next.folder);
            let (marks, cut) = self.list_marks(&key, &range).await?;
            walk.add_marks(&next, marks);
            found.cut.extend(cut);
        }
        let marks = walk.into_marks();
        for incident in self.update_incidents(folder, &marks, &range, times).await? {
            if self.is_covered(folder, &incident).await? {
                continue;
            }
            let alert = CorrelationAlertData::new(self.correlation, folder, &marks, &incident);
            found.claims.extend(self.claim_alert(alert).await?);
        }
        Ok((marks, found))
    }

    /// Returns true if the incident is part of one of a correlation that covers this one. That one
    /// is written before its alert is claimed, so it is alerted, now or by a later worker.
    async fn is_covered(&self, folder: &str, incident: &Incident) -> Result<bool> {
        for cover in &self.correlation.covered_by {
            let key = incidents_key(&cover.rule, folder);
            let Some(object) = self.ledger.get(&key).await? else { continue };
            let decoded = Incidents::decode(&object.bytes).map_err(LedgerProblem::Incidents);
            let incidents = decoded.map_err(|problem| self.ledger.error(&key, problem))?;
            if incidents.is_some_and(|incidents| incidents.cover(incident)) {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// The marks of a folder within a time range, and the keys of those rules of which there are
    /// more than are read. Each rule is listed by itself, so that none crowds out another.
    async fn list_marks(
        &self,
        folder: &str,
        range: &RangeInclusive<Timestamp>,
    ) -> Result<(Vec<Mark>, Vec<String>)> {
        let mut marks = Vec::new();
        let mut cut = Vec::new();
        let mut rules: BTreeSet<String> = self.correlation.mark_rules().into_iter().collect();
        rules.extend(self.correlation.follows_renamings().then(Mark::renaming_hash));
        let lists = rules.iter().map(|rule| self.list_rule_marks(folder, rule, range));
        for (rule, list) in rules.iter().zip(join_all(lists).await) {
            let (listed, complete) = list?;
            marks.extend(listed);
            if !complete {
                cut.push(format!("{folder}{rule}/"));
            }
        }
        Ok((marks, cut))
    }

    /// The marks of one rule, and false if there are more than are read.
    async fn list_rule_marks(
        &self,
        folder: &str,
        rule: &str,
        range: &RangeInclusive<Timestamp>,
    ) -> Result<(Vec<Mark>, bool)> {
        let folder = format!("{folder}{rule}/");
        let mut start_after = Mark::time_prefix(*range.start());
        let mut marks: Vec<Mark> = Vec::new();
        let mut read = 0;
        loop {
            let page = self.ledger.list_page(&folder, Some(start_after), None).await?;
            read += page.keys.len();
            let names = page.keys.iter().map(|name| format!("{rule}/{name}"));
            marks.extend(names.filter_map(|name| Mark::parse(&name)));
            let past_end = marks.last().is_some_and(|mark| mark.time > *range.end());
            marks.retain(|mark| mark.time <= *range.end());
            if marks.len() >= self.max_marks() {
                marks = without_repeats(self.correlation, marks, |_| ());
            }
            match page.keys.last().filter(|_| page.next.is_some() && !past_end) {
                Some(_) if marks.len() >= self.max_marks() || read >= MAX_READ => {
                    return Ok((marks, false));
                }
                Some(last) => start_after = last.clone(),
                None => return Ok((marks, true)),
            }
        }
    }

    /// A count needs as many events as it counts, at either end of a timespan.
    fn max_marks(&self) -> usize {
        match self.correlation.condition {
            Condition::Events(least) | Condition::EventsAndValues(least, ..) => {
                MAX_MARKS.max(least as usize * 4)
            }
            _ => MAX_MARKS,
        }
    }

    /// Adds what is known now to the incidents of a folder. Returns those around these times.
    async fn update_incidents(
        &self,
        folder: &str,
        marks: &[Mark],
        range: &RangeInclusive<Timestamp>,
        times: &[Timestamp],
    ) -> Result<Vec<Incident>> {
        let info = &self.correlation.info;
        let id = |name: &str| FindingId::hash_parts(["incident", &info.id, folder, name]);
        let key = incidents_key(&info.id, folder);
        let next = |object: Option<&SmallObject>| {
            let decoded = object.map(|object| Incidents::decode(&object.bytes)).transpose();
            // Damaged incidents start over: at worst an alert is sent twice.
            let before = decoded.map_err(LedgerProblem::Incidents)?.flatten().unwrap_or_default();
            let (after, around) = before.update(self.correlation, marks, range, times, &id);
            if after == before {
                return Ok(Swap::Keep(around));
            }
            Ok(Swap::Replace(serde_json::to_vec(&after)?.into(), |_| around))
        };
        self.ledger.swap(&key, TRIES, next).await
    }

    /// Claims the alert of an incident. Returns `None` if it was sent, or another worker has it.
    async fn claim_alert(&self, alert: CorrelationAlertData) -> Result<Option<Claim>> {
        // Most were sent before, and a read is cheaper than an open marker.
        let content = Content::Correlation(Arc::new(alert));
        let peeked = self.ledger.peek_claim(&content).await?;
        if matches!(peeked, Some(ClaimOutcome::Duplicate(_))) {
            return Ok(None);
        }
        match self.ledger.claim(content, self.lease, Duration::ZERO).await? {
            ClaimOutcome::Ours(claim) => Ok(Some(*claim)),
            ClaimOutcome::Duplicate(_)
            | ClaimOutcome::Conflict(_)
            | ClaimOutcome::ClaimedElsewhere => Ok(None),
            ClaimOutcome::Unreadable(error) => Err(error),
        }
    }

    fn folder_key(&self, folder: &str) -> String {
        format!("by-correlation/{}/{folder}/", encode_key_part(&self.correlation.info.id))
    }
}

/// The key of the incidents of one correlation and one set of group_by values.
fn incidents_key(correlation: &str, folder: &str) -> String {
    format!("incidents/{}/{folder}", encode_key_part(correlation))
}
