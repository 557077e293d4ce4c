//! The groups that the ledger knows, at some time.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::Result;
use detect::finding::{GroupContext, TimelineEntry};
use detect::model::{GroupState, PolicyLog};
use detect::power::{Power, open_ways};
use jiff::Timestamp;
use serde_json::{Value, json};
use trailbell::ledger::StoredLedger;

use crate::commands::arguments::LedgerArg;

/// Which groups, and when.
#[derive(Debug, clap::Args)]
pub struct SelectionArgs {
    /// Only groups of this account
    #[arg(long, value_name = "ID")]
    pub account: Option<String>,
    /// What was known to be so at this time, e.g. 2026-03-01T10:00:00Z
    #[arg(long, value_name = "TIME")]
    pub at: Option<Timestamp>,
    #[command(flatten)]
    pub ledger: LedgerArg,
}

/// A group at some time.
pub struct KnownGroup {
    pub account: String,
    pub name: String,
    pub state: GroupState,
    pub context: GroupContext,
    /// The events under this name up to the time, oldest first.
    pub events: Vec<TimelineEntry>,
}

impl KnownGroup {
    /// The last call that changed the group.
    pub fn last_change(&self) -> Option<&TimelineEntry> {
        self.events.iter().rev().find(|event| !event.failed)
    }

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

/// The groups that exist at the time, and those that `wanted` names whether they exist or not.
pub async fn read_groups(
    ledger: &StoredLedger,
    args: &SelectionArgs,
    wanted: Option<&str>,
    now: Timestamp,
) -> Result<Vec<KnownGroup>> {
    let accounts = match &args.account {
        Some(account) => vec![account.clone()],
        None => ledger.model_accounts().await?,
    };
    let time = args.at.unwrap_or(now);
    let mut known = Vec::new();
    for account in accounts {
        known.extend(read_account(ledger, &account, wanted, time).await?);
    }
    Ok(known)
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
