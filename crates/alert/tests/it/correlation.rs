//! Alerts of correlations over hostile records.

use alert::{Accounts, Alert, render_correlation};
use detect::cloudtrail::Record;
use detect::correlation::testing::simulate_correlation;
use detect::rule::testing::RuleTests;
use detect::rule::{Correlation, LoadedRules, RuleSet};
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
    }
}

fn message_bytes(alert: &Alert) -> usize {
    let attributes =
        alert.attributes.iter().map(|it| it.name.len() + "String".len() + it.value.len());
    alert.message().len() + alert.subject.len() + attributes.sum::<usize>()
}
