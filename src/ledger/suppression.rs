//! Alert suppression: which findings of a group were alerted.

use detect::finding::FindingId;
use detect::rule::GroupAlerts;
use jiff::{SignedDuration, Timestamp};

use super::error::Result;
use super::keys;
use super::stored::{StoredLedger, Swap};
use crate::store::SmallObject;

/// How often a group is written. Workers of a burst contend.
const TRIES: u32 = 12;

impl StoredLedger {
    /// Returns for each finding of a group whether it is to be alerted, and records the alerts
    /// before they are sent. A finding that was to be alerted before still is.
    pub async fn admit(
        &self,
        rule: &str,
        group: &str,
        findings: &[(FindingId, Timestamp)],
        duration: SignedDuration,
    ) -> Result<Vec<bool>> {
        let next = |object: Option<&SmallObject>| {
            // A damaged group starts over: at worst an alert is sent twice.
            let read = object.and_then(|object| serde_json::from_slice(&object.bytes).ok());
            let before: GroupAlerts = read.unwrap_or_default();
            let mut after = before.clone();
            let admit = |(id, time): &(FindingId, Timestamp)| after.admit(id, *time, duration);
            let admitted: Vec<bool> = findings.iter().map(admit).collect();
            if after == before {
                return Ok(Swap::Keep(admitted));
            }
            Ok(Swap::Replace(serde_json::to_vec(&after)?.into(), |_| admitted))
        };
        self.swap(&keys::suppression(rule, group), TRIES, next).await
    }
}
