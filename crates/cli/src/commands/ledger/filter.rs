//! Which entries a command wants, and which index lists them.

use anyhow::Result;
use detect::finding::Finding;
use detect::rule::RuleInfo;
use jiff::Timestamp;
use trailbell::ledger::{Content, Entry, Index, IndexPage, StoredLedger};

use crate::commands::output::variant_name;
use crate::commands::time_range::{TimeRange, TimeRangeArgs};

#[derive(Debug, Default, clap::Args)]
pub struct FilterArgs {
    #[command(flatten)]
    range: TimeRangeArgs,
    /// Only findings of this account (12 digits)
    #[arg(long, value_name = "ID")]
    account: Option<String>,
    /// Only findings about this IAM group, ignoring case
    #[arg(long, value_name = "NAME")]
    group: Option<String>,
    /// Only findings about this principal: a part of its key (usually an ARN) or name. The whole
    /// key is faster
    #[arg(long, value_name = "TEXT")]
    principal: Option<String>,
    /// Only findings of rules: a part of the name, or the start of the id
    #[arg(long, value_name = "RULE")]
    rule: Option<String>,
    /// Only entries in this state (repeatable). An open entry is claimed, released or failed;
    /// `ledger show` explains the state of an entry
    #[arg(long, value_name = "STATE", value_parser = STATES)]
    state: Vec<String>,
}

impl FilterArgs {
    /// Everything in a time range.
    pub fn everything_in(range: TimeRangeArgs) -> FilterArgs {
        FilterArgs { range, ..FilterArgs::default() }
    }
}

/// The names of the states, and `open` for all that are not final.
const STATES: [&str; 9] = [
    "open",
    "claimed",
    "released",
    "failed",
    "alerted",
    "suppressed",
    "grouped",
    "summarised",
    "folded",
];

pub struct EntryFilter<'a> {
    args: &'a FilterArgs,
    range: TimeRange,
    /// Whether `--principal` is the whole key of a principal in the ledger.
    is_principal_key: bool,
}

impl<'a> EntryFilter<'a> {
    pub fn new(args: &'a FilterArgs, now: Timestamp) -> Result<EntryFilter<'a>> {
        Ok(EntryFilter { args, range: args.range.resolve(now)?, is_principal_key: false })
    }

    /// The keys from the smallest index that has all selected entries.
    pub async fn list_keys(&mut self, ledger: &StoredLedger) -> Result<IndexPage> {
        let FilterArgs { account, group, principal, .. } = self.args;
        let mut page = match principal {
            Some(key) => ledger.list_index(&Index::Principal(key.clone())).await?,
            None => IndexPage::default(),
        };
        self.is_principal_key = !page.keys.is_empty();
        if let Some(group) = group {
            let index = Index::Group { account: account.clone(), group: group.clone() };
            page = ledger.list_index(&index).await?;
        } else if !self.is_principal_key {
            page = ledger.list_index(&Index::All).await?;
        }
        page.keys.retain(|key| self.range.contains(key.time));
        Ok(page)
    }

    pub fn selects(&self, entry: &Entry) -> bool {
        let FilterArgs { account, group, principal, state: states, .. } = self.args;
        let start = entry.window.start;
        let (time, rule) = match &entry.content {
            Content::Finding(finding) => (finding.time.unwrap_or(start), &finding.rule),
            Content::Summary(summary) => (start, &summary.rule),
            Content::Correlation(alert) => (alert.end, &alert.rule),
        };
        let selects_content = match &entry.content {
            Content::Finding(finding) => self.selects_finding(finding),
            // They can be about several groups, principals and accounts.
            Content::Summary(_) | Content::Correlation(_) => {
                account.is_none() && group.is_none() && principal.is_none()
            }
        };
        let is_in_state = |state: &String| match state.as_str() {
            "open" => !entry.state.is_final(),
            name => name == variant_name(entry.state),
        };
        let selects_state = states.is_empty() || states.iter().any(is_in_state);
        selects_state
            && self.range.contains(Some(time))
            && self.selects_rule(rule)
            && selects_content
    }

    fn selects_finding(&self, finding: &Finding) -> bool {
        let FilterArgs { account, group, principal, .. } = self.args;
        let has_group = |wanted: &String| {
            finding.group.as_ref().is_some_and(|group| group.eq_ignore_ascii_case(wanted))
        };
        let has_principal = |wanted: &String| {
            let actual = &finding.principal;
            match self.is_principal_key {
                true => actual.key == *wanted,
                false => contains(&actual.key, wanted) || contains(&actual.label, wanted),
            }
        };
        account.as_ref().is_none_or(|wanted| finding.account.as_ref() == Some(wanted))
            && group.as_ref().is_none_or(has_group)
            && principal.as_ref().is_none_or(has_principal)
    }

    fn selects_rule(&self, rule: &RuleInfo) -> bool {
        let is_wanted =
            |wanted: &String| rule.id.starts_with(wanted.as_str()) || contains(&rule.name, wanted);
        self.args.rule.as_ref().is_none_or(is_wanted)
    }
}

fn contains(text: &str, part: &str) -> bool {
    text.to_lowercase().contains(&part.to_lowercase())
}
