//! The chain of a trail's digests in one account and region: what follows what, and what is
//! missing in between. Pure.
//!
//! Only digests with a valid signature are links. Others say nothing, not even where they belong:
//! that there is an object in a digest's place is all that is known of them.

use std::collections::{BTreeMap, HashMap};

use detect::cloudtrail::key::digest_end;
use jiff::{SignedDuration, Timestamp};

use super::digest::{DigestFile, PreviousDigest};
use super::problem::Absence;

/// How often CloudTrail writes digests.
pub const CADENCE: SignedDuration = SignedDuration::from_hours(1);

/// Digests are an hour apart, to the second. Half of that distinguishes one from the next.
pub const TOLERANCE: SignedDuration = SignedDuration::from_mins(30);

/// A digest with a valid signature.
#[derive(Debug, Clone)]
pub struct Link {
    /// What it says.
    pub file: DigestFile,
    /// Its signature, in hexadecimal.
    pub signature: String,
}

/// What else is known of a chain.
pub struct Surroundings<'a> {
    /// The objects in the places of digests, valid or not, by the time in their names.
    pub present: &'a BTreeMap<Timestamp, String>,
    /// The key of the digest that ends at this time.
    pub key_at: &'a dyn Fn(Timestamp) -> String,
    /// Returns true if a digest that ends at this time, after the last one, should be there.
    pub is_due: &'a dyn Fn(Timestamp) -> bool,
    /// Returns true if there are log files that a digest which ends at this time, before the first
    /// one, should list.
    pub had_log_files: &'a dyn Fn(Timestamp) -> bool,
    /// The chain is of backfill digests, which have no cadence.
    pub is_backfill: bool,
}

/// What a chain lacks.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct ChainReport {
    /// Digests that are not there, by the end of their hour.
    pub missing: BTreeMap<Timestamp, MissingDigest>,
    /// Times between the first and the last digest that no valid one covers.
    pub gaps: Vec<Gap>,
}

/// A digest that is not there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MissingDigest {
    /// Where it should be.
    pub key: String,
    /// How that is known.
    pub absence: Absence,
}

/// A time that no valid digest covers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Gap {
    /// Its start.
    pub from: Timestamp,
    /// Its end.
    pub until: Timestamp,
    /// What is known about it.
    pub cause: GapCause,
}

/// Why no valid digest covers a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GapCause {
    /// Digests are missing or not valid.
    Digests,
    /// The next digest is the first of a new chain: logging or validation was stopped and started,
    /// or the trail was replaced. Digests of the old chain may be missing as well.
    Restart,
    /// The chain continues in another bucket or folder.
    Elsewhere,
}

/// Finds what a chain lacks. `links` are sorted by their ends.
pub fn examine_chain(links: &[Link], surroundings: &Surroundings<'_>) -> ChainReport {
    let mut report = ChainReport::default();
    for (index, link) in links.iter().enumerate() {
        let before = index.checked_sub(1).map(|index| &links[index]);
        surroundings.examine_link(link, before, &mut report);
    }
    match links.last() {
        // Backfill digests cover no time.
        _ if surroundings.is_backfill => report.gaps.clear(),
        Some(last) => surroundings.examine_end(last, &mut report),
        None => {}
    }
    report
}

impl Surroundings<'_> {
    fn examine_link(&self, link: &Link, before: Option<&Link>, report: &mut ChainReport) {
        let Some(previous) = &link.file.previous else {
            report.add_gap(before, link, GapCause::Restart);
            return;
        };
        if before.is_some_and(|before| before.is_named_by(previous)) {
            return;
        }
        let Some(end) = self.end_of(previous, link) else {
            report.add_gap(before, link, GapCause::Elsewhere);
            return;
        };
        report.add_gap(before, link, GapCause::Digests);
        if !self.is_present(end) {
            let absence = Absence::NamedByNextDigest(link.file.key.clone());
            report.missing.insert(end, MissingDigest { key: previous.key.clone(), absence });
        }
        if !self.is_backfill {
            self.walk_back(end, before, report);
        }
    }

    /// Names the digests between the one that ends at `end` and `before` by the cadence.
    fn walk_back(&self, end: Timestamp, before: Option<&Link>, report: &mut ChainReport) {
        let mut end = end;
        while let Ok(earlier) = end.checked_sub(CADENCE) {
            let is_between = match before {
                Some(before) => earlier.duration_since(before.file.end) > TOLERANCE,
                None => (self.had_log_files)(earlier),
            };
            if !is_between {
                return;
            }
            self.add_derived(earlier, report);
            end = earlier;
        }
    }

    fn examine_end(&self, last: &Link, report: &mut ChainReport) {
        let mut end = last.file.end;
        while let Ok(later) = end.checked_add(CADENCE) {
            if !(self.is_due)(later) {
                break;
            }
            self.add_derived(later, report);
            end = later;
        }
        if end > last.file.end {
            let cause = GapCause::Digests;
            report.gaps.push(Gap { from: last.file.end, until: end, cause });
        }
    }

    fn add_derived(&self, end: Timestamp, report: &mut ChainReport) {
        if !self.is_present(end) {
            let key = (self.key_at)(end);
            let absence = Absence::HourlyCadence;
            report.missing.insert(end, MissingDigest { key, absence });
        }
    }

    fn is_present(&self, end: Timestamp) -> bool {
        let from = end.checked_sub(TOLERANCE).unwrap_or(end);
        let until = end.checked_add(TOLERANCE).unwrap_or(end);
        self.present.range(from..until).next().is_some()
    }

    /// The end of the digest that `next` names. Returns `None` if it is not of this chain, or does
    /// not come before.
    fn end_of(&self, previous: &PreviousDigest, next: &Link) -> Option<Timestamp> {
        let end = digest_end(&previous.key).filter(|end| *end < next.file.end)?;
        let is_here = previous.bucket == next.file.bucket && (self.key_at)(end) == previous.key;
        is_here.then_some(end)
    }
}

/// Removes the digests that are signed and yet not those of the chain: the next one names another
/// hash or signature, or goes back behind them. Returns their ends, each with the key of the next
/// one. `links` are sorted by their ends.
pub fn remove_replaced(links: &mut Vec<Link>, is_backfill: bool) -> Vec<(Timestamp, String)> {
    let named_by = |link: &Link| Some(link.file.previous.as_ref()?.key.clone());
    let named_by: HashMap<String, usize> = (links.iter().enumerate())
        .filter_map(|(index, link)| Some((named_by(link)?, index)))
        .collect();
    let mut replaced = BTreeMap::new();
    let mut next: Option<&Link> = None;
    for link in links.iter().rev() {
        let contradicting = named_by.get(&link.file.key).map(|index| &links[*index]);
        let contradicting = contradicting.filter(|next| link.is_contradicted_by(next));
        let skipping = next.filter(|next| !is_backfill && link.is_skipped_by(next));
        match contradicting.or(skipping) {
            Some(next) => _ = replaced.insert(link.file.end, next.file.key.clone()),
            None => next = Some(link),
        }
    }
    links.retain(|link| !replaced.contains_key(&link.file.end));
    replaced.into_iter().collect()
}

impl Link {
    fn is_named_by(&self, previous: &PreviousDigest) -> bool {
        self.file.bucket == previous.bucket && self.file.key == previous.key
    }

    fn is_contradicted_by(&self, next: &Link) -> bool {
        let named = next.file.previous.as_ref().filter(|previous| self.is_named_by(previous));
        named.is_some_and(|previous| {
            let is_same_signature = self.signature.eq_ignore_ascii_case(&previous.signature);
            previous.hash != self.file.hash || !is_same_signature
        })
    }

    /// Returns true if the next digest in time follows one that is before this.
    fn is_skipped_by(&self, next: &Link) -> bool {
        let Some(previous) = &next.file.previous else { return false };
        let is_same_bucket = previous.bucket == self.file.bucket;
        let end = digest_end(&previous.key).filter(|_| is_same_bucket);
        !self.is_named_by(previous) && end.is_some_and(|end| end <= self.file.end)
    }
}

impl ChainReport {
    fn add_gap(&mut self, before: Option<&Link>, link: &Link, cause: GapCause) {
        if let Some(before) = before.filter(|before| before.file.end < link.file.start) {
            self.gaps.push(Gap { from: before.file.end, until: link.file.start, cause });
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_digest_that_names_a_later_one_begins_a_chain() {
        let key = |end: &str| {
            let name = "111122223333_CloudTrail-Digest_us-east-1_trail_us-east-1";
            format!("AWSLogs/111122223333/CloudTrail-Digest/us-east-1/{name}_{end}.json.gz")
        };
        let digest = |hour: u32, previous: &str| {
            let text = json!({
                "awsAccountId": "111122223333",
                "digestStartTime": format!("2026-03-12T{:02}:00:00Z", hour - 1),
                "digestEndTime": format!("2026-03-12T{hour:02}:00:00Z"),
                "digestS3Bucket": "logs",
                "digestS3Object": key(&format!("20260312T{hour:02}0000Z")),
                "digestPublicKeyFingerprint": "ab",
                "digestSignatureAlgorithm": "SHA256withRSA",
                "previousDigestS3Bucket": "logs",
                "previousDigestS3Object": key(previous),
                "previousDigestHashValue": "00".repeat(32),
                "previousDigestHashAlgorithm": "SHA-256",
                "previousDigestSignature": "ab",
                "logFiles": [],
            });
            let file = DigestFile::from_json(text.to_string().as_bytes()).unwrap();
            Link { file, signature: "ab".to_owned() }
        };
        for (previous, missing) in [
            ("20260312T080000Z", 1),
            ("20260312T090000Z", 0),
            ("20260312T100000Z", 0),
            // An hour at a time, this would never end.
            ("99991230T000000Z", 0),
        ] {
            let report = examine_chain(
                &[digest(9, previous)],
                &Surroundings {
                    present: &BTreeMap::new(),
                    key_at: &|end| key(&end.strftime("%Y%m%dT%H%M%SZ").to_string()),
                    is_due: &|_| false,
                    had_log_files: &|_| false,
                    is_backfill: false,
                },
            );
            assert_eq!(report.missing.len(), missing, "{previous}: {report:?}");
        }
    }
}
