//! What people read about a finding, whole, in `tests/golden/<case>.txt`; the finding is in
//! `<case>.json` beside it.
//!
//! After a wanted change, `TRAILBELL_WRITE_GOLDEN=1 cargo test --test alert_golden` writes the
//! files anew; read the difference before you commit it.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use alert::{
    Accounts, Alert, render, render_correlation, render_minimal, render_minimal_correlation,
    render_summary,
};
use detect::cloudtrail::Record;
use detect::correlation::testing::simulate_correlation;
use detect::correlation::{CorrelationAlertData, MemberFindings};
use detect::finding::{Context, Finding, FindingId, Origin, Summary};
use detect::rule::testing::TestSequences;
use detect::rule::{RuleInfo, RuleSources};
use serde_json::{Value, json};

#[path = "../../../../tests/support/src/golden.rs"]
mod files;

use files::compare;

#[test]
fn every_case_reads_as_its_golden_file() {
    let cases = cases();
    assert!(cases.len() >= 13, "{} cases", cases.len());
    let page = |case: &PathBuf| {
        let (finding, context) = read(case);
        (case.with_extension("txt"), page(&render(&finding, &context, &accounts())))
    };
    compare(cases.iter().map(page));
}

#[test]
fn what_stands_for_alerts_reads_as_its_golden_file() {
    let rule = Arc::new(rule(&json!("aws-iam-user-addition-to-group")));
    let principals = ["alice", "alice", "alice", "deploy", "x\n\u{202e}y"];
    let added = principals.iter().enumerate().map(|(n, principal)| {
        let record = json!({"eventSource": "iam.amazonaws.com", "eventName": "AddUserToGroup",
            "eventTime": format!("2026-03-01T10:0{n}:00Z"), "eventID": format!("e-{n}"), "awsRegion": "us-east-1",
            "recipientAccountId": "111122223333", "userIdentity": {"type": "IAMUser", "userName": principal},
            "requestParameters": {"groupName": "Admins", "userName": format!("user-{n}")}});
        Finding::new(&rule, &Record::from_value(record).unwrap(), origin())
    });
    let added: Vec<Finding> = added.collect();
    let id = FindingId::hash_parts(["summary"]);
    let summary = Summary::from_findings(id, None, 1, &added).unwrap();
    let golden = |name: &str| root().join("tests/golden").join(name);
    compare([
        (golden("summary.txt"), page(&render_summary(&summary, &accounts()))),
        (golden("minimal.txt"), page(&render_minimal(&added[0]))),
    ]);
}

/// The samples of both correlations, one at its raised severity, and one of which the ledger gives
/// little.
#[test]
fn what_several_findings_mean_reads_as_its_golden_file() {
    let set = RuleSources::from_paths(true, &[]).into_rule_set().unwrap();
    let golden = |name: &str| root().join("tests/golden").join(name);
    let sample = |of: &str, sequence: usize| {
        let correlation = set.correlations().iter().find(|it| it.info.name.contains(of)).unwrap();
        let records = &TestSequences::for_correlation(correlation).unwrap().unwrap().must_match
            [sequence]
            .records;
        simulate_correlation(correlation, &set, records, "2026-03-01T11:00:00Z".parse().unwrap())
            .unwrap()
    };
    let page = |(told, known): &(CorrelationAlertData, MemberFindings)| {
        page(&render_correlation(told, known, &accounts()))
    };
    let mut unread = sample("staged", 4);
    unread.1.members.truncate(2);
    unread.1.read_error = Some("ledger entries/0011: 503: slow down".to_owned());
    compare([
        (golden("correlation-staged.txt"), page(&sample("staged", 0))),
        (golden("correlation-staged-renamed.txt"), page(&sample("staged", 10))),
        (golden("correlation-staged-unread.txt"), page(&unread)),
        (golden("correlation-many-users.txt"), page(&sample("Many users", 0))),
        (golden("correlation-minimal.txt"), self::page(&render_minimal_correlation(&unread.0))),
    ]);
}

/// The name of one of the two accounts.
fn accounts() -> Accounts {
    Accounts::parse("accounts.toml", "\"444455556666\" = \"build\"").unwrap()
}

fn cases() -> Vec<PathBuf> {
    let entries =
        fs::read_dir(root().join("tests/golden")).unwrap().map(|entry| entry.unwrap().path());
    let mut cases: Vec<PathBuf> =
        entries.filter(|path| path.extension().is_some_and(|it| it == "json")).collect();
    cases.sort();
    cases
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The finding of a case: of the record that it has, or of the ECS document.
fn read(case: &Path) -> (Finding, Context) {
    let mut fields: Value = serde_json::from_str(&fs::read_to_string(case).unwrap()).unwrap();
    let context = fields
        .get("context")
        .map(|it| serde_json::from_value(it.clone()).unwrap())
        .unwrap_or_default();
    let rule = rule(&fields["rule"]);
    let finding = match fields.get_mut("record") {
        Some(record) => {
            Finding::new(&Arc::new(rule), &Record::from_value(record.take()).unwrap(), origin())
        }
        None => of_document(fields, rule),
    };
    (finding, context)
}

fn origin() -> Origin {
    let name = "111122223333_CloudTrail_us-east-1_20260301T1005Z_9hDkYq3ZpXcV7bNm.json.gz";
    let key = format!("AWSLogs/111122223333/CloudTrail/us-east-1/2026/03/01/{name}");
    Origin::Object { bucket: "example-trail".to_owned(), key, record: 3 }
}

/// What a finding takes over from its record is filled in from the ECS document.
fn of_document(mut fields: Value, rule: RuleInfo) -> Finding {
    let call =
        json!({"eventID": fields["ecs"]["event"]["id"], "recipientAccountId": fields["account"]});
    fields["id"] = json!(FindingId::for_record(&rule.id, &Record::from_value(call).unwrap()));
    fields["rule"] = json!(rule);
    fields["time"] = fields["ecs"]["@timestamp"].clone();
    fields["group"] = fields["ecs"]["group"]["name"].clone();
    fields["target_user"] = fields["ecs"]["user"]["target"]["name"].clone();
    serde_json::from_value(fields).unwrap()
}

/// A rule file of ours by name, or a rule as written in the case.
fn rule(rule: &Value) -> RuleInfo {
    let Some(name) = rule.as_str() else { return serde_json::from_value(rule.clone()).unwrap() };
    let file = fs::read_to_string(root().join("../../rules").join(format!("{name}.toml"))).unwrap();
    let mut file: Value = toml::from_str(&file).unwrap();
    file["rule"]["id"] = file["rule"]["rule_id"].clone();
    serde_json::from_value(file["rule"].take()).unwrap()
}

fn page(alert: &Alert) -> String {
    let attribute = |it: &alert::Attribute| format!("{} ({:?}): {}\n", it.name, it.kind, it.value);
    let attributes: String = alert.attributes.iter().map(attribute).collect();
    format!("Subject: {}\n\n{attributes}\n{}", alert.subject, alert.text)
}
