//! What else a principal was found doing.

use std::collections::BTreeMap;

use detect::finding::{Call, ContextGap, Finding, FindingId, GroupAction};
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
        let (mut history, has_earlier) = self.history_in(&folder, finding, now).await?;
        history.first = !has_earlier && !self.has_older(&folder, time).await?;
        Ok(history)
    }

    /// Reads what the user that a finding's call adds to a group was found doing. Nothing for other
    /// calls. Lists at most two pages.
    pub async fn added_user_history(
        &self,
        finding: &Finding,
        now: Timestamp,
    ) -> Result<PrincipalHistory> {
        let Some(key) = added_user_key(finding) else { return Ok(PrincipalHistory::default()) };
        Ok(self.history_in(&keys::principal_folder(&key), finding, now).await?.0)
    }

    /// The findings in a principal's folder, without one and those of the same call, and whether
    /// one may be earlier: what cannot be read may be.
    async fn history_in(
        &self,
        folder: &str,
        finding: &Finding,
        now: Timestamp,
    ) -> Result<(PrincipalHistory, bool)> {
        let time = finding.time.unwrap_or(now);
        let window = self.read_index_window(folder, time, now).await?;
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
        let gap = gap(window.cut, unreadable);
        Ok((PrincipalHistory { by_rule, first: false, gap }, earlier || unreadable))
    }
}

/// The key of the user that a call adds to a group, as [`user_key`] has it. `None` if that is the
/// principal, or nobody was added.
fn added_user_key(finding: &Finding) -> Option<String> {
    let call = Call::new(finding);
    let name = call.target_user().filter(|_| !call.failed())?;
    let is_addition = call.group_action() == Some(GroupAction::AddUser);
    let account = finding.account.as_deref().filter(|_| is_addition)?;
    let partition = match call.fields.text("cloud.region") {
        Some(region) if region.starts_with("cn-") => "aws-cn",
        Some(region) if region.starts_with("us-gov-") => "aws-us-gov",
        _ => "aws",
    };
    let key = user_key(&format!("arn:{partition}:iam::{account}:user/{name}"))?;
    (user_key(&finding.principal.key).as_ref() != Some(&key)).then_some(key)
}

/// The ARN of a user in lower case and without its path: IAM ignores case in names, a name exists
/// once in an account, and the record of an addition has no path. `None` for other principals.
pub(super) fn user_key(arn: &str) -> Option<String> {
    let (account, user) = arn.split_once(":user/").filter(|_| arn.starts_with("arn:"))?;
    let name = user.rsplit('/').next()?;
    Some(format!("{account}:user/{name}").to_ascii_lowercase())
}

/// Returns true if `id` is another rule's finding of the same call.
fn is_of_same_call(finding: &Finding, rule: &str, id: &FindingId) -> bool {
    let Some(event_id) = finding.ecs["event"]["id"].as_str() else { return false };
    let rule = percent_decode_str(rule).decode_utf8_lossy();
    let account = finding.account.as_deref().unwrap_or_default();
    *id == FindingId::hash_parts([&rule, account, event_id])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_user_has_one_key_whatever_its_path_and_case() {
        for (arn, key) in [
            ("arn:aws:iam::111122223333:user/bob", Some("arn:aws:iam::111122223333:user/bob")),
            (
                "arn:aws:iam::111122223333:user/ops/eu/Bob",
                Some("arn:aws:iam::111122223333:user/bob"),
            ),
            ("arn:aws:iam::111122223333:role/Deploy/bob", None),
            ("AIDA:user/bob", None),
        ] {
            assert_eq!(user_key(arn).as_deref(), key, "{arn}");
        }
    }
}
