//! What a new version of a customer's policy gives to the groups that it is attached to.

use std::collections::BTreeMap;

use detect::finding::{Call, Finding, GroupContext, GroupGain, PolicyDrift};
use detect::model::{GroupLogs, GroupState, PolicyState};
use futures::future::join_all;
use jiff::{SignedDuration, Timestamp};

use super::error::Result;
use super::stored::StoredLedger;

/// Groups of one policy that are read.
const MAX_GROUPS: usize = 50;

impl StoredLedger {
    /// Compares what groups could do before and after a finding's call set another version of their
    /// policy in force. Returns `None` if it did not. Costs a read for the policy, and the reads of
    /// [`group_timeline`](StoredLedger::group_timeline) for each group.
    pub async fn policy_drift(&self, finding: &Finding) -> Result<Option<PolicyDrift>> {
        let call = Call::new(finding);
        let parts = (call.policy_with_new_version(), finding.time, &finding.account);
        let (Some(arn), Some(time), Some(account)) = parts else { return Ok(None) };
        let log = self.policy_log(account, arn).await?;
        let just_before = time.checked_sub(SignedDuration::from_nanos(1)).unwrap_or(time);
        let (before, after) = (log.state_at(just_before), log.state_at(time));
        let attached = after.groups.values().take(MAX_GROUPS);
        let gains = attached.map(|group| self.gain(account, group, arn, time, [&before, &after]));
        let gains = join_all(gains).await.into_iter().collect::<Result<Vec<_>>>()?;
        let groups = gains.into_iter().flatten().collect();
        Ok(Some(PolicyDrift { previous: before.default, groups }))
    }

    /// What one group gained by a policy that is attached to it.
    async fn gain(
        &self,
        account: &str,
        group: &str,
        arn: &str,
        time: Timestamp,
        [before, after]: [&PolicyState; 2],
    ) -> Result<Option<GroupGain>> {
        let Some((name, state)) = self.attached_group(account, group, arn, time).await? else {
            return Ok(None);
        };
        let (others, _) = self.read_policies(account, &[&state], &[]).await?;
        let mut policies: BTreeMap<String, PolicyState> =
            others.iter().map(|(arn, log)| (arn.clone(), log.state_at(time))).collect();
        let mut context_with = |policy: &PolicyState| {
            policies.insert(arn.to_owned(), policy.clone());
            GroupContext::new(&state, &policies)
        };
        let (before, after) = (context_with(before), context_with(after));
        Ok(GroupGain::between(&name, &before, &after))
    }

    /// The group that had this name when the policy was attached to it, under its name at this
    /// time. Returns `None` if it does not have the policy any more.
    pub async fn attached_group(
        &self,
        account: &str,
        group: &str,
        arn: &str,
        time: Timestamp,
    ) -> Result<Option<(String, GroupState)>> {
        let mut logs = GroupLogs { users: self.user_log(account).await?, ..GroupLogs::default() };
        let mut name = group.to_owned();
        loop {
            let log = self.group_log(account, &name).await?;
            let renamed = log.last_renamed_to(time).map(str::to_owned);
            logs.groups.insert(name.to_lowercase(), log);
            let state = logs.state_at(&name, time);
            if state.exists == Some(true) && state.attached.contains_key(arn) {
                return Ok(Some((name, state)));
            }
            match renamed {
                Some(next) if !logs.groups.contains_key(&next.to_lowercase()) => name = next,
                _ => return Ok(None),
            }
        }
    }
}
