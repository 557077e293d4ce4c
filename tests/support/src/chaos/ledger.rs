//! The function's ledger as the stand-ins and the verdict read it: its keys and states.

use serde_json::Value;

use super::http::Request;
use super::s3::payload;

/// The bucket of the ledger.
pub const BUCKET: &str = "trailbell-ledger";

/// The prefix of the ledger in its bucket.
pub const PREFIX: &str = "ledger/";

/// Where entries are.
pub const ENTRIES: &str = "ledger/entries/";

/// Where markers of unfinished work are.
const UNFINISHED: [&str; 2] = ["ledger/open/", "ledger/grouped/"];

/// Returns true if a key of the bucket marks work that is still to be done.
pub fn is_unfinished(key: &str) -> bool {
    UNFINISHED.iter().any(|folder| key.starts_with(folder))
}

/// The state that a request writes into an entry. Returns `None` for any other request.
pub fn entry_state(request: &Request) -> Option<String> {
    let writes = request.method == "PUT" && request.path.contains(ENTRIES);
    if !writes {
        return None;
    }
    let entry: Value = serde_json::from_slice(&payload::decode(request)?).ok()?;
    Some(entry["state"].as_str()?.to_owned())
}

/// Returns true if nothing is left to be done for an entry in this state, except that a grouped
/// one becomes summarised.
pub fn is_final(state: &str) -> bool {
    matches!(state, "alerted" | "suppressed" | "grouped" | "summarised" | "folded")
}

/// What the verdict needs of an entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LedgerEntry {
    pub id: String,
    pub state: String,
    /// The sink's id of the alert.
    pub message_id: Option<String>,
    /// The summary that reported it.
    pub summary: Option<String>,
    /// The alert of the incident that named it.
    pub incident_alert: Option<String>,
    /// The record's `eventID`; absent in a summary's or a correlation's entry.
    pub event_id: Option<String>,
    pub group: Option<String>,
    /// Who made the call: its ARN.
    pub principal: Option<String>,
}

impl LedgerEntry {
    /// Reads the JSON of an entry.
    pub fn parse(id: &str, bytes: &[u8]) -> LedgerEntry {
        let entry: Value = serde_json::from_slice(bytes).unwrap_or_default();
        let text = |pointer: &str| Some(entry.pointer(pointer)?.as_str()?.to_owned());
        LedgerEntry {
            id: id.to_owned(),
            state: text("/state").unwrap_or_else(|| "unreadable".to_owned()),
            message_id: text("/message_id"),
            summary: text("/summary"),
            incident_alert: text("/incident_alert"),
            event_id: text("/content/finding/ecs/event/id"),
            group: text("/content/finding/group"),
            principal: text("/content/finding/principal/key"),
        }
    }
}
