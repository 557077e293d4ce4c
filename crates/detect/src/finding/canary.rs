//! A call that nobody made, sent down the whole way to see that the bell still rings.
//!
//! It is told from real calls by what no caller of AWS can write: the account and the `eventID`.

use jiff::Timestamp;
use serde_json::{Value, json};

use crate::finding::Finding;

/// An account that there is not.
const ACCOUNT: &str = "000000000000";

/// The name of the group that nobody created.
const GROUP: &str = "trailbell-canary-test";

/// The name of the user that nobody is.
const USER: &str = "trailbell-canary";

/// How the `eventID` begins.
const EVENT: &str = "trailbell-canary-";

/// What stands at the start of a mail's first sentence and of the document's message.
pub const NOTICE: &str = "THIS IS A TEST of Trailbell itself: nobody called AWS, no such account or group exists, and \
                          nothing is to be done. It shows that rules, ledger and topic work.";

/// The payload of one run: a CreateGroup as EventBridge carries it. The same run always makes the
/// same finding.
pub fn payload(run: &str, now: Timestamp) -> Value {
    json!({
        "version": "0",
        "detail-type": "AWS API Call via CloudTrail",
        "source": "aws.iam",
        "account": ACCOUNT,
        "time": second(now),
        "region": "us-east-1",
        "detail": record(run, now),
    })
}

fn record(run: &str, now: Timestamp) -> Value {
    let arn = |what: &str, name: &str| format!("arn:aws:iam::{ACCOUNT}:{what}/{name}");
    json!({
        "eventVersion": "1.11",
        "userIdentity": {
            "type": "IAMUser", "principalId": "AIDAEXAMPLECANARY", "arn": arn("user", USER), "accountId": ACCOUNT,
            "userName": USER,
        },
        "eventTime": second(now),
        "eventSource": "iam.amazonaws.com",
        "eventName": "CreateGroup",
        "awsRegion": "us-east-1",
        "sourceIPAddress": "192.0.2.1",
        "userAgent": "trailbell canary",
        "requestParameters": {"groupName": GROUP},
        "responseElements": {
            "group": {"path": "/", "groupName": GROUP, "groupId": "AGPAEXAMPLECANARY", "arn": arn("group", GROUP)},
        },
        "requestID": format!("{EVENT}{run}"),
        "eventID": format!("{EVENT}{run}"),
        "readOnly": false,
        "eventType": "AwsApiCall",
        "managementEvent": true,
        "recipientAccountId": ACCOUNT,
        "eventCategory": "Management",
    })
}

/// CloudTrail's times are whole seconds.
fn second(now: Timestamp) -> String {
    now.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

/// Whether a finding is of such a call.
pub fn is_canary(finding: &Finding) -> bool {
    let event_id = finding.ecs["event"]["id"].as_str();
    finding.account.as_deref() == Some(ACCOUNT) && event_id.is_some_and(|id| id.starts_with(EVENT))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cloudtrail::Record;
    use crate::finding::Origin;
    use crate::rule::LoadedRules;

    fn finding(change: impl Fn(&mut Value)) -> Finding {
        let mut record = record("run-1", Timestamp::UNIX_EPOCH);
        change(&mut record);
        let origin = Origin::Inline { envelope: "test".to_owned(), record: 0 };
        Finding::new(
            &LoadedRules::embedded().rules[0].info,
            &Record::from_value(record).unwrap(),
            origin,
        )
    }

    #[test]
    fn nothing_that_a_caller_can_write_makes_a_canary() {
        assert!(is_canary(&finding(|_| ())));
        for (field, value) in [
            ("recipientAccountId", json!("111122223333")),
            ("eventID", json!("4f0c4a47-6d4a-4a3e-9b1e-000000000000")),
            ("eventID", json!(null)),
        ] {
            assert!(
                !is_canary(&finding(|record| record[field] = value.clone())),
                "{field} {value}"
            );
        }
    }

    #[test]
    fn each_run_is_a_finding_of_its_own() {
        let of = |run: &'static str| {
            finding(move |fields| *fields = record(run, Timestamp::UNIX_EPOCH)).id
        };
        assert_eq!(of("a"), of("a"));
        assert_ne!(of("a"), of("b"));
    }
}
