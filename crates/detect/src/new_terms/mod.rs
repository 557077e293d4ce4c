//! New terms: which values a rule has matched before.
//!
//! The matches of a rule with the same values are a [history](History). A match is new if the rule
//! has not matched its values within the window before. Matches can arrive in any order, and again.

mod history;

use serde::{Deserialize, Serialize};
use serde_json::Value;

pub use history::{History, Match};

use crate::correlation::combinations_of;
use crate::finding::{Finding, FindingId};
use crate::rule::NewTerms;

/// The values of a match, and whether its rule is still learning.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Terms {
    /// The combinations of values, in the order of the rule's fields; only the new ones after they
    /// were looked up.
    pub combinations: Vec<Vec<String>>,
    /// The rule has watched for less than its window, and does not alert until then.
    #[serde(default)]
    pub learning: bool,
}

impl Terms {
    /// The combinations in a record. `None` if it lacks one of the fields: then it is no match.
    pub fn from_document(new_terms: &NewTerms, document: &Value) -> Option<Terms> {
        let combinations = combinations_of(document, &new_terms.fields)?;
        Some(Terms { combinations, learning: false })
    }
}

/// Identifies the history of a combination, as hexadecimal digits. What an exception matches has a
/// history of its own: it must not make values known to those that it does not match.
pub fn history_id(finding: &Finding, combination: &[String]) -> Option<String> {
    let new_terms = finding.rule.new_terms.as_ref()?;
    let excepted = if finding.exception.is_some() { "excepted" } else { "" };
    let fields = new_terms.fields.iter().chain(combination).map(String::as_str);
    let parts = ["new terms", &finding.rule.id, excepted].into_iter().chain(fields);
    Some(FindingId::hash_parts(parts).as_str().to_owned())
}

#[cfg(test)]
mod tests {
    use jiff::SignedDuration;
    use serde_json::json;

    use super::*;

    fn new_terms(fields: &[&str]) -> NewTerms {
        NewTerms {
            fields: fields.iter().map(|field| (*field).to_owned()).collect(),
            window: SignedDuration::from_hours(24),
            alerts_while_learning: false,
        }
    }

    #[test]
    fn every_combination_of_a_record_counts() {
        let many: Vec<String> = (0..6).map(|number| number.to_string()).collect();
        let document = json!({
            "user": {"name": "alice", "id": ["1", "2", "1"]},
            "related": {"user": many},
            "group": {"name": "a"},
        });
        for (fields, expected) in [
            (&["user.name"][..], Some(vec![vec!["alice"]])),
            (&["user.name", "user.id"], Some(vec![vec!["alice", "1"], vec!["alice", "2"]])),
            (&["user.name", "user.target.name"], None),
            (
                &["related.user", "related.user", "user.name"],
                Some(vec![vec!["0\n1\n2\n3\n4\n5", "0\n1\n2\n3\n4\n5", "alice"]]),
            ),
        ] {
            let found = Terms::from_document(&new_terms(fields), &document);
            let found = found.map(|terms| terms.combinations);
            let expected: Option<Vec<Vec<String>>> = expected.map(|combinations| {
                let texts = |it: Vec<&str>| it.into_iter().map(str::to_owned).collect();
                combinations.into_iter().map(texts).collect()
            });
            assert_eq!(found, expected, "{fields:?}");
        }
    }
}
