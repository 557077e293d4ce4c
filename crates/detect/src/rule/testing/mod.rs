//! Tests of rules, as data: beside `a-rule.toml`, `a-rule.tests.json` holds records that the rule
//! must match and records that it must not.
//!
//! ```json
//! {
//!   "base": {"eventSource": "iam.amazonaws.com", "eventName": "CreateGroup"},
//!   "must_match": [{"name": "a group is created", "change": {}}],
//!   "must_not_match": [
//!     {"name": "the attempt was denied", "change": {"errorCode": "AccessDenied"}},
//!     {"name": "another service", "record": {"eventSource": "xray.amazonaws.com", "eventName": "CreateGroup"}}
//!   ]
//! }
//! ```
//!
//! A case is a whole CloudTrail `record`, or the `base` record with a `change`: a JSON merge patch,
//! in which objects are merged, null removes a field, and anything else replaces it. Source:
//! <https://www.rfc-editor.org/rfc/rfc7396>

mod cases;
mod run;
mod sequences;
#[cfg(test)]
mod tests;

pub use cases::{TestCase, TestCases};
pub use run::{
    RuleTestReport, RuleTestResult, TestFailure, sample_record, test_embedded_rules, test_rules_in,
};
pub use sequences::{TestSequence, TestSequences};
