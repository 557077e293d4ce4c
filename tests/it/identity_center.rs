//! Groups of IAM Identity Center: off by default, and then alerted as groups of IAM are.

use std::sync::Arc;

use detect::rule::{DetectionSettings, Detections, EmbeddedSets, LoadedRules, LogPlace, ReadScope};
use serde_json::{Value, json};

use crate::ledger::memory::{Memory, Topic};
use crate::ledger::world::{call, deliver, pipeline_with};

const GROUP: &str = "34887428-4081-7042-c3c6-928d413009e7";
const USER: &str = "94e80458-9021-70ea-08fa-c3a10a1d8a92";
const STORE: &str = "d-906791299c";

fn in_directory(service: &str, action: &str, time: &str, parameters: Value) -> Value {
    let mut record = call(action, time, "alice", parameters);
    record["eventSource"] = json!(format!("{service}.amazonaws.com"));
    record["awsRegion"] = json!("eu-central-1");
    record
}

fn created() -> Value {
    let parameters = json!({"identityStoreId": STORE, "displayName": "Admins"});
    let mut record =
        in_directory("sso-directory", "CreateGroup", "2026-03-01T09:58:02Z", parameters);
    record["responseElements"] = json!({"group": {"groupId": GROUP, "displayName": "Admins"}});
    record
}

fn added() -> Value {
    let parameters =
        json!({"identityStoreId": STORE, "groupId": GROUP, "memberId": {"userId": USER}});
    let mut record =
        in_directory("identitystore", "CreateGroupMembership", "2026-03-01T10:00:00Z", parameters);
    record["responseElements"] = json!({"identityStoreId": STORE, "membershipId": "m-1"});
    record
}

fn detections(sets: &str) -> Detections {
    let rules = LoadedRules::from_sets(&EmbeddedSets::parse(sets).unwrap());
    rules.into_complete_rule_set().unwrap().into()
}

async fn alerts(sets: &str) -> Vec<(String, String)> {
    let topic = Topic::default();
    let pipeline = pipeline_with(&Memory::new(), &topic, |pipeline| {
        pipeline.detections = Arc::new(detections(sets));
    });
    for record in [created(), added()] {
        let report = deliver(&pipeline, &[record]).await;
        assert!(report.problems.is_empty(), "{:?}", report.problems);
    }
    topic.accepted().into_iter().map(|alert| (alert.subject, alert.text)).collect()
}

#[tokio::test]
async fn it_is_off_unless_the_rule_sets_name_it() {
    assert_eq!(alerts("iam-groups,guard").await, []);
}

#[tokio::test]
async fn a_group_has_subjects_a_timeline_and_commands_of_its_own() {
    let alerts = alerts("identity-center:eu-central-1").await;
    let subjects: Vec<&str> = alerts.iter().map(|(subject, _)| subject.as_str()).collect();
    assert_eq!(subjects[0], "[low] Identity Center group Admins created by alice in 111122223333");
    let start = "[low] 94e80458";
    assert!(subjects[1].starts_with(start), "{subjects:?}");
    assert!(subjects[1].contains("added to Identity Center group 34887"), "{subjects:?}");
    // Sentences and commands continue on the next line.
    let words: Vec<&str> = alerts[1].1.split_whitespace().filter(|word| *word != "\\").collect();
    let mail = words.join(" ");
    for part in [
        "added the user 94e80458-9021-70ea-08fa-c3a10a1d8a92 to the Identity Center group",
        "created by alice",
        "added by alice",
        "aws identitystore list-group-memberships --region=eu-central-1",
        "aws identitystore delete-group-membership --region=eu-central-1",
        "--membership-id=m-1",
    ] {
        assert!(mail.contains(part), "{part}: {mail}");
    }
    assert!(!mail.contains("aws iam get-group"), "{mail}");
}

#[test]
fn only_its_region_is_read_for_it() {
    let sets = EmbeddedSets::parse("iam-groups,identity-center:eu-central-1").unwrap();
    let identity_center = sets.identity_center().cloned();
    assert_eq!(identity_center, LogPlace::parse("eu-central-1"));
    let read_scope = ReadScope { identity_center, ..ReadScope::default() };
    let detections = detections("iam-groups,identity-center:eu-central-1")
        .with_settings(DetectionSettings { read_scope, ..DetectionSettings::default() });
    for (region, expected) in [("eu-central-1", true), ("us-east-1", true), ("eu-west-1", false)] {
        assert_eq!(detections.can_match_in("444455556666", region), expected, "{region}");
    }
}
