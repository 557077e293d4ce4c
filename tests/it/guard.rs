//! The rules that guard the trail and Trailbell itself: what is read for them, and what they alert.

use alert::Alert;
use detect::ecs::OwnResources;
use detect::rule::{DetectionSettings, LogPlace, ReadScope};
use serde_json::{Value, json};
use trailbell::pipeline::{InvocationReport, ObjectOutcome};

use crate::pipeline::{World, create_group, key_in, log, s3_event_of_keys, world};

const HOME: &str = "eu-central-1";
const ACCOUNT: &str = "111122223333";
const TOPIC: &str = "arn:aws:sns:eu-central-1:111122223333:alerts";

fn settings() -> DetectionSettings {
    let guard = vec![LogPlace::parse("111122223333/eu-central-1").unwrap()];
    DetectionSettings {
        own: OwnResources::parse(TOPIC).unwrap(),
        read_scope: ReadScope { guard, ..ReadScope::default() },
        ..DetectionSettings::default()
    }
}

/// A call in the home region, by its service.
fn call(service: &str, action: &str, parameters: Value) -> Value {
    let mut record = create_group(&format!("{service}-{action}"), "none");
    record["eventSource"] = json!(format!("{service}.amazonaws.com"));
    record["eventName"] = json!(action);
    record["awsRegion"] = json!(HOME);
    record["requestParameters"] = parameters;
    record
}

async fn run(records: &[Value], places: &[[&str; 2]]) -> (InvocationReport, Vec<Alert>, usize) {
    let keys: Vec<String> =
        places.iter().map(|[account, region]| key_in(account, region, "x")).collect();
    let mut world: World = world(&[]);
    world.settings = settings();
    keys.iter().for_each(|key| world.put(key, log(records)));
    let (outcome, alerts, asked) = world.run(&s3_event_of_keys(&keys)).await;
    assert!(outcome.retry.is_empty(), "{:?}", outcome.problems);
    (outcome, alerts, asked.len())
}

#[tokio::test]
async fn only_the_places_that_are_guarded_are_read_for_them() {
    let stopped = call("cloudtrail", "StopLogging", json!({"name": "audit"}));
    let places = [
        [ACCOUNT, HOME],
        [ACCOUNT, "eu-west-1"],
        ["444455556666", HOME],
        ["444455556666", "eu-west-1"],
    ];
    let (outcome, alerts, asked) = run(&[stopped], &places).await;
    assert_eq!((alerts.len(), asked), (1, 1));
    assert_eq!(outcome.report.objects_that(ObjectOutcome::Skipped), 3);
    assert!(alerts[0].subject.contains("StopLogging"), "{}", alerts[0].subject);
}

#[tokio::test]
async fn the_objects_that_are_read_for_other_rules_are_matched_too() {
    let mut stopped = call("cloudtrail", "StopLogging", json!({"name": "audit"}));
    stopped["awsRegion"] = json!("us-east-1");
    let (_, alerts, asked) = run(&[stopped], &[["444455556666", "us-east-1"]]).await;
    assert_eq!((alerts.len(), asked), (1, 1));
}

#[tokio::test]
async fn what_is_ours_is_told_from_what_is_not() {
    let of = |topic: &str| json!({"subscriptionArn": format!("{topic}:5be8b5dd")});
    let mut by_stack = call("sns", "SetTopicAttributes", json!({"topicArn": TOPIC}));
    by_stack["userIdentity"]["invokedBy"] = json!("cloudformation.amazonaws.com");
    let records = [
        call("sns", "Unsubscribe", of(TOPIC)),
        call("sns", "SetSubscriptionAttributes", of(&format!("{TOPIC}-of-others"))),
        by_stack,
    ];
    let (_, alerts, _) = run(&records, &[[ACCOUNT, HOME]]).await;
    assert_eq!(alerts.len(), 1);
    assert!(alerts[0].subject.starts_with("[high] "), "{}", alerts[0].subject);
    let words: Vec<&str> = alerts[0].text.split_whitespace().collect();
    let mail = words.join(" ");
    assert!(mail.contains("since someone no longer receives the alerts"), "{mail}");
}
