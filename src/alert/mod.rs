//! What people and machines read about a finding.

mod context;

use serde::Serialize;

pub use context::{ActorFinding, Context, TimelineEntry};

use crate::finding::{Finding, FindingId};

/// What is published about a finding: one message, in the form each kind of reader wants.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Alert {
    /// The finding that it tells of.
    pub finding: FindingId,
    /// One line for a mail's subject: printable ASCII, 1 to 99 characters (SNS allows fewer than 100).
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

/// Writes the alert for a finding.
pub fn render(_finding: &Finding, _context: &Context) -> Alert {
    todo!()
}
