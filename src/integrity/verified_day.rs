//! What was verified of a chain of digests in a day. A statement is made of it when the day is
//! over.

use detect::finding::integrity::{IntegrityEvent, IntegrityKind};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::chain::{GapCause, Link};
use super::statement::{GapStatement, HeadDigest, NotValid};

/// Problems of a day that are named, at most. All of them are findings.
const MAX_PROBLEMS: usize = 50;

/// What was verified of a chain of digests in a day.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct VerifiedDay {
    /// Digests with a valid signature.
    pub digests: u64,
    /// Log files that are what these say.
    pub log_files: u64,
    /// The start of the first of these digests.
    pub from: Option<Timestamp>,
    /// The end of the last of them.
    pub until: Option<Timestamp>,
    /// The last of them.
    pub head: Option<HeadDigest>,
    /// Times that no valid digest covers.
    pub gaps: Vec<GapStatement>,
    /// What is not valid, and why. The first ones.
    pub not_valid: Vec<NotValid>,
}

impl VerifiedDay {
    /// Adds a valid digest.
    pub fn add_digest(&mut self, link: &Link) {
        let file = &link.file;
        self.merge(VerifiedDay {
            digests: 1,
            from: Some(file.start),
            until: Some(file.end),
            head: Some(HeadDigest::new(link)),
            ..VerifiedDay::default()
        });
    }

    /// Adds what is not as CloudTrail wrote it.
    pub fn add_problem(&mut self, event: &IntegrityEvent) {
        let cause = match event.kind {
            IntegrityKind::DigestMissing | IntegrityKind::DigestForged => GapCause::Digests,
            IntegrityKind::ChainRestarted => GapCause::Restart,
            _ => return self.add_not_valid(event),
        };
        if self.gaps.len() < MAX_PROBLEMS {
            let reason = cause.explain().to_owned();
            self.gaps.push(GapStatement { from: event.from, until: event.until, reason });
        }
        if cause == GapCause::Digests {
            self.add_not_valid(event);
        }
    }

    fn add_not_valid(&mut self, event: &IntegrityEvent) {
        let is_digest =
            matches!(event.kind, IntegrityKind::DigestMissing | IntegrityKind::DigestForged);
        let is_missing =
            matches!(event.kind, IntegrityKind::DigestMissing | IntegrityKind::LogFileMissing);
        if self.not_valid.len() < MAX_PROBLEMS {
            self.not_valid.push(NotValid {
                kind: if is_digest { "digest" } else { "log" }.to_owned(),
                key: event.key.clone(),
                status: if is_missing { "missing" } else { "invalid" }.to_owned(),
                reason: event.reason.clone(),
            });
        }
    }

    /// Adds what was verified of the same day on another way to a later digest.
    pub fn merge(&mut self, other: VerifiedDay) {
        self.digests += other.digests;
        self.log_files += other.log_files;
        self.from = self.from.into_iter().chain(other.from).min();
        if other.until > self.until {
            self.until = other.until;
            self.head = other.head;
        }
        let room = MAX_PROBLEMS.saturating_sub(self.gaps.len());
        self.gaps.extend(other.gaps.into_iter().take(room));
        let room = MAX_PROBLEMS.saturating_sub(self.not_valid.len());
        self.not_valid.extend(other.not_valid.into_iter().take(room));
    }
}
