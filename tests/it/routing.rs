//! The filter policies of `docs/routing.md`, over the alerts of every rule, as SNS filters them (in
//! moto).

use std::collections::BTreeSet;

use alert::{Accounts, Alert};
use aws_sdk_sns::Client;
use detect::correlation::testing::simulate_correlation;
use detect::finding::{Context, Finding, FindingId, Origin, Summary};
use detect::rule::LoadedRules;
use detect::rule::testing::RuleTests;
use jiff::Timestamp;
use serde_json::Value;
use support::canned::Canned;
use support::{aws, moto};
use trailbell::sink::{AlertSink, Pace, SnsSink};

/// The policies of the page, in its order, and for which attributes each should hold.
type Expected = (&'static str, fn(&dyn Fn(&str) -> String) -> bool);

const POLICIES: [Expected; 9] = [
    (r#"{"severity": ["medium", "high", "critical"]}"#, |it| it("severity") != "low"),
    (r#"{"risk_score": [{"numeric": [">=", 47]}]}"#, |it| {
        it("risk_score").parse::<u8>().unwrap() >= 47
    }),
    (r#"{"severity": [{"anything-but": ["low"]}]}"#, |it| it("severity") != "low"),
    (r#"{"severity": ["low"], "kind": ["alert"]}"#, |it| {
        it("severity") == "low" && it("kind") == "alert"
    }),
    (r#"{"kind": ["summary"]}"#, |it| it("kind") == "summary"),
    (r#"{"kind": ["correlation"]}"#, |it| it("kind") == "correlation"),
    (r#"{"kind": ["correlation"], "severity": ["high", "critical"]}"#, |it| {
        it("kind") == "correlation" && it("severity") != "medium"
    }),
    (
        r#"{"account": ["111122223333"], "action": [{"prefix": "Delete"}, {"prefix": "Detach"}, {"prefix": "Remove"}]}"#,
        |it| ["Delete", "Detach", "Remove"].iter().any(|start| it("action").starts_with(start)),
    ),
    (r#"{"rule_id": ["333de828-8190-4cf5-8d7c-7575846f6fe0"]}"#, |it| {
        it("rule_name") == "AWS IAM User Addition to Group"
    }),
];

/// An alert of each rule, of its sample, and a summary of two findings for each.
fn alerts() -> Vec<Alert> {
    let accounts = Accounts::default();
    let both = |rule: detect::rule::Rule| {
        let record =
            RuleTests::for_origin(&rule.origin).unwrap().must_match.remove(0).records.remove(0);
        let found = |record_number| {
            let origin = Origin::Inline { envelope: "test".to_owned(), record: record_number };
            Finding::new(&rule.info, &record, origin)
        };
        let id = FindingId::hash_parts(["summary", &rule.info.id]);
        let summary = Summary::from_findings(id, None, 1, &[found(0), found(1)]).expect("findings");
        [
            alert::render_finding(&found(0), &Context::default(), &accounts),
            alert::render_summary(&summary, &accounts),
        ]
    };
    LoadedRules::embedded().rules.into_iter().flat_map(both).chain(correlations()).collect()
}

/// An alert of each correlation, of its sample.
fn correlations() -> Vec<Alert> {
    let set = LoadedRules::embedded().into_rule_set().unwrap();
    let alert = |correlation: &detect::rule::Correlation| {
        let records = &RuleTests::for_origin(&correlation.origin).unwrap().must_match[0].records;
        let (alert, known) =
            simulate_correlation(correlation, &set, records, Timestamp::UNIX_EPOCH)
                .expect("the sample makes an incident");
        alert::render_correlation(&alert, &known, &Accounts::default())
    };
    set.correlations().iter().map(alert).collect()
}

fn attribute(alert: &Alert, name: &str) -> String {
    alert.attributes.iter().find(|it| it.name == name).expect("the attribute").value.clone()
}

/// A subscriber; SNS posts to it what passes its policy.
async fn subscriber(client: &Client, topic: &str, policy: Option<&str>) -> Canned {
    let server = Canned::new(|_| (200, String::new())).unwrap();
    let mut subscribe = client.subscribe().topic_arn(topic).protocol("http").endpoint(&server.url);
    if let Some(policy) = policy {
        subscribe = subscribe
            .attributes("FilterPolicy", policy)
            .attributes("FilterPolicyScope", "MessageAttributes");
    }
    subscribe.send().await.unwrap();
    server
}

/// The subjects of what a subscriber got.
fn subjects(server: &Canned) -> BTreeSet<String> {
    let notifications =
        server.asked().into_iter().map(|(_, body)| serde_json::from_str::<Value>(&body).unwrap());
    let of_alerts = notifications.filter(|it| it["Type"] == "Notification");
    of_alerts.map(|it| it["Subject"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn the_page_has_these_policies_and_no_others() {
    let page = include_str!("../../docs/routing.md");
    let blocks = page.split("```json\n").skip(1).map(|block| block.split("\n```").next().unwrap());
    assert_eq!(blocks.collect::<Vec<_>>(), POLICIES.map(|(policy, _)| policy));
}

#[tokio::test]
async fn each_policy_lets_through_what_the_page_says() {
    let client = Client::new(&aws::config(moto::url()));
    let topic = client.create_topic().name(moto::unique("alerts")).send().await.unwrap();
    let topic = topic.topic_arn().unwrap();
    let everything = subscriber(&client, topic, None).await;
    let mut filtered = Vec::new();
    for (policy, holds) in POLICIES {
        filtered.push((policy, holds, subscriber(&client, topic, Some(policy)).await));
    }
    let alerts = alerts();
    let sink = SnsSink::new(client.clone(), topic.to_owned(), Pace::shared_by(1));
    assert!(sink.publish(&alerts).await.iter().all(Result::is_ok));
    let all: BTreeSet<String> = alerts.iter().map(|alert| alert.subject.clone()).collect();
    assert_eq!(all.len(), alerts.len(), "subjects differ: {all:?}");
    assert_eq!(subjects(&everything), all);
    for (alert, sent) in alerts.iter().zip(moto::published(topic).unwrap()) {
        assert_eq!((sent.subject.as_ref(), sent.message), (Some(&alert.subject), alert.message()));
        assert_eq!(sent.attributes["severity"]["Value"], attribute(alert, "severity"));
    }
    for (policy, holds, server) in filtered {
        let passing = alerts.iter().filter(|alert| holds(&|name| attribute(alert, name)));
        let expected: BTreeSet<String> = passing.map(|alert| alert.subject.clone()).collect();
        assert!(!expected.is_empty() && expected != all, "{policy} separates nothing");
        assert_eq!(subjects(&server), expected, "{policy}");
    }
}

#[test]
fn the_source_rules_are_low() {
    for name in ["AWS IAM Group Creation", "AWS IAM User Addition to Group"] {
        let alert =
            alerts().into_iter().find(|it| attribute(it, "rule_name") == name).expect("the rule");
        assert_eq!(
            (attribute(&alert, "severity"), attribute(&alert, "risk_score")),
            ("low".into(), "21".into())
        );
    }
}
