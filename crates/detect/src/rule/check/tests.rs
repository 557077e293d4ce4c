//! Verdicts and messages about rule files.

use std::fs;
use std::path::Path;

use super::*;

fn rule(id: &str, query: &str) -> String {
    format!(
        "[rule]\nname = 'Rule {id}'\nrule_id = '{id}'\ndescription = 'd'\ntype = 'query'\n\
         severity = 'low'\nrisk_score = 1\nquery = '''\n{query}\n'''\n"
    )
}

fn write(folder: &Path, name: &str, text: &str) {
    fs::write(folder.join(name), text).unwrap();
}

/// All messages, file by file, without the folder.
fn messages(folder: &Path) -> Vec<String> {
    let mut lines = Vec::new();
    for file in check_rule_files(&[folder.to_owned()]) {
        let name = file.path.rsplit('/').next().unwrap();
        let verdict = match &file.verdict {
            Verdict::Rule(_) | Verdict::Correlation(_) => "runs".to_owned(),
            Verdict::Unsupported(rule) => rule.problem.message.clone(),
            Verdict::Broken => "broken".to_owned(),
        };
        lines.push(format!("{name} {verdict}"));
        let all = file.problems.iter().chain(&file.warnings);
        lines.extend(all.map(|it| it.to_string().replace(&format!("{}/", folder.display()), "")));
    }
    lines
}

#[test]
fn each_file_has_a_verdict_and_each_warning_has_a_place() {
    let folder = tempfile::tempdir().unwrap();
    write(
        folder.path(),
        "a.toml",
        &rule("a", "event.provider: x and\n  event.action: A and event.action: B"),
    );
    write(folder.path(), "b.toml", &rule("b", "user.name: alice"));
    write(folder.path(), "c.toml", &rule("c", "event.action: A"));
    write(folder.path(), "d.toml", &rule("a", "event.provider: x"));
    write(folder.path(), "e.toml", &rule("e", "event.provider: x").replace("query'", "esql'"));
    write(folder.path(), "f.toml", "[rule");
    let messages = messages(folder.path());
    let expected = [
        "a.toml runs",
        "a.toml:10:23: can never be true: `event.action` has one value, and elsewhere it must \
         be `A`",
        "b.toml runs",
        "b.toml: slow: every record of every service is parsed for this rule; require an \
         `event.provider` or an `event.action`",
        "c.toml runs",
        "c.toml: slow: log objects of every region are read for this rule; require an \
         `event.provider` too",
        "d.toml broken",
        "d.toml: rule_id `a` is also used by a.toml",
        "e.toml unsupported rule \"Rule e\": its type is `esql`, which cannot run here",
        "f.toml broken",
    ];
    assert_eq!(messages[..expected.len()], expected);
    assert!(messages[expected.len()].starts_with("f.toml:1:"), "{messages:?}");
}

#[test]
fn a_file_named_twice_is_checked_once_and_a_folder_without_rules_is_reported() {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), "a.toml", &rule("a", "event.provider: x"));
    let file = folder.path().join("a.toml");
    assert_eq!(check_rule_files(&[folder.path().to_owned(), file]).len(), 1);
    let empty = tempfile::tempdir().unwrap();
    let checked = check_rule_files(&[empty.path().to_owned(), empty.path().join("gone.toml")]);
    let problems: Vec<_> = checked.iter().map(|file| file.problems[0].message.as_str()).collect();
    assert_eq!(problems[0], "there is no .toml file in it");
    assert!(problems[1].starts_with("cannot be read"), "{problems:?}");
}

#[test]
fn rules_that_cost_much_are_named() {
    let folder = tempfile::tempdir().unwrap();
    let new_terms = |id: &str, query: &str| {
        let text = rule(id, query).replace("'query'", "'new_terms'");
        text + "high_volume = true\nnew_terms_fields = ['user.name']\nhistory_window_start = 'now-7d'\n"
    };
    let sequence = |id: &str, step: &str| {
        let query = format!(
            "sequence by user.name [any where event.provider == \"x\" and event.action == \"A\"]\n\
             [any where event.provider == \"x\" and {step}]"
        );
        rule(id, &query).replace("'query'", "'eql'\nlanguage = 'eql'")
    };
    let threshold = |id: &str, query: &str| {
        rule(id, query).replace("'query'", "'threshold'") + "threshold = {value = 2}\n"
    };
    write(folder.path(), "a.toml", &new_terms("a", "event.provider: x"));
    write(folder.path(), "b.toml", &new_terms("b", "event.provider: x and event.action: Decrypt"));
    write(folder.path(), "c.toml", &new_terms("c", "event.provider: x and event.action: A"));
    write(
        folder.path(),
        "d.toml",
        &new_terms("d", "event.provider: x and user_agent.original: *tool*"),
    );
    write(folder.path(), "e.toml", &sequence("e", "event.outcome == \"failure\""));
    write(folder.path(), "f.toml", &sequence("f", "event.action == \"GetObject\""));
    write(folder.path(), "g.toml", &sequence("g", "event.action == \"B\""));
    write(folder.path(), "h.toml", &rule("h", "event.provider: x"));
    let assume = "event.provider: x and event.action: AssumeRole";
    write(folder.path(), "i.toml", &threshold("i", assume));
    write(folder.path(), "j.toml", &threshold("j", "event.provider: x and event.action: A"));
    let [service, assume_role, decrypt, object] = [
        "every call of its services is a match",
        "`AssumeRole` can occur ten times a second and more",
        "`Decrypt` can occur ten times a second and more",
        "`GetObject` can occur ten times a second and more",
    ];
    let new_terms_cost = "each match is parsed, and each combination of values that an instance \
                          has not met lately costs one or two requests to the ledger";
    let sequence_cost = "each match is parsed, and each match of a step is written to the ledger: \
                         an entry and a mark";
    let expected = [
        "a.toml runs",
        &format!("a.toml: high volume: {service}; {new_terms_cost}"),
        "b.toml runs",
        &format!("b.toml: high volume: {decrypt}; {new_terms_cost}"),
        "c.toml runs",
        "d.toml runs",
        "e.toml runs",
        &format!("e.toml: high volume: {service}; {sequence_cost}"),
        "f.toml runs",
        &format!("f.toml: high volume: {object}; {sequence_cost}"),
        "g.toml runs",
        "h.toml runs",
        "i.toml runs",
        &format!(
            "i.toml: high volume: {assume_role}; each match is parsed, and written to the ledger"
        ),
        "j.toml runs",
    ];
    assert_eq!(messages(folder.path()), expected);
}

/// A whole file out of an example, which may be a part of one.
fn example_file(number: usize, example: &str) -> String {
    let whole = rule(&number.to_string(), "event.provider: x and event.action: A");
    match example.lines().next() {
        Some("[rule]") => example.to_owned(),
        // A table below the keys of a rule.
        Some(line) if line.starts_with('[') => whole + example,
        _ => {
            let keys = whole.lines().filter(|line| !line.starts_with("type")).take(6);
            keys.collect::<Vec<_>>().join("\n") + "\n" + example
        }
    }
}

#[test]
fn the_examples_of_the_documentation_pass_strictly() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/rules-and-exceptions.md");
    let page = fs::read_to_string(path).unwrap();
    let examples = page.split("```toml\n").skip(1).map(|rest| rest.split("```").next().unwrap());
    let rules = examples.filter(|example| !example.contains("[[exception]]"));
    let folder = tempfile::tempdir().unwrap();
    let mut expected = Vec::new();
    for (number, example) in rules.enumerate() {
        write(folder.path(), &format!("{number}.toml"), &example_file(number, example));
        expected.push(format!("{number}.toml runs"));
    }
    assert!(expected.len() >= 7, "{expected:?}");
    assert_eq!(messages(folder.path()), expected);
}
