//! What is wrong in a correlation is told with its place, and what is not resolved never runs.

use crate::rule::check::check_rule_files;
use crate::rule::load::LoadedRules;
use crate::rule::{RuleSources, Severity};

const SOUND: &str = r#"[rule]
name = "Two of them"
rule_id = "two"
description = "d"
severity = "high"
risk_score = 73
type = "correlation"

[rule.correlation]
type = "temporal"
rules = [["AWS IAM Group Creation", "1e5748de-9527-402d-80c2-9480cf9c0179"], "AWS IAM User Addition to Group"]
group_by = ["group.name"]
timespan = "24h"
"#;

const RAISE: &str = r#"
[[rule.correlation.severity_when]]
query = "trailbell.power: iam and user.name: alice"
severity = "critical"
risk_score = 99
"#;

fn read(text: &str) -> LoadedRules {
    LoadedRules::from_texts([("c.toml", text)].into_iter())
}

fn problems(text: &str) -> Vec<String> {
    let load = read(text);
    assert!(load.correlations.is_empty() != load.problems.is_empty(), "{text}");
    load.problems.iter().map(ToString::to_string).collect()
}

/// What comes of resolving a file against the rules that come with the program.
fn resolved(texts: &[(&str, &str)], default_rules: bool) -> Result<Vec<String>, String> {
    let mut gathered = RuleSources::from_paths(default_rules, &[]);
    gathered.add(LoadedRules::from_texts(texts.iter().copied()));
    let warnings = gathered.warnings.iter().map(ToString::to_string).collect();
    gathered.into_rule_set().map(|_| warnings).map_err(|error| error.to_string())
}

#[test]
fn a_correlation_is_read_and_its_rules_are_found_by_id_or_name() {
    let load = read(&format!("{SOUND}{RAISE}"));
    assert_eq!((load.problems.len(), load.warnings.len(), load.rules.len()), (0, 0, 0), "{load:?}");
    assert_eq!(load.correlations[0].condition_in_words(), "all of 2 within 24 hours, in any order");
    let mut gathered = RuleSources::from_paths(true, &[]);
    gathered.add(load);
    let set = gathered.into_rule_set().unwrap();
    let correlation = set.correlations().iter().find(|it| it.info.id == "two").unwrap();
    let ids: Vec<&str> = correlation.rule_references().map(|it| it.rule.as_str()).collect();
    let [created, added] =
        ["169f3a93-efc7-4df2-94d6-0d9438c310d1", "333de828-8190-4cf5-8d7c-7575846f6fe0"];
    assert_eq!(ids, [created, "1e5748de-9527-402d-80c2-9480cf9c0179", added]);
    assert_eq!(correlation.stages.len(), 2);
    let raised = correlation.info_at_severity(Severity::Critical);
    assert_eq!((raised.severity, raised.risk_score), (Severity::Critical, 99));
    assert_eq!(correlation.info_at_severity(Severity::High), correlation.info);
}

#[test]
fn every_mistake_is_told_with_its_place() {
    let count = SOUND.replace("temporal", "event_count");
    let with = |text: &str, from: &str, to: &str| text.replace(from, to);
    let cases = [
        (
            with(SOUND, "24h", "0m"),
            "c.toml:13:12: `timespan` must be a time such as `10m`, more than nothing and at most `48h`, not `0m`",
        ),
        (
            with(SOUND, "24h", "49h"),
            "c.toml:13:12: `timespan` must be a time such as `10m`, more than nothing and at most `48h`, not `49h`",
        ),
        (
            with(SOUND, "timespan = \"24h\"\n", ""),
            "c.toml:9:7: `timespan` is missing in [rule.correlation]",
        ),
        (
            with(SOUND, "\"temporal\"", "\"tempora\""),
            "c.toml:10:8: `type` must be `temporal`, `temporal_ordered`, `event_count` or `value_count`, not `tempora`",
        ),
        (
            with(SOUND, "group.name", "group.nam"),
            "c.toml:12:13: no record has the field `group.nam`; did you mean `group.name`?",
        ),
        (
            with(SOUND, "[\"group.name\"]", "\"group.name\""),
            "c.toml:12:12: `group_by` must be a list of strings, not this string",
        ),
        (
            with(SOUND, ", \"AWS IAM User Addition to Group\"", ""),
            "c.toml:11:9: `rules` must have 2 to 16 elements here",
        ),
        (
            with(SOUND, "AWS IAM User Addition to Group", "AWS IAM Group Creation"),
            "c.toml:11:78: rule `AWS IAM Group Creation` is named twice",
        ),
        (
            with(SOUND, "\"AWS IAM User Addition to Group\"", "[]"),
            "c.toml:11:78: `rules` must be a list of rules, by id or name, or of lists of alternatives, not this array",
        ),
        (
            format!("{SOUND}condition = {{ gte = 3 }}\n"),
            "c.toml:14:1: `condition` means nothing in a correlation of type `temporal`",
        ),
        (
            format!("{SOUND}field = \"user.name\"\n"),
            "c.toml:14:1: `field` means nothing in a correlation of type `temporal`",
        ),
        (count.clone(), "c.toml:9:7: `condition` is missing in [rule.correlation]"),
        (
            format!("{count}condition = {{ gte = 0 }}\n"),
            "c.toml:14:21: `gte` must be a whole number from 1 to 1000",
        ),
        (
            format!("{count}condition = {{ lt = 3 }}\n"),
            "c.toml:14:15: `lt` cannot be used: only `gte` can be decided while events still arrive",
        ),
        (
            with(&count, "event_count", "value_count"),
            "c.toml:9:7: `field` is missing in [rule.correlation]",
        ),
        (
            format!(
                "{}field = \"user.nme\"\ncondition = {{ gte = 3 }}\n",
                with(&count, "event_count", "value_count")
            ),
            "c.toml:14:9: no record has the field `user.nme`; did you mean `user.name`?",
        ),
        (
            format!("{SOUND}{}", with(RAISE, "iam and", "iam an")),
            "c.toml:16:43: in `query`: expected",
        ),
        (
            format!("{SOUND}{}", with(RAISE, "critical", "high")),
            "c.toml:17:12: `severity` must be above that of the rule, and each may be reached in one way only",
        ),
        (
            format!("{SOUND}{RAISE}{RAISE}"),
            "c.toml:22:12: `severity` must be above that of the rule, and each may be reached in one way only",
        ),
        (
            format!("{SOUND}{}", with(RAISE, "risk_score = 99\n", "")),
            "`risk_score` is missing in [[rule.correlation.severity_when]]",
        ),
        (
            with(SOUND, "[rule.correlation]", "[rule.correlations]"),
            "c.toml:1:2: `correlation` is missing in [rule]",
        ),
    ];
    let mut missed = Vec::new();
    for (text, expected) in cases {
        let problems = problems(&text);
        if !problems.iter().any(|it| it.contains(expected)) {
            missed.push(format!("{expected}\n{}", problems.join("\n")));
        }
    }
    assert!(missed.is_empty(), "{}", missed.join("\n\n"));
}

#[test]
fn what_means_nothing_is_odd() {
    let load = read(
        &SOUND
            .replace("timespan", "tmespan = 1\ntimespan")
            .replace("type = \"corr", "interval = \"5m\"\ntype = \"corr"),
    );
    let warnings: Vec<String> = load.warnings.iter().map(ToString::to_string).collect();
    assert!(
        warnings.iter().any(|it| it == "c.toml:7:1: `interval` means nothing in a correlation"),
        "{warnings:?}"
    );
    assert!(warnings.iter().any(|it| {
        it.contains("unknown key `tmespan` in [rule.correlation]; did you mean `timespan`?")
    }));
}

#[test]
fn a_rule_that_there_is_not_stops_the_start() {
    let unknown = SOUND.replace("AWS IAM User Addition to Group", "no such rule");
    let error = resolved(&[("c.toml", &unknown)], true).unwrap_err();
    assert!(
        error.contains(
            "c.toml:11:78: there is no rule with the id or the name `no such rule` to correlate"
        ),
        "{error}"
    );
    let one_of_its_own = "[rule]\nname = 'r'\nrule_id = 'r'\ndescription = 'd'\ntype = 'query'\nseverity = 'low'\nrisk_score = 1\n\
                          query = 'event.action: X'\n";
    let error = resolved(&[("c.toml", SOUND), ("r.toml", one_of_its_own)], false).unwrap_err();
    assert!(
        error.contains("`AWS IAM Group Creation` to correlate"),
        "the rules that come with the program are off: {error}"
    );
    let of_another = SOUND
        .replace("AWS IAM User Addition to Group", "IAM group staged for privilege escalation");
    let error = resolved(&[("c.toml", &of_another)], true).unwrap_err();
    assert!(
        error.contains(
            "c.toml:11:78: `IAM group staged for privilege escalation` is a correlation itself"
        ),
        "{error}"
    );
}

#[test]
fn a_rule_that_is_replaced_under_a_correlation_is_told() {
    let replacing = |query: &str| {
        format!(
            "[rule]\nname = 'Mine'\nrule_id = '333de828-8190-4cf5-8d7c-7575846f6fe0'\ndescription = 'd'\ntype = 'query'\n\
             severity = 'low'\nrisk_score = 1\nquery = '{query}'\n"
        )
    };
    let mine = replacing(
        "event.provider: iam.amazonaws.com and event.action: AddUserToGroup and user.name: alice",
    );
    let warnings = resolved(&[("mine.toml", &mine)], true).unwrap();
    assert_eq!(warnings.len(), 2, "both correlations go by it: {warnings:?}");
    assert!(
        warnings[0].starts_with("mine.toml: takes the place of a rule that the correlation `"),
        "{warnings:?}"
    );
    let error = resolved(&[("mine.toml", &mine), ("c.toml", SOUND)], true).unwrap_err();
    assert!(
        error.contains("`AWS IAM User Addition to Group` to correlate"),
        "its name is gone: {error}"
    );

    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("mine.toml"), &mine).unwrap();
    std::fs::write(
        folder.path().join("c.toml"),
        SOUND.replace("\"AWS IAM User Addition to Group\"", "\"none\""),
    )
    .unwrap();
    let checked = check_rule_files(&[folder.path().to_owned()]);
    assert!(
        checked[0].problems[0].message.contains("no rule with the id or the name `none`"),
        "{checked:?}"
    );
    assert_eq!(checked[1].warnings.len(), 2, "{checked:?}");
}

#[test]
fn one_id_is_one_rule_of_either_kind() {
    let same = SOUND.replace("\"two\"", "\"333de828-8190-4cf5-8d7c-7575846f6fe0\"");
    let error = resolved(&[("c.toml", &same)], true).unwrap_err();
    assert!(
        error.contains("to correlate") || error.contains("is a correlation itself"),
        "it took the place of a member: {error}"
    );
    let load = LoadedRules::from_texts([("a.toml", SOUND), ("b.toml", SOUND)].into_iter());
    assert_eq!(load.problems[0].to_string(), "b.toml: rule_id `two` is also that of a.toml");
}
