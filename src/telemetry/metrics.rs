//! Metrics, as lines of the log that CloudWatch reads: the embedded metric format.
//!
//! The namespace is `Trailbell`. One line of totals an invocation, with the dimension `Function`;
//! one line for each rule with findings, and each correlation that rang, with the dimensions
//! `Function` and `Rule` (the rule's id). All units are counts but those of `Bytes` and
//! `AlertLatency`.
//!
//! | metric | of | what |
//! |---|---|---|
//! | `Messages`, `Ignored`, `Unreadable` | totals | messages, and parts of them that ask for nothing or cannot be understood |
//! | `Objects`, `ObjectsScanned` … `ObjectsDeadline` | totals | log objects, and what became of them |
//! | `Announced` | totals | log objects and digest files that messages named; those that a sweep found are not among them |
//! | `AlertLatency` | totals | seconds from a call (`eventTime`) to its alert, of the slowest; absent without an alert |
//! | `Bytes`, `Records`, `BadRecords` | totals | what was read |
//! | `Findings`, `FindingsAlerted` … `FindingsFailed` | both | findings, and what became of them |
//! | `Summaries` | totals | messages that told of what was held back |
//! | `Correlations` | both | alerts of correlations that were sent; by `Rule` for each that was |
//! | `CorrelationsFailed` | totals | alerts of correlations that could not be sent: tried again |
//! | `SweepListed`, `SweepRead`, `SweepFailed`, `SweepGivenUp`, `SweepBacklog` | totals of a sweep | log objects that it listed, read now, will try again, will not, and left to the next |
//! | `SweepRecovered`, `SweepLeftOpen` | totals of a sweep | findings taken over from workers that are gone, and left to those that are not |
//! | `SweepTrailsFailed` | totals of a sweep | trails that could not be swept |
//! | `Canaries`, `CanariesFailed` | totals | canaries asked for, and those that did not come through; no findings |
//! | `Retries` | totals | messages to be delivered again |
//! | `ExceptionProblems` | totals | problems that keep the exceptions from being used |
//! | `StaleDetections` | totals | reasons why rules or exceptions are not the latest |
//! | `Mismatches` | totals | 1 where the counts do not add up, which is a fault in this program; else 0 |
//!
//! Source:
//! <https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html>

use detect::finding::Outcome;
use jiff::Timestamp;
use serde::Serialize;
use serde_json::{Map, Value, json};

use crate::pipeline::{InvocationReport, ObjectOutcome, Report};
use crate::sweep::SweepReport;

/// A metric's name and value.
type Metric = (String, u64);

/// The lines for one invocation of a function, which began at `now`.
pub fn lines(outcome: &InvocationReport, function: &str, now: Timestamp) -> Vec<Value> {
    let totals = line(json!({ "Function": function }), totals(outcome), now);
    let rules = outcome.report.by_rule.iter().map(|(rule, fates)| {
        let findings =
            findings(fates.values().sum(), |outcome| fates.get(&outcome).copied().unwrap_or(0));
        line(json!({"Function": function, "Rule": rule}), findings, now)
    });
    let correlations = outcome.report.correlations.iter().map(|(rule, count)| {
        let count = vec![("Correlations".to_owned(), *count)];
        line(json!({"Function": function, "Rule": rule}), count, now)
    });
    std::iter::once(totals).chain(rules).chain(correlations).collect()
}

fn totals(outcome: &InvocationReport) -> Vec<Metric> {
    let report: &Report = &outcome.report;
    let count = |name: &str, value| (name.to_owned(), value);
    let mut metrics = vec![
        count("Messages", report.messages),
        count("Ignored", report.ignored),
        count("Unreadable", report.unreadable),
        count("Objects", report.objects),
        count("Announced", report.announced),
        count("Bytes", report.bytes),
        count("Records", report.records),
        count("BadRecords", report.bad_records),
        count("Summaries", report.summaries),
        count("Correlations", report.correlations.values().sum()),
        count("CorrelationsFailed", report.correlations_failed),
        count("Canaries", report.canaries),
        count("CanariesFailed", report.canaries_failed),
        count("Retries", outcome.retry.len() as u64),
        count("ExceptionProblems", report.exception_problems),
        count("StaleDetections", report.stale_detections),
        count("Mismatches", u64::from(outcome.mismatch.is_some())),
    ];
    metrics.extend(
        ObjectOutcome::ALL.map(|outcome| (named("Objects", outcome), report.objects_that(outcome))),
    );
    metrics.extend(report.slowest_alert.map(|seconds| count("AlertLatency", seconds)));
    metrics.extend(report.sweep.as_ref().map(swept).into_iter().flatten());
    metrics.extend(findings(report.findings, |outcome| report.findings_that(outcome)));
    metrics
}

fn swept(sweep: &SweepReport) -> Vec<Metric> {
    let counts = [
        ("SweepTrailsFailed", sweep.trails_failed),
        ("SweepListed", sweep.listed),
        ("SweepRead", sweep.read),
        ("SweepFailed", sweep.failed),
        ("SweepGivenUp", sweep.abandoned),
        ("SweepBacklog", sweep.backlog),
        ("SweepRecovered", sweep.recovered),
        ("SweepLeftOpen", sweep.left_open),
    ];
    counts.map(|(name, value)| (name.to_owned(), value)).into()
}

/// Every fate, the zeros too: an alarm can tell "none" from "no data".
fn findings(all: u64, that: impl Fn(Outcome) -> u64) -> Vec<Metric> {
    let fates = Outcome::ALL.map(|outcome| (named("Findings", outcome), that(outcome)));
    std::iter::once(("Findings".to_owned(), all)).chain(fates).collect()
}

fn line(dimensions: Value, metrics: Vec<Metric>, now: Timestamp) -> Value {
    let dimensions = dimensions.as_object().cloned().unwrap_or_default();
    let defined: Vec<Value> =
        metrics.iter().map(|(name, _)| json!({"Name": name, "Unit": unit(name)})).collect();
    let directive = json!({
        "Namespace": "Trailbell",
        "Dimensions": [dimensions.keys().collect::<Vec<_>>()],
        "Metrics": defined,
    });
    let mut line = Map::new();
    line.insert(
        "_aws".to_owned(),
        json!({"Timestamp": now.as_millisecond(), "CloudWatchMetrics": [directive]}),
    );
    line.extend(dimensions);
    line.extend(metrics.into_iter().map(|(name, value)| (name, value.into())));
    line.into()
}

fn unit(metric: &str) -> &'static str {
    match metric {
        "Bytes" => "Bytes",
        "AlertLatency" => "Seconds",
        _ => "Count",
    }
}

/// `Findings` and `claimed_elsewhere` make `FindingsClaimedElsewhere`.
fn named(what: &str, outcome: impl Serialize) -> String {
    let outcome = serde_json::to_value(outcome).unwrap_or_default();
    let words = outcome.as_str().unwrap_or_default().split('_');
    let capital = |word: &str| word[..1].to_ascii_uppercase() + &word[1..];
    what.to_owned() + &words.filter(|word| !word.is_empty()).map(capital).collect::<String>()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::notification::Reply;

    fn outcome() -> InvocationReport {
        let mut report =
            Report { messages: 2, objects: 1, bytes: 7, findings: 3, ..Report::default() };
        report.object_outcomes = BTreeMap::from([(ObjectOutcome::Scanned, 1)]);
        report.finding_outcomes =
            BTreeMap::from([(Outcome::Alerted, 2), (Outcome::ClaimedElsewhere, 1)]);
        report.by_rule = BTreeMap::from([
            ("r1".to_owned(), BTreeMap::from([(Outcome::Alerted, 2)])),
            ("r2".to_owned(), BTreeMap::from([(Outcome::ClaimedElsewhere, 1)])),
        ]);
        InvocationReport {
            mismatch: report.check().err(),
            report,
            problems: vec![],
            notes: vec![],
            warnings: vec![],
            reply: Reply::Invocation,
            retry: [None].into(),
        }
    }

    #[test]
    fn one_line_of_totals_and_one_for_each_rule() {
        let lines = lines(&outcome(), "bell", "2026-03-01T10:00:00.123Z".parse().unwrap());
        assert_eq!(lines.len(), 3);
        for (line, metric, expected) in [
            (0, "Messages", 2),
            (0, "ObjectsScanned", 1),
            (0, "ObjectsDeadline", 0),
            (0, "Findings", 3),
            (0, "FindingsClaimedElsewhere", 1),
            (0, "Retries", 1),
            (0, "Mismatches", 0),
            (1, "Findings", 2),
            (1, "FindingsAlerted", 2),
            (2, "FindingsClaimedElsewhere", 1),
            (2, "FindingsAlerted", 0),
        ] {
            assert_eq!(lines[line][metric], expected, "{metric} of line {line}");
        }
        assert_eq!(lines[0]["_aws"]["Timestamp"], 1_772_359_200_123_i64);
        let directive = |line: usize| &lines[line]["_aws"]["CloudWatchMetrics"][0];
        assert_eq!(directive(0)["Dimensions"], json!([["Function"]]));
        assert_eq!(directive(2)["Dimensions"], json!([["Function", "Rule"]]));
        assert_eq!((&lines[2]["Function"], &lines[2]["Rule"]), (&json!("bell"), &json!("r2")));
    }

    #[test]
    fn what_is_defined_is_there_and_no_more_than_cloudwatch_takes() {
        for line in lines(&outcome(), "bell", Timestamp::UNIX_EPOCH) {
            let metrics = line["_aws"]["CloudWatchMetrics"][0]["Metrics"].as_array().unwrap();
            assert!(metrics.len() <= 100);
            assert!(
                metrics.iter().all(|metric| line[metric["Name"].as_str().unwrap()].is_u64()),
                "{line}"
            );
        }
    }

    #[test]
    fn a_latency_is_there_where_there_was_an_alert() {
        let mut outcome = outcome();
        let line =
            |outcome: &InvocationReport| lines(outcome, "bell", Timestamp::UNIX_EPOCH).remove(0);
        assert_eq!(line(&outcome).get("AlertLatency"), None);
        outcome.report.slowest_alert = Some(301);
        let line = line(&outcome);
        assert_eq!(line["AlertLatency"], 301);
        let metrics = line["_aws"]["CloudWatchMetrics"][0]["Metrics"].as_array().unwrap();
        assert!(
            metrics.contains(&json!({"Name": "AlertLatency", "Unit": "Seconds"})),
            "{metrics:?}"
        );
    }

    #[test]
    fn a_mismatch_is_a_metric_too() {
        let mut outcome = outcome();
        outcome.report.findings = 4;
        outcome.mismatch = outcome.report.check().err();
        assert_eq!(lines(&outcome, "bell", Timestamp::UNIX_EPOCH)[0]["Mismatches"], 1);
    }
}
