//! Any text as a file of rules and of exceptions: every problem has a position in the text, and
//! valid rules find the same in both scan modes.

#![no_main]

mod support;

use std::sync::LazyLock;

use detect::cloudtrail::reader::Options;
use detect::rule::{Detections, LoadedExceptions, LoadedRules, Problem, RuleSet};
use libfuzzer_sys::fuzz_target;
use serde_json::{Value, json};
use support::{gzip, scan_modes};

const OPTIONS: Options = Options::records(1 << 20);

static EMBEDDED: LazyLock<RuleSet> =
    LazyLock::new(|| RuleSet::new(LoadedRules::embedded().rules).expect("there are rules"));

/// A log object of several samples.
static LOG: LazyLock<Vec<u8>> = LazyLock::new(|| {
    let samples = [
        include_str!("../../events/records/billing-admins.json"),
        include_str!("../../events/records/stack.json"),
        include_str!("../../events/records/quiet.json"),
    ];
    let records = samples.map(|text| {
        serde_json::from_str::<Vec<Value>>(text).expect("samples are lists of records")
    });
    gzip(json!({ "Records": records.concat() }).to_string().as_bytes())
});

fuzz_target!(|text: &str| {
    let file = || [("fuzz.toml", text)].into_iter();
    let load = LoadedRules::from_texts(file());
    load.unsupported.iter().for_each(|refusal| drop(refusal.to_string()));
    load.problems.iter().chain(&load.warnings).for_each(|problem| check_position(problem, text));
    if let Ok(rules) = RuleSet::new(load.rules) {
        scan_modes::assert_modes_agree(&LOG, OPTIONS, &Detections::from(rules));
    }

    let mut exceptions = LoadedExceptions::from_texts(file());
    exceptions.check_rules(&EMBEDDED);
    let problems = exceptions.problems.iter().chain(&exceptions.warnings);
    problems.for_each(|problem| check_position(problem, text));
    if !exceptions.exceptions.is_empty() {
        let detections = Detections::with_loaded(EMBEDDED.clone(), exceptions);
        scan_modes::assert_modes_agree(&LOG, OPTIONS, &detections);
    }
});

/// The problem names the file, and a line that exists.
fn check_position(problem: &Problem, text: &str) {
    assert!(problem.to_string().starts_with("fuzz.toml:"), "{problem}");
    let lines = text.matches('\n').count() + 1;
    let position = problem.position;
    assert!(
        position.is_none_or(|at| (1..=lines).contains(&at.line) && at.column >= 1),
        "{problem}"
    );
}
