//! Summaries of what was grouped, sent when its window has closed.
//!
//! The grouped markers list what is to be summarised: each is deleted after its finding points to a
//! summary that was sent. The parts of a summary are entries like any other. Part 2 takes what was
//! grouped too late for part 1.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use detect::finding::{Finding, FindingId, Summary, Window};
use futures::future::join_all;
use tracing::debug;

use super::claim::Claim;
use super::entry::{Content, Entry, EntrySnapshot, EntryState};
use super::stored::Swap;
use super::{CONCURRENCY, Result, StoredLedger, TRIES, keys};

/// Members of one part: what can be read and updated within a minute.
const MAX_MEMBERS: usize = 2_000;

/// A window of a rule with grouped findings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GroupedWindow {
    /// The folder of its markers.
    folder: String,
    window: Window,
}

impl StoredLedger {
    /// The windows with grouped findings that have closed, by the store's clock.
    pub async fn due_windows(&self) -> Result<Vec<GroupedWindow>> {
        let date = self.date().await?;
        let mut due = Vec::new();
        for rule in self.list_folders(keys::GROUPED).await? {
            for name in self.list_folders(&format!("{}{rule}", keys::GROUPED)).await? {
                let folder = format!("{}{rule}{name}", keys::GROUPED);
                let window = Window::parse(name.trim_end_matches('/'));
                let window = window.filter(|window| window.end() <= date);
                due.extend(window.map(|window| GroupedWindow { folder, window }));
            }
        }
        Ok(due)
    }

    /// How many findings wait for a summary.
    pub async fn grouped_count(&self) -> Result<usize> {
        Ok(self.list_names(keys::GROUPED).await?.len())
    }

    /// Claims the next part of a window's summary. Returns `None` if nothing is left to be sent, or
    /// another worker is sending it. Completes parts that were sent but whose members do not say
    /// so.
    pub async fn claim_next_part(
        &self,
        grouped: &GroupedWindow,
        lease: Duration,
    ) -> Result<Option<Claim>> {
        // Before the parts: no marker's finding can be in a part that is not looked at.
        let names = self.list_names(&grouped.folder).await?;
        let mut waiting: BTreeSet<FindingId> =
            names.iter().filter_map(|name| FindingId::parse(name)).collect();
        let mut part = 1;
        while !waiting.is_empty() {
            let id = part_id(grouped, part);
            let Some(snapshot) = self.read_entry(&id).await? else {
                return self.claim_new_part(grouped, part, &waiting, lease).await;
            };
            let entry = self.readable(&id, &snapshot)?;
            if !entry.state.is_final() {
                if snapshot.is_left_alone() {
                    return Ok(None);
                }
                return Ok(self.take_over(entry, &snapshot, lease).await?.into_claim());
            }
            if let Content::Summary(summary) = &entry.content {
                let sent: Vec<&FindingId> =
                    summary.ids().filter(|id| waiting.remove(*id)).collect();
                self.mark_summarised(&id, &grouped.folder, sent).await?;
            }
            part += 1;
        }
        Ok(None)
    }

    async fn claim_new_part(
        &self,
        grouped: &GroupedWindow,
        part: u32,
        waiting: &BTreeSet<FindingId>,
        lease: Duration,
    ) -> Result<Option<Claim>> {
        let findings = self.read_grouped(grouped, waiting).await?;
        let id = part_id(grouped, part);
        let Some(summary) = Summary::from_findings(id, Some(grouped.window), part, &findings)
        else {
            return Ok(None);
        };
        // The interval does not matter: a summary has a window.
        let content = Content::Summary(Arc::new(summary));
        Ok(self.claim(content, lease, Duration::ZERO).await?.into_claim())
    }

    async fn read_grouped(
        &self,
        grouped: &GroupedWindow,
        waiting: &BTreeSet<FindingId>,
    ) -> Result<Vec<Finding>> {
        let ids: Vec<&FindingId> = waiting.iter().collect();
        let mut findings = Vec::new();
        for batch in ids.chunks(CONCURRENCY) {
            let read = join_all(batch.iter().map(|id| self.read_grouped_one(grouped, id))).await;
            for finding in read {
                findings.extend(finding?);
            }
            if findings.len() >= MAX_MEMBERS {
                break;
            }
        }
        Ok(findings)
    }

    /// The finding of a grouped marker. `None` if it is not grouped yet, or was alerted after all,
    /// because its holder died and the next one decided otherwise: then the marker is deleted.
    async fn read_grouped_one(
        &self,
        grouped: &GroupedWindow,
        id: &FindingId,
    ) -> Result<Option<Finding>> {
        let Some(EntrySnapshot { entry: Ok(entry), .. }) = self.read_entry(id).await? else {
            return Ok(None);
        };
        match entry.content {
            Content::Finding(finding) if entry.state == EntryState::Grouped => {
                return Ok(Some(Arc::unwrap_or_clone(finding)));
            }
            _ if entry.state.is_final() => self.delete(&format!("{}{id}", grouped.folder)).await?,
            _ => {}
        }
        Ok(None)
    }

    /// Makes grouped findings point to a summary that was sent of them, and deletes their markers.
    pub(super) async fn mark_summarised(
        &self,
        summary: &FindingId,
        folder: &str,
        members: Vec<&FindingId>,
    ) -> Result<()> {
        for batch in members.chunks(CONCURRENCY) {
            let marked = batch.iter().map(|id| self.mark_one_summarised(summary, folder, id));
            join_all(marked).await.into_iter().collect::<Result<()>>()?;
        }
        debug!(id = %summary, members = members.len(), "members summarised");
        Ok(())
    }

    async fn mark_one_summarised(
        &self,
        summary: &FindingId,
        folder: &str,
        id: &FindingId,
    ) -> Result<()> {
        let key = keys::entry(id);
        let summarised = self.swap(&key, TRIES, |object| {
            let Some(object) = object else { return Ok(Swap::Keep(false)) };
            let mut entry = Entry::decode(id, &object.bytes)?;
            if entry.state != EntryState::Grouped {
                return Ok(Swap::Keep(entry.state == EntryState::Summarised));
            }
            entry.state = EntryState::Summarised;
            entry.summary = Some(summary.clone());
            Ok(Swap::Replace(serde_json::to_vec(&entry)?, true))
        });
        // One that is not grouped yet keeps its marker.
        if summarised.await? { self.delete(&format!("{folder}{id}")).await } else { Ok(()) }
    }
}

/// The same for the same rule, window and part, whichever worker makes it.
fn part_id(grouped: &GroupedWindow, part: u32) -> FindingId {
    FindingId::hash_parts(["summary", &grouped.folder, &part.to_string()])
}
