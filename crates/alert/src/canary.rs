//! The alert of a canary: that of its finding, and who receives it.

use detect::finding::{Context, Finding};
use detect::subscriptions::Subscriptions;
use detect::text::{clean, wrap};
use serde_json::json;

use crate::Accounts;
use crate::finding::render_finding;
use crate::message::Alert;

/// Characters of the reason why nobody knows who receives it.
const MAX_REASON_CHARS: usize = 300;

/// Renders the alert of a canary. It says how many subscriptions of the topic are confirmed, or why
/// that is not known. Without a topic there are none to count.
pub fn render_canary(
    finding: &Finding,
    subscriptions: &Result<Option<Subscriptions>, String>,
    accounts: &Accounts,
) -> Alert {
    let mut alert = render_finding(finding, &Context::default(), accounts);
    let sentence = match subscriptions {
        Ok(None) => return alert,
        Ok(Some(counted)) => {
            alert.document["trailbell"]["subscriptions"] = json!(counted);
            format!("Who receives it: {counted}.")
        }
        Err(why) => {
            let why = clean::text(why, MAX_REASON_CHARS);
            format!("Who receives it is not known: {why}.")
        }
    };
    // Behind the first paragraph, which says that it is a test.
    let at = alert.text.find("\n\n").map_or(alert.text.len(), |end| end + 1);
    let paragraph = wrap::hanging("  ", &sentence).join("\n");
    alert.text.insert_str(at, &format!("\n{paragraph}\n"));
    alert
}
