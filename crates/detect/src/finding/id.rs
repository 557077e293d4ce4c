//! The identity of a finding: the same call read inline, in S3 and in a second trail is one
//! finding.

use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Digest, Sha256};
use thiserror::Error;

use crate::cloudtrail::Record;

/// SHA-256 in 64 lower-case hexadecimal digits, over the rule's id, the account and the `eventID`;
/// over the canonical JSON of the record if it has no `eventID`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String")]
pub struct FindingId(String);

/// A text that is not an id.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("an id of a finding has 64 lower-case hexadecimal digits")]
pub struct InvalidFindingId;

impl TryFrom<String> for FindingId {
    type Error = InvalidFindingId;

    fn try_from(text: String) -> Result<FindingId, InvalidFindingId> {
        FindingId::parse(&text).ok_or(InvalidFindingId)
    }
}

impl FindingId {
    /// The id of the finding that a rule matched a record.
    pub fn for_record(rule_id: &str, record: &Record) -> FindingId {
        let account = record.account().unwrap_or_default();
        match record.text(&["eventID"]) {
            Some(event_id) => FindingId::hash_parts([rule_id, account, event_id]),
            None => FindingId::hash_parts([rule_id, account, &canonical_json(record)]),
        }
    }

    /// The id of something else, e.g. a summary, from the texts that identify it.
    pub fn hash_parts<'a>(parts: impl IntoIterator<Item = &'a str>) -> FindingId {
        let mut hash = Sha256::new();
        for part in parts {
            // The length goes first, so that no two different lists hash the same bytes.
            hash.update((part.len() as u64).to_be_bytes());
            hash.update(part.as_bytes());
        }
        FindingId(hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect())
    }

    /// Reads the 64 hexadecimal digits.
    pub fn parse(text: &str) -> Option<FindingId> {
        let is_digit = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
        let is_id = text.len() == 64 && text.bytes().all(is_digit);
        is_id.then(|| FindingId(text.to_owned()))
    }

    /// The 64 hexadecimal digits.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for FindingId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The record with the keys of every object sorted, without white space.
fn canonical_json(record: &Record) -> String {
    let mut value = Value::Object(record.fields().clone());
    value.sort_all_objects();
    value.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn id(rule: &str, record: Value) -> FindingId {
        FindingId::for_record(rule, &Record::from_value(record).unwrap())
    }

    #[test]
    fn the_same_call_is_one_finding_in_every_trail() {
        let inline =
            json!({"eventID": "e-1", "recipientAccountId": "111122223333", "eventVersion": "1.11"});
        let logged =
            json!({"recipientAccountId": "111122223333", "eventVersion": "1.10", "eventID": "e-1"});
        assert_eq!(id("r", inline.clone()), id("r", logged));
        assert_ne!(id("r", inline.clone()), id("other rule", inline.clone()));
        let other_account = json!({"eventID": "e-1", "recipientAccountId": "444455556666"});
        assert_ne!(id("r", inline), id("r", other_account));
    }

    #[test]
    fn without_an_event_id_the_record_is_hashed_regardless_of_key_order() {
        let one = json!({"eventName": "CreateGroup", "requestParameters": {"a": 1, "b": 2}});
        let same = json!({"requestParameters": {"b": 2, "a": 1}, "eventName": "CreateGroup"});
        let other = json!({"eventName": "CreateGroup", "requestParameters": {"a": 1, "b": 3}});
        assert_eq!(id("r", one.clone()), id("r", same));
        assert_ne!(id("r", one), id("r", other));
    }

    #[test]
    fn invalid_ids_are_rejected() {
        let good = id("r", json!({"eventID": "e-1"}));
        assert_eq!(serde_json::from_value::<FindingId>(json!(good)).unwrap(), good);
        for wrong in ["", "abc", &"A".repeat(64), &format!("{}\n", &good.as_str()[1..])] {
            let error = serde_json::from_value::<FindingId>(json!(wrong)).unwrap_err().to_string();
            assert!(error.contains("64 lower-case hexadecimal digits"), "{wrong:?}: {error}");
        }
    }

    #[test]
    fn parts_cannot_run_into_each_other() {
        let a = json!({"eventID": "23", "recipientAccountId": "1"});
        let b = json!({"eventID": "3", "recipientAccountId": "12"});
        assert_ne!(id("r", a), id("r", b));
    }
}
