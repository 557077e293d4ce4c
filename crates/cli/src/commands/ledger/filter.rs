//! Which entries a command wants, and which index lists them.

use anyhow::Result;
use clap::ValueEnum;
use detect::finding::Finding;
use detect::rule::RuleInfo;
use jiff::Timestamp;
use trailbell::ledger::{Content, Entry, EntryState, Index, IndexPage, StoredLedger};

use crate::commands::time_range::{TimeRange, TimeRangeArgs};

#[derive(Debug, clap::Args)]
pub struct FilterArgs {
    #[command(flatten)]
    range: TimeRangeArgs,

    /// Only findings of this account (12 digits)
    #[arg(long, value_name = "ID")]
    account: Option<String>,

    /// Only findings about this IAM group, ignoring case
    #[arg(long, value_name = "NAME")]
    group: Option<String>,

    /// Only findings about this principal: its whole key (mostly an ARN) is fast, but a part of the
    /// key or of the name is accepted too
    #[arg(long, value_name = "TEXT")]
    principal: Option<String>,

    /// Only findings of this rule: its id, or a part of its name
    #[arg(long, value_name = "RULE")]
    rule: Option<String>,

    /// Only entries in this state (repeatable)
    #[arg(long, value_name = "STATE", value_enum)]
    state: Vec<StateArg>,
}

/// A state, or `open` for all that are not final.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum StateArg {
    /// Not final: claimed, released or failed
    Open,
    /// A worker is processing it, or has crashed
    Claimed,
    /// Publishing failed and will be retried
    Released,
    /// Even a minimal alert was rejected
    Failed,
    /// The topic accepted the alert
    Alerted,
    /// An exception matched
    Suppressed,
    /// It will be part of a summary
    Grouped,
    /// It was part of a summary
    Summarised,
}

impl StateArg {
    fn includes(self, state: EntryState) -> bool {
        match self {
            StateArg::Open => !state.is_final(),
            StateArg::Claimed => state == EntryState::Claimed,
            StateArg::Released => state == EntryState::Released,
            StateArg::Failed => state == EntryState::Failed,
            StateArg::Alerted => state == EntryState::Alerted,
            StateArg::Suppressed => state == EntryState::Suppressed,
            StateArg::Grouped => state == EntryState::Grouped,
            StateArg::Summarised => state == EntryState::Summarised,
        }
    }
}

pub struct Filter<'a> {
    args: &'a FilterArgs,
    range: TimeRange,
    /// Whether `--principal` is the whole key of a principal in the ledger.
    is_principal_key: bool,
}

impl<'a> Filter<'a> {
    pub fn new(args: &'a FilterArgs, now: Timestamp) -> Result<Filter<'a>> {
        Ok(Filter { args, range: args.range.resolve(now)?, is_principal_key: false })
    }

    /// The keys from the smallest index that has all selected entries.
    pub async fn list_keys(&mut self, ledger: &StoredLedger) -> Result<IndexPage> {
        let mut page = self.list_index(ledger).await?;
        page.keys.retain(|key| self.range.contains(key.time));
        Ok(page)
    }

    async fn list_index(&mut self, ledger: &StoredLedger) -> Result<IndexPage> {
        let FilterArgs { account, group, principal, .. } = self.args;
        if let Some(key) = principal {
            let page = ledger.list_index(&Index::Principal(key.clone())).await?;
            self.is_principal_key = !page.keys.is_empty();
            if self.is_principal_key && group.is_none() {
                return Ok(page);
            }
        }
        let index = match group {
            Some(group) => Index::Group { account: account.clone(), group: group.clone() },
            None => Index::All,
        };
        Ok(ledger.list_index(&index).await?)
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
        let selects_state =
            states.is_empty() || states.iter().any(|state| state.includes(entry.state));
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
        let is_wanted = |wanted: &String| rule.id == *wanted || contains(&rule.name, wanted);
        self.args.rule.as_ref().is_none_or(is_wanted)
    }
}

fn contains(text: &str, part: &str) -> bool {
    text.to_lowercase().contains(&part.to_lowercase())
}
