//! What a caller hands in.

use std::sync::Arc;

use alert::Accounts;
use detect::correlation::CorrelationAlertData;
use detect::finding::Finding;
use detect::rule::{Exception, RuleInfo, Severity};
use jiff::Timestamp;
use serde::Serialize;

use super::event::Event;
use super::group::Group;
use super::proof::ProofInput;

/// What a report is made of. Everything but the findings may be empty: the page says so.
#[derive(Debug)]
pub struct Input {
    /// Which findings the report is about.
    pub scope: Scope,
    /// The findings of the period, of all groups and accounts, in any order.
    pub findings: Vec<ReportedFinding>,
    /// The alerts of correlations, in any order.
    pub correlations: Vec<Arc<CorrelationAlertData>>,
    /// Groups as the caller knows them. What the findings show of others is used.
    pub groups: Vec<Group>,
    /// The exceptions, for their owners and reasons.
    pub exceptions: Vec<Exception>,
    /// What a check of the log files said. `None` if nobody checked.
    pub proof: Option<ProofInput>,
    /// What could not be seen, in words.
    pub not_seen: Vec<String>,
    /// What could not be read.
    pub unreadable: Vec<Unreadable>,
    /// Where it comes from.
    pub origin: Origin,
    /// Names of accounts.
    pub accounts: Accounts,
    /// The present time.
    pub now: Timestamp,
}

impl Input {
    /// Nothing so far.
    pub fn new(scope: Scope, origin: Origin, accounts: Accounts, now: Timestamp) -> Input {
        Input {
            scope,
            findings: Vec::new(),
            correlations: Vec::new(),
            groups: Vec::new(),
            exceptions: Vec::new(),
            proof: None,
            not_seen: Vec::new(),
            unreadable: Vec::new(),
            origin,
            accounts,
            now,
        }
    }

    /// Adds a finding, and what became of it.
    pub fn add(&mut self, finding: &Arc<Finding>, delivery: Delivery) {
        self.findings.push(ReportedFinding { finding: Arc::clone(finding), delivery });
    }
}

/// Which findings a report is about.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Scope {
    /// The start of the period; of the first event if none was given.
    pub since: Option<Timestamp>,
    /// The end of the period; the present if none was given.
    pub until: Option<Timestamp>,
    /// Only this account.
    pub account: Option<String>,
    /// Only this group, ignoring case.
    pub group: Option<String>,
}

/// A finding, and what became of it.
#[derive(Debug, Clone)]
pub struct ReportedFinding {
    /// The finding.
    pub finding: Arc<Finding>,
    /// What became of it.
    pub delivery: Delivery,
}

/// What became of a finding. Of an event that several rules found, the first counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Delivery {
    /// Its alert was not sent so far.
    Undelivered,
    /// Its alert was sent.
    Alerted,
    /// The alert of an incident named it.
    Folded,
    /// It was, or will be, part of a summary.
    Summarised,
    /// It was found in log files now. Whether there was an alert is not known.
    Found,
    /// An exception matched, or its rule is a building block.
    Suppressed,
}

/// Something that could not be read.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Unreadable {
    /// Its name: an entry of the ledger, or a log file.
    pub name: String,
    /// Why.
    pub problem: String,
}

/// Where a report comes from.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Origin {
    /// The version of the program.
    pub version: String,
    /// The ledger, or the paths of the log files.
    pub sources: Vec<String>,
    /// It was made from log files alone, not from a ledger.
    pub from_logs: bool,
    /// How many log files were read.
    pub files: u64,
    /// The rules, as far as they are known.
    pub rules: Vec<LoadedRule>,
}

/// A rule that was used.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct LoadedRule {
    /// Its name.
    pub name: String,
    /// Its id.
    pub id: String,
    /// Its version, if it has one.
    pub version: Option<u32>,
    /// Its own severity.
    pub severity: Severity,
}

impl From<&RuleInfo> for LoadedRule {
    fn from(rule: &RuleInfo) -> LoadedRule {
        LoadedRule {
            name: rule.name.clone(),
            id: rule.id.clone(),
            version: rule.version,
            severity: rule.severity,
        }
    }
}

impl Scope {
    pub(super) fn selects(&self, event: &Event) -> bool {
        let is_group = |wanted: &String| {
            let names = [event.group.as_ref(), event.new_group.as_ref()];
            names.into_iter().flatten().any(|name| name.eq_ignore_ascii_case(wanted))
        };
        let is_in_period = event.time.is_none_or(|time| {
            self.since.is_none_or(|since| since <= time)
                && self.until.is_none_or(|until| time <= until)
        });
        is_in_period
            && self.account.as_ref().is_none_or(|wanted| event.account.as_ref() == Some(wanted))
            && self.group.as_ref().is_none_or(is_group)
    }

    /// The period from the first event to the present, where no other was asked for. `events` are
    /// the latest first.
    pub(super) fn with_bounds(self, events: &[Event], now: Timestamp) -> Scope {
        let first = || events.iter().rev().find_map(|event| event.time);
        Scope {
            since: self.since.or_else(first),
            until: self.until.map(|until| until.min(now)).or(Some(now)),
            ..self
        }
    }
}

impl Delivery {
    /// In words, for a column.
    pub fn as_str(self) -> &'static str {
        match self {
            Delivery::Undelivered => "not delivered",
            Delivery::Alerted => "alerted",
            Delivery::Folded => "in an incident",
            Delivery::Summarised => "summarised",
            Delivery::Found => "found",
            Delivery::Suppressed => "suppressed",
        }
    }
}
