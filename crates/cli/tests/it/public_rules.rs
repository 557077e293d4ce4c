//! Elastic's public rules for AWS: files of the same shapes, with made-up contents.

use std::fs;

use detect::rule::LoadedRules;
use serde_json::Value;
use support::public_rules::PublicRule;

use crate::program::{TestDir, documents, trailbell};
use crate::snapshot::assert_page;

/// A folder of all files. The second value is its path.
fn rule_files() -> (TestDir, String) {
    let dir = TestDir::new();
    for rule in PublicRule::all() {
        dir.write(&format!("rules/{}", rule.file), rule.text());
    }
    let rules = dir.text("rules");
    (dir, rules)
}

#[test]
fn check_names_the_reason_for_each_refused_file_and_counts_by_type() {
    let (_dir, rules) = rule_files();
    let (code, out, err) = trailbell(&["rules", "check", &rules], &[]);
    assert_eq!((code, err.as_str()), (1, ""));
    let page = format!("$ trailbell rules check aws\n{out}");
    assert_page("public-rules", &page, &[(&rules, "aws")]);
}

#[test]
fn as_many_run_as_the_documentation_says() {
    let (_dir, rules) = rule_files();
    let (_, out, _) = trailbell(&["rules", "check", &rules, "--format", "ndjson"], &[]);
    let files = documents(&out);
    let count =
        |is_counted: &dyn Fn(&Value) -> bool| files.iter().filter(|file| is_counted(file)).count();
    let total = |kind| count(&|file| file["type"] == kind);
    let runs = |kind| count(&|file| file["type"] == kind && file["verdict"] == "runs");
    let all = count(&|file| file["verdict"] == "runs");
    assert!(all >= 150, "{all}");
    let whole = ["query", "eql", "threshold"];
    assert_eq!(whole.map(runs), whole.map(total));
    let [query, eql, threshold] = whole.map(runs);
    let sentence = format!(
        "Of Elastic's {} public rules for AWS (August 2026), {all} run: all {query} of type \
         `query`, all {eql} `eql`, all {threshold} `threshold` and {} of {} `new_terms`.",
        files.len(),
        runs("new_terms"),
        total("new_terms"),
    );
    let page = fs::read_to_string(support::root().join("docs/rules-and-exceptions.md")).unwrap();
    let page = page.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(page.contains(&sentence), "docs/rules-and-exceptions.md lacks: {sentence}");
}

/// No call, service or user agent is in two of the rules.
#[test]
fn each_rule_that_runs_finds_the_records_made_for_it_and_no_others() {
    let (dir, rules) = rule_files();
    let records: Vec<Value> = PublicRule::all().iter().flat_map(PublicRule::records).collect();
    let log = dir.log(&records);
    let args = ["scan", &log, "--rule-sets", "none", "--rules", &rules, "--format", "ndjson"];
    let (code, out, err) = trailbell(&args, &[]);
    assert_eq!(code, 0, "{err}");
    let found = documents(&out);
    let found = found.iter().map(|finding| finding["rule"]["id"].as_str().unwrap().to_owned());
    let mut found: Vec<String> = found.collect();
    let loaded = LoadedRules::from_path(rules.as_ref());
    let mut loaded: Vec<String> = loaded.rules.iter().map(|rule| rule.info.id.clone()).collect();
    found.sort();
    loaded.sort();
    assert_eq!(found, loaded);
}
