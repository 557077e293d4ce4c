//! The facts of a mail.

use std::sync::Arc;

use detect::finding::{Context, Finding};
use detect::rule::RuleInfo;
use serde_json::json;

use super::fixture::{document, finding, rule};
use crate::{Accounts, render_finding};

/// The lines of the facts, of a rule with these `investigation_fields`.
fn facts(fields: &[&str]) -> Vec<String> {
    let mut document = document("PutBucketPolicy");
    document["event"]["provider"] = json!("s3.amazonaws.com");
    document["aws"]["cloudtrail"]["resources"] = json!([
        {"arn": "arn:aws:s3:::one"}, {"arn": "b\nFACTS"}, {"arn": "c"}, {"arn": "d"}
    ]);
    document["aws"]["cloudtrail"]["read_only"] = json!(false);
    let investigation_fields = fields.iter().map(|field| field.to_string()).collect();
    let rule = Arc::new(RuleInfo { investigation_fields, ..rule() });
    let finding = Finding { rule, ..finding(document) };
    let text = render_finding(&finding, &Context::default(), &Accounts::default()).text;
    let (_, facts) = text.split_once("FACTS\n").unwrap();
    facts.split_once("\n\n").unwrap().0.lines().map(|line| line.trim().to_owned()).collect()
}

#[test]
fn the_fields_to_investigate_stand_first() {
    let plain = facts(&[]);
    // Fields that are shown anyway are not repeated, and those that the record has not are left
    // out.
    assert_eq!(facts(&["user.name", "@timestamp", "target.entity.id"]), plain);
    let fields = ["user.name", "aws.cloudtrail.resources.arn", "aws.cloudtrail.read_only"];
    let with_fields = facts(&fields);
    assert_eq!(
        with_fields[..2],
        ["resources.arn  arn:aws:s3:::one, b\\u{a}FACTS, c, …", "cloudtrail.read_only  false"]
    );
    assert_eq!(with_fields[2..], plain);
}
