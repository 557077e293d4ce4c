//! The groups that the ledger knows, at some time.

use std::collections::{BTreeMap, BTreeSet};

use detect::finding::{GroupContext, TimelineEntry};
use detect::model::{GroupState, PolicyLog};
use detect::power::{Power, open_ways};
use jiff::Timestamp;
use serde_json::{Value, json};

use super::error::Result;
use super::stored::StoredLedger;

/// A group at some time.
#[derive(Debug)]
pub struct KnownGroup {
    /// Its account.
    pub account: String,
    /// Its name then.
    pub name: String,
    /// What the trail had said of it.
    pub state: GroupState,
    /// What it could do.
    pub context: GroupContext,
    /// The events under this name up to the time, oldest first.
    pub events: Vec<TimelineEntry>,
}

impl KnownGroup {
    /// The last call that changed the group.
    pub fn last_change(&self) -> Option<&TimelineEntry> {
        self.events.iter().rev().find(|event| !event.failed)
    }

    /// All of it, as JSON.
    pub fn document(&self) -> Value {
        let power = self.context.power();
        let last = self.last_change().map(|event| {
            json!({
                "time": event.time,
                "action": event.action,
                "principal": event.principal,
                "suppressed": event.suppressed,
            })
        });
        let ways: Vec<&str> =
            open_ways(&self.context.grants).iter().map(|open| open.way.id).collect();
        let ways = if matches!(power, Power::Unknown) { Vec::new() } else { ways };
        json!({
            "account": self.account,
            "group": self.name,
            "exists": self.state.exists,
            "power": power.level(),
            "ways": ways,
            "policies": self.context.policies,
            "members": self.context.members,
            "complete": self.context.complete,
            "uncertain": self.context.uncertain,
            "last_change": last,
        })
    }
}

impl StoredLedger {
    /// The groups of an account, or of all, that exist at a time; and those of the name `wanted`
    /// whether they exist or not.
    pub async fn known_groups(
        &self,
        account: Option<&str>,
        wanted: Option<&str>,
        time: Timestamp,
    ) -> Result<Vec<KnownGroup>> {
        let accounts = match account {
            Some(account) => vec![account.to_owned()],
            None => self.model_accounts().await?,
        };
        let mut known = Vec::new();
        for account in accounts {
            known.extend(read_account(self, &account, wanted, time).await?);
        }
        Ok(known)
    }
}

async fn read_account(
    ledger: &StoredLedger,
    account: &str,
    wanted: Option<&str>,
    time: Timestamp,
) -> Result<Vec<KnownGroup>> {
    let logs = ledger.account_groups(account).await?;
    let is_wanted = |name: &&String| wanted.is_none_or(|wanted| wanted.to_lowercase() == **name);
    let states: Vec<(&String, GroupState)> = logs
        .groups
        .keys()
        .filter(is_wanted)
        .map(|name| (name, logs.state_at(name, time)))
        .filter(|(_, state)| wanted.is_some() || state.exists == Some(true))
        .collect();
    let arns: BTreeSet<&String> =
        states.iter().flat_map(|(_, state)| state.attached.keys()).collect();
    let mut policies: BTreeMap<String, PolicyLog> = BTreeMap::new();
    for arn in arns {
        policies.insert(arn.clone(), ledger.policy_log(account, arn).await?);
    }
    let in_force = policies.iter().map(|(arn, log)| (arn.clone(), log.state_at(time))).collect();
    let group = |(key, state): (&String, GroupState)| {
        let log = &logs.groups[key];
        KnownGroup {
            account: account.to_owned(),
            name: state.name.clone().unwrap_or_else(|| key.clone()),
            context: GroupContext::new(&state, &in_force),
            events: log.until(time).iter().filter_map(|it| it.timeline_entry()).collect(),
            state,
        }
    };
    Ok(states.into_iter().map(group).collect())
}
