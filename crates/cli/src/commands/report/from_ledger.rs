//! A report from the ledger.

use std::collections::BTreeSet;

use anyhow::Result;
use detect::rule::Exception;
use jiff::Timestamp;
use report::data::{LoadedRule, Scope};
use trailbell::ledger::{Content, Entry, EntryState};
use trailbell::pages::{add_groups, add_statements, check_sweeps, delivery};

use super::{Args, Input, Unreadable};
use crate::commands::ledger::entries::{open_ledger, read_entries};
use crate::commands::ledger::filter::{EntryFilter, FilterArgs};

/// Adds what the ledger has of the period. All accounts and groups are read: a group may have had
/// another name, and an incident other groups.
pub async fn read(args: &Args, now: Timestamp, input: &mut Input) -> Result<()> {
    let filter_args = FilterArgs::everything_in(args.range.clone());
    let mut filter = EntryFilter::new(&filter_args, now)?;
    let (ledger, name) = open_ledger(&args.ledger).await?;
    let unreadable =
        read_entries(&ledger, &mut filter, &mut |entry| add_entry(input, entry)).await?;
    let named = unreadable.named.into_iter();
    input.unreadable.extend(named.map(|(name, problem)| Unreadable { name, problem }));
    let Scope { since, until, .. } = input.scope;
    add_groups(&ledger, args.account.as_deref(), until.unwrap_or(now), input).await?;
    input.exceptions = load_exceptions(args)?;
    check_sweeps(&ledger, now, input).await?;
    add_statements(&ledger, since, until, input).await?;
    input.origin.sources.push(name);
    let rules: BTreeSet<_> =
        input.findings.iter().map(|it| LoadedRule::from(&*it.finding.rule)).collect();
    input.origin.rules = rules.into_iter().collect();
    Ok(())
}

fn add_entry(input: &mut Input, entry: Entry) {
    match entry.content {
        Content::Finding(finding) => input.add(finding, delivery(entry.state)),
        // Its calls are on the page, and so is the alert that stands for it.
        Content::Correlation(_) if entry.state == EntryState::Suppressed => {}
        Content::Correlation(data) => input.correlations.push(data),
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
