//! Alerts as people read them, whole. The findings are in `tests/cases`, the alerts in `snapshots`;
//! `INSTA_UPDATE=always cargo test -p trailbell-alert` writes these.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use alert::{
    Accounts, Alert, Attribute, render_correlation, render_finding, render_minimal_correlation,
    render_minimal_finding, render_summary,
};
use detect::cloudtrail::Record;
use detect::correlation::testing::simulate_correlation;
use detect::correlation::{CorrelationAlertData, MemberFindings};
use detect::finding::integrity::{IntegrityEvent, IntegrityKind};
use detect::finding::{Context, Facts, Finding, FindingId, Origin, Summary};
use detect::rule::testing::RuleTests;
use detect::rule::{Exceptions, LoadedRules, RuleInfo};
use jiff::Timestamp;
use serde_json::{Value, json};

/// Compares an alert with the snapshot of this name.
pub fn assert_alert(name: &str, alert: &Alert) {
    assert!(alert.text.ends_with('\n') && !alert.text.ends_with("\n\n"), "{name}");
    assert_size(name, &alert.text);
    let with_page = alert.clone().with_page("https://example.com/page");
    assert!(with_page.text.lines().count() <= 60, "{name} with its page");
    let mut settings = insta::Settings::clone_current();
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    settings.bind(|| insta::assert_snapshot!(name, page(alert)));
}

/// A mail fits on two screens of a telephone. Only a link, a name or a command is wider: it would
/// not work in two parts.
fn assert_size(name: &str, mail: &str) {
    assert!(mail.lines().count() <= 60, "{name} has {} lines", mail.lines().count());
    let whole =
        ["aws ", "for name in ", "for word in ", "arn:", "s3://", "https://", "docs/rules/"];
    for line in mail.lines().filter(|line| line.chars().count() > 76) {
        let word = line.trim_start();
        let is_whole = whole.iter().any(|start| word.starts_with(start));
        assert!(is_whole || word.starts_with("trailbell "), "{name} has a wide line: {line}");
    }
}

/// Every snapshot there is, so that none of a test that no longer exists is left.
#[test]
fn no_golden_mail_is_longer_than_60_lines_or_wider_than_76_columns() {
    let folder = package_folder().join("tests/it/snapshots");
    let mut count = 0;
    for file in fs::read_dir(folder).unwrap() {
        let path = file.unwrap().path();
        let text = fs::read_to_string(&path).unwrap();
        let (_, mail) = text.split_once("\nkind (String): ").unwrap();
        let (_, mail) = mail.split_once("\n\n").unwrap();
        assert_size(&path.display().to_string(), mail);
        count += 1;
    }
    assert!(count >= 27, "{count} golden mails");
}

fn page(alert: &Alert) -> String {
    let line =
        |Attribute { name, kind, value }: &Attribute| format!("{name} ({kind:?}): {value}\n");
    let attributes: String = alert.attributes.iter().map(line).collect();
    format!("Subject: {}\n\n{attributes}\n{}", alert.subject, alert.text)
}

#[test]
fn alerts_of_findings() {
    let alerts = finding_alerts();
    assert!(alerts.len() >= 24, "{} cases", alerts.len());
    alerts.iter().for_each(|(name, alert)| assert_alert(name, alert));
}

#[test]
fn a_summary_and_a_minimal_alert() {
    summary_alerts().iter().for_each(|(name, alert)| assert_alert(name, alert));
}

#[test]
fn alerts_of_correlations() {
    correlation_alerts().iter().for_each(|(name, alert)| assert_alert(name, alert));
}

/// The alerts of all cases, by name.
pub fn finding_alerts() -> Vec<(String, Alert)> {
    let alert = |case: PathBuf| {
        let (finding, context) = read_case(&case);
        let name = case.file_stem().unwrap().to_str().unwrap().to_owned();
        (name, render_finding(&finding, &context, &accounts()))
    };
    case_files().into_iter().map(alert).collect()
}

pub fn summary_alerts() -> Vec<(String, Alert)> {
    let rule = Arc::new(rule(&json!("aws-iam-user-addition-to-group")));
    let principals = ["alice", "alice", "alice", "deploy", "x\n\u{202e}y"];
    let finding = |(n, principal): (usize, &&str)| {
        let record = json!({
            "eventSource": "iam.amazonaws.com",
            "eventName": "AddUserToGroup",
            "eventTime": format!("2026-03-01T10:0{n}:00Z"),
            "eventID": format!("e-{n}"),
            "awsRegion": "us-east-1",
            "recipientAccountId": "111122223333",
            "userIdentity": {"type": "IAMUser", "userName": principal},
            "requestParameters": {"groupName": "Admins", "userName": format!("user-{n}")},
        });
        Finding::new(&rule, &Record::from_value(record).unwrap(), origin())
    };
    let findings: Vec<Finding> = principals.iter().enumerate().map(finding).collect();
    let id = FindingId::hash_parts(["summary"]);
    let summary = Summary::from_findings(id, None, 1, &findings).unwrap();
    vec![
        ("summary".to_owned(), render_summary(&summary, &accounts())),
        ("minimal".to_owned(), render_minimal_finding(&findings[0])),
    ]
}

/// The samples of both correlations, one of them at its raised severity, and one whose members are
/// partly unread.
pub fn correlation_alerts() -> Vec<(String, Alert)> {
    let set = LoadedRules::embedded().into_rule_set().unwrap();
    let simulate = |name: &str, sequence: usize| {
        let correlation = set.correlations().iter().find(|it| it.info.name.contains(name)).unwrap();
        let sequences = RuleTests::for_origin(&correlation.origin).unwrap();
        let now = "2026-03-01T11:00:00Z".parse().unwrap();
        simulate_correlation(correlation, &set, &sequences.must_match[sequence].records, now)
            .unwrap()
    };
    let alert = |name: &str, simulated: &(CorrelationAlertData, MemberFindings)| {
        (name.to_owned(), render_correlation(&simulated.0, &simulated.1, &accounts()))
    };
    let mut unread = simulate("staged", 4);
    unread.1.members.truncate(2);
    unread.1.read_error = Some("ledger entries/0011: 503: slow down".to_owned());
    vec![
        alert("correlation-staged", &simulate("staged", 0)),
        alert("correlation-staged-renamed", &simulate("staged", 10)),
        alert("correlation-many-users", &simulate("Many users", 0)),
        alert("correlation-added-itself", &simulate("Administrator policy", 14)),
        alert("correlation-staged-unread", &unread),
        ("correlation-minimal".to_owned(), render_minimal_correlation(&unread.0)),
    ]
}

/// One of the two accounts has a name.
pub fn accounts() -> Accounts {
    Accounts::parse("accounts.toml", "\"444455556666\" = \"build\"").unwrap()
}

pub fn case_files() -> Vec<PathBuf> {
    let folder = fs::read_dir(package_folder().join("tests/cases")).unwrap();
    let mut files: Vec<PathBuf> = folder.map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files
}

fn package_folder() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The finding of the case's record, or of its ECS document.
pub fn read_case(case: &Path) -> (Finding, Context) {
    let mut fields: Value = serde_json::from_str(&fs::read_to_string(case).unwrap()).unwrap();
    let context = fields.get("context").cloned().map(serde_json::from_value);
    let context = context.transpose().unwrap().unwrap_or_default();
    let rule = rule(&fields["rule"]);
    let mut finding = match fields.get_mut("record") {
        Some(record) => {
            Finding::new(&Arc::new(rule), &Record::from_value(record.take()).unwrap(), origin())
        }
        None => finding_of_document(fields, rule),
    };
    let rules = LoadedRules::embedded().rules;
    if let Some(rule) = rules.iter().find(|rule| rule.info.id == finding.rule.id) {
        let facts = Facts::new(&finding, Some(&context));
        let now = Timestamp::UNIX_EPOCH;
        finding.rating = finding.rate_by(&rule.severity_rules, &facts, now);
    }
    (finding, context)
}

fn origin() -> Origin {
    let name = "111122223333_CloudTrail_us-east-1_20260301T1005Z_9hDkYq3ZpXcV7bNm.json.gz";
    let key = format!("AWSLogs/111122223333/CloudTrail/us-east-1/2026/03/01/{name}");
    Origin::Object { bucket: "example-trail".to_owned(), key, record: 3 }
}

/// Fills in from the ECS document what a finding takes over from its record.
fn finding_of_document(mut fields: Value, rule: RuleInfo) -> Finding {
    let call =
        json!({"eventID": fields["ecs"]["event"]["id"], "recipientAccountId": fields["account"]});
    fields["id"] = json!(FindingId::for_record(&rule.id, &Record::from_value(call).unwrap()));
    fields["rule"] = json!(rule);
    fields["time"] = fields["ecs"]["@timestamp"].clone();
    fields["group"] = fields["ecs"]["group"]["name"].clone();
    fields["target_user"] = fields["ecs"]["user"]["target"]["name"].clone();
    serde_json::from_value(fields).unwrap()
}

/// An embedded rule by its file name, or a rule as the case has it.
fn rule(rule: &Value) -> RuleInfo {
    let Some(name) = rule.as_str() else { return serde_json::from_value(rule.clone()).unwrap() };
    let file = package_folder().join("../../rules").join(format!("{name}.toml"));
    let mut file: Value = toml::from_str(&fs::read_to_string(file).unwrap()).unwrap();
    file["rule"]["id"] = file["rule"]["rule_id"].clone();
    serde_json::from_value(file["rule"].take()).unwrap()
}

#[test]
fn alerts_about_log_files_and_digests() {
    for kind in IntegrityKind::ALL {
        let name = format!("integrity-{}", kind.action());
        let alert = render_finding(&integrity_finding(kind), &Context::default(), &accounts());
        assert_alert(&name, &alert);
    }
}

fn integrity_finding(kind: IntegrityKind) -> Finding {
    use IntegrityKind::{LogFileChanged, LogFileMissing, LogFileUnreadable};
    let is_log = matches!(kind, LogFileChanged | LogFileMissing | LogFileUnreadable);
    let folder = "AWSLogs/o-exampleorg/111122223333";
    let digest = format!(
        "{folder}/CloudTrail-Digest/us-east-1/2026/03/01/\
         111122223333_CloudTrail-Digest_us-east-1_management_us-east-1_20260301T100012Z.json.gz"
    );
    let log = format!(
        "{folder}/CloudTrail/us-east-1/2026/03/01/\
         111122223333_CloudTrail_us-east-1_20260301T0955Z_a1B2c3D4e5F6g7H8.json.gz"
    );
    let event = IntegrityEvent {
        kind,
        account: "111122223333".to_owned(),
        region: "us-east-1".to_owned(),
        trail: "management".to_owned(),
        bucket: "example-trail-logs".to_owned(),
        key: if is_log { log } else { digest.clone() },
        reason: "the reason that the check gave".to_owned(),
        digest: is_log.then_some(digest),
        from: "2026-03-01T09:00:12Z".parse().unwrap(),
        until: "2026-03-01T10:00:12Z".parse().unwrap(),
    };
    event.finding(&Exceptions::default(), "2026-03-01T11:00:00Z".parse().unwrap()).unwrap()
}
