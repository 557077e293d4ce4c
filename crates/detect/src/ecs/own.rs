//! Which of the operator's own resources a record names.

use serde::Deserialize;
use serde_json::Value;

use crate::cloudtrail::Record;

/// What fills the field `trailbell.own`: the ARNs of what Trailbell itself consists of.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
pub struct OwnResources(Vec<OwnResource>);

/// One resource, by the parts of its ARN.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
struct OwnResource {
    arn: String,
    /// E.g. `sns`.
    service: String,
    /// Empty for buckets.
    region: String,
    /// Empty for buckets.
    account: String,
    /// What calls name it by: the last part of the ARN.
    name: String,
}

impl OwnResources {
    /// Reads ARNs that are separated by commas. Returns `None` if one of them is none.
    pub fn parse(text: &str) -> Option<OwnResources> {
        text.split(',').map(|arn| OwnResource::parse(arn.trim())).collect::<Option<_>>().map(Self)
    }

    /// The ARNs of those that the record names in its request or its response. Calls name a
    /// resource by its ARN, by its name, or by something that contains one of them: the ARN of a
    /// subscription or the URL of a queue.
    pub fn named_by<'a>(&'a self, record: &Record) -> Vec<&'a str> {
        let is_named = |own: &&OwnResource| own.is_named_by(record);
        self.0.iter().filter(is_named).map(|own| own.arn.as_str()).collect()
    }
}

impl OwnResource {
    /// Source: <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference-arns.html>
    fn parse(arn: &str) -> Option<OwnResource> {
        let parts: Vec<&str> = arn.splitn(6, ':').collect();
        let ["arn", _partition, service, region, account, resource] = parts[..] else {
            return None;
        };
        let name = resource.rsplit([':', '/']).next().filter(|name| !name.is_empty())?;
        let text = str::to_owned;
        (!service.is_empty()).then(|| OwnResource {
            arn: text(arn),
            service: text(service),
            region: text(region),
            account: text(account),
            name: text(name),
        })
    }

    fn is_named_by(&self, record: &Record) -> bool {
        let is = |path: &str, expected: &str| {
            expected.is_empty() || record.text(&[path]) == Some(expected)
        };
        let service = record.text(&["eventSource"]).and_then(|source| source.split('.').next());
        let is_here = service == Some(&self.service)
            && is("awsRegion", &self.region)
            && is("recipientAccountId", &self.account);
        is_here
            && ["requestParameters", "responseElements"]
                .into_iter()
                .filter_map(|part| record.get(&[part]))
                .any(|part| self.is_named_in(part))
    }

    /// `serde_json` refuses records that are nested deeper than 128.
    fn is_named_in(&self, value: &Value) -> bool {
        match value {
            Value::String(text) => text.split([':', '/']).any(|part| part == self.name),
            Value::Array(items) => items.iter().any(|item| self.is_named_in(item)),
            Value::Object(fields) => fields.values().any(|field| self.is_named_in(field)),
            Value::Null | Value::Bool(_) | Value::Number(_) => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    const TOPIC: &str = "arn:aws:sns:us-east-1:111122223333:alerts";
    const FUNCTION: &str = "arn:aws:lambda:us-east-1:111122223333:function:bell";
    const QUEUE: &str = "arn:aws:sqs:us-east-1:111122223333:bell-queue";
    const BUCKET: &str = "arn:aws:s3:::bell-ledger";
    const TRAIL: &str = "arn:aws:cloudtrail:us-east-1:111122223333:trail/audit";

    fn record(source: &str, parameters: Value) -> Value {
        json!({"eventSource": format!("{source}.amazonaws.com"), "awsRegion": "us-east-1",
            "recipientAccountId": "111122223333", "requestParameters": parameters})
    }

    fn named(record: Value) -> Vec<String> {
        let own = [TOPIC, FUNCTION, QUEUE, BUCKET, TRAIL].join(", ");
        let own = OwnResources::parse(&own).unwrap();
        let record = Record::from_value(record).unwrap();
        own.named_by(&record).into_iter().map(str::to_owned).collect()
    }

    #[test]
    fn a_resource_is_named_by_its_arn_or_its_name_or_in_another_name() {
        let subscription = format!("{TOPIC}:5be8b5dd-2bb5-4d4e-9c2d-2f8d6b1c0e11");
        let url = "https://sqs.us-east-1.amazonaws.com/111122223333/bell-queue";
        for (source, parameters, expected) in [
            ("sns", json!({"topicArn": TOPIC}), Some(TOPIC)),
            ("sns", json!({"subscriptionArn": subscription}), Some(TOPIC)),
            ("sns", json!({"topicArn": format!("{TOPIC}-2")}), None),
            ("lambda", json!({"functionName": "bell"}), Some(FUNCTION)),
            ("lambda", json!({"functionName": FUNCTION}), Some(FUNCTION)),
            ("lambda", json!({"functionName": "111122223333:function:bell"}), Some(FUNCTION)),
            ("lambda", json!({"functionName": "bell:$LATEST"}), Some(FUNCTION)),
            ("lambda", json!({"functionName": "bell-2"}), None),
            ("sqs", json!({"queueUrl": url}), Some(QUEUE)),
            ("s3", json!({"bucketName": "bell-ledger"}), Some(BUCKET)),
            ("s3", json!({"bucketName": "bell-ledger-copy"}), None),
            ("cloudtrail", json!({"name": "audit"}), Some(TRAIL)),
            ("cloudtrail", json!({"trailName": TRAIL}), Some(TRAIL)),
            (
                "sqs",
                json!({"attributes": {"Policy": format!("{{\"Resource\":\"{QUEUE}\"}}")}}),
                None,
            ),
            ("iam", json!({"userName": "bell"}), None),
        ] {
            let expected: Vec<&str> = expected.into_iter().collect();
            assert_eq!(
                named(record(source, parameters.clone())),
                expected,
                "{source} {parameters}"
            );
        }
    }

    #[test]
    fn a_resource_of_another_region_or_account_is_not_ours() {
        for (field, value) in [("awsRegion", "eu-west-1"), ("recipientAccountId", "444455556666")] {
            let mut record = record("lambda", json!({"functionName": "bell"}));
            record[field] = json!(value);
            assert_eq!(named(record), [""; 0], "{field}");
        }
        let mut bucket = record("s3", json!({"bucketName": "bell-ledger"}));
        bucket["awsRegion"] = json!("eu-west-1");
        assert_eq!(named(bucket), [BUCKET]);
    }

    #[test]
    fn the_response_names_what_the_request_does_not() {
        let mut record = record("lambda", json!({"uUID": "a1b2", "enabled": false}));
        record["responseElements"] = json!({"uUID": "a1b2", "functionArn": FUNCTION});
        assert_eq!(named(record), [FUNCTION]);
    }

    #[test]
    fn what_is_no_arn_is_an_error() {
        for text in
            ["", "alerts", "arn:aws:sns", "arn:aws::::x", "arn:aws:s3:::", "arn:aws:s3:::a,"]
        {
            assert_eq!(OwnResources::parse(text), None, "{text:?}");
        }
    }
}
