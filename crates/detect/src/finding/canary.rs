//! A synthetic call that verifies end-to-end delivery. It is recognised by where it came from: a
//! record that imitates one is an ordinary record.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::{Finding, Origin, match_record};
use crate::cloudtrail::Record;
use crate::rule::Detections;

const ACCOUNT: &str = "000000000000";
const GROUP: &str = "trailbell-canary-test";
const USER: &str = "trailbell-canary";
const EVENT_ID_PREFIX: &str = "trailbell-canary-";

/// Starts the first sentence of the mail and the message of the document.
pub const NOTICE: &str = "THIS IS A TEST of Trailbell: no AWS call was made, the account and the \
    group do not exist, and there is nothing to do. It verifies that rules, ledger and topic work.";

/// The findings of one run, a CreateGroup, in the order of the rules. The same run always makes the
/// same findings.
pub fn findings(run: &str, detections: &Detections, now: Timestamp) -> Vec<Finding> {
    let mut found = Vec::new();
    if let Ok(record) = Record::from_value(record(run, now)) {
        match_record(&record, detections, now, &|| Origin::Canary, &mut |it| found.push(it));
    }
    found
}

/// The record of one run.
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
    finding.origin == Origin::Canary
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rule::LoadedRules;
    use crate::rule::RuleSet;

    fn detections() -> Detections {
        RuleSet::new(LoadedRules::embedded().rules).unwrap().into()
    }

    #[test]
    fn a_record_that_imitates_a_canary_is_an_ordinary_one() {
        let now = Timestamp::UNIX_EPOCH;
        let canaries = findings("run-1", &detections(), now);
        assert!(!canaries.is_empty() && canaries.iter().all(is_canary));
        let imitation = Record::from_value(record("run-1", now)).unwrap();
        let object = || Origin::Object { bucket: "b".to_owned(), key: "k".to_owned(), record: 0 };
        let inline = || Origin::Inline { envelope: "canary".to_owned(), record: 0 };
        for origin in [&object as &dyn Fn() -> Origin, &inline] {
            match_record(&imitation, &detections(), now, origin, &mut |finding| {
                assert_eq!(finding.id, canaries[0].id);
                assert!(!is_canary(&finding), "{}", finding.origin);
            });
        }
    }

    #[test]
    fn each_run_is_a_different_finding() {
        let id = |run| findings(run, &detections(), Timestamp::UNIX_EPOCH).remove(0).id;
        assert_eq!(id("a"), id("a"));
        assert_ne!(id("a"), id("b"));
    }
}
