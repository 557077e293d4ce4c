//! What the ledger holds for correlations: marks, found by listing, and episodes, changed by
//! compare-and-swap.
//!
//! Every finding leaves its marks first and lists afterwards. So whoever is the last of a story to
//! leave one sees all of the others, in whatever order they arrived.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use detect::correlation::{
    CorrelationAlertData, FolderWalk, Incident, Incidents, Mark, PlacedMark, find_occurrences,
    later_folders,
};
use detect::finding::{Finding, FindingId};
use detect::rule::Correlation;
use detect::text::error::error_chain;
use futures::future::join_all;
use jiff::Timestamp;

use super::claim::{Claim, Claimed};
use super::entry::Content;
use super::{LedgerError, LedgerProblem, StoredLedger, keys};
use crate::store::{Condition, part};

/// Marks read of one folder: two pages of S3's.
const MOST_MARKS: usize = 2_000;

/// Folders that the findings of one object lead to, with those of later names.
const MOST_FOLDERS: usize = 5_000;

/// How often an episode is written anew where others get in the way.
const TRIES: u32 = 12;

/// Marks that are on their way, and folders that are read, at once: a burst can be of thousands.
const TOGETHER: usize = 8;

/// What came of correlating.
#[derive(Debug, Default)]
pub struct ClaimedCorrelations {
    /// Alerts that are ours to see through.
    pub claims: Vec<Claim>,
    /// Folders with more marks than are read, by key.
    pub cut: Vec<String>,
}

/// The marks of a story, and whether those are all.
struct Story {
    marks: Vec<Mark>,
    cut: Vec<String>,
}

/// A stretch of time, both ends in it.
#[derive(Clone, Copy)]
struct Span {
    from: Timestamp,
    to: Timestamp,
}

impl StoredLedger {
    /// Leaves the marks of findings of one correlation, and claims the alerts of the episodes that
    /// they are of: those that nobody has seen to yet. Doing so again changes nothing. First the
    /// episode is written, then its alert is claimed: a crash in between is made good by whoever
    /// comes upon the episode next.
    ///
    /// # Errors
    /// The ledger cannot be read or written: to be done again.
    pub async fn correlate(
        &self,
        correlation: &Correlation,
        places: &[PlacedMark],
        lease: Duration,
    ) -> Result<ClaimedCorrelations, LedgerError> {
        for some in places.chunks(TOGETHER) {
            let keys: Vec<String> = some.iter().map(|place| mark(correlation, place)).collect();
            join_all(keys.iter().map(|key| self.place.mark(key)))
                .await
                .into_iter()
                .collect::<Result<Vec<_>, _>>()?;
        }
        let mut folders = by_folder(places);
        let (mut claimed_alerts, mut done) = (ClaimedCorrelations::default(), BTreeSet::new());
        while !folders.is_empty() && done.len() < MOST_FOLDERS {
            let some: Vec<_> = std::iter::from_fn(|| folders.pop_first()).take(TOGETHER).collect();
            let read = join_all(
                some.iter().map(|(folder, times)| self.ring(correlation, folder, times, lease)),
            )
            .await;
            for ((_, times), read) in some.iter().zip(read) {
                let (story, claims) = read?;
                for time in times {
                    for next in
                        later_folders(&story.marks, *time).filter(|next| !done.contains(*next))
                    {
                        folders.entry(next.to_owned()).or_default().push(*time);
                    }
                }
                claimed_alerts.claims.extend(claims);
                claimed_alerts.cut.extend(story.cut);
            }
            done.extend(some.into_iter().map(|(folder, _)| folder));
        }
        Ok(claimed_alerts)
    }

    /// The story of a folder, and the claims of the alerts that events at these times make of it.
    async fn ring(
        &self,
        correlation: &Correlation,
        folder: &str,
        times: &[Timestamp],
        lease: Duration,
    ) -> Result<(Story, Vec<Claim>), LedgerError> {
        let story = self.story(correlation, folder, Span::around(times, correlation)).await?;
        let mut claims = Vec::new();
        for incident in self.incidents(correlation, folder, &story.marks, times).await? {
            let alert = CorrelationAlertData::new(correlation, folder, &story.marks, &incident);
            claims.extend(self.claim_alert(alert, lease).await?);
        }
        Ok((story, claims))
    }

    /// Everything that is told of what is in this folder, under the names that it had before too.
    async fn story(
        &self,
        correlation: &Correlation,
        folder: &str,
        span: Span,
    ) -> Result<Story, LedgerError> {
        let (mut folders, mut cut) = (FolderWalk::new(folder), Vec::new());
        while let Some(next) = folders.next_folder() {
            let key = in_folder(correlation, &next.folder);
            let (marks, all) = self.marks(&key, span).await?;
            folders.add_marks(&next, marks);
            cut.extend((!all).then_some(key));
        }
        Ok(Story { marks: folders.into_marks(), cut })
    }

    /// The marks of a folder within a stretch of time, and whether those are all.
    async fn marks(&self, folder: &str, span: Span) -> Result<(Vec<Mark>, bool), LedgerError> {
        let start = format!("{folder}{}", Mark::time_prefix(span.from));
        let (mut marks, mut next) = (Vec::new(), None);
        loop {
            let page = self.place.list(folder, false, Some(&start), next).await?;
            let read = page.keys.iter().filter_map(|key| Mark::parse(key.strip_prefix(folder)?));
            marks.extend(read);
            let over = marks.last().is_some_and(|mark: &Mark| mark.time > span.to);
            marks.retain(|mark| mark.time <= span.to);
            next = page.next.filter(|_| !over);
            if next.is_none() || marks.len() >= MOST_MARKS {
                return Ok((marks, next.is_none()));
            }
        }
    }

    /// The episodes around these times, after what is known now was written into them.
    async fn incidents(
        &self,
        correlation: &Correlation,
        folder: &str,
        marks: &[Mark],
        times: &[Timestamp],
    ) -> Result<Vec<Incident>, LedgerError> {
        let (key, found) = (incidents(correlation, folder), find_occurrences(correlation, marks));
        let id = |start: Timestamp| {
            FindingId::hash_parts([
                "incident",
                &correlation.info.id,
                folder,
                &Mark::time_prefix(start),
            ])
        };
        let mut last = None;
        for _ in 0..TRIES {
            let object = self.place.get(&key).await?;
            // What is damaged is begun anew: it is told once more at worst.
            let before = object.as_ref().map(|object| Incidents::decode(&object.bytes)).transpose();
            let before = before
                .map_err(|why| self.place.error(&key, LedgerProblem::Incidents(why)))?
                .flatten()
                .unwrap_or_default();
            let after = before.absorb(&found, times, correlation.timespan, &id);
            if after == before {
                return Ok(after.near(times, correlation.timespan));
            }
            let condition =
                object.map_or(Condition::IfNoneMatch, |object| Condition::IfMatch(object.etag));
            let bytes =
                serde_json::to_vec(&after).map_err(|error| self.place.error(&key, error))?;
            match self.place.put(&key, Bytes::from(bytes), condition).await {
                Ok(_) => return Ok(after.near(times, correlation.timespan)),
                // Whatever the answer was, what is there decides.
                Err(error) => last = Some(error.into()),
            }
        }
        Err(self.place.out_of_tries(&key, last))
    }

    /// The findings of these ids, in their order, as far as they can be read, and why others
    /// cannot.
    pub async fn findings(&self, ids: &[FindingId]) -> (Vec<Finding>, Option<String>) {
        let (mut findings, mut trouble) = (Vec::new(), None);
        for some in ids.chunks(TOGETHER) {
            for read in join_all(some.iter().map(|id| self.finding(id))).await {
                match read {
                    Ok(finding) => findings.push(finding),
                    Err(error) => trouble = Some(error_chain(&error)),
                }
            }
        }
        (findings, trouble)
    }

    async fn finding(&self, id: &FindingId) -> Result<Finding, LedgerError> {
        let error = |problem: LedgerProblem| self.place.error(&keys::entry(id), problem);
        let found = self.read(id).await?.ok_or_else(|| error(LedgerProblem::Gone))?;
        match found.entry.map_err(|unreadable| error(unreadable.into()))?.content {
            Content::Finding(finding) => Ok(Arc::unwrap_or_clone(finding)),
            Content::Summary(_) | Content::Correlation(_) => Err(error(LedgerProblem::NotAFinding)),
        }
    }

    /// The claim of an alert; none where somebody sees to it, or has.
    async fn claim_alert(
        &self,
        alert: CorrelationAlertData,
        lease: Duration,
    ) -> Result<Option<Claim>, LedgerError> {
        if self
            .read(&alert.id)
            .await?
            .is_some_and(|found| found.entry.is_ok_and(|entry| entry.state.is_final()))
        {
            return Ok(None);
        }
        match self.claim(Content::Correlation(Arc::new(alert)), lease, Duration::ZERO).await? {
            Claimed::Mine(claim) => Ok(Some(*claim)),
            Claimed::Duplicate(_) | Claimed::HeldElsewhere => Ok(None),
            Claimed::Unreadable(error) => Err(error),
        }
    }
}

impl Span {
    /// All that can be of one occurrence with an event at one of these times.
    fn around(times: &[Timestamp], correlation: &Correlation) -> Span {
        let (first, last) = (times.iter().min().copied(), times.iter().max().copied());
        let from = first.and_then(|time| time.checked_sub(correlation.timespan).ok());
        let to = last.and_then(|time| time.checked_add(correlation.timespan).ok());
        Span { from: from.unwrap_or(Timestamp::MIN), to: to.unwrap_or(Timestamp::MAX) }
    }
}

fn by_folder(places: &[PlacedMark]) -> BTreeMap<String, Vec<Timestamp>> {
    let mut folders: BTreeMap<String, Vec<Timestamp>> = BTreeMap::new();
    for place in places {
        folders.entry(place.folder.clone()).or_default().push(place.mark.time);
    }
    folders
}

fn in_folder(correlation: &Correlation, folder: &str) -> String {
    format!("by-correlation/{}/{folder}/", part(&correlation.info.id))
}

fn mark(correlation: &Correlation, place: &PlacedMark) -> String {
    format!("{}{}", in_folder(correlation, &place.folder), place.mark.key_name())
}

fn incidents(correlation: &Correlation, folder: &str) -> String {
    format!("incidents/{}/{folder}", part(&correlation.info.id))
}
