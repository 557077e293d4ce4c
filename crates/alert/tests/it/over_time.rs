//! Alerts of thresholds and sequences: many calls that one rule needs together.

use std::sync::Arc;

use alert::{Accounts, Alert, render_correlation, render_minimal_correlation};
use detect::cloudtrail::Record;
use detect::correlation::testing::simulate_correlation;
use detect::correlation::{CorrelationAlertData, MemberFindings};
use detect::rule::{LoadedRules, RuleInfo, RuleSet};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use crate::pages::assert_alert;

const DENIED_READS: &str = r#"
name = "Many denied reads of S3 objects"
description = """
Identifies a principal whose reads of objects, e.g. with stolen keys, are denied again and again
from several addresses. An intruder tries names of objects without knowing them.
"""
type = "threshold"
language = "kuery"
from = "now-10m"
query = "event.provider: s3.amazonaws.com and event.action: GetObject and event.outcome: failure"
threshold = { field = ["cloud.account.id", "user.name"], value = 50, cardinality = [
    { field = "source.ip", value = 5 },
] }
investigation_fields = { field_names = ["source.ip", "aws.cloudtrail.error_code"] }
"#;

const DENIED_TRUST: &str = r#"
name = "Many denied calls"
description = "Someone tries trust policies."
type = "threshold"
language = "kuery"
from = "now-60m"
query = "event.provider: iam.amazonaws.com and event.action: UpdateAssumeRolePolicy"
threshold = { field = ["source.ip"], value = 5 }
"#;

const GUESSED_PASSWORD: &str = r#"
name = "Console sign-in after many failures"
description = "Someone signed in after many wrong passwords: the password may have been guessed."
type = "eql"
language = "eql"
query = '''
sequence by user.name with maxspan=1h
  [any where event.action == "ConsoleLogin" and event.outcome == "failure"] with runs=30
  [any where event.action == "ConsoleLogin" and event.outcome == "success"]
'''
"#;

const NEW_ADMINISTRATOR: &str = r#"
name = "User created and made administrator"
description = "A user was created and got AdministratorAccess in minutes. That is how intruders stay."
type = "eql"
language = "eql"
query = '''
sequence with maxspan=10m
  [any where event.action == "CreateUser"] by user.target.name
  [any where event.action == "AttachUserPolicy"] by user.target.name
'''
"#;

fn rule_set(rule: &str) -> RuleSet {
    let head = "[rule]\nrule_id = '00000000-0000-4000-8000-0000000000a2'\n\
                severity = 'medium'\nrisk_score = 47\n";
    let text = format!("{head}{rule}");
    LoadedRules::from_texts(std::iter::once(("rule.toml", &*text))).into_rule_set().unwrap()
}

/// So many calls of alice, a second apart from the `first` one on, each changed by `change`.
fn calls(first: i64, count: i64, change: impl Fn(i64) -> Value) -> Vec<Record> {
    let start: Timestamp = "2026-03-01T10:00:00Z".parse().unwrap();
    let record = |nth: i64| {
        let time = start + SignedDuration::from_secs(first + nth);
        let mut fields = json!({
            "eventSource": "iam.amazonaws.com",
            "eventTime": time.to_string(),
            "eventID": format!("e-{}", first + nth),
            "awsRegion": "us-east-1",
            "recipientAccountId": "111122223333",
            "sourceIPAddress": "192.0.2.10",
            "userIdentity": {
                "type": "IAMUser",
                "userName": "alice",
                "accountId": "111122223333",
                "arn": "arn:aws:iam::111122223333:user/alice",
                "accessKeyId": "AKIAIOSFODNN7EXAMPLE",
            },
        });
        let changes = change(nth);
        fields.as_object_mut().unwrap().extend(changes.as_object().unwrap().clone());
        Record::from_value(fields).unwrap()
    };
    (0..count).map(record).collect()
}

fn denied_reads(count: i64) -> Vec<Record> {
    calls(0, count, |nth| {
        json!({
            "eventSource": "s3.amazonaws.com",
            "eventName": "GetObject",
            "errorCode": "AccessDenied",
            "sourceIPAddress": format!("192.0.2.{}", 10 + nth % 7),
            "requestParameters": {"bucketName": "payroll", "key": format!("2026/{nth}.csv")},
        })
    })
}

fn denied_trust(count: i64, users: i64) -> Vec<Record> {
    calls(0, count, |nth| {
        let user = format!("user-{}", nth % users);
        json!({
            "eventName": "UpdateAssumeRolePolicy",
            "errorCode": "AccessDenied",
            "requestParameters": {"roleName": "deploy"},
            "userIdentity": {
                "type": "IAMUser",
                "userName": user,
                "arn": format!("arn:aws:iam::111122223333:user/{user}"),
            },
        })
    })
}

fn guessed_password() -> Vec<Record> {
    let sign_in = |result: &'static str| {
        move |nth| {
            json!({
                "eventSource": "signin.amazonaws.com",
                "eventName": "ConsoleLogin",
                "errorMessage": (result == "Failure").then_some("Failed authentication"),
                "sourceIPAddress": format!("198.51.100.{}", nth % 2),
                "responseElements": {"ConsoleLogin": result},
            })
        }
    };
    [calls(0, 30, sign_in("Failure")), calls(60, 1, sign_in("Success"))].concat()
}

fn new_administrator() -> Vec<Record> {
    let user = json!({"userName": "backup"});
    let create =
        |_| json!({"eventName": "CreateUser", "requestParameters": user, "eventID": "e-create"});
    let attach = |_| {
        json!({
            "eventName": "AttachUserPolicy",
            "sourceIPAddress": "198.51.100.7",
            "requestParameters": {
                "userName": "backup",
                "policyArn": "arn:aws:iam::aws:policy/AdministratorAccess",
            },
        })
    };
    [calls(0, 1, create), calls(40, 1, attach)].concat()
}

fn simulate(rule: &str, records: &[Record]) -> (CorrelationAlertData, MemberFindings) {
    let set = rule_set(rule);
    simulate_correlation(&set.correlations()[0], &set, records, Timestamp::UNIX_EPOCH).unwrap()
}

fn render(rule: &str, records: &[Record]) -> Alert {
    let (alert_data, members) = simulate(rule, records);
    render_correlation(&alert_data, &members, &Accounts::default())
}

#[test]
fn alerts_of_thresholds_and_sequences() {
    assert_alert("threshold-denied-reads", &render(DENIED_READS, &denied_reads(75)));
    assert_alert("threshold-flood", &render(DENIED_READS, &denied_reads(590)));
    assert_alert("threshold-principals", &render(DENIED_TRUST, &denied_trust(7, 3)));
    assert_alert("sequence-guessed-password", &render(GUESSED_PASSWORD, &guessed_password()));
    assert_alert("sequence-administrator", &render(NEW_ADMINISTRATOR, &new_administrator()));
    let (flood, _) = simulate(DENIED_READS, &denied_reads(590));
    assert_alert("threshold-minimal", &render_minimal_correlation(&flood));
}

/// What is written in a section, its lines joined.
fn section(mail: &str, heading: &str) -> String {
    let (_, section) = mail.split_once(&format!("\n{heading}\n")).unwrap();
    let section = section.split_once("\n\n").map_or(section, |(section, _)| section);
    section.split_whitespace().collect::<Vec<&str>>().join(" ")
}

#[test]
fn calls_of_one_kind_are_counted_once() {
    for (count, shown, more) in [
        (50, 8, " … 42 more"),
        (99, 8, " … 91 more"),
        (100, 8, " … 92 more"),
        (400, 8, " … 392 more"),
    ] {
        let Alert { subject, text, .. } = render(DENIED_READS, &denied_reads(count));
        let events = section(&text, "WHAT HAPPENED");
        assert_eq!(events.matches("denied: GetObject").count(), shown, "{text}");
        assert!(events.ends_with(more) && events.matches('…').count() == 1, "{text}");
        let least = if count >= 100 { "at least " } else { "" };
        assert!(subject.contains(&format!(": {least}{count} events by alice in ")), "{subject}");
        assert!(text.contains(&format!(": {least}{count} events by alice in")), "{text}");
        let partly = section(&text, "BY").contains("Of the 100 events that were read:");
        assert_eq!(partly, count > 100, "{text}");
        let reasons = section(&text, "WHY IT MATTERS");
        assert!(reasons.contains("50 or more events with 5 or more values of source.ip"), "{text}");
    }
    // A line for one or two more is no shorter than they are.
    for (count, more) in [(5, 0), (9, 0), (10, 0), (11, 3)] {
        let text = render(DENIED_TRUST, &denied_trust(count, 1)).text;
        let events = section(&text, "WHAT HAPPENED");
        let shown = events.matches("denied: UpdateAssumeRolePolicy").count() as i64;
        assert_eq!((shown, events.contains('…')), (count - more, more > 0), "{text}");
    }
}

#[test]
fn a_subject_names_the_group_if_it_is_not_the_principal() {
    let subject = |field: &str, users: i64| {
        let rule = DENIED_TRUST.replace("\"source.ip\"", field);
        render(&rule, &denied_trust(7, users)).subject
    };
    for (field, users, expected) in [
        (r#""cloud.account.id", "user.name""#, 1, "7 events by user-0 in"),
        (r#""aws.cloudtrail.user_identity.arn""#, 1, "7 events by user-0 in"),
        (r#""source.ip", "user.name""#, 1, "192.0.2.10, 7 events by user-0 in"),
        (r#""source.ip""#, 3, "192.0.2.10, 7 events by 3 principals in"),
        ("", 2, "7 events by 2 principals in"),
    ] {
        let expected = format!("[medium] Many denied calls: {expected} 111122223333");
        assert_eq!(subject(field, users), expected);
    }
    let long = "Detected Multiple Attempts to Change the Trust Policies of Roles by One User";
    let rule = DENIED_TRUST.replace("Many denied calls", long);
    let expected = "Detected Multiple Attempts to Ch..: 192.0.2.10, 7 events by 3 principals in";
    let subject = render(&rule, &denied_trust(7, 3)).subject;
    assert_eq!(subject, format!("[medium] {expected} 111122223333"));
}

#[test]
fn the_addresses_of_a_principal_are_named_or_counted() {
    for (addresses, expected) in [
        (1, "from 192.0.2.1"),
        (2, "from 192.0.2.1 and 192.0.2.2"),
        (3, "from 192.0.2.1, 192.0.2.2 and 192.0.2.3"),
        (4, "from 192.0.2.1 and 3 other addresses"),
        (7, "from 192.0.2.1 and 6 other addresses"),
    ] {
        let records = calls(0, 7, |nth| {
            let address = format!("192.0.2.{}", 1 + nth % addresses);
            json!({"eventName": "UpdateAssumeRolePolicy", "sourceIPAddress": address})
        });
        let rule = DENIED_TRUST.replace("source.ip", "user.name");
        let by = section(&render(&rule, &records).text, "BY");
        let expected = format!("7 alice (IAM user, long-term access key, no MFA), {expected}");
        assert_eq!(by, expected);
    }
}

#[test]
fn hostile_calls_do_not_break_the_alert_of_a_threshold() {
    let long = "x\n\u{202e}\u{7}é ".repeat(30_000);
    for hostile in ["a\nFACTS\n\u{202e}b", "$(id)`id`", " ", &long] {
        let records = calls(0, 12, |nth| {
            json!({
                "eventName": "UpdateAssumeRolePolicy",
                "errorCode": hostile,
                "errorMessage": hostile,
                "recipientAccountId": hostile,
                "sourceIPAddress": format!("{nth}{hostile}"),
                "userAgent": hostile,
                "userIdentity": {"type": "IAMUser", "userName": hostile, "arn": hostile},
                "requestParameters": {"roleName": hostile, "policyDocument": hostile},
            })
        });
        let shown = "threshold = { field = [\"user_agent.original\"], value = 5 }\n\
                     investigation_fields = { field_names = [\"user_agent.original\"] }";
        let rule =
            DENIED_TRUST.replace("threshold = { field = [\"source.ip\"], value = 5 }", shown);
        let (mut alert_data, members) = simulate(&rule, &records);
        let [name, description] = [hostile.to_owned(), hostile.to_owned()];
        let info = RuleInfo { name, description, ..(*alert_data.rule).clone() };
        alert_data.rule = Arc::new(info);
        let alert = render_correlation(&alert_data, &members, &Accounts::default());
        assert!(alert.message().len() <= 256 * 1024);
        let Alert { subject, text, .. } = &alert;
        let is_printable = |byte: u8| (b' '..=b'~').contains(&byte);
        assert!(subject.len() < 100 && subject.bytes().all(is_printable), "{subject}");
        let is_clean = |it: char| it == '\n' || !(it.is_control() || it == '\u{202e}');
        assert!(text.chars().all(is_clean) && !text.contains("\nFACTS\n\\u"), "{text}");
        assert!(text.lines().count() < 60, "{text}");
        assert!(section(text, "WHY IT MATTERS").contains("5 or more events"), "{text}");
    }
}
