//! One element of `Records`.

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use serde_json::Value;

/// One CloudTrail record: a JSON object as AWS wrote it, nothing cleaned, keys in their order.
///
/// Field meanings:
/// <https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-event-reference-record-contents.html>
#[derive(Debug, Clone, PartialEq)]
pub struct Record {
    fields: serde_json::Map<String, Value>,
}

impl Record {
    /// Takes a JSON value that must be an object; gives back what it was otherwise.
    pub fn from_value(value: Value) -> Result<Record, Value> {
        match value {
            Value::Object(fields) => Ok(Record { fields }),
            other => Err(other),
        }
    }

    /// The value at a path of keys, e.g. `["userIdentity", "arn"]`. A JSON null is absent.
    pub fn get(&self, path: &[&str]) -> Option<&Value> {
        let (first, rest) = path.split_first()?;
        let mut value = self.fields.get(*first)?;
        for key in rest {
            value = value.get(key)?;
        }
        (!value.is_null()).then_some(value)
    }

    /// The string at a path of keys; absent where it is empty or not a string.
    pub fn text(&self, path: &[&str]) -> Option<&str> {
        self.get(path)?.as_str().filter(|text| !text.is_empty())
    }

    /// `eventTime` as an instant; absent where there is none or it cannot be read. A time without a
    /// zone is UTC, as all of CloudTrail's times are.
    pub fn time(&self) -> Option<Timestamp> {
        instant(self.text(&["eventTime"])?)
    }

    /// The account whose trail holds the record: `recipientAccountId`, else the caller's account.
    pub fn account(&self) -> Option<&str> {
        self.text(&["recipientAccountId"]).or_else(|| self.text(&["userIdentity", "accountId"]))
    }

    /// All top-level fields, in the order they were written.
    pub fn fields(&self) -> &serde_json::Map<String, Value> {
        &self.fields
    }
}

/// An ISO 8601 time as an instant. A time without a zone is UTC.
pub(crate) fn instant(text: &str) -> Option<Timestamp> {
    text.parse().ok().or_else(|| utc(text))
}

fn utc(text: &str) -> Option<Timestamp> {
    let civil: DateTime = text.parse().ok()?;
    Some(civil.to_zoned(TimeZone::UTC).ok()?.timestamp())
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
    fn an_account_keeps_its_leading_zeros_and_falls_back_to_the_callers() {
        let both = json!({"recipientAccountId": "012345678901", "userIdentity": {"accountId": "111122223333"}});
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
