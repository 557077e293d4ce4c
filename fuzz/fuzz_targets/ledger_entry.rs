//! Any bytes as a ledger entry: a valid one is written and read back unchanged, and its alert can
//! be published.

#![no_main]

mod support;

use alert::{
    Accounts, render_correlation, render_finding, render_minimal_correlation,
    render_minimal_finding, render_summary,
};
use detect::correlation::MemberFindings;
use detect::finding::{Context, FindingId};
use libfuzzer_sys::fuzz_target;
use serde_json::Value;
use support::check_alert;
use trailbell::ledger::{Content, Entry};

fuzz_target!(|stored: &[u8]| {
    let Some(id) = entry_id(stored) else { return };
    let Ok(entry) = Entry::decode(&id, stored).inspect_err(|error| drop(error.to_string())) else {
        return;
    };
    let written = serde_json::to_vec(&entry).expect("a valid entry can be written");
    assert_eq!(Entry::decode(&id, &written).expect("a written entry can be read"), entry);
    let accounts = Accounts::default();
    match &entry.content {
        Content::Finding(finding) => {
            check_alert::check(&render_finding(finding, &Context::default(), &accounts));
            check_alert::check(&render_minimal_finding(finding));
        }
        Content::Summary(summary) => check_alert::check(&render_summary(summary, &accounts)),
        Content::Correlation(correlation) => {
            let members = MemberFindings::default();
            check_alert::check(&render_correlation(correlation, &members, &accounts));
            check_alert::check(&render_minimal_correlation(correlation));
        }
    }
});

/// The id in the entry: decoding stops early if the expected id is another.
fn entry_id(stored: &[u8]) -> Option<FindingId> {
    let entry: Value = serde_json::from_slice(stored).ok()?;
    let content = entry.get("content")?;
    let id = ["finding", "summary", "correlation"]
        .iter()
        .find_map(|kind| content.get(kind))?
        .get("id")?;
    serde_json::from_value(id.clone()).ok()
}
