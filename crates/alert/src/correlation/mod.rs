//! The alert of a correlation: several findings that mean more together than each by itself.

mod document;
mod mail;

use std::sync::Arc;

use detect::correlation::{CorrelationAlertData, MemberFindings};
use detect::rule::RuleInfo;
use detect::text::{clean, time};

use super::call::AlertCall;
use super::commands::{self, Step};
use super::{Accounts, Alert, Attribute, attributes, limit};

/// Characters of a subject.
const LONGEST_SUBJECT: usize = 99;

/// Characters of a value that findings are alike in.
const LONGEST_VALUE: usize = 128;

/// What the parts of the alert are written from.
struct Story<'a> {
    told: &'a CorrelationAlertData,
    known: &'a MemberFindings,
    accounts: &'a Accounts,
    check: Vec<Step>,
    undo: Vec<Step>,
}

/// One line of printable ASCII, of at most 99 characters, without what only the members can tell.
pub fn correlation_subject(told: &CorrelationAlertData) -> String {
    let (severity, name) = (told.rule.severity.as_str(), &told.rule.name);
    clean::ascii(&format!("[{severity}] {name}: {}", mail::events(told.events)), LONGEST_SUBJECT)
}

/// Writes the alert; `accounts` gives names to account ids. Never fails: what could not be read is
/// said, and what does not fit in 256 KiB is cut.
pub fn render_correlation(
    told: &CorrelationAlertData,
    known: &MemberFindings,
    accounts: &Accounts,
) -> Alert {
    let calls = || known.members.iter().map(|finding| AlertCall::new(finding, accounts));
    let check = once(calls().rev().flat_map(commands::check));
    let undo = once(calls().rev().flat_map(commands::undo));
    let story = Story { told, known, accounts, check, undo };
    let (subject, text) = (story.subject(), mail::write(&story));
    let attributes = story.attributes();
    let taken = attributes.iter().map(Attribute::bytes).sum();
    let document = limit::fit(document::write(&story, &subject), &text, taken);
    Alert { finding: told.id.clone(), subject, text, document, attributes }
}

/// Steps of several calls, each purpose once: the latest call's first.
fn once(steps: impl Iterator<Item = Step>) -> Vec<Step> {
    let mut all: Vec<Step> = Vec::new();
    for step in steps {
        if !all.iter().any(|it| it.purpose == step.purpose && it.same_deed(&step)) {
            all.push(step);
        }
    }
    all
}

impl Story<'_> {
    fn subject(&self) -> String {
        let rule = &self.told.rule;
        let of = self.alike().map(|alike| format!(": {alike}")).unwrap_or_default();
        clean::ascii(&format!("[{}] {}{of}", rule.severity.as_str(), rule.name), LONGEST_SUBJECT)
    }

    /// What the members are alike in, in words: the account last.
    fn alike(&self) -> Option<String> {
        let values = self.known.values.as_ref()?;
        let pairs = || self.told.group_by.iter().zip(values);
        let others = pairs().filter(|(field, _)| !is_account(field));
        let others: Vec<String> =
            others.map(|(_, value)| clean::short_name(value, LONGEST_VALUE)).collect();
        let account =
            pairs().find(|(field, _)| is_account(field)).map(|(_, id)| self.accounts.shown(id));
        match (others.is_empty(), account) {
            (true, None) => None,
            (true, Some(account)) => Some(format!("account {account}")),
            (false, None) => Some(others.join(", ")),
            (false, Some(account)) => Some(format!("{} in {account}", others.join(", "))),
        }
    }

    /// As those of the last member, but for the rule's.
    fn attributes(&self) -> Vec<Attribute> {
        let last = self.known.members.last().map(|finding| AlertCall::new(finding, self.accounts));
        attributes::of(attributes::Routing {
            rule: &self.told.rule,
            account: last.and_then(|call| call.account()),
            region: last.and_then(|call| call.fields.text("cloud.region")),
            action: last.and_then(|call| call.action()),
            kind: "correlation",
        })
    }

    /// How the severity came about.
    fn severity(&self) -> String {
        let (rule, base) = (&self.told.rule, self.told.base_severity.as_str());
        match &self.told.raised_by {
            None => format!("{}, as the rule defines.", rule.severity.as_str()),
            Some(query) => {
                let query = query.split_whitespace().collect::<Vec<_>>().join(" ");
                let query = clean::text(&query, 4 * LONGEST_VALUE);
                format!(
                    "{} instead of {base}, because an event matches: {query}",
                    rule.severity.as_str()
                )
            }
        }
    }

    fn spoken_time(&self) -> String {
        let (start, end) = (self.told.start, self.told.end);
        if start == end {
            format!("on {}", time::format_sentence_time(start))
        } else {
            format!(
                "between {} and {}",
                time::format_sentence_time(start),
                time::format_sentence_time(end)
            )
        }
    }
}

/// The minimal alert of last resort: what finds the episode in the ledger.
pub fn render_minimal_correlation(told: &CorrelationAlertData) -> Alert {
    let members = MemberFindings {
        read_error: Some("the full alert could not be sent".to_owned()),
        ..MemberFindings::default()
    };
    let ids_only = CorrelationAlertData { rule: Arc::new(bare(&told.rule)), ..told.clone() };
    render_correlation(&ids_only, &members, &Accounts::default())
}

fn bare(rule: &RuleInfo) -> RuleInfo {
    let (note, references, false_positives, threat) = (None, Vec::new(), Vec::new(), Vec::new());
    let cut = |text: &str| text.chars().take(LONGEST_VALUE).collect::<String>();
    RuleInfo {
        name: cut(&rule.name),
        description: String::new(),
        note,
        references,
        false_positives,
        threat,
        ..rule.clone()
    }
}

fn is_account(field: &str) -> bool {
    matches!(field, "cloud.account.id" | "aws.cloudtrail.recipient_account_id")
}
