//! Alerts of correlations over hostile records.

use alert::{Accounts, render_correlation};
use detect::cloudtrail::Record;
use detect::correlation::testing;
use detect::rule::testing::TestSequences;
use detect::rule::{Correlation, RuleSet, RuleSources};
use jiff::Timestamp;

/// SNS takes no more.
const MAX_BYTES: usize = 256 * 1024;

fn sample(of: &str, group: &str) -> (RuleSet, Correlation, Vec<Record>) {
    let set = RuleSources::from_paths(true, &[]).into_rule_set().unwrap();
    let correlation =
        set.correlations().iter().find(|it| it.info.name.contains(of)).unwrap().clone();
    let records =
        TestSequences::for_correlation(&correlation).unwrap().unwrap().must_match.remove(0).records;
    let named = records.into_iter().map(|record| {
        let mut fields = record.fields().clone();
        fields["requestParameters"]["groupName"] = group.into();
        Record::from_value(fields.into()).unwrap()
    });
    let records = named.collect();
    (set, correlation, records)
}

#[test]
fn hostile_names_break_no_alert_of_a_correlation() {
    let long = "x\n\u{202e}\u{7}é".repeat(3000);
    for (of, group) in [
        ("staged", "a\nFACTS\n\u{202e}b"),
        ("staged", &long),
        ("Many users", &long),
        ("staged", "$(id)"),
    ] {
        let (set, correlation, records) = sample(of, group);
        let (told, known) =
            testing::simulate_correlation(&correlation, &set, &records, Timestamp::UNIX_EPOCH)
                .unwrap();
        let alert = render_correlation(&told, &known, &Accounts::default());
        assert!(weight(&alert) <= MAX_BYTES, "{of}");
        assert!(
            alert.subject.len() < 100
                && alert.subject.bytes().all(|it| (b' '..=b'~').contains(&it)),
            "{}",
            alert.subject
        );
        let clean = |it: char| it == '\n' || !(it.is_control() || it == '\u{202e}');
        assert!(alert.text.chars().all(clean) && !alert.text.contains("\nFACTS"), "{}", alert.text);
        assert!(!alert.text.contains("=$(id)"), "{}", alert.text);
    }
}

fn weight(alert: &alert::Alert) -> usize {
    let attributes =
        alert.attributes.iter().map(|it| it.name.len() + "String".len() + it.value.len());
    alert.message().len() + alert.subject.len() + attributes.sum::<usize>()
}
