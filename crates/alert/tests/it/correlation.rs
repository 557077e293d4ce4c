//! Alerts of correlations over hostile records.

use std::sync::Arc;

use alert::{Accounts, Alert, render_correlation, render_summary};
use detect::cloudtrail::Record;
use detect::correlation::testing::simulate_correlation;
use detect::finding::{FindingId, Summary};
use detect::rule::testing::RuleTests;
use detect::rule::{Correlation, LoadedRules, RuleInfo, RuleSet};
use jiff::Timestamp;

/// The most that SNS accepts.
const MAX_MESSAGE_BYTES: usize = 256 * 1024;

/// The first sample of the correlation with this in its name, with all groups renamed to `group`.
fn sample(name: &str, group: &str) -> (RuleSet, Correlation, Vec<Record>) {
    let set = LoadedRules::embedded().into_rule_set().unwrap();
    let mut correlations = set.correlations().iter();
    let correlation = correlations.find(|it| it.info.name.contains(name)).unwrap().clone();
    let mut sequences = RuleTests::for_origin(&correlation.origin).unwrap();
    let rename = |record: Record| {
        let mut fields = record.fields().clone();
        fields["requestParameters"]["groupName"] = group.into();
        Record::from_value(fields.into()).unwrap()
    };
    let records = sequences.must_match.remove(0).records.into_iter().map(rename).collect();
    (set, correlation, records)
}

#[test]
fn hostile_names_do_not_break_a_correlation_alert() {
    let long = "x\n\u{202e}\u{7}é".repeat(3000);
    for (name, group) in [
        ("staged", "a\nFACTS\n\u{202e}b"),
        ("staged", &long),
        ("Many users", &long),
        ("staged", "$(id)"),
        ("staged", "https://login.example.net/"),
        ("Many users", "https://login.example.net/"),
    ] {
        let (set, correlation, records) = sample(name, group);
        let (alert_data, members) =
            simulate_correlation(&correlation, &set, &records, Timestamp::UNIX_EPOCH).unwrap();
        let alert = render_correlation(&alert_data, &members, &Accounts::default());
        assert!(message_bytes(&alert) <= MAX_MESSAGE_BYTES, "{name}");
        let Alert { subject, text, .. } = &alert;
        let is_printable = |byte: u8| (b' '..=b'~').contains(&byte);
        assert!(subject.len() < 100 && subject.bytes().all(is_printable), "{subject}");
        let is_clean = |it: char| it == '\n' || !(it.is_control() || it == '\u{202e}');
        assert!(text.chars().all(is_clean) && !text.contains("\nFACTS"), "{text}");
        assert!(!text.contains("=$(id)"), "{text}");
        assert!(!text.contains("https://login"), "{text}");
    }
}

fn message_bytes(alert: &Alert) -> usize {
    let attributes =
        alert.attributes.iter().map(|it| it.name.len() + "String".len() + it.value.len());
    alert.message().len() + alert.subject.len() + attributes.sum::<usize>()
}

/// The section of a mail, line by line.
fn section(text: &str, heading: &str) -> Option<Vec<String>> {
    let (_, section) = text.split_once(&format!("\n{heading}\n"))?;
    let lines = section.split_once("\n\n").map_or(section, |(lines, _)| lines).lines();
    Some(lines.map(|line| line.trim().to_owned()).collect())
}

#[test]
fn the_fields_to_investigate_have_the_values_of_all_calls() {
    let (set, mut correlation, records) = sample("Many users", "app");
    let (hostile, plain) = ("a\nFACTS", "aws-cli/2.15.0");
    let with_agents = records.iter().enumerate().map(|(n, record)| {
        let mut fields = record.fields().clone();
        fields.insert("userAgent".to_owned(), [hostile, plain][n % 2].into());
        fields.insert("sourceIPAddress".to_owned(), format!("192.0.2.{n}").into());
        Record::from_value(fields.into()).unwrap()
    });
    let records: Vec<Record> = with_agents.collect();
    let mail = |correlation: &Correlation| {
        let (alert_data, members) =
            simulate_correlation(correlation, &set, &records, Timestamp::UNIX_EPOCH).unwrap();
        render_correlation(&alert_data, &members, &Accounts::default()).text
    };
    assert_eq!(section(&mail(&correlation), "FACTS"), None);
    // Each event has a group, and no record has a severity.
    let fields = ["group.name", "user_agent.original", "event.severity", "source.ip"];
    let info = RuleInfo {
        investigation_fields: fields.map(str::to_owned).to_vec(),
        ..(*correlation.info).clone()
    };
    correlation.info = Arc::new(info);
    let expected = [
        "user_agent.original  a\\u{a}FACTS, aws-cli/2.15.0",
        "source.ip  192.0.2.0, 192.0.2.1, 192.0.2.2, …",
    ];
    assert_eq!(section(&mail(&correlation), "FACTS").unwrap(), expected);
}

#[test]
fn no_name_in_a_summary_is_a_link() {
    let (set, correlation, records) = sample("Many users", "https://login.example.net/");
    let (_, members) =
        simulate_correlation(&correlation, &set, &records, Timestamp::UNIX_EPOCH).unwrap();
    let id = FindingId::hash_parts(["summary"]);
    let summary = Summary::from_findings(id, None, 1, &members.members).unwrap();
    let alert = render_summary(&summary, &Accounts::default());
    assert!(alert.text.contains("https[:]//login.example.net/"), "{}", alert.text);
    assert!(!alert.text.contains("https://login"), "{}", alert.text);
}
