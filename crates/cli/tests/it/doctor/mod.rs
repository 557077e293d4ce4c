//! `trailbell doctor` on deployments in moto, healthy and broken. What it prints is in
//! `snapshots/doctor-<case>.snap`.

mod world;

use serde_json::{Value, json};
use support::proxy::Request;
use support::{aws, moto, relay};
use trailbell_cli::doctor::{Deployment, ExpectedTarget};
use world::{World, no_notifications};

use crate::program::trailbell;
use crate::snapshot::assert_page;

#[tokio::test]
async fn a_healthy_deployment_passes_and_stays_as_it_is() {
    let world = World::healthy().await;
    world.compare("healthy", world.deployment(moto::url())).await;
    let keys = aws::s3(moto::url()).list_objects_v2().bucket(&world.ledger).send().await.unwrap();
    let keys: Vec<&str> = keys.contents().iter().filter_map(|object| object.key()).collect();
    let [head, heartbeat] = keys[..] else { panic!("{keys:?}: the probe is gone") };
    assert!(head.starts_with("state/chains/") && heartbeat == "state/sweep/heartbeat", "{keys:?}");
}

#[tokio::test]
async fn read_only_writes_nothing() {
    let world = World::healthy().await;
    let url = relay::before_moto(|request| {
        let reads =
            matches!(request.method.as_str(), "GET" | "HEAD") || request.text().contains("Action=");
        if reads { None } else { relay::refused(403, "AccessDenied", "something was written") }
    });
    world.compare("read-only", Deployment { read_only: true, ..world.deployment(&url) }).await;
}

#[tokio::test]
async fn a_half_deployed_stack() {
    let world = World::bare().await;
    let missing = World {
        logs: world.logs,
        ledger: moto::unique("example-ledger"),
        topic: "arn:aws:sns:us-east-1:123456789012:nowhere".to_owned(),
    };
    missing.compare_with("half-deployed", no_notifications).await;
}

#[tokio::test]
async fn a_bucket_of_another_region() {
    let world = World::healthy().await;
    let logs = format!("/{}", world.logs);
    let elsewhere = move |request: &Request| {
        let region = vec!["x-amz-bucket-region: eu-central-1".to_owned()];
        request.path.starts_with(&logs).then(|| (301, region, String::new()))
    };
    world.compare_with("wrong-region", elsewhere).await;
}

#[tokio::test]
async fn a_bucket_of_another_account() {
    let world = World::healthy().await;
    let logs = format!("/{}", world.logs);
    let url = relay::before_moto(move |request| {
        if request.path.starts_with(&logs) {
            relay::refused(403, "AccessDenied", "Access Denied")
        } else {
            None
        }
    });
    let deployment =
        Deployment { owner: Some("444455556666".to_owned()), ..world.deployment(&url) };
    world.compare("other-account", deployment).await;
}

#[tokio::test]
async fn a_key_that_is_denied() {
    let world = World::healthy().await;
    let logs = format!("/{}/AWSLogs", world.logs);
    let denied = "User: arn:aws:iam::111122223333:user/alice is not authorized to perform: kms:Decrypt on resource: \
                  arn:aws:kms:us-east-1:111122223333:key/0a1b because no identity-based policy allows it";
    let key = move |request: &Request| {
        let object = request.method == "GET" && request.path.starts_with(&logs);
        if object { relay::refused(403, "AccessDenied", denied) } else { None }
    };
    world.compare_with("kms-denied", key).await;
}

#[tokio::test]
async fn a_topic_without_subscriptions() {
    let world = World::without_subscription().await;
    world.compare("no-subscriber", world.deployment(moto::url())).await;
}

/// What SNS lists: an address and, if it is confirmed, its ARN.
fn subscriptions(topic: &str, all: &[(&str, &str)]) -> String {
    let member = |(address, arn): &(&str, &str)| {
        format!(
            "<member><TopicArn>{topic}</TopicArn><Protocol>email</Protocol><SubscriptionArn>{arn}</SubscriptionArn>\
             <Owner>111122223333</Owner><Endpoint>{address}</Endpoint></member>"
        )
    };
    let members: String = all.iter().map(member).collect();
    format!(
        "<ListSubscriptionsByTopicResponse xmlns=\"http://sns.amazonaws.com/doc/2010-03-31/\"><ListSubscriptionsByTopicResult>\
         <Subscriptions>{members}</Subscriptions></ListSubscriptionsByTopicResult></ListSubscriptionsByTopicResponse>"
    )
}

/// A subscription that was confirmed by its link.
fn by_link() -> String {
    let entry =
        |key: &str, value: &str| format!("<entry><key>{key}</key><value>{value}</value></entry>");
    let entries =
        entry("PendingConfirmation", "false") + &entry("ConfirmationWasAuthenticated", "false");
    format!(
        "<GetSubscriptionAttributesResponse xmlns=\"http://sns.amazonaws.com/doc/2010-03-31/\"><GetSubscriptionAttributesResult>\
         <Attributes>{entries}</Attributes></GetSubscriptionAttributesResult></GetSubscriptionAttributesResponse>"
    )
}

#[tokio::test]
async fn subscriptions_that_are_pending_or_can_be_ended_by_others() {
    let world = World::healthy().await;
    let one = format!("{}:1", world.topic);
    let mixed = subscriptions(
        &world.topic,
        &[
            ("alice@example.com", &one),
            ("bob@example.com", "PendingConfirmation"),
            ("eve\u{202e}@example.com", &one),
        ],
    );
    let answer = move |request: &Request| {
        let body = match request.text().as_str() {
            body if body.contains("Action=ListSubscriptionsByTopic") => mixed.clone(),
            body if body.contains("Action=GetSubscriptionAttributes") => by_link(),
            _ => return None,
        };
        Some((200, vec![], body))
    };
    world.compare_with("subscribers", answer).await;
    let pending = subscriptions(&world.topic, &[("alice@example.com", "PendingConfirmation")]);
    let answer = move |request: &Request| {
        request
            .text()
            .contains("Action=ListSubscriptionsByTopic")
            .then(|| (200, vec![], pending.clone()))
    };
    world.compare_with("pending", answer).await;
}

#[tokio::test]
async fn a_dead_trail_with_another_target() {
    let world = World::healthy().await;
    let bare = World::bare().await;
    bare.deliver("eu-west-1", "20260312T1145").await;
    let other = World { logs: bare.logs, ..world };
    let nothing = relay::before_moto(no_notifications);
    other
        .swept("2026-03-12T09:00:00Z", json!({"backlog": 7, "failed": 1, "trails_failed": 0}))
        .await;
    let queue = "arn:aws:sqs:us-east-1:111122223333:trailbell-notifications".to_owned();
    let deployment = Deployment {
        expected_target: Some(ExpectedTarget::Arn(queue)),
        ..other.deployment(&nothing)
    };
    other.compare("dead-trail", deployment).await;
}

#[tokio::test]
async fn missing_permissions() {
    let world = World::healthy().await;
    let ledger = format!("/{}/", world.ledger);
    let denied = move |request: &Request| {
        let notification = request.path.contains("?notification");
        let written = request.method == "PUT" && request.path.starts_with(&ledger);
        if notification || written {
            return relay::refused(403, "AccessDenied", "Access Denied");
        }
        let code = "<ErrorResponse><Error><Code>AuthorizationError</Code><Message>not authorized</Message></Error></ErrorResponse>";
        request.text().contains("Action=GetTopicAttributes").then(|| (403, vec![], code.to_owned()))
    };
    world.compare_with("no-permission", denied).await;
}

#[tokio::test]
async fn a_ledger_that_ignores_conditions() {
    let world = World::healthy().await;
    let probe = format!("/{}/state/doctor/", world.ledger);
    let careless = move |request: &Request| {
        let etag = vec!["etag: \"1\"".to_owned()];
        (request.method == "PUT" && request.path.starts_with(&probe))
            .then(|| (200, etag, String::new()))
    };
    world.compare_with("conditions-ignored", careless).await;
}

/// Exit code and standard output of the program itself.
fn doctor(args: &[&str], vars: &[(&str, &str)]) -> (i32, String) {
    let own = aws::variables(moto::url());
    let (code, out, err) = trailbell(&[&["doctor"], args].concat(), &[&own[..], vars].concat());
    assert_eq!(err, "", "checks are not errors");
    (code, out)
}

#[tokio::test]
async fn settings_come_from_variables_or_flags_and_the_worst_check_is_the_exit_code() {
    let world = World::healthy().await;
    let (code, out) = doctor(&["--alerts", "nowhere"], &[("TRAILBELL_LEGDER", "none")]);
    assert_page("doctor-settings", &out, &[]);
    assert_eq!(code, 2);
    let (code, out) =
        doctor(&["--alerts", &world.topic, "--ledger", "none", "--format", "ndjson"], &[]);
    assert_eq!(code, 1, "{out}");
    let lines: Vec<Value> = out.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let level = |check: &str| {
        lines.iter().find(|line| line["check"] == check).map(|line| line["level"].clone())
    };
    assert_eq!(
        (level("topic"), level("ledger"), level("summary")),
        (Some("ok".into()), Some("warn".into()), Some("warn".into()))
    );
    let ledger = format!("s3://{}/state", moto::unique("none"));
    let vars = [("TRAILBELL_ALERTS", world.topic.as_str()), ("TRAILBELL_LEDGER", &ledger)];
    let (code, out) = doctor(&["--trails", &format!("s3://{}", world.logs)], &vars);
    assert!(code == 2 && out.contains("no such bucket"), "{out}");
}
