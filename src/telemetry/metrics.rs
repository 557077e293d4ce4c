//! Metrics, as lines of the log that CloudWatch reads: the embedded metric format.
//!
//! The namespace is `Trailbell`. An invocation writes one line of totals, with the dimension
//! `Function`, and with [`Monitoring::Full`] one line for each rule with findings and each
//! correlation that was sent, with the dimensions `Function` and `Rule` (the rule's id).
//! docs/metrics.md lists all of them; it is generated from the counters here and in the reports.
//!
//! Source:
//! <https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html>

use std::collections::BTreeMap;

use detect::finding::Outcome;
use jiff::Timestamp;
use serde_json::{Map, Value, json};

use super::counters::{Metric, Unit};
use super::monitoring::{Monitoring, PROBLEMS, PROBLEMS_HELP};
use crate::pipeline::{InvocationReport, ObjectOutcome, Report};

/// The lines of one invocation of a function, which began at `now`.
pub fn lines(
    outcome: &InvocationReport,
    function: &str,
    monitoring: Monitoring,
    now: Timestamp,
) -> Vec<Value> {
    let mut totals = totals(outcome, monitoring);
    totals.retain(|metric| monitoring.includes(&metric.name));
    let mut lines = vec![line(&[("Function", function)], totals, now)];
    if monitoring == Monitoring::Full {
        lines.extend(rule_lines(&outcome.report, function, now));
    }
    lines
}

/// The kinds of problems that the metric `Problems` counts, with their numbers, or `None` without
/// problems.
pub fn problems(outcome: &InvocationReport, monitoring: Monitoring) -> Option<String> {
    let counts = counts(outcome);
    let problems = monitoring.problems(&counts);
    let kinds: Vec<_> = problems.map(|it| format!("{} {}", it.name, it.value)).collect();
    (!kinds.is_empty()).then(|| kinds.join(", "))
}

fn rule_lines(report: &Report, function: &str, now: Timestamp) -> Vec<Value> {
    let rule_line =
        |rule: &str, metrics| line(&[("Function", function), ("Rule", rule)], metrics, now);
    let mut lines = Vec::new();
    lines.extend(
        report
            .by_rule
            .iter()
            .map(|(rule, outcomes)| rule_line(rule, findings(outcomes.values().sum(), outcomes))),
    );
    lines.extend(
        report.correlations.iter().map(|(rule, sent)| rule_line(rule, vec![correlations(*sent)])),
    );
    lines
}

fn totals(outcome: &InvocationReport, monitoring: Monitoring) -> Vec<Metric> {
    let mut metrics = counts(outcome);
    let problems = monitoring.problems(&metrics).map(|metric| metric.value).sum();
    metrics.push(Metric::new("", PROBLEMS, Unit::Count, PROBLEMS_HELP, problems));
    metrics
}

fn counts(outcome: &InvocationReport) -> Vec<Metric> {
    let report = &outcome.report;
    let mut metrics = report.metrics();
    metrics.extend(ObjectOutcome::ALL.map(|outcome| {
        let value = report.objects_that(outcome);
        Metric::of_outcome("Objects", outcome, object_help(outcome), value)
    }));
    metrics.extend(findings(report.findings, &report.finding_outcomes));
    metrics.extend([
        correlations(report.correlations.values().sum()),
        Metric::count("retries", "Messages to be delivered again.", outcome.retry.len() as u64),
        Metric::count(
            "exception_problems",
            "Problems in the exception files. While there is one, no exception is in use.",
            report.exception_problems,
        ),
        Metric::count(
            "stale_detections",
            "Reasons why rules or exceptions are not those that were written last.",
            report.stale_detections,
        ),
        Metric::count(
            "mismatches",
            "1 if the counts do not add up, which is a bug in this program; else 0.",
            u64::from(outcome.mismatch.is_some()),
        ),
    ]);
    metrics.extend(report.slowest_alert.map(|seconds| {
        let help = "From the call (`eventTime`) to its alert, of the slowest. Only with an alert.";
        Metric::new("", "alert_latency", Unit::Seconds, help, seconds)
    }));
    metrics.extend(report.sweep.iter().flat_map(|sweep| sweep.metrics()));
    metrics.extend(report.subscriptions.iter().flat_map(|it| it.metrics()));
    metrics
}

/// Every outcome, the zeros too, so that an alarm knows "none" from "no data".
fn findings(all: u64, outcomes: &BTreeMap<Outcome, u64>) -> Vec<Metric> {
    let mut metrics = vec![Metric::count("findings", "Findings.", all)];
    metrics.extend(Outcome::ALL.map(|outcome| {
        let value = outcomes.get(&outcome).copied().unwrap_or(0);
        Metric::of_outcome("Findings", outcome, finding_help(outcome), value)
    }));
    metrics
}

fn object_help(outcome: ObjectOutcome) -> &'static str {
    match outcome {
        ObjectOutcome::Scanned => "Log objects read to their end.",
        ObjectOutcome::Skipped => {
            "Log objects not read: of another kind, outside the trails, or of other regions."
        }
        ObjectOutcome::Gone => "Log objects that do not exist (any more).",
        ObjectOutcome::LeftToSweep => "Log objects that readers died of: left to the sweep.",
        ObjectOutcome::Failed => "Log objects that failed: to be retried.",
        ObjectOutcome::Deadline => "Log objects not started or not read in time: to be retried.",
    }
}

fn finding_help(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Alerted => "Findings whose alert was sent.",
        Outcome::Suppressed => "Findings of exceptions and building blocks: recorded, not alerted.",
        Outcome::Duplicate => "Findings that were handled before.",
        Outcome::ClaimedElsewhere => "Findings that another worker handles.",
        Outcome::Grouped => "Findings held back for a summary.",
        Outcome::Summarised => "Findings that a summary contained.",
        Outcome::Folded => "Findings that the alert of an incident named, in place of their own.",
        Outcome::Failed => "Findings that failed: to be retried.",
    }
}

fn correlations(sent: u64) -> Metric {
    Metric::count("correlations", "Alerts of correlations that were sent.", sent)
}

fn line(dimensions: &[(&str, &str)], metrics: Vec<Metric>, now: Timestamp) -> Value {
    let definitions: Vec<Value> =
        metrics.iter().map(|metric| json!({"Name": metric.name, "Unit": metric.unit})).collect();
    let names: Vec<&str> = dimensions.iter().map(|(name, _)| *name).collect();
    let directive =
        json!({"Namespace": "Trailbell", "Dimensions": [names], "Metrics": definitions});
    let metadata = json!({"Timestamp": now.as_millisecond(), "CloudWatchMetrics": [directive]});
    let mut line = Map::from_iter([("_aws".to_owned(), metadata)]);
    line.extend(dimensions.iter().map(|(name, value)| ((*name).to_owned(), (*value).into())));
    line.extend(metrics.into_iter().map(|metric| (metric.name, metric.value.into())));
    line.into()
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};
    use std::fmt::Write;

    use super::*;
    use crate::notification::Reply;
    use crate::sweep::{SubscriptionReport, SweepReport};

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
        let lines = lines(
            &outcome(),
            "bell",
            Monitoring::Full,
            "2026-03-01T10:00:00.123Z".parse().unwrap(),
        );
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
        for line in lines(&outcome(), "bell", Monitoring::Full, Timestamp::UNIX_EPOCH) {
            let metrics = line["_aws"]["CloudWatchMetrics"][0]["Metrics"].as_array().unwrap();
            assert!(metrics.len() <= 100);
            assert!(
                metrics.iter().all(|metric| line[metric["Name"].as_str().unwrap()].is_u64()),
                "{line}"
            );
        }
    }

    #[test]
    fn basic_has_few_metrics_and_one_count_of_other_problems() {
        let mut outcome = outcome();
        outcome.report.bad_records = 2;
        outcome.report.correlations_failed = 1;
        for (monitoring, expected, kinds) in [
            (Monitoring::Basic, 3, "BadRecords 2, CorrelationsFailed 1"),
            (Monitoring::Full, 1, "CorrelationsFailed 1"),
        ] {
            let lines = lines(&outcome, "bell", monitoring, Timestamp::UNIX_EPOCH);
            assert_eq!(lines[0]["Problems"], expected, "{monitoring:?}");
            assert_eq!(problems(&outcome, monitoring).as_deref(), Some(kinds));
        }
        let lines = lines(&outcome, "bell", Monitoring::Basic, Timestamp::UNIX_EPOCH);
        assert_eq!(lines.len(), 1, "a line for a rule");
        let metrics = lines[0]["_aws"]["CloudWatchMetrics"][0]["Metrics"].as_array().unwrap();
        assert!(metrics.len() <= 10, "{metrics:?}");
        assert_eq!(lines[0].get("Findings"), None);
    }

    #[test]
    fn without_a_problem_nothing_is_named() {
        assert_eq!(problems(&outcome(), Monitoring::Basic), None);
    }

    #[test]
    fn a_latency_is_there_where_there_was_an_alert() {
        let mut outcome = outcome();
        let line = |outcome: &InvocationReport| {
            lines(outcome, "bell", Monitoring::Full, Timestamp::UNIX_EPOCH).remove(0)
        };
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
        assert_eq!(
            lines(&outcome, "bell", Monitoring::Full, Timestamp::UNIX_EPOCH)[0]["Mismatches"],
            1
        );
    }

    /// Every metric that an invocation can have, and whether it is written for each rule too.
    fn all_metrics() -> Vec<(Metric, bool)> {
        let mut outcome = outcome();
        outcome.report.slowest_alert = Some(1);
        outcome.report.correlations.insert("c1".to_owned(), 1);
        outcome.report.sweep = Some(SweepReport::default());
        outcome.report.subscriptions = Some(SubscriptionReport::default());
        let lines = lines(&outcome, "bell", Monitoring::Full, Timestamp::UNIX_EPOCH);
        let is_by_rule = |name: &str| lines[1..].iter().any(|line| line.get(name).is_some());
        let metrics = totals(&outcome, Monitoring::Full).into_iter();
        metrics.map(|metric| (is_by_rule(&metric.name), metric)).map(|(by, it)| (it, by)).collect()
    }

    #[test]
    fn the_documentation_lists_every_metric() {
        let mut page = "# Metrics\n\n\
            The function writes these to its log in CloudWatch's embedded metric format, \
            namespace\n`Trailbell`, with the dimension `Function`; some also with `Function` \
            and `Rule`. With\n`TRAILBELL_METRICS=basic`, the default, only those marked as basic, \
            and none by rule. This page is\ngenerated from the code.\n\n\
            | metric | unit | basic | by rule | what |\n|---|---|---|---|---|\n"
            .to_owned();
        for (metric, by_rule) in all_metrics() {
            let Metric { name, unit, help, .. } = metric;
            let yes = |is: bool| if is { "yes" } else { "" };
            let (basic, by_rule) = (yes(Monitoring::Basic.includes(&name)), yes(by_rule));
            writeln!(page, "| `{name}` | {unit:?} | {basic} | {by_rule} | {help} |").unwrap();
        }
        support::golden::compare([("docs/metrics.md".into(), page)]);
    }

    #[test]
    fn alarms_and_dashboard_of_the_template_use_metrics_that_exist() {
        let names: BTreeSet<String> =
            all_metrics().into_iter().map(|(metric, _)| metric.name).collect();
        let template = std::fs::read_to_string("template.yaml").unwrap();
        let lines: Vec<&str> = template.lines().map(str::trim).collect();
        let in_alarms = lines
            .windows(2)
            .filter(|pair| pair[0] == "Namespace: Trailbell")
            .map(|pair| pair[1].strip_prefix("MetricName: ").unwrap());
        let in_widgets = lines
            .iter()
            .filter_map(|line| line.strip_prefix("[\"Trailbell\", \"")?.split('"').next());
        let used: BTreeSet<&str> = in_alarms.chain(in_widgets).collect();
        assert!(used.len() > 20, "the template is not read as it is written: {used:?}");
        let unknown: Vec<_> = used.iter().filter(|name| !names.contains(**name)).collect();
        assert!(unknown.is_empty(), "{unknown:?}");
    }
}
