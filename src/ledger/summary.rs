//! Summaries of what was grouped, sent when its window has closed.
//!
//! The grouped markers list what is to be summarised: each is deleted after its finding points to a
//! summary that was sent. The parts of a summary are entries like any other. Part 2 takes what was
//! grouped too late for part 1.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use detect::finding::{FindingId, Member, Summary, SummaryBuilder, Window};
use detect::rule::RuleInfo;
use futures::future::join_all;
use tracing::debug;

use super::batches::Batches;
use super::claim::{Claim, ClaimOutcome};
use super::entry::{Content, Entry, EntrySnapshot, EntryState};
use super::error::Result;
use super::keys;
use super::stored::{StoredLedger, Swap, TRIES};
use crate::store::SmallObject;

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
    /// a part was claimed and not sent yet: recovery sends that one. The members of parts that
    /// were sent point to them afterwards.
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
            // The same for the same rule, window and part, whichever worker makes it.
            let id = FindingId::hash_parts(["summary", &grouped.folder, &part.to_string()]);
            let Some(snapshot) = self.read_entry(&id).await? else {
                let members = self.read_grouped(&grouped.folder, &waiting).await?;
                let summary = members.build(id, Some(grouped.window), part);
                return self.claim_part(summary, lease).await;
            };
            let entry = snapshot.entry.map_err(|problem| self.error(&keys::entry(&id), problem))?;
            let Content::Summary(summary) = &entry.content else { return Ok(None) };
            if !entry.state.is_final() {
                return Ok(None);
            }
            let sent = summary.ids().filter(|id| waiting.remove(*id)).collect();
            self.mark_summarised(&id, &grouped.folder, sent).await?;
            part += 1;
        }
        Ok(None)
    }

    async fn claim_part(&self, part: Option<Summary>, lease: Duration) -> Result<Option<Claim>> {
        let Some(part) = part else { return Ok(None) };
        // The interval does not matter: the summary has a window.
        match self.claim(Content::Summary(Arc::new(part)), lease, Duration::ZERO).await? {
            ClaimOutcome::Ours(claim) => Ok(Some(*claim)),
            _ => Ok(None),
        }
    }

    async fn read_grouped(
        &self,
        folder: &str,
        waiting: &BTreeSet<FindingId>,
    ) -> Result<SummaryBuilder> {
        let ids: Vec<&FindingId> = waiting.iter().collect();
        let mut batches = Batches::new(&ids);
        let mut members = SummaryBuilder::default();
        while let Some(batch) = batches.next_batch() {
            for read in join_all(batch.iter().map(|id| self.read_member(folder, id))).await {
                let ReadMember { member, bytes } = read?;
                batches.note_size(bytes);
                if let Some((rule, member)) = member {
                    members.add(&rule, member);
                }
            }
            if members.count() >= MAX_MEMBERS {
                break;
            }
        }
        Ok(members)
    }

    /// Reads the finding of a grouped marker. It is no member if it is not grouped yet, or was
    /// alerted after all, because its holder died and the next one decided otherwise: then the
    /// marker is deleted.
    async fn read_member(&self, folder: &str, id: &FindingId) -> Result<ReadMember> {
        let Some(EntrySnapshot { entry, object }) = self.read_entry(id).await? else {
            return Ok(ReadMember::default());
        };
        let bytes = object.bytes.len();
        let member = match entry {
            Ok(Entry {
                content: Content::Finding(finding), state: EntryState::Grouped, ..
            }) => Some((Arc::clone(&finding.rule), Member::from_finding(&finding))),
            Ok(entry) if entry.state.is_final() => {
                self.delete(&format!("{folder}{id}")).await?;
                None
            }
            _ => None,
        };
        Ok(ReadMember { member, bytes })
    }

    /// Makes grouped findings point to a summary that was sent of them, and deletes their markers.
    pub(super) async fn mark_summarised(
        &self,
        summary: &FindingId,
        folder: &str,
        members: Vec<&FindingId>,
    ) -> Result<()> {
        let mut batches = Batches::new(&members);
        while let Some(batch) = batches.next_batch() {
            let marked = batch.iter().map(|id| self.mark_member(summary, folder, id));
            for bytes in join_all(marked).await {
                batches.note_size(bytes?);
            }
        }
        debug!(id = %summary, members = members.len(), "members summarised");
        Ok(())
    }

    /// Returns how many bytes its entry has.
    async fn mark_member(
        &self,
        summary: &FindingId,
        folder: &str,
        id: &FindingId,
    ) -> Result<usize> {
        let key = keys::entry(id);
        let mut bytes = 0;
        let next = |object: Option<&SmallObject>| {
            let Some(object) = object else { return Ok(Swap::Keep(false)) };
            bytes = object.bytes.len();
            let mut entry = Entry::decode(id, &object.bytes)?;
            if entry.state != EntryState::Grouped {
                return Ok(Swap::Keep(entry.state == EntryState::Summarised));
            }
            entry.state = EntryState::Summarised;
            entry.summary = Some(summary.clone());
            Ok(Swap::Replace(entry.encode()?, |_| true))
        };
        // One that is not grouped yet keeps its marker.
        let is_summarised = self.swap(&key, TRIES, next).await?;
        if is_summarised {
            self.delete(&format!("{folder}{id}")).await?;
        }
        Ok(bytes)
    }
}

/// A member that was read, and its rule, if it is one; and how many bytes its entry has.
#[derive(Default)]
struct ReadMember {
    member: Option<(Arc<RuleInfo>, Member)>,
    bytes: usize,
}
