//! The severity of an alert follows from what the ledger knows.

use std::collections::BTreeMap;
use std::sync::Arc;

use alert::Alert;
use detect::finding::PrivilegedGroups;
use detect::rule::{DetectionSettings, Detections, LoadedRules};
use serde_json::{Value, json};
use trailbell::ledger::Ledger;
use trailbell::pipeline::send_due_summaries;

use crate::ledger::memory::{Fault, Memory, Topic};
use crate::ledger::world::{
    self, LEASE, WINDOW, attribute, call, clock, deliver, delivery, pipeline, pipeline_with,
    run_steps, run_to_end, sent_alerts, sweep,
};

const ADMIN: &str = "arn:aws:iam::aws:policy/AdministratorAccess";

fn attach(time: &str) -> Value {
    let parameters = json!({"groupName": "Ops", "policyArn": ADMIN});
    call("AttachGroupPolicy", &format!("2026-03-01T{time}Z"), "mallory", parameters)
}

fn add(time: &str, user: &str) -> Value {
    let parameters = json!({"groupName": "Ops", "userName": user});
    call("AddUserToGroup", &format!("2026-03-01T{time}Z"), "mallory", parameters)
}

/// The severity of an alert in all its forms, which agree.
fn severity(alert: &Alert) -> &str {
    let severity = attribute(alert, "severity");
    assert!(alert.subject.starts_with(&format!("[{severity}] ")), "{}", alert.subject);
    assert_eq!(alert.document["trailbell"]["severity"]["severity"], severity);
    let number = match severity {
        "low" => 21,
        "medium" => 47,
        "high" => 73,
        _ => 99,
    };
    assert_eq!(alert.document["event"]["severity"], number);
    assert_eq!(alert.document["event"]["risk_score"], number);
    severity
}

#[tokio::test]
async fn a_member_of_a_group_that_became_an_administrator_is_critical() {
    let memory = Memory::new();
    let topic = Topic::default();
    let pipeline = pipeline(&memory, &topic);
    deliver(&pipeline, &[attach("10:00:00")]).await;
    deliver(&pipeline, &[add("10:01:00", "bob")]).await;
    let alerts = sent_alerts(&topic, "alert");
    assert_eq!(alerts.iter().map(severity).collect::<Vec<_>>(), ["medium", "critical"]);
    assert_eq!(attribute(&alerts[1], "rule_severity"), "low");
    let why = "not the rule's own low, since the group can do everything";
    let text = alerts[1].text.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(text.contains(why), "{text}");
}

#[tokio::test]
async fn a_summary_is_as_severe_as_its_most_severe_finding() {
    let memory = Memory::new();
    let topic = Topic::default();
    let pipeline = pipeline(&memory, &topic);
    deliver(&pipeline, &[attach("10:00:00")]).await;
    let burst: Vec<Value> =
        (0..25).map(|n| add(&format!("10:01:{n:02}"), &format!("user-{n}"))).collect();
    deliver(&pipeline, &burst).await;
    memory.advance(WINDOW);
    send_due_summaries(&pipeline, clock()).await;
    let summaries = sent_alerts(&topic, "summary");
    assert_eq!(summaries.iter().map(severity).collect::<Vec<_>>(), ["critical"]);
    assert_eq!(attribute(&summaries[0], "rule_severity"), "low");
}

/// The severities that the ledger has for the findings of a rule, by state.
fn recorded(memory: &Memory, rule: &str) -> BTreeMap<String, Vec<String>> {
    let mut recorded: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for key in memory.keys("entries/") {
        let entry: Value = serde_json::from_str(&memory.text(&key).unwrap()).unwrap();
        let finding = &entry["content"]["finding"];
        if finding["rule"]["name"] == rule {
            let own = &finding["rule"]["severity"];
            let rating = finding["rating"].get("severity").unwrap_or(own);
            let severities = recorded.entry(entry["state"].as_str().unwrap().to_owned());
            severities.or_default().push(rating.as_str().unwrap().to_owned());
        }
    }
    recorded
}

const ADDITION: &str = "AWS IAM User Addition to Group";

#[tokio::test]
async fn what_is_grouped_is_recorded_with_its_severity() {
    let memory = Memory::new();
    let topic = Topic::default();
    let pipeline = pipeline(&memory, &topic);
    deliver(&pipeline, &[attach("10:00:00")]).await;
    let burst: Vec<Value> =
        (0..25).map(|n| add(&format!("10:01:{n:02}"), &format!("user-{n}"))).collect();
    deliver(&pipeline, &burst).await;
    let critical = |count| vec!["critical".to_owned(); count];
    let states = |state: &str, count| (state.to_owned(), critical(count));
    let recorded_now = recorded(&memory, ADDITION);
    assert_eq!(recorded_now, BTreeMap::from([states("alerted", 3), states("grouped", 22)]));
    deliver(&pipeline, &burst).await;
    memory.advance(WINDOW);
    send_due_summaries(&pipeline, clock()).await;
    let recorded_later = recorded(&memory, ADDITION);
    assert_eq!(recorded_later, BTreeMap::from([states("alerted", 3), states("summarised", 22)]));
}

#[tokio::test]
async fn a_flood_of_little_makes_nothing_severe_wait() {
    let memory = Memory::new();
    let topic = Topic::default();
    let pipeline = pipeline(&memory, &topic);
    let to_developers = |n: usize| {
        let parameters = json!({"groupName": "Developers", "userName": format!("user-{n}")});
        call("AddUserToGroup", &format!("2026-03-01T10:01:{n:02}Z"), "mallory", parameters)
    };
    let flood: Vec<Value> = (0..40).map(to_developers).collect();
    deliver(&pipeline, &flood).await;
    deliver(&pipeline, &[attach("10:02:00")]).await;
    deliver(&pipeline, &[add("10:02:01", "bob")]).await;
    let alerts = sent_alerts(&topic, "alert");
    let severities: Vec<&str> = alerts.iter().map(severity).collect();
    assert_eq!(severities, ["low", "low", "low", "medium", "critical"]);
}

#[test]
fn the_severity_is_the_same_whichever_worker_sends_the_alert() {
    let records = [attach("10:00:00"), add("10:01:00", "bob")];
    for steps in 1.. {
        let memory = Memory::new();
        let topic = Topic::default();
        let pipeline = pipeline(&memory, &topic);
        let mut worker = delivery(&pipeline, &records);
        let is_over = run_steps(&mut worker, steps);
        drop(worker);
        let all_claimed = memory.keys("entries/").len() >= records.len();
        memory.advance(LEASE);
        run_to_end(sweep(&pipeline));
        if all_claimed {
            let alerts = sent_alerts(&topic, "alert");
            let mut alerts = alerts.iter().filter(|it| attribute(it, "rule_name") == ADDITION);
            assert!(alerts.all(|it| severity(it) == "critical"), "crash after {steps} steps");
            let alerted = BTreeMap::from([("alerted".to_owned(), vec!["critical".to_owned()])]);
            assert_eq!(recorded(&memory, ADDITION), alerted, "crash after {steps} steps");
        }
        if is_over {
            break;
        }
    }
}

#[tokio::test]
async fn who_was_never_found_before_can_be_more_severe() {
    let rule = |fact: &str| {
        format!(
            "[rule]\nname = 'r'\nrule_id = 'r'\ndescription = 'd'\ntype = 'query'\n\
             severity = 'low'\nrisk_score = 21\n\
             query = 'event.provider: iam.amazonaws.com and event.action: CreateGroup'\n\
             [[rule.severity_when]]\nquery = '{fact}'\nseverity = 'high'\nrisk_score = 73\n"
        )
    };
    let with_rule = |memory: &Memory, topic: &Topic, fact: &str, ledger: Option<Ledger>| {
        let text = rule(fact);
        pipeline_with(memory, topic, |pipeline| {
            let rules = LoadedRules::from_texts([("r.toml", text.as_str())].into_iter());
            pipeline.detections = Arc::new(rules.into_rule_set().unwrap().into());
            pipeline.ledger = ledger.unwrap_or(Ledger::Stored(world::ledger(memory)));
        })
    };
    let create = |time: &str, user: &str| {
        let time = format!("2026-03-01T{time}Z");
        call("CreateGroup", &time, user, json!({"groupName": "Ops"}))
    };
    let first_seen = "trailbell.principal.first_seen: true";
    let memory = Memory::new();
    let topic = Topic::default();
    let pipeline = with_rule(&memory, &topic, first_seen, None);
    deliver(&pipeline, &[create("10:00:00", "alice"), create("10:00:01", "alice")]).await;
    deliver(&pipeline, &[create("10:00:02", "alice"), create("10:00:03", "bob")]).await;
    let alerts = sent_alerts(&topic, "alert");
    let severities: Vec<&str> = alerts.iter().map(severity).collect();
    assert_eq!(severities, ["high", "low", "low", "high"]);

    for fact in [first_seen, "trailbell.principal.first_seen: false"] {
        let topic = Topic::default();
        let pipeline = with_rule(&memory, &topic, fact, Some(Ledger::None));
        deliver(&pipeline, &[create("10:00:04", "carol")]).await;
        let alert = &sent_alerts(&topic, "alert")[0];
        assert_eq!(severity(alert), "low", "{fact}: not known without a ledger");
    }
}

#[tokio::test]
async fn a_ledger_that_fails_raises_nothing_and_keeps_no_alert_back() {
    let memory = Memory::new();
    let topic = Topic::default();
    let pipeline = pipeline(&memory, &topic);
    deliver(&pipeline, &[attach("10:00:00")]).await;
    memory.fail(|verb, key| {
        let is_timeline = verb == "get" && key.starts_with("users/");
        if is_timeline { Fault::Refused } else { Fault::None }
    });
    let report = deliver(&pipeline, &[add("10:01:00", "bob")]).await;
    assert_eq!(severity(&sent_alerts(&topic, "alert")[1]), "low");
    let problems = format!("{:?}", report.problems);
    assert!(problems.contains("severity without all facts"), "{problems}");
    assert!(report.reply().is_ok(), "nothing is to be retried");
}

#[tokio::test]
async fn a_privileged_name_needs_no_context() {
    let memory = Memory::new();
    let topic = Topic::default();
    let pipeline = pipeline_with(&memory, &topic, |pipeline| {
        let rules = LoadedRules::embedded().into_rule_set().unwrap();
        let groups = PrivilegedGroups::parse("ops*").unwrap();
        let settings = DetectionSettings { privileged_groups: groups, ..Default::default() };
        pipeline.detections = Arc::new(Detections::from(rules).with_settings(settings));
    });
    deliver(&pipeline, &[add("10:01:00", "bob")]).await;
    assert_eq!(severity(&sent_alerts(&topic, "alert")[0]), "critical");
}

#[tokio::test]
async fn the_severity_is_recorded_with_the_finding() {
    let memory = Memory::new();
    let topic = Topic::default();
    let pipeline = pipeline(&memory, &topic);
    deliver(&pipeline, &[add("10:01:00", "mallory")]).await;
    let alert = &sent_alerts(&topic, "alert")[0];
    let entry = memory.text(&format!("entries/{}", alert.finding)).unwrap();
    let entry: Value = serde_json::from_str(&entry).unwrap();
    assert_eq!(entry["content"]["finding"]["rating"]["severity"], "high");
    assert_eq!(entry["state"], "alerted");
}
