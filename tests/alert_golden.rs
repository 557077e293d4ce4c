//! What people read about a finding, whole, in `tests/golden/<case>.txt`; the finding is in `<case>.json` beside it.
//!
//! After a wanted change, `TRAILBELL_WRITE_GOLDEN=1 cargo test --test alert_golden` writes the files anew; read the
//! difference before you commit it.

#![allow(clippy::unwrap_used, reason = "clippy takes only #[test] functions for tests, and these are their helpers")]

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::{env, fs};

use serde_json::{Value, json};
use trailbell::alert::{Alert, Context, render};
use trailbell::cloudtrail::Record;
use trailbell::finding::{Finding, FindingId, Origin};
use trailbell::rule::RuleInfo;

#[test]
fn every_case_reads_as_its_golden_file() {
    let cases = cases();
    assert!(cases.len() >= 13, "{} cases", cases.len());
    let write = env::var_os("TRAILBELL_WRITE_GOLDEN").is_some();
    let mut different = Vec::new();
    for case in cases {
        let (finding, context) = read(&case);
        let page = page(&render(&finding, &context));
        let golden = case.with_extension("txt");
        if write {
            fs::write(&golden, &page).unwrap();
        } else if let Some(difference) = difference(&fs::read_to_string(&golden).unwrap_or_default(), &page) {
            different.push(format!("{}: {difference}", golden.display()));
        }
    }
    assert!(different.is_empty(), "{}", different.join("\n"));
}

fn cases() -> Vec<PathBuf> {
    let entries = fs::read_dir(root().join("tests/golden")).unwrap().map(|entry| entry.unwrap().path());
    let mut cases: Vec<PathBuf> = entries.filter(|path| path.extension().is_some_and(|it| it == "json")).collect();
    cases.sort();
    cases
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The finding of a case: of the record that it has, or of the ECS document.
fn read(case: &Path) -> (Finding, Context) {
    let mut fields: Value = serde_json::from_str(&fs::read_to_string(case).unwrap()).unwrap();
    let context = fields.get("context").map(|it| serde_json::from_value(it.clone()).unwrap()).unwrap_or_default();
    let rule = rule(&fields["rule"]);
    let finding = match fields.get_mut("record") {
        Some(record) => Finding::new(&Arc::new(rule), &Record::from_value(record.take()).unwrap(), origin()),
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
    let call = json!({"eventID": fields["ecs"]["event"]["id"], "recipientAccountId": fields["account"]});
    fields["id"] = json!(FindingId::of(&rule.id, &Record::from_value(call).unwrap()));
    fields["rule"] = json!(rule);
    fields["time"] = fields["ecs"]["@timestamp"].clone();
    fields["group"] = fields["ecs"]["group"]["name"].clone();
    fields["target_user"] = fields["ecs"]["user"]["target"]["name"].clone();
    serde_json::from_value(fields).unwrap()
}

/// A rule file of ours by name, or a rule as written in the case.
fn rule(rule: &Value) -> RuleInfo {
    let Some(name) = rule.as_str() else { return serde_json::from_value(rule.clone()).unwrap() };
    let file = fs::read_to_string(root().join("rules").join(format!("{name}.toml"))).unwrap();
    let mut file: Value = toml::from_str(&file).unwrap();
    file["rule"]["id"] = file["rule"]["rule_id"].clone();
    serde_json::from_value(file["rule"].take()).unwrap()
}

fn page(alert: &Alert) -> String {
    let attribute = |it: &trailbell::alert::Attribute| format!("{} ({:?}): {}\n", it.name, it.kind, it.value);
    let attributes: String = alert.attributes.iter().map(attribute).collect();
    format!("Subject: {}\n\n{attributes}\n{}", alert.subject, alert.text)
}

fn difference(golden: &str, page: &str) -> Option<String> {
    if golden == page {
        return None;
    }
    let (golden, page): (Vec<_>, Vec<_>) = (golden.lines().collect(), page.lines().collect());
    let line = (0..).find(|&line| golden.get(line) != page.get(line))?;
    Some(format!("line {}\n  golden: {:?}\n  now:    {:?}", line + 1, golden.get(line), page.get(line)))
}
