//! What a user can do for whom somebody else creates credentials.

use std::collections::BTreeMap;

use detect::finding::{Call, Finding, GroupContext, TargetUser, UserGroup};
use detect::model::{GroupLogs, GroupState, PolicyState};
use detect::power::Grants;
use futures::future::try_join;
use jiff::Timestamp;

use super::error::Result;
use super::stored::StoredLedger;

/// Names of a user that are read.
const MAX_NAMES: usize = 5;

impl StoredLedger {
    /// Reads what the user can do, by its groups and by its own policies, for whom the finding's
    /// call creates an access key or a password. Returns `None` for other calls. Costs a LIST of
    /// the account's groups, a read for each of them, one for each name that the user had, and one
    /// for each customer policy.
    pub async fn target_user(
        &self,
        finding: &Finding,
        now: Timestamp,
    ) -> Result<Option<TargetUser>> {
        let user = Call::new(finding).credentials_for();
        let (Some(user), Some(account)) = (user, &finding.account) else { return Ok(None) };
        let time = finding.time.map_or(now, |time| time.max(now));
        let groups = self.groups_with(account, user, time);
        let own = self.own_policies(account, user, time);
        let (groups, own) = try_join(groups, own).await?;
        let states: Vec<&GroupState> = groups.iter().chain([&own]).collect();
        let (policies, _) = self.read_policies(account, &states, &[]).await?;
        let policies: BTreeMap<String, PolicyState> =
            policies.iter().map(|(arn, log)| (arn.clone(), log.state_at(time))).collect();
        let own = GroupContext::new(&own, &policies);
        let mut target = TargetUser { own: own.power().level(), ..TargetUser::default() };
        let mut grants = vec![own.grants];
        for state in groups {
            let context = GroupContext::new(&state, &policies);
            let power = context.power().level();
            target.groups.push(UserGroup { group: state.name.unwrap_or_default(), power });
            grants.push(context.grants);
        }
        target.grants = Grants::union(grants);
        Ok(Some(target))
    }

    /// The groups that the user is a member of.
    async fn groups_with(
        &self,
        account: &str,
        user: &str,
        time: Timestamp,
    ) -> Result<Vec<GroupState>> {
        let logs = self.account_groups(account).await?;
        let user = user.to_lowercase();
        let states = logs.groups.keys().map(|name| logs.state_at(name, time));
        let has_user =
            |state: &GroupState| state.exists == Some(true) && state.members.contains_key(&user);
        Ok(states.filter(has_user).collect())
    }

    /// The user's own policies, also those that were given to it under an earlier name.
    pub async fn own_policies(
        &self,
        account: &str,
        user: &str,
        time: Timestamp,
    ) -> Result<GroupState> {
        let mut logs = GroupLogs::default();
        let mut next = Some((user.to_lowercase(), time));
        while let Some((name, until)) = next.filter(|_| logs.groups.len() < MAX_NAMES) {
            let log = self.user_policy_log(account, &name).await?;
            next = log.renamed_from(until).map(|(from, at)| (from.to_lowercase(), at));
            next = next.filter(|(from, _)| !logs.groups.contains_key(from) && *from != name);
            logs.groups.insert(name, log);
        }
        Ok(logs.state_at(user, time))
    }
}
