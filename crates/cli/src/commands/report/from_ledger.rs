//! A report from the ledger.

use std::collections::BTreeSet;

use anyhow::Result;
use detect::rule::Exception;
use detect::text::time::format_minute;
use jiff::{SignedDuration, Timestamp};
use report::data::{Group, GroupPower, HeldPolicy, KnownMember};
use trailbell::ledger::{Content, Entry, StoredLedger};
use trailbell::pages::delivery;

use super::{Args, Input, Unreadable};
use crate::commands::groups::known::{KnownGroup, SelectionArgs, read_groups};
use crate::commands::ledger::entries::{open_ledger, read_entries};
use crate::commands::ledger::filter::{EntryFilter, FilterArgs};
use crate::commands::ledger::stats::read_heartbeat;
use crate::commands::report::from_logs::loaded_rule;

/// A sweep runs every 10 minutes. If the last one began longer ago, one is missing.
const SWEEP_DELAY: SignedDuration = SignedDuration::from_mins(30);

/// Adds what the ledger has of the period. All accounts and groups are read: a group may have had
/// another name, and an incident other groups.
pub async fn read(args: &Args, now: Timestamp, input: &mut Input) -> Result<()> {
    let filter_args = FilterArgs::everything_in(args.range.clone());
    let mut filter = EntryFilter::new(&filter_args, now)?;
    let (ledger, name) = open_ledger(&args.ledger).await?;
    let unreadable =
        read_entries(&ledger, &mut filter, &mut |entry| add_entry(input, &entry)).await?;
    let named = unreadable.named.into_iter();
    input.unreadable.extend(named.map(|(name, problem)| Unreadable { name, problem }));
    input.groups = read_known_groups(args, &ledger, input.scope.until, now).await?;
    input.exceptions = load_exceptions(args)?;
    input.not_seen.extend(check_sweeps(&ledger, now).await?);
    input.origin.sources.push(name);
    let rules: BTreeSet<_> =
        input.findings.iter().map(|it| loaded_rule(&it.finding.rule)).collect();
    input.origin.rules = rules.into_iter().collect();
    Ok(())
}

/// The groups as the ledger's model has them at the end of the period.
async fn read_known_groups(
    args: &Args,
    ledger: &StoredLedger,
    until: Option<Timestamp>,
    now: Timestamp,
) -> Result<Vec<Group>> {
    let selection =
        SelectionArgs { account: args.account.clone(), at: until, ledger: args.ledger.clone() };
    let known = read_groups(ledger, &selection, None, now).await?;
    Ok(known.into_iter().map(to_group).collect())
}

fn to_group(known: KnownGroup) -> Group {
    let KnownGroup { account, name, state, context, .. } = known;
    let level = Some(context.power().level()).filter(|_| !context.policies.is_empty());
    let policies = context.policies.into_iter().map(|policy| {
        let inline = !policy.name.starts_with("arn:");
        (policy.name, HeldPolicy { inline, power: policy.power, since: None })
    });
    let members = context.members.into_iter().map(|name| (name, KnownMember::default()));
    Group {
        account: Some(account),
        name,
        power: GroupPower { level, complete: state.complete },
        policies: policies.collect(),
        members: members.collect(),
        complete: state.complete,
        ..Group::default()
    }
}

fn add_entry(input: &mut Input, entry: &Entry) {
    match &entry.content {
        Content::Finding(finding) => input.add(finding, delivery(entry.state)),
        Content::Correlation(data) => input.correlations.push(data.clone()),
        // Its members have entries of their own.
        Content::Summary(_) => {}
    }
}

fn load_exceptions(args: &Args) -> Result<Vec<Exception>> {
    match args.detection.exceptions.is_empty() {
        true => Ok(Vec::new()),
        false => Ok(args.detection.load()?.exceptions.as_slice().to_vec()),
    }
}

/// What follows from the heartbeat of the sweep.
async fn check_sweeps(ledger: &StoredLedger, now: Timestamp) -> Result<Option<String>> {
    let Some(heartbeat) = read_heartbeat(ledger).await? else {
        return Ok(Some(
            "No sweep has finished so far: log objects that no notification announced are not \
             read."
                .to_owned(),
        ));
    };
    let time: Option<Timestamp> = heartbeat["time"].as_str().and_then(|text| text.parse().ok());
    Ok(match time {
        Some(time) if now.duration_since(time) <= SWEEP_DELAY => None,
        Some(time) => Some(format!(
            "The last sweep began at {}: log objects that landed later and that no notification \
             announced may be unread.",
            format_minute(time)
        )),
        None => Some("The heartbeat of the sweep is damaged.".to_owned()),
    })
}
