//! What is read of what a notification names or contains, and what is not.

use detect::finding::Outcome;
use serde_json::{Value, json};
use trailbell::notification::InlineSource;
use trailbell::pipeline::{ObjectOutcome, Remedy};

use crate::pipeline::{create_group, key, log, queue, retried, s3_event, world};

/// A notification of the same object in another bucket.
fn in_bucket(bucket: &str, mut event: Value) -> Value {
    event["Records"][0]["s3"]["bucket"]["name"] = json!(bucket);
    event
}

#[tokio::test]
async fn objects_outside_the_trails_are_skipped_unread() {
    let mut world = world(&[("a", log(&[create_group("e1", "one")]))]);
    world.trails = vec!["s3://logs/AWSLogs/"];
    let mut outside = s3_event(&["a"]);
    outside["Records"][0]["s3"]["object"]["key"] = json!(format!("copy/{}", key("a")));
    let bodies = [in_bucket("other", s3_event(&["a"])), outside, s3_event(&["a"])];
    let (outcome, alerts, asked) = world.run(&queue(&bodies.map(|body| body.to_string()))).await;
    let report = &outcome.report;
    assert_eq!((alerts.len(), asked), (1, vec![key("a")]));
    assert_eq!((report.objects_outside_trails, report.announced), (2, 1));
    assert_eq!(report.objects_that(ObjectOutcome::Skipped), 2);
    assert!(retried(&outcome).is_empty());
    let place = format!("s3://other/{}: outside trails", key("a"));
    assert!(outcome.notes.iter().any(|note| note.starts_with(&place)), "{:?}", outcome.notes);
}

#[tokio::test]
async fn without_trails_objects_of_any_bucket_are_read() {
    let world = world(&[("a", log(&[create_group("e1", "one")]))]);
    let (outcome, alerts, _) = world.run(&in_bucket("other", s3_event(&["a"]))).await;
    assert_eq!((alerts.len(), outcome.report.objects_outside_trails), (1, 0));
}

/// EventBridge's event of a record.
fn api_call(record: Value) -> Value {
    json!({"source": "aws.iam", "detail-type": "AWS API Call via CloudTrail", "detail": record})
}

#[tokio::test]
async fn records_inside_a_notification_are_used_only_if_their_source_is_accepted() {
    for (accepted, alerted) in
        [(vec![], 0), (vec![InlineSource::CloudWatchLogs], 0), (vec![InlineSource::EventBridge], 1)]
    {
        let mut world = world(&[]);
        world.inline_sources = accepted;
        let body = api_call(create_group("e1", "one")).to_string();
        let (outcome, alerts, _) = world.run(&queue(&[body])).await;
        let report = &outcome.report;
        assert_eq!((alerts.len() as u64, report.records), (alerted, alerted));
        assert_eq!(report.findings_that(Outcome::Alerted), alerted);
        assert_eq!(report.inline_refused, 1 - alerted);
        assert!(retried(&outcome).is_empty());
        if alerted == 0 {
            let problem = &outcome.problems[0];
            assert_eq!(problem.remedy, Remedy::Discard);
            let expected = "message m0: 1 record of EventBridge not accepted: \
                            TRAILBELL_INLINE does not name eventbridge (discarded)";
            assert_eq!(problem.to_string(), expected);
        }
    }
}
