//! What people and machines read about a finding.

mod accounts;
mod attributes;
mod call;
mod caller;
mod canary;
mod commands;
mod console;
mod correlation;
mod document;
mod exception;
mod facts;
mod guide;
mod identity;
mod limit;
mod mail;
mod minimal;
mod parts;
mod power;
mod sentence;
mod story;
mod subject;
mod summary;
#[cfg(test)]
mod tests;

use detect::finding::Context;
use serde::Serialize;

pub use accounts::{Accounts, AccountsError};
pub use correlation::{correlation_subject, render_correlation, render_minimal_correlation};
pub use minimal::render_minimal;
pub use summary::{describe_member, render_summary, summary_subject};

use call::AlertCall;
use detect::finding::{Finding, FindingId};
use parts::Parts;

/// What is published about a finding: one message, in the form each kind of reader wants.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Alert {
    /// The finding, or the summary, that it tells of.
    pub finding: FindingId,
    /// One line for a mail's subject: printable ASCII, 1 to 99 characters (SNS allows fewer than
    /// 100).
    pub subject: String,
    /// The mail: lines of at most 100 columns, no control character but the line break.
    pub text: String,
    /// The document for machines, in ECS names.
    pub document: serde_json::Value,
    /// What subscribers filter on.
    pub attributes: Vec<Attribute>,
}

/// A message attribute of SNS. The value is never empty, since SNS refuses that.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Attribute {
    /// E.g. `severity`.
    pub name: &'static str,
    /// How SNS compares it.
    pub kind: AttributeKind,
    /// The value as text; for a number its decimal digits.
    pub value: String,
}

/// The data types of SNS attributes that are used here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub enum AttributeKind {
    /// Compared as text.
    String,
    /// Compared as a number, so that filters can say "at least".
    Number,
}

/// A text for each protocol.
#[derive(Serialize)]
struct Message<'a> {
    default: &'a str,
    email: &'a str,
}

/// What is made of texts, numbers and lists can always be written.
fn json_text(value: &impl Serialize) -> String {
    serde_json::to_string(value).unwrap_or_default()
}

impl Alert {
    /// The body for SNS with `MessageStructure` `json`: the document under `default`, the mail
    /// under `email`. With the attributes at most 256 KiB.
    pub fn message(&self) -> String {
        json_text(&Message { default: &json_text(&self.document), email: &self.text })
    }
}

/// Writes the alert for a finding; `accounts` gives names to account ids. Never fails: what the
/// record does not tell is said to be not recorded, and a record too large for a message is cut.
pub fn render(finding: &Finding, context: &Context, accounts: &Accounts) -> Alert {
    let call = AlertCall::new(finding, accounts);
    let subject = subject::write(call);
    let parts = Parts::new(call, context);
    let text = mail::write(call, context, &parts);
    let attributes = attributes::write(call);
    let document = document::write(call, context, &parts, &subject);
    let document = limit::fit(document, &text, attributes.iter().map(Attribute::bytes).sum());
    marked(finding, Alert { finding: finding.id.clone(), subject, text, document, attributes })
}

/// A canary's alert says that it is one, whoever sends it.
fn marked(finding: &Finding, alert: Alert) -> Alert {
    if detect::finding::canary::is_canary(finding) { canary::mark(alert) } else { alert }
}

/// Markdown of a rule, its guide for one, as lines of text of at most 100 columns, indented by two:
/// headings, lists, fenced code, bold, code spans and links are understood, and nothing that a
/// terminal obeys is left.
pub fn plain(markdown: &str) -> Vec<String> {
    guide::lines(markdown)
}

/// The finding in one line of printable ASCII, 1 to 99 characters: severity, what, who and in which
/// account.
pub fn subject(finding: &Finding) -> String {
    let subject = subject::write(AlertCall::new(finding, &Accounts::default()));
    if detect::finding::canary::is_canary(finding) { canary::subject(&subject) } else { subject }
}

impl Attribute {
    /// What it takes of a message: the name and the value.
    fn bytes(&self) -> usize {
        self.name.len() + self.value.len()
    }
}
