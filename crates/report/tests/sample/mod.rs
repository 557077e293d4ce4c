//! Sample reports: a month, hostile names, nothing at all, damaged entries, and 10,000 findings.

#![allow(dead_code, reason = "each user needs some of them")]

mod calls;
mod proof;

use std::sync::Arc;

use alert::Accounts;
use detect::cloudtrail::Record;
use detect::correlation::{MemberFindings, correlate_findings};
use detect::finding::{Context, Finding, Origin as RecordOrigin, match_record};
use detect::rule::{Detections, Exceptions, LoadedExceptions, LoadedRules, Rule};
use jiff::Timestamp;
use report::Report;
use report::data::{Delivery, Input, LoadedRule, Origin, ReportedFinding, Scope, Unreadable};
use report::page::alert_page;
use serde_json::Value;

pub use calls::{HOSTILE, hostile_calls, many_calls, month_calls};

const EXCEPTIONS: &str = r#"
[[exception]]
name = "team-pipeline"
rules = ["*"]
query = 'user.name: TeamPipeline'
reason = "The pipeline makes and fills the groups of every new team, after review"
owner = "platform@example.com"
expires = 2027-03-31
"#;

/// Every sample page by its name.
pub fn all() -> Vec<(&'static str, String)> {
    let page = |report: Report| report.to_html().unwrap();
    vec![
        ("month", page(month())),
        ("hostile", page(hostile())),
        ("empty", page(empty())),
        ("damaged", page(damaged())),
        ("many", page(many(10_000))),
        ("alert", alert(&month_calls()[16..19])),
        ("alert-hostile", alert(&hostile_calls())),
    ]
}

/// The page of the alert about the first incident of these calls, or about their first finding.
pub fn alert(calls: &[Value]) -> String {
    let input = input(calls, Delivery::Folded);
    let findings = || input.findings.iter().map(|reported| (*reported.finding).clone());
    let alert = match input.correlations.first() {
        Some(data) => {
            let members = MemberFindings::new(data, findings().collect(), None);
            alert::render_correlation(data, &members, &input.accounts)
        }
        None => {
            let finding = findings().next().unwrap();
            alert::render_finding(&finding, &Context::default(), &input.accounts)
        }
    };
    let report = Report::new(input);
    alert_page(&alert, &report, "alerted: the topic accepted the alert").unwrap()
}

/// A month of two accounts, with incidents and a gap in the logs.
pub fn month() -> Report {
    let mut input = input(&month_calls(), Delivery::Alerted);
    input.proof = Some(proof::month());
    input.not_seen = vec![
        "Account 777788889999, eu-west-1: 12 log files and no digests. Turn on log file validation \
         for its trail."
            .to_owned(),
    ];
    Report::new(input)
}

/// A week as the function writes it: its own statements are the proof.
pub fn stated() -> Report {
    let mut input = input(&month_calls(), Delivery::Alerted);
    input.proof = Some(proof::stated());
    Report::new(input)
}

/// Names, addresses and errors that try to be more than text.
pub fn hostile() -> Report {
    let mut input = input(&hostile_calls(), Delivery::Alerted);
    input.unreadable = HOSTILE
        .iter()
        .map(|text| Unreadable { name: text.to_string(), problem: text.to_string() })
        .collect();
    input.not_seen = HOSTILE.iter().map(|text| text.to_string()).collect();
    input.origin.sources = HOSTILE.iter().map(|text| text.to_string()).collect();
    input.proof = Some(proof::hostile(HOSTILE));
    Report::new(input)
}

/// A ledger without findings.
pub fn empty() -> Report {
    Report::new(input(&[], Delivery::Alerted))
}

/// A ledger with damaged entries.
pub fn damaged() -> Report {
    let mut input = input(&[], Delivery::Alerted);
    input.unreadable = vec![Unreadable {
        name: "entries/1f2e3d4c5b6a79880f1e2d3c4b5a69788796a5b4c3d2e1f00112233445566778".to_owned(),
        problem: "it is damaged: expected value at line 1 column 1".to_owned(),
    }];
    Report::new(input)
}

/// So many findings.
pub fn many(count: usize) -> Report {
    let mut input = input(&[], Delivery::Alerted);
    let rules = LoadedRules::embedded().into_rule_set().unwrap();
    let is_addition = |rule: &&Rule| rule.info.name == "AWS IAM User Addition to Group";
    let rule = &rules.rules().iter().find(is_addition).unwrap().info;
    let origin = RecordOrigin::File { path: "log.json".to_owned(), record: 0 };
    let reported = many_calls(count).into_iter().map(|record| {
        let record = Record::from_value(record).unwrap();
        let finding = Arc::new(Finding::new(rule, &record, origin.clone()));
        ReportedFinding { finding, delivery: Delivery::Alerted }
    });
    input.findings = reported.collect();
    Report::new(input)
}

fn input(records: &[Value], delivery: Delivery) -> Input {
    let until = at("2026-11-30T23:59:59Z");
    let detections = detections();
    let findings = find_all(&detections, records, until);
    let correlations = detections.rule_set.correlations().iter().flat_map(|correlation| {
        correlate_findings(correlation, findings.iter().map(|finding| &**finding), until)
    });
    let rules = detections.rule_set.rules().iter().map(|rule| LoadedRule {
        name: rule.info.name.clone(),
        id: rule.info.id.clone(),
        version: rule.info.version,
        severity: rule.info.severity,
    });
    let reported = |finding: &Arc<Finding>| ReportedFinding {
        finding: finding.clone(),
        delivery: match finding.suppression() {
            Some(_) => Delivery::Suppressed,
            None => delivery,
        },
    };
    let scope =
        Scope { since: Some(at("2026-11-01T00:00:00Z")), until: Some(until), ..Scope::default() };
    let origin = Origin {
        version: "0.1.0".to_owned(),
        sources: vec!["s3://example-trail-ledger/trailbell".to_owned()],
        rules: rules.collect(),
        ..Origin::default()
    };
    let names = "\"111122223333\" = \"production\"\n\"444455556666\" = \"staging\"\n";
    let accounts = Accounts::parse("accounts.toml", names).unwrap();
    let mut input = Input::new(scope, origin, accounts, at("2026-12-01T06:00:00Z"));
    input.findings = findings.iter().map(reported).collect();
    input.correlations = correlations.map(Arc::new).collect();
    input.exceptions = detections.exceptions.as_slice().to_vec();
    input
}

fn detections() -> Detections {
    let rules = LoadedRules::embedded().into_rule_set().unwrap();
    let exceptions = LoadedExceptions::from_texts([("exceptions.toml", EXCEPTIONS)].into_iter());
    let exceptions: Exceptions = exceptions.into_exceptions().unwrap();
    Detections::new(rules, exceptions)
}

fn find_all(detections: &Detections, records: &[Value], now: Timestamp) -> Vec<Arc<Finding>> {
    let mut findings: Vec<Arc<Finding>> = Vec::new();
    for (index, record) in records.iter().enumerate() {
        let record = Record::from_value(record.clone()).unwrap();
        let origin = || RecordOrigin::Object {
            bucket: "example-trail-logs".to_owned(),
            key: "AWSLogs/111122223333/CloudTrail/us-east-1/2026/11/17/log.json.gz".to_owned(),
            record: index,
        };
        match_record(&record, detections, now, &origin, &mut |finding| {
            findings.push(Arc::new(finding));
        });
    }
    findings
}

pub fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}
