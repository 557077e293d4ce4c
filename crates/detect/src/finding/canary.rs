//! A synthetic call that verifies end-to-end delivery. Its account and `eventID` are values that no
//! principal can write into a real record.

use jiff::Timestamp;
use serde_json::{Value, json};

use crate::finding::Finding;

const ACCOUNT: &str = "000000000000";
const GROUP: &str = "trailbell-canary-test";
const USER: &str = "trailbell-canary";
const EVENT_ID_PREFIX: &str = "trailbell-canary-";

/// Starts the first sentence of the mail and the message of the document.
pub const NOTICE: &str = "THIS IS A TEST of Trailbell: no AWS call was made, the account and the \
    group do not exist, and there is nothing to do. It verifies that rules, ledger and topic work.";

/// The notification of one run: a CreateGroup as EventBridge delivers it. The same run always
/// makes the same finding.
pub fn payload(run: &str, now: Timestamp) -> Value {
    json!({
        "version": "0",
        "detail-type": "AWS API Call via CloudTrail",
        "source": "aws.iam",
        "account": ACCOUNT,
        "time": format_second(now),
        "region": "us-east-1",
        "detail": record(run, now),
    })
}

fn record(run: &str, now: Timestamp) -> Value {
    let arn = |what: &str, name: &str| format!("arn:aws:iam::{ACCOUNT}:{what}/{name}");
    json!({
        "eventVersion": "1.11",
        "userIdentity": {
            "type": "IAMUser",
            "principalId": "AIDAEXAMPLECANARY",
            "arn": arn("user", USER),
            "accountId": ACCOUNT,
            "userName": USER,
        },
        "eventTime": format_second(now),
        "eventSource": "iam.amazonaws.com",
        "eventName": "CreateGroup",
        "awsRegion": "us-east-1",
        "sourceIPAddress": "192.0.2.1",
        "userAgent": "trailbell canary",
        "requestParameters": {"groupName": GROUP},
        "responseElements": {
            "group": {
                "path": "/",
                "groupName": GROUP,
                "groupId": "AGPAEXAMPLECANARY",
                "arn": arn("group", GROUP),
            },
        },
        "requestID": format!("{EVENT_ID_PREFIX}{run}"),
        "eventID": format!("{EVENT_ID_PREFIX}{run}"),
        "readOnly": false,
        "eventType": "AwsApiCall",
        "managementEvent": true,
        "recipientAccountId": ACCOUNT,
        "eventCategory": "Management",
    })
}

/// CloudTrail's times are whole seconds.
fn format_second(time: Timestamp) -> String {
    time.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

/// Returns true if a finding is of a synthetic call.
pub fn is_canary(finding: &Finding) -> bool {
    let event_id = finding.ecs["event"]["id"].as_str();
    finding.account.as_deref() == Some(ACCOUNT)
        && event_id.is_some_and(|id| id.starts_with(EVENT_ID_PREFIX))
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
    fn a_principal_cannot_make_a_canary() {
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
    fn each_run_is_a_different_finding() {
        let id_of = |run: &'static str| {
            finding(move |fields| *fields = record(run, Timestamp::UNIX_EPOCH)).id
        };
        assert_eq!(id_of("a"), id_of("a"));
        assert_ne!(id_of("a"), id_of("b"));
    }
}
