//! One element of `Records`.

use jiff::Timestamp;
use jiff::tz::Offset;
use serde_json::Value;

/// One CloudTrail record: a JSON object as AWS wrote it, with the keys in their order.
///
/// Field meanings:
/// <https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-event-reference-record-contents.html>
#[derive(Debug, Clone, PartialEq)]
pub struct Record {
    fields: serde_json::Map<String, Value>,
}

impl Record {
    /// Takes a JSON object.
    ///
    /// # Errors
    /// Returns the value if it is not an object.
    pub fn from_value(value: Value) -> Result<Record, Value> {
        match value {
            Value::Object(fields) => Ok(Record { fields }),
            other => Err(other),
        }
    }

    /// The value at a path of keys, e.g. `["userIdentity", "arn"]`. Returns `None` for a JSON null.
    pub fn get(&self, path: &[&str]) -> Option<&Value> {
        let (first, rest) = path.split_first()?;
        let mut value = self.fields.get(*first)?;
        for key in rest {
            value = value.get(key)?;
        }
        (!value.is_null()).then_some(value)
    }

    /// The string at a path of keys. Returns `None` if it is empty or not a string.
    pub fn text(&self, path: &[&str]) -> Option<&str> {
        self.get(path)?.as_str().filter(|text| !text.is_empty())
    }

    /// `eventTime`. Returns `None` if it is missing or not an ISO 8601 time. A time without a zone
    /// is UTC, as all times of CloudTrail are.
    pub fn time(&self) -> Option<Timestamp> {
        parse_time(self.text(&["eventTime"])?)
    }

    /// The account whose trail holds the record: `recipientAccountId`, else the principal's
    /// account.
    pub fn account(&self) -> Option<&str> {
        self.text(&["recipientAccountId"]).or_else(|| self.text(&["userIdentity", "accountId"]))
    }

    /// All top-level fields, in the order they were written.
    pub fn fields(&self) -> &serde_json::Map<String, Value> {
        &self.fields
    }
}

/// Parses an ISO 8601 time. A time without a zone is UTC.
pub(crate) fn parse_time(text: &str) -> Option<Timestamp> {
    let without_zone = || Offset::UTC.to_timestamp(text.parse().ok()?).ok();
    text.parse().ok().or_else(without_zone)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn record(value: Value) -> Record {
        Record::from_value(value).unwrap()
    }

    #[test]
    fn a_time_is_utc_with_or_without_its_z() {
        let with = record(json!({"eventTime": "2026-03-01T10:00:00Z"})).time();
        let without = record(json!({"eventTime": "2026-03-01T10:00:00"})).time();
        assert!(with.is_some());
        assert_eq!(with, without);
        assert_eq!(record(json!({"eventTime": "yesterday"})).time(), None);
        assert_eq!(record(json!({})).time(), None);
    }

    #[test]
    fn an_account_keeps_its_leading_zeros_and_falls_back_to_the_principals() {
        let both = json!({
            "recipientAccountId": "012345678901",
            "userIdentity": {"accountId": "111122223333"},
        });
        assert_eq!(record(both).account(), Some("012345678901"));
        assert_eq!(
            record(json!({"userIdentity": {"accountId": "111122223333"}})).account(),
            Some("111122223333")
        );
    }

    #[test]
    fn null_and_empty_are_absent() {
        let odd = record(json!({"requestParameters": null, "userIdentity": {"userName": ""}}));
        assert_eq!(odd.get(&["requestParameters"]), None);
        assert_eq!(odd.text(&["userIdentity", "userName"]), None);
        assert_eq!(odd.text(&["requestParameters", "groupName"]), None);
    }
}
