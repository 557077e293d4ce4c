//! Tests of rules, as data: next to `a-rule.toml`, `a-rule.tests.json` holds CloudTrail records
//! that the rule must match and records that it must not match.
//!
//! ```json
//! {
//!   "base": {"eventSource": "iam.amazonaws.com", "eventName": "CreateGroup"},
//!   "must_match": [{"name": "a group is created", "change": {}}],
//!   "must_not_match": [
//!     {"name": "denied", "change": {"errorCode": "AccessDenied"}},
//!     {"name": "another service", "record": {"eventSource": "xray.amazonaws.com"}}
//!   ]
//! }
//! ```
//!
//! A case has a whole `record`, or a `change` of the `base` record: a JSON merge patch, in which
//! objects are merged, null removes a field, and anything else replaces it. Source:
//! <https://www.rfc-editor.org/rfc/rfc7396>
//!
//! A case of a correlation has several `records` in any order (their `eventTime` counts), and
//! optionally the `severity` that must be reached:
//!
//! ```json
//! {"must_match": [{"name": "both", "severity": "high", "records": [
//!   {"name": "created", "record": {"eventName": "CreateGroup", "eventID": "1"}},
//!   {"name": "filled", "record": {"eventName": "AddUserToGroup", "eventID": "2"}}
//! ]}]}
//! ```

mod cases;
mod run;
#[cfg(test)]
mod tests;

pub use cases::{RuleTests, TestCase};
pub use run::{TestReport, TestResult, test_rules};
