//! What else a principal was found doing.

use std::collections::BTreeMap;

use detect::finding::{ContextGap, Finding, FindingId};
use jiff::Timestamp;
use percent_encoding::percent_decode_str;

use super::error::Result;
use super::index_window::gap;
use super::keys;
use super::stored::StoredLedger;

/// The other findings of a principal around a finding.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PrincipalHistory {
    /// How many findings of other calls there are from 48 hours before the finding to now, by the
    /// rule's id as [`encode_key_part`](crate::store::encode_key_part) writes it.
    pub by_rule: BTreeMap<String, usize>,
    /// No earlier finding is on record.
    pub first: bool,
    /// Why these are not all.
    pub gap: Option<ContextGap>,
}

impl StoredLedger {
    /// Reads what else the principal of a finding was found doing. Lists at most two pages, and two
    /// keys more if nothing earlier is among them.
    pub async fn principal_history(
        &self,
        finding: &Finding,
        now: Timestamp,
    ) -> Result<PrincipalHistory> {
        let folder = keys::principal_folder(&finding.principal.key);
        let time = finding.time.unwrap_or(now);
        let window = self.read_index_window(&folder, time, now).await?;
        let (found, unreadable) = window.parse(|name| {
            let (time, rest) = keys::split_time(name)?;
            let (rule, id) = keys::split_id(rest)?;
            Some((time, rule, id))
        });
        let mut by_rule = BTreeMap::new();
        let mut earlier = false;
        for (found_time, rule, id) in found {
            let at_same_time = finding.time == Some(found_time);
            if id == finding.id || (at_same_time && is_of_same_call(finding, rule, &id)) {
                continue;
            }
            earlier |= (found_time, &id) < (time, &finding.id);
            *by_rule.entry(rule.to_owned()).or_default() += 1;
        }
        // What cannot be read may be earlier.
        let first = !earlier && !unreadable && !self.has_older(&folder, time).await?;
        Ok(PrincipalHistory { by_rule, first, gap: gap(window.cut, unreadable) })
    }
}

/// Returns true if `id` is another rule's finding of the same call.
fn is_of_same_call(finding: &Finding, rule: &str, id: &FindingId) -> bool {
    let Some(event_id) = finding.ecs["event"]["id"].as_str() else { return false };
    let rule = percent_decode_str(rule).decode_utf8_lossy();
    let account = finding.account.as_deref().unwrap_or_default();
    *id == FindingId::hash_parts([&rule, account, event_id])
}
