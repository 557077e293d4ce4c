//! Which entries are wanted, and in which index they are.

use std::error::Error;

use detect::finding::Finding;
use detect::rule::RuleInfo;
use jiff::Timestamp;
use trailbell::ledger::{Content, Entry, Index, IndexKey, IndexPage, StoredLedger};

use super::args::{FilterArgs, StateArg};
use crate::commands::window::Window;

/// Which entries are wanted.
pub struct Filter {
    window: Window,
    account: Option<String>,
    group: Option<String>,
    principal: Option<String>,
    rule: Option<String>,
    states: Vec<StateArg>,
    /// Only the actor of exactly this key: there is such a one.
    whole_key: bool,
}

impl Filter {
    pub fn new(args: &FilterArgs, now: Timestamp) -> Result<Filter, Box<dyn Error>> {
        let window = Window::new(args.since.as_deref(), args.until.as_deref(), now)?;
        let FilterArgs { account, group, principal, rule, state, .. } = args;
        let [account, group, principal, rule] = [account, group, principal, rule].map(Clone::clone);
        Ok(Filter {
            window,
            account,
            group,
            principal,
            rule,
            states: state.clone(),
            whole_key: false,
        })
    }

    /// The keys of the entries that may be wanted, from the smallest index that has them all.
    pub async fn keys(&mut self, ledger: &StoredLedger) -> Result<IndexPage, Box<dyn Error>> {
        let mut listed = self.listed(ledger).await?;
        listed.keys.retain(|key: &IndexKey| key.time.is_none() || self.window.holds(key.time));
        Ok(listed)
    }

    async fn listed(&mut self, ledger: &StoredLedger) -> Result<IndexPage, Box<dyn Error>> {
        if let Some(key) = &self.principal {
            let of_actor = ledger.list_index(&Index::Principal(key.clone())).await?;
            self.whole_key = !of_actor.keys.is_empty();
            if self.whole_key && self.group.is_none() {
                return Ok(of_actor);
            }
        }
        let index = match &self.group {
            Some(group) => Index::Group { account: self.account.clone(), group: group.clone() },
            None => Index::All,
        };
        Ok(ledger.list_index(&index).await?)
    }

    /// Whether an entry is wanted.
    pub fn takes(&self, entry: &Entry) -> bool {
        let state =
            self.states.is_empty() || self.states.iter().any(|state| state.takes(entry.state));
        state
            && match &entry.content {
                Content::Finding(finding) => {
                    let time = finding.time.unwrap_or(entry.window.start);
                    self.window.holds(Some(time))
                        && self.is_of_rule(&finding.rule)
                        && self.takes_finding(finding)
                }
                Content::Summary(summary) => {
                    let any =
                        self.account.is_none() && self.group.is_none() && self.principal.is_none();
                    any && self.window.holds(Some(entry.window.start))
                        && self.is_of_rule(&summary.rule)
                }
                Content::Correlation(told) => {
                    let any =
                        self.account.is_none() && self.group.is_none() && self.principal.is_none();
                    any && self.window.holds(Some(told.end)) && self.is_of_rule(&told.rule)
                }
            }
    }

    fn takes_finding(&self, finding: &Finding) -> bool {
        let account = |wanted: &String| finding.account.as_ref() == Some(wanted);
        let group = |wanted: &String| {
            finding.group.as_ref().is_some_and(|group| group.eq_ignore_ascii_case(wanted))
        };
        let principal = |wanted: &String| match self.whole_key {
            true => finding.principal.key == *wanted,
            false => {
                holds(&finding.principal.key, wanted) || holds(&finding.principal.label, wanted)
            }
        };
        self.account.as_ref().is_none_or(account)
            && self.group.as_ref().is_none_or(group)
            && self.principal.as_ref().is_none_or(principal)
    }

    fn is_of_rule(&self, rule: &RuleInfo) -> bool {
        self.rule.as_ref().is_none_or(|wanted| rule.id == *wanted || holds(&rule.name, wanted))
    }
}

fn holds(text: &str, part: &str) -> bool {
    text.to_lowercase().contains(&part.to_lowercase())
}
