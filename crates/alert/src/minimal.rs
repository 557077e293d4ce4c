//! The alert of last resort: when a finding's own alert failed again and again, people still hear
//! where to look.

use detect::finding::Finding;
use detect::text::{clean, wrap};
use serde_json::json;

use super::call::AlertCall;
use super::{Accounts, Alert, attributes, document, marked, subject};

/// Characters of a value.
const LONGEST: usize = 1_024;

/// Writes an alert of nothing but the rule, the account, the event's id and the place of the
/// record. A few kilobytes.
pub fn render_minimal(finding: &Finding) -> Alert {
    let accounts = Accounts::default();
    let call = AlertCall::new(finding, &accounts);
    let subject = subject::write(call);
    let event_id = call.fields.text("event.id");
    let origin = finding.origin.to_string();
    let rows = [
        ("Rule", finding.rule.name.as_str()),
        ("Rule id", &finding.rule.id),
        ("Account", call.account().unwrap_or("not recorded")),
        ("Event id", event_id.unwrap_or("not recorded")),
        ("Record", &origin),
        ("Finding id", finding.id.as_str()),
    ];
    let row =
        |(label, value)| wrap::hanging(&format!("  {label:<14}  "), &clean::text(value, LONGEST));
    let lines: String = rows.into_iter().flat_map(row).map(|line| line + "\n").collect();
    let text =
        format!("  The full alert for this finding could not be sent. It was about:\n\n{lines}");
    let cut = |value: &str| clean::text(value, LONGEST);
    let document = json!({
        "message": subject,
        "event": {"id": event_id.map(cut), "kind": "alert"},
        "rule": {"id": finding.rule.id, "name": finding.rule.name},
        "trailbell": {
            "schema_version": document::SCHEMA_VERSION,
            "kind": "alert",
            "finding": {"id": finding.id},
            "subject": subject,
            "account": finding.account.as_deref().map(cut),
            "record": cut(&origin),
            "cut": ["everything but what names the finding"],
        },
    });
    let alert = Alert {
        finding: finding.id.clone(),
        subject,
        text,
        document,
        attributes: attributes::write(call),
    };
    marked(finding, alert)
}
