//! What a canary's alert says before anything else: that it is a test.

use detect::finding::canary;
use detect::text::{clean, wrap};
use serde_json::{Value, json};

use super::Alert;
use super::subject::LONGEST;

/// What `kind` says, in the document and as an attribute.
const KIND: &str = "canary";

/// The subject of a canary's alert, or its one line elsewhere.
pub(super) fn subject(of_alert: &str) -> String {
    clean::ascii(&format!("[TEST] {of_alert}"), LONGEST)
}

/// Marks the alert as a test, where a person or a machine looks first: subject, text, document and
/// attributes.
pub(super) fn mark(mut alert: Alert) -> Alert {
    alert.subject = subject(&alert.subject);
    let notice: String =
        wrap::hanging("  ", canary::NOTICE).into_iter().map(|line| line + "\n").collect();
    alert.text = format!("{notice}\n  The alert follows:\n\n{}", alert.text);
    let message =
        format!("{} {}", canary::NOTICE, alert.document["message"].as_str().unwrap_or_default());
    let marks = [("kind", json!(KIND)), ("subject", json!(alert.subject)), ("test", json!(true))];
    alert.document["message"] = Value::from(message);
    for (name, value) in marks {
        alert.document["trailbell"][name] = value;
    }
    for attribute in alert.attributes.iter_mut().filter(|attribute| attribute.name == "kind") {
        attribute.value = KIND.to_owned();
    }
    alert
}
