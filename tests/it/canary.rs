//! Canaries are sent last, one a message; records that imitate one are records.

use alert::Alert;
use serde_json::{Value, json};

use crate::pipeline::{by, create_group, log, queue, s3_event, world};

fn is_test(alert: &Alert) -> bool {
    alert.subject.starts_with("[TEST] ")
}

#[tokio::test]
async fn one_canary_a_message_is_sent_after_all_findings() {
    let canary = json!({"trailbell": "canary"}).to_string();
    let sns = json!({"EventSource": "aws:sns", "Sns": {"Message": canary}});
    let many = json!({ "Records": vec![sns; 400] }).to_string();
    let object = s3_event(&["a"]).to_string();
    let inline = json!({"source": "aws.iam", "detail-type": "AWS API Call via CloudTrail",
        "detail": by("bob", create_group("e2", "two"))});
    let bodies = [many, canary, object, inline.to_string()];
    let world = world(&[("a", log(&[create_group("e1", "one")]))]);
    let (outcome, alerts, _) = world.run(&queue(&bodies)).await;
    assert_eq!((outcome.report.canaries, outcome.report.canaries_failed), (2, 0));
    let tests: Vec<bool> = alerts.iter().map(is_test).collect();
    assert_eq!(tests, [false, false, true, true]);
}

/// What an attacker who knows the source writes into the bucket.
fn imitation(number: usize) -> Value {
    let mut record = create_group(&format!("trailbell-canary-{number}"), "trailbell-canary-test");
    record["recipientAccountId"] = json!("000000000000");
    record["eventTime"] = json!("2026-03-01T09:00:00Z");
    record["userIdentity"] = json!({"type": "IAMUser", "userName": "trailbell-canary",
        "accountId": "000000000000", "arn": "arn:aws:iam::000000000000:user/trailbell-canary"});
    record
}

#[tokio::test]
async fn records_that_imitate_canaries_delay_no_finding() {
    let mut records: Vec<Value> = (0..400).map(imitation).collect();
    records.push(create_group("e1", "one"));
    let (outcome, alerts, _) = world(&[("a", log(&records))]).run(&s3_event(&["a"])).await;
    assert!(alerts[..2].iter().any(|alert| alert.subject.contains("one")), "{}", alerts[1].subject);
    assert!(!alerts.iter().any(is_test));
    assert!(alerts.len() < 20, "{} alerts", alerts.len());
    assert_eq!((outcome.report.findings, outcome.report.canaries), (401, 0));
}
