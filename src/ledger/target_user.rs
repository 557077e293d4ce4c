//! What a user can do for whom somebody else creates credentials.

use std::collections::BTreeMap;

use detect::finding::{Call, Finding, GroupContext, TargetUser, UserGroup};
use detect::model::{GroupState, PolicyState};
use detect::power::Grants;
use jiff::Timestamp;

use super::error::Result;
use super::stored::StoredLedger;

impl StoredLedger {
    /// Reads what the user can do by its groups for whom the finding's call creates an access key
    /// or a password. Returns `None` for other calls. Costs a LIST of the account's groups, a read
    /// for each of them, and one for each customer policy of the user's groups.
    pub async fn target_user(
        &self,
        finding: &Finding,
        now: Timestamp,
    ) -> Result<Option<TargetUser>> {
        let user = Call::new(finding).credentials_for();
        let (Some(user), Some(account)) = (user, &finding.account) else { return Ok(None) };
        let logs = self.account_groups(account).await?;
        let time = finding.time.map_or(now, |time| time.max(now));
        let user = user.to_lowercase();
        let states: Vec<GroupState> = logs
            .groups
            .keys()
            .map(|name| logs.state_at(name, time))
            .filter(|state| state.exists == Some(true) && state.members.contains_key(&user))
            .collect();
        let (policies, _) =
            self.read_policies(account, &states.iter().collect::<Vec<_>>(), &[]).await?;
        let policies: BTreeMap<String, PolicyState> =
            policies.iter().map(|(arn, log)| (arn.clone(), log.state_at(time))).collect();
        let mut target = TargetUser::default();
        for state in states {
            let context = GroupContext::new(&state, &policies);
            let power = context.power().level();
            target.groups.push(UserGroup { group: state.name.unwrap_or_default(), power });
            let known = std::mem::take(&mut target.grants);
            target.grants = Grants::union([known, context.grants]);
        }
        Ok(Some(target))
    }
}
