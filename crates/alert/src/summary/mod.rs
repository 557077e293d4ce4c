//! Many findings in one message: what was held back, so that people are not flooded.

mod document;
mod mail;

use detect::finding::{Member, Summary};
use detect::text::clean;

use super::{Accounts, Alert, attributes, limit, subject};

/// Characters of a subject.
const LONGEST_SUBJECT: usize = 99;

/// Characters of a name in a member's line.
const ROOM: usize = 64;

/// The subject of its mail: 1 to 99 characters of printable ASCII.
pub fn summary_subject(summary: &Summary) -> String {
    let (severity, count) = (summary.rule.severity.as_str(), summary.members.len());
    let plural = if count == 1 { "finding" } else { "findings" };
    let text = format!("[{severity}] {count} more {plural}: {}", summary.rule.name);
    clean::ascii(&text, LONGEST_SUBJECT)
}

/// What a member did, in a few words of printable ASCII.
pub fn describe_member(member: &Member) -> String {
    subject::deed(member.brief(), ROOM)
}

/// Where the members are that do not fit into a message.
fn where_all_are(summary: &Summary) -> String {
    match summary.window {
        Some(_) => format!("All of them are in the ledger: entries/{}.", summary.id),
        None => "trailbell scan finds all of them in the log objects.".to_owned(),
    }
}

/// Writes the message; `accounts` gives names to account ids. What does not fit in 256 KiB is cut,
/// with a count and where the rest is.
pub fn render_summary(summary: &Summary, accounts: &Accounts) -> Alert {
    let (subject, text) = (summary_subject(summary), mail::write(summary, accounts));
    let highest = &summary.highest;
    let attributes = attributes::of(attributes::Routing {
        rule: &summary.rule,
        account: highest.account.as_deref(),
        region: highest.region.as_deref(),
        action: highest.action.as_deref(),
        kind: "summary",
    });
    let taken =
        limit::encoded(&text) + attributes.iter().map(super::Attribute::bytes).sum::<usize>();
    let document = document::write(summary, &subject, limit::room(taken));
    Alert { finding: summary.id.clone(), subject, text, document, attributes }
}
