//! What lies between the head of a chain and a digest: every digest that is named by the next one,
//! or that should be there by the cadence.

use detect::cloudtrail::key::digest_end;
use detect::finding::integrity::IntegrityKind;
use detect::text::error::error_chain;
use jiff::Timestamp;

use super::{DigestVerification, Left};
use crate::integrity::chain::{CADENCE, Link, TOLERANCE};
use crate::integrity::digest::PreviousDigest;
use crate::integrity::{IntegrityProblem, Verdict};
use crate::ledger::ChainHead;

/// A digest that should come before another one.
struct Expected {
    key: String,
    end: Timestamp,
    /// What the next one says of it. `None` if only the cadence says that it should be there.
    named: Option<PreviousDigest>,
    named_by: String,
}
impl DigestVerification<'_> {
    /// Verifies what lies between the head of the chain and a digest.
    pub(super) async fn walk_back(&mut self, link: &Link, head: &ChainHead) -> Result<(), Left> {
        let mut next = self.before(link, head);
        let mut steps = 0;
        while let Some(expected) = next {
            if self.invocation.is_over() {
                return Err(Left::Deadline);
            }
            if steps == self.max_walk {
                return Err(Left::ToSweep);
            }
            steps += 1;
            next = self.verify_before(expected, head).await?;
        }
        Ok(())
    }

    /// The digest before this one, as this one says. `None` at the head, or where the chain begins.
    fn before(&mut self, link: &Link, head: &ChainHead) -> Option<Expected> {
        let file = &link.file;
        let Some(previous) = &file.previous else {
            let why = "the first digest of a new chain follows";
            return self.restarted(head, file.start, why);
        };
        if previous.key == head.key && previous.bucket == self.chain.bucket {
            let is_head = previous.hash.to_string() == head.hash
                && previous.signature.eq_ignore_ascii_case(&head.signature);
            if !is_head {
                self.replaced(&head.key, head.end, &file.key);
            }
            return None;
        }
        let end = digest_end(&previous.key).filter(|end| {
            let is_here = previous.bucket == self.chain.bucket;
            *end < file.end && is_here && self.chain.key_at(*end) == previous.key
        });
        match end {
            None => {
                let why = "the digests before are in another bucket or folder";
                self.restarted(head, file.start, why)
            }
            Some(end) if end <= head.end => {
                self.replaced(&head.key, head.end, &file.key);
                None
            }
            Some(end) => Some(Expected {
                key: previous.key.clone(),
                end,
                named: Some(previous.clone()),
                named_by: file.key.clone(),
            }),
        }
    }

    /// Verifies a digest that should be there. Returns the one before it.
    async fn verify_before(
        &mut self,
        expected: Expected,
        head: &ChainHead,
    ) -> Result<Option<Expected>, Left> {
        let Expected { key, end, named, named_by } = &expected;
        let (verdict, link) = self.check(key).await;
        match (verdict, link) {
            (Verdict::Unchecked(error), _) => {
                return Err(self.unchecked(&error));
            }
            (_, Some(link)) => {
                let is_other = named.as_ref().is_some_and(|named| {
                    link.file.hash != named.hash
                        || !link.signature.eq_ignore_ascii_case(&named.signature)
                });
                if !is_other {
                    self.verify_logs(&link).await?;
                    return Ok(self.before(&link, head));
                }
                self.replaced(key, *end, named_by);
            }
            (Verdict::Invalid(problem), _) => self.forged(key, Some(*end), &problem),
            (Verdict::Missing(_) | Verdict::Valid, None) => {
                let reason = match named {
                    Some(_) => "the next digest names it, and there is no such object",
                    None => "the trail writes one every hour, and there is no such object",
                };
                let digest = named.as_ref().map(|_| named_by.clone());
                self.add(IntegrityKind::DigestMissing, key, reason, digest, (*end, *end));
            }
        }
        Ok(self.derived_before(*end, head))
    }

    /// The digest of the hour before, by the cadence. `None` if that is the head.
    fn derived_before(&self, end: Timestamp, head: &ChainHead) -> Option<Expected> {
        let end = end.checked_sub(CADENCE).ok()?;
        let is_between = end.duration_since(head.end) > TOLERANCE && !self.chain.backfill;
        let key = self.chain.key_at(end);
        is_between.then(|| Expected { key, end, named: None, named_by: String::new() })
    }
    pub(super) fn forged(&mut self, key: &str, end: Option<Timestamp>, problem: &IntegrityProblem) {
        let end = end.unwrap_or(self.now);
        let reason = error_chain(problem);
        self.add(IntegrityKind::DigestForged, key, &reason, None, (end, end));
    }

    pub(super) fn replaced(&mut self, key: &str, end: Timestamp, next: &str) {
        let reason = "the next digest was signed over another one in this place";
        let digest = Some(next.to_owned());
        self.add(IntegrityKind::DigestForged, key, reason, digest, (end, end));
    }

    fn restarted(&mut self, head: &ChainHead, start: Timestamp, why: &str) -> Option<Expected> {
        let time = (head.end, start.max(head.end));
        self.add(IntegrityKind::ChainRestarted, &head.key, why, None, time);
        None
    }
}
