//! What was held back, told in one message when its window closes.
//!
//! The held markers are the list of what is to be told: each is taken away after its finding points
//! to a summary that was published. The parts of a summary are entries like any other; part 2 takes
//! what came too late for part 1.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use detect::finding::{Finding, FindingId, Summary, Window};
use futures::future::join_all;

use super::claim::{Claim, Claimed};
use super::entry::{Content, State};
use super::recover::is_left_alone;
use super::{Completed, LedgerError, StoredLedger, keys};

/// Members of one part: what can be read and noted within a minute.
const MOST_MEMBERS: usize = 2_000;

/// Entries read or written at once.
const TOGETHER: usize = 16;

/// One rule's execution in which something is held back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HeldWindow {
    /// The folder of its markers.
    folder: String,
    window: Window,
}

impl StoredLedger {
    /// The windows that are over, by the store's clock, and in which something is held back.
    pub async fn due_windows(&self) -> Result<Vec<HeldWindow>, LedgerError> {
        let date = self.date().await?;
        let mut due = Vec::new();
        for rule in self.place.list_all(keys::HELD, true).await? {
            let folders = self.place.list_all(&rule, true).await?;
            let held = folders.into_iter().filter_map(|folder| {
                let name = folder.strip_prefix(&rule)?.trim_end_matches('/');
                Some(HeldWindow { window: Window::parse(name)?, folder })
            });
            due.extend(held.filter(|held| held.window.end() <= date));
        }
        Ok(due)
    }

    /// Claims the next part of a window's summary; none where nothing is left to be told, or
    /// another worker is at it. Members of parts that were told before are noted as such on the
    /// way.
    pub async fn next_part(
        &self,
        held: &HeldWindow,
        lease: Duration,
    ) -> Result<Option<Claim>, LedgerError> {
        let mut waiting = self.waiting(held).await?;
        let mut part = 1;
        // Parts are looked at after the markers were listed: no marker's finding can be in a part
        // not looked at.
        while !waiting.is_empty() {
            let Some(found) = self.read(&part_id(held, part)).await? else {
                return self.new_part(held, part, &waiting, lease).await;
            };
            let entry = found
                .entry
                .as_ref()
                .map_err(|error| self.place.error(&held.folder, error.clone()))?;
            if !entry.state.is_final() {
                let alone = is_left_alone(entry, &found);
                return if alone { Ok(None) } else { self.take_over(entry, &found, lease).await };
            }
            if let Content::Summary(summary) = &entry.content {
                let told: Vec<FindingId> =
                    summary.ids().filter(|id| waiting.remove(*id)).cloned().collect();
                self.note_told(held, &told, &summary.id).await?;
            }
            part += 1;
        }
        Ok(None)
    }

    /// A summary was published: its members point to it, and wait no more.
    pub async fn told(&self, claim: &Claim, message_id: &str) -> Result<Completed, LedgerError> {
        let completed = self.alerted(claim, message_id).await?;
        if let (Completed::Done, Content::Summary(summary)) = (completed, &claim.entry.content)
            && let Some(window) = summary.window
        {
            let held = HeldWindow { folder: keys::held_in(&summary.rule.id, window), window };
            let ids: Vec<FindingId> = summary.ids().cloned().collect();
            self.note_told(&held, &ids, &summary.id).await?;
        }
        Ok(completed)
    }

    async fn note_told(
        &self,
        held: &HeldWindow,
        ids: &[FindingId],
        summary: &FindingId,
    ) -> Result<(), LedgerError> {
        for chunk in ids.chunks(TOGETHER) {
            let noted =
                join_all(chunk.iter().map(|id| self.note_one_told(held, id, summary))).await;
            noted.into_iter().collect::<Result<(), LedgerError>>()?;
        }
        Ok(())
    }

    async fn note_one_told(
        &self,
        held: &HeldWindow,
        id: &FindingId,
        summary: &FindingId,
    ) -> Result<(), LedgerError> {
        let told = self.summarised(id, summary).await?;
        if told { self.place.delete(&format!("{}{id}", held.folder)).await } else { Ok(()) }
    }

    /// The ids of a window's markers.
    async fn waiting(&self, held: &HeldWindow) -> Result<BTreeSet<FindingId>, LedgerError> {
        let keys = self.place.list_all(&held.folder, false).await?;
        Ok(keys
            .iter()
            .filter_map(|key| FindingId::parse(key.strip_prefix(&held.folder)?))
            .collect())
    }

    async fn new_part(
        &self,
        held: &HeldWindow,
        part: u32,
        waiting: &BTreeSet<FindingId>,
        lease: Duration,
    ) -> Result<Option<Claim>, LedgerError> {
        let findings = self.held_findings(held, waiting).await?;
        let id = part_id(held, part);
        let Some(summary) = Summary::from_findings(id, Some(held.window), part, &findings) else {
            return Ok(None);
        };
        // The window is the summary's own; the interval does not matter.
        match self.claim(Content::Summary(Arc::new(summary)), lease, Duration::ZERO).await? {
            Claimed::Mine(claim) => Ok(Some(*claim)),
            Claimed::Duplicate(_) | Claimed::HeldElsewhere | Claimed::Unreadable(_) => Ok(None),
        }
    }

    /// The findings that wait, as far as their entries say so. One whose holder is still at it
    /// comes later; one that was told after all (its holder died, the next decided anew) waits no
    /// more.
    async fn held_findings(
        &self,
        held: &HeldWindow,
        waiting: &BTreeSet<FindingId>,
    ) -> Result<Vec<Finding>, LedgerError> {
        let ids: Vec<&FindingId> = waiting.iter().collect();
        let mut findings = Vec::new();
        for chunk in ids.chunks(TOGETHER) {
            let read = join_all(chunk.iter().map(|id| self.held_finding(held, id))).await;
            for finding in read {
                findings.extend(finding?);
            }
            if findings.len() >= MOST_MEMBERS {
                break;
            }
        }
        Ok(findings)
    }

    async fn held_finding(
        &self,
        held: &HeldWindow,
        id: &FindingId,
    ) -> Result<Option<Finding>, LedgerError> {
        let Some(found) = self.read(id).await? else { return Ok(None) };
        let Ok(entry) = found.entry else { return Ok(None) };
        match (entry.state, entry.content) {
            (State::Held, Content::Finding(finding)) => Ok(Some(Arc::unwrap_or_clone(finding))),
            (state, _) if state.is_final() => {
                self.place.delete(&format!("{}{id}", held.folder)).await?;
                Ok(None)
            }
            _ => Ok(None),
        }
    }
}

/// The same for the same rule, window and part, whoever counts.
fn part_id(held: &HeldWindow, part: u32) -> FindingId {
    FindingId::hash_parts(["summary", &held.folder, &part.to_string()])
}
