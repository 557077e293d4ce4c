//! The text of a rule file: the keys that Elastic's files have, in their order.

use std::fmt::Write;

use super::{PublicRule, eql, kql};
use crate::random::Random;

pub(super) fn text(rule: &PublicRule) -> String {
    let PublicRule { number, kind, language, .. } = rule;
    let id = Random::new(*number as u64).uuid();
    let mut text = format!(
        r#"[metadata]
creation_date = "2026/03/01"
integration = ["aws"]
maturity = "production"
min_stack_comments = "Made up: an older version lacks a field."
min_stack_version = "9.2.0"
updated_date = "2026/08/21"

[rule]
author = ["Example"]
description = """
A made-up rule with the shape of a public one. It has no meaning of its own.
"""
false_positives = [
    """
    Whatever is usual in your accounts.
    """,
]
from = "now-6m"
index = ["filebeat-*", "logs-aws.cloudtrail-*"]
interval = "5m"
license = "Apache-2.0"
max_signals = 100
name = "Public rule {number}, made up"
note = """
## Triage

- Who made the call, and was it planned?
"""
references = ["https://docs.aws.amazon.com/awscloudtrail/"]
related_integrations = [{{ package = "aws", version = "^4.0.0", integration = "cloudtrail" }}]
risk_score = 47
rule_id = "{id}"
setup = "Needs a trail."
severity = "medium"
tags = ["Domain: Cloud", "Data Source: AWS", "Resources: Investigation Guide"]
timestamp_override = "event.ingested"
type = "{kind}"
"#
    );
    if *language != "-" {
        writeln!(text, "language = \"{language}\"").unwrap();
    }
    if rule.uses("event_category_override") {
        text.push_str("event_category_override = \"event.type\"\n");
    }
    push_query(&mut text, rule);
    push_tables(&mut text, rule);
    text
}

fn push_query(text: &mut String, rule: &PublicRule) {
    let n = rule.number;
    let query = match (rule.kind, rule.language) {
        ("machine_learning", _) => {
            let job = format!("anomaly_threshold = 75\nmachine_learning_job_id = \"job_{n}\"\n");
            text.push_str(&job);
            return;
        }
        (_, "esql") => format!(
            "from logs-aws.cloudtrail-* metadata _id, _version, _index\n\
             | where event.provider == \"service{n}.amazonaws.com\"\n\
             | keep @timestamp, event.action"
        ),
        (_, "eql") => eql::query(rule),
        _ => kql::query(rule),
    };
    write!(text, "query = '''\n{query}\n'''\n").unwrap();
}

fn push_tables(text: &mut String, rule: &PublicRule) {
    for field in &rule.fields {
        let is_ecs = !field.starts_with("aws.");
        let table = "[[rule.required_fields]]";
        write!(text, "\n{table}\necs = {is_ecs}\nname = \"{field}\"\ntype = \"keyword\"\n")
            .unwrap();
    }
    text.push_str(THREAT);
    if let Some(value) = rule.setting("value") {
        let fields = rule.setting_fields("field");
        write!(text, "\n[rule.threshold]\nfield = {fields:?}\nvalue = {value}\n").unwrap();
    }
    if let Some((field, value)) = rule.setting("cardinality").and_then(|it| it.split_once(">=")) {
        let table = "[[rule.threshold.cardinality]]";
        write!(text, "{table}\nfield = \"{field}\"\nvalue = {value}\n").unwrap();
    }
    if let Some(history) = rule.setting("history") {
        let terms = rule.setting_fields("terms");
        write!(
            text,
            "\n[rule.new_terms]\nfield = \"new_terms_fields\"\nvalue = {terms:?}\n\
             [[rule.new_terms.history_window_start]]\nfield = \"history_window_start\"\n\
             value = \"{history}\"\n"
        )
        .unwrap();
    }
    if rule.uses("alert_suppression") {
        text.push_str(SUPPRESSION);
    }
    text.push_str(INVESTIGATION_FIELDS);
}

const THREAT: &str = r#"
[[rule.threat]]
framework = "MITRE ATT&CK"
[[rule.threat.technique]]
id = "T1098"
name = "Account Manipulation"
reference = "https://attack.mitre.org/techniques/T1098/"
[[rule.threat.technique.subtechnique]]
id = "T1098.003"
name = "Additional Cloud Roles"
reference = "https://attack.mitre.org/techniques/T1098/003/"

[rule.threat.tactic]
id = "TA0003"
name = "Persistence"
reference = "https://attack.mitre.org/tactics/TA0003/"
"#;

const SUPPRESSION: &str = r#"
[rule.alert_suppression]
group_by = ["user.name", "cloud.account.id"]
missing_fields_strategy = "suppress"
[rule.alert_suppression.duration]
unit = "m"
value = 5
"#;

const INVESTIGATION_FIELDS: &str = r#"
[rule.investigation_fields]
field_names = ["@timestamp", "user.name", "source.ip", "event.action", "source.geo.city_name"]
"#;
