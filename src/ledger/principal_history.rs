//! What else a principal was found doing.

use std::collections::BTreeMap;

use detect::finding::{ContextGap, Finding, FindingId};
use jiff::Timestamp;

use super::detail::decode_detail;
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

/// A key of the principal's folder.
struct PrincipalKey<'a> {
    time: Timestamp,
    rule: &'a str,
    id: FindingId,
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
        let (found, unreadable) = window.parse(PrincipalKey::parse);
        let mut by_rule = BTreeMap::new();
        let mut earlier = false;
        for key in found.iter().filter(|key| !key.is_of_same_call(finding)) {
            earlier |= (key.time, &key.id) < (time, &finding.id);
            *by_rule.entry(key.rule.to_owned()).or_default() += 1;
        }
        // What cannot be read may be earlier.
        let first = !earlier && !unreadable && !self.has_older(&folder, time).await?;
        Ok(PrincipalHistory { by_rule, first, gap: gap(window.cut, unreadable) })
    }
}

impl PrincipalKey<'_> {
    /// Parses `<time>-<rule>-<id>`.
    fn parse(name: &str) -> Option<PrincipalKey<'_>> {
        let (time, rest) = keys::split_time(name)?;
        let (rule, id) = keys::split_id(rest)?;
        Some(PrincipalKey { time, rule, id })
    }

    /// Returns true if this is the finding itself, or another rule's of the same call.
    fn is_of_same_call(&self, finding: &Finding) -> bool {
        if self.id == finding.id {
            return true;
        }
        let event_id = finding.ecs["event"]["id"].as_str();
        // Calls at other times need no hash.
        let Some(event_id) = event_id.filter(|_| finding.time == Some(self.time)) else {
            return false;
        };
        let rule = decode_detail(self.rule).ok().flatten().unwrap_or_default();
        let account = finding.account.as_deref().unwrap_or_default();
        self.id == FindingId::hash_parts([&rule, account, event_id])
    }
}
